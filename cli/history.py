"""`fr history`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from .complete import complete_node, complete_run
from .options import common, json_option
from .streams import say

if TYPE_CHECKING:
    from fingerprint_runner.fingerprints.record import RunRecord
    from fingerprint_runner.storage.model_storage import ModelStorage

_LISTED = 20
_STATUSES = ("ran", "hit", "failed", "skipped", "cancelled")
_COLORS = {"ran": "green", "hit": "cyan", "failed": "red", "skipped": "yellow", "cancelled": "yellow"}


@click.command("history")
@click.argument("run", metavar="[RUN]", required=False, shell_complete=complete_run)
@click.option(
    "--node", metavar="NODE", shell_complete=complete_node, help="Only runs in which NODE ran or failed."
)
@click.option("--all-graphs", is_flag=True, help="The runs of every graph that shares the cache.")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), metavar="N", help=f"At most N; default: {_LISTED}."
)
@json_option
@common
def command(
    run: str | None,
    node: str | None,
    all_graphs: bool,
    limit: int | None,
    as_json: bool,
    file: str | None,
    cache_dir: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """List the runs of the graph, the latest first, or show what one of them did.

    RUN is a run's id, the beginning of it, or `last`. A run that found nothing to do leaves no trace.
    """
    from fingerprint_runner.runners.graph_runner import graph_id_of

    from .errors import print_json
    from .workspace import open_workspace

    with open_workspace(file, cache_dir) as workspace:
        graph_id = None if all_graphs else graph_id_of(workspace.schema)
        if run is not None:
            found = _find_run(workspace.storage, graph_id, run)
            if as_json:
                print_json({"ok": True, "run": run_as_json(found, whole=True)})
            else:
                _show_run(found, verbose)
            return 0
        _check_node(node, workspace.schema.nodes, all_graphs)
        runs = [each for each in workspace.storage.runs(graph_id) if node is None or _took_part(each, node)]
    listed = runs[: limit or (None if as_json else _LISTED)]
    if as_json:
        print_json({"ok": True, "count": len(runs), "runs": [run_as_json(each) for each in listed]})
    else:
        _list_runs(listed, len(runs), node, all_graphs)
    return 0


def run_as_json(run: RunRecord, *, whole: bool = False) -> dict[str, Any]:
    """A run's facts, exact; with all its nodes where it is asked for whole."""
    from fingerprint_runner.runners.report import reason_as_json

    plain: dict[str, Any] = {
        "run_id": run.run_id,
        "graph": run.graph_id,
        "started": run.started,
        "seconds": run.seconds,
        "ok": run.ok,
        "interrupted": _was_interrupted(run),
        "targets": list(run.targets),
        "counts": _counts(run),
        "ran": _with_status(run, "ran"),
        "failed": _with_status(run, "failed"),
    }
    if whole:
        plain["nodes"] = {
            name: {
                "status": line.status,
                "fingerprint": line.fingerprint,
                "first_key": line.first_key,
                "seconds": line.seconds,
                "reasons": [reason_as_json(reason) for reason in line.reasons],
            }
            for name, line in run.nodes.items()
        }
        plain["failures"] = {
            name: {"error": failure.error, "traceback": failure.traceback, "log_tail": failure.log_tail}
            for name, failure in run.failures.items()
        }
    return plain


def outcome_text(run: RunRecord) -> str:
    """`ok`, `interrupted`, or which nodes failed."""
    from .words import names_text

    if run.ok:
        return "ok"
    failed = list(run.failures) or _with_status(run, "failed")
    return f"failed: {names_text(failed, most=3)}" if failed else "interrupted"


