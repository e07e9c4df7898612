"""`fr cache prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .amounts import AGE, SIZE
from .options import cache_option, file_option, json_option, quiet_option, verbose_option
from .streams import say

if TYPE_CHECKING:
    from fingerprint_runner.storage.inventory import RecordLine
    from fingerprint_runner.storage.prune_plan import PruneCounts, PrunePlan

_SHOWN = 20
"""So many records are listed to people who don't ask for all."""


@click.command("prune")
@click.option("--max-size", metavar="SIZE", type=SIZE, help="Until the cache is of this size, such as 20GB.")
@click.option("--older-than", metavar="AGE", type=AGE, help="What no run used for so long, such as 30d.")
@click.option(
    "--keep-last", metavar="N", type=click.IntRange(min=0), help="All but the N records of a node used last."
)
@click.option("--unreachable", is_flag=True, help="All that no pin and no graph's last run needs.")
@click.option(
    "--forget",
    metavar="GRAPH",
    multiple=True,
    help="Let go of what the last run of a graph needs, by its name or its file's path.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@verbose_option
@quiet_option
@json_option
@cache_option
@file_option
def command(
    max_size: int | None,
    older_than: float | None,
    keep_last: int | None,
    unreachable: bool,
    forget: tuple[str, ...],
    dry_run: bool,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    cache_dir: str | None,
    file: str | None,
) -> int:
    """Drop outputs that nobody needs, those first that are least worth their space.

    Never dropped is what the last run of a graph needs, what is pinned, and what a run under way uses.
    Of the rest goes what meets all that is given; with --max-size only as much as must go. A record whose
    output was dropped still says what the output was; it goes itself after ten times as long.
    """
    from fingerprint_runner.storage.prune_plan import PruneRequest, dropped_lines

    from .cache_store import no_cache_text, open_cache
    from .progress import progress

    if max_size is None and older_than is None and keep_last is None and not unreachable and not forget:
        raise click.UsageError(
            "prune needs to be told what may go\n"
            "hint: --max-size 20GB, --older-than 30d, --keep-last 3 or --unreachable; try it with --dry-run"
        )
    request = PruneRequest(max_size, older_than, keep_last, forget)
    with open_cache(file, cache_dir) as storage:
        if not storage.folder.exists() and not as_json:
            say(no_cache_text(storage))
            return 0
        with storage.upkeep.planned_pruning(request) as (plan, inventory):
            _check_forgotten(forget, plan)
            lines = list(dropped_lines(inventory, None if verbose or as_json else _SHOWN + 1))
            gone = plan.going
            if not dry_run and gone.bytes:
                with progress("pruning", quiet=quiet) as step:
                    gone = storage.upkeep.prune(inventory, step)
    if as_json:
        _print_json(str(storage.folder), plan, gone, lines, dry_run)
    elif not quiet:
        _show(plan, gone, lines, dry_run, verbose)
    return 0


def _check_forgotten(names: tuple[str, ...], plan: PrunePlan) -> None:
    """Refuse graphs that the cache doesn't know.

    Raises:
        UsageError: it names the known ones.
    """
    known = {name for graph in plan.graphs for name in (graph.graph_id, graph.registered_name)}
    for name in names:
        if name not in known:
            from fingerprint_runner.errors import nearest

            close = nearest(name, known)
            hint = f"did you mean {close!r}?" if close else f"known: {', '.join(sorted(known)) or 'none'}"
            raise click.UsageError(f"no graph {name!r} has run in this cache\nhint: {hint}")


def _print_json(
    folder: str, plan: PrunePlan, gone: PruneCounts, lines: list[RecordLine], dry_run: bool
) -> None:
    from dataclasses import asdict

    from .cache_ls import line_as_json
    from .errors import print_json

    plain: dict[str, Any] = {
        "ok": True,
        "folder": folder,
        "dry_run": dry_run,
        "before": plan.before,
        "after": plan.before - gone.bytes,
        "fits": plan.fits,
        "gone": asdict(gone),
        "protected": asdict(plan.protected),
        "dead_graphs": [
            {"name": graph.graph_id, "file": graph.registered_name, "bytes": graph.bytes}
            for graph in plan.dead_graphs
        ],
        "records": [line_as_json(line) for line in lines],
    }
    print_json(plain)


def _show(plan: PrunePlan, gone: PruneCounts, lines: list[RecordLine], dry_run: bool, verbose: bool) -> None:
    from .columns import aligned
    from .words import ago_text, count_text, seconds_text, short, size_text

    shown = lines if verbose else lines[:_SHOWN]
    rows = [
        (
            line.node,
            size_text(line.bytes),
            f"last used {ago_text(line.used)},",
            f"took {seconds_text(line.seconds)}",
            short(line.fingerprint),
        )
        for line in shown
    ]
    for text in aligned(rows, right=(1,)):
        say(f"  {text}")
    if len(lines) > len(shown):
        rest = max(gone.records_dropped, gone.records_removed) - len(shown)
        say(f"  … and {count_text(rest, 'more record')}; -v lists them all")
    after = plan.before - gone.bytes
    verb = "would drop" if dry_run else "dropped"
    say(f"{verb} {_gone_text(gone)}: {size_text(plan.before)} → {size_text(after)}")
    if not plan.fits:
        say(f"it can't be made as small as asked for: {_protected_text(plan)}")
    for graph in plan.dead_graphs:
        say(
            f"the graph file {graph.registered_name} is gone, and {size_text(graph.bytes)} are kept for its "
            f"last run; let go of them by --forget {graph.graph_id}"
        )


def _gone_text(gone: PruneCounts) -> str:
    from .words import count_text

    parts = [
        (gone.artifacts, "artifact"),
        (gone.records_removed, "record"),
        (gone.runs, "run"),
        (gone.leftovers, "leftover"),
    ]
    return ", ".join(count_text(count, noun) for count, noun in parts if count) or "nothing"


def _protected_text(plan: PrunePlan) -> str:
    from .words import size_text

    protected = plan.protected
    parts = [
        (protected.last_runs, "by the graphs' last runs"),
        (protected.pinned, "by pins"),
        (protected.live, "by runs under way"),
    ]
    needed = ", ".join(f"{size_text(size)} {by}" for size, by in parts if size)
    return f"needed are {needed}" if needed else "the rest doesn't meet what was asked for"