def _find_run(storage: ModelStorage, graph_id: str | None, text: str) -> RunRecord:
    """The run that a word means.

    Raises:
        InvalidGraph: none, or several.
    """
    from fingerprint_runner.errors import InvalidGraph

    found = storage.run(text)
    if found is not None:
        return found
    if text == "last":
        last = next(storage.runs(graph_id, 1), None)
        if last is not None:
            return last
    matching = [run for run in storage.runs(graph_id) if run.run_id.startswith(text)]
    if len(matching) == 1:
        return matching[0]
    message = f"there is no run {text!r}" if not matching else f"{len(matching)} runs begin with {text!r}"
    raise InvalidGraph.single("unknown-run", message, hint="`fr history` lists the runs")


def _check_node(node: str | None, known: Iterable[str], all_graphs: bool) -> None:
    from fingerprint_runner.errors import InvalidGraph, nearest

    if node is None or all_graphs or node in known:
        return
    close = nearest(node, known)
    raise InvalidGraph.single(
        "unknown-node",
        f"there is no node {node!r}",
        hint=f"did you mean {close!r}?" if close else "for a node that is gone: --all-graphs",
    )


def _took_part(run: RunRecord, node: str) -> bool:
    return node in run.nodes and run.nodes[node].status in ("ran", "failed")


def _was_interrupted(run: RunRecord) -> bool:
    return not run.ok and not run.failures and not _with_status(run, "failed")


def _with_status(run: RunRecord, status: str) -> list[str]:
    return [name for name, line in run.nodes.items() if line.status == status]


def _counts(run: RunRecord) -> dict[str, int]:
    counts = dict.fromkeys(_STATUSES, 0)
    for line in run.nodes.values():
        counts[line.status] += 1
    return counts


def _list_runs(runs: Sequence[RunRecord], count: int, node: str | None, all_graphs: bool) -> None:
    from .columns import aligned
    from .words import ago_text, count_text, names_text, seconds_text

    if not runs:
        say("there are no runs yet" if node is None else f"no run that is remembered ran {node}")
        return
    head = ["run", "when", "took", "ran", "hit", "outcome", "targets"]
    rows = [
        [
            run.run_id,
            ago_text(run.started),
            seconds_text(run.seconds),
            f"{_counts(run)['ran']:,}",
            f"{_counts(run)['hit']:,}",
            outcome_text(run),
            names_text(run.targets, most=3),
        ]
        for run in runs
    ]
    if all_graphs:
        head.append("graph")
        for row, run in zip(rows, runs, strict=True):
            row.append(run.graph_id)
    table = aligned([head, *rows], right=(2, 3, 4))
    say(click.style(table[0], dim=True))
    for text in table[1:]:
        say(text)
    if count > len(runs):
        say(f"… and {count_text(count - len(runs), 'earlier run')}; -n {count} lists them all")


def _show_run(run: RunRecord, verbose: bool) -> None:
    from .columns import aligned
    from .words import MANY, ago_text, count_text, reasons_text, seconds_text

    say(f"run {run.run_id}, {ago_text(run.started)}, in {seconds_text(run.seconds)}: {outcome_text(run)}")
    lists_hits = verbose or len(run.nodes) <= MANY
    listed = [(name, line) for name, line in run.nodes.items() if lists_hits or line.status != "hit"]
    rows = [
        (
            line.status,
            name,
            "" if line.status != "ran" else seconds_text(line.seconds),
            reasons_text(line.reasons, most=100 if verbose else 2) if line.status != "hit" else "",
        )
        for name, line in listed
    ]
    for row, text in zip(rows, aligned(rows, right=(2,)), strict=True):
        say("  " + text.replace(row[0], click.style(row[0], fg=_COLORS[row[0]]), 1))
    counts = ", ".join(f"{count:,} {status}" for status, count in _counts(run).items() if count)
    say(f"{count_text(len(run.nodes), 'node')}: {counts}")
    for name, failure in run.failures.items():
        say(f"\n{click.style('failed', fg='red', bold=True)}: {name}: {failure.error}")
        if failure.log_tail:
            say(failure.log_tail.rstrip("\n"))
        if failure.traceback:
            say(failure.traceback.rstrip("\n"))
