"""`fr cache ls`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .amounts import AGE, SIZE
from .complete import complete_node
from .options import cache_option, file_option, json_option, verbose_option
from .streams import say

if TYPE_CHECKING:
    from fingerprint_runner.storage.inventory import RecordLine

SORTS = {
    "used": ("used", "DESC"),
    "created": ("created", "DESC"),
    "size": ("bytes", "DESC"),
    "seconds": ("seconds", "DESC"),
    "node": ("node", "ASC"),
}
"""What can be sorted by → column, and the order in which people look for it."""


@click.command("ls")
@click.argument("nodes", metavar="[NODE]...", nargs=-1, shell_complete=complete_node)
@click.option("--kept/--not-kept", default=None, help="Only those whose output is (isn't) in the cache.")
@click.option("--pinned", is_flag=True, help="Only those that are pinned.")
@click.option("--unreachable", is_flag=True, help="Only those that no pin and no graph's last run needs.")
@click.option("--older-than", metavar="AGE", type=AGE, help="Only those not used for so long, such as 30d.")
@click.option("--larger-than", metavar="SIZE", type=SIZE, help="Only those larger than this, such as 10MB.")
@click.option(
    "--sort",
    type=click.Choice(list(SORTS)),
    default="used",
    show_default=True,
    help="By what: last use, making, size, run time, or name.",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="At most N.")
@verbose_option
@json_option
@cache_option
@file_option
def command(
    nodes: tuple[str, ...],
    kept: bool | None,
    pinned: bool,
    unreachable: bool,
    older_than: float | None,
    larger_than: int | None,
    sort: str,
    reverse: bool,
    limit: int | None,
    verbose: bool,
    as_json: bool,
    cache_dir: str | None,
    file: str | None,
) -> int:
    """List the records of the cache, those used last first.

    NODE is a node's name, or a pattern such as 'train_*'. A record is what came of one computation: a
    node has one for each of its configs, codes and inputs that it was run with.
    """
    from .cache_store import no_cache_text, open_cache
    from .errors import print_json
    from .words import MANY

    where, values = _conditions(nodes, kept, pinned, unreachable, older_than, larger_than)
    column, direction = SORTS[sort]
    if reverse:
        direction = "ASC" if direction == "DESC" else "DESC"
    most = limit if limit is not None else None if verbose or as_json else MANY
    with open_cache(file, cache_dir) as storage, storage.upkeep.inventory() as inventory:
        count, size = inventory.ask(
            f"SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM record WHERE {where}", *values
        ).fetchone()
        lines = list(inventory.lines(where, values, f"{column} {direction}, node, fingerprint", most))
    if as_json:
        print_json(
            {
                "ok": True,
                "folder": str(storage.folder),
                "count": count,
                "bytes": size,
                "records": [line_as_json(line) for line in lines],
            }
        )
    elif not storage.folder.exists():
        say(no_cache_text(storage))
    else:
        _show(lines, count, size)
    return 0


def line_as_json(line: RecordLine) -> dict[str, Any]:
    """A record's facts, exact: bytes, seconds, and times in seconds since the epoch."""
    from dataclasses import asdict

    return asdict(line)


def _conditions(
    nodes: Sequence[str],
    kept: bool | None,
    pinned: bool,
    unreachable: bool,
    older_than: float | None,
    larger_than: int | None,
) -> tuple[str, list[Any]]:
    """The SQL condition on an inventory's records, and its values."""
    from fingerprint_runner.storage.inventory import UNREACHABLE

    where, values = ["1"], list[Any]()
    if nodes:
        where.append("(" + " OR ".join(["node GLOB ?"] * len(nodes)) + ")")
        values.extend(nodes)
    if kept is not None:
        where.append("kept" if kept else "NOT kept")
    if pinned:
        where.append("pinned")
    if unreachable:
        where.append(UNREACHABLE)
    if older_than is not None:
        where.append("used < ?")
        values.append(time.time() - older_than)
    if larger_than is not None:
        where.append("bytes > ?")
        values.append(larger_than)
    return " AND ".join(where), values


def _show(lines: Sequence[RecordLine], count: int, size: int) -> None:
    from .columns import aligned
    from .words import ago_text, count_text, seconds_text, short, size_text

    if not lines:
        say("no record is like that" if count == 0 else "")
        return
    head = ("node", "size", "last used", "took", "record", "")
    rows = [
        (
            line.node,
            size_text(line.bytes),
            ago_text(line.used),
            seconds_text(line.seconds),
            short(line.fingerprint),
            ", ".join(_marks(line)),
        )
        for line in lines
    ]
    table = aligned([head, *rows], right=(1, 3))
    say(click.style(table[0], dim=True))
    for text in table[1:]:
        say(text)
    if count > len(lines):
        say(f"… and {count_text(count - len(lines), 'more record')}; -v lists them all")
    say(f"{count_text(count, 'record')}, {size_text(size)}")


def _marks(line: RecordLine) -> list[str]:
    """What else is to be said of a record, in a word or two each."""
    from fingerprint_runner.fingerprints.record import Origin

    from .words import ago_text, origin_text

    marks = []
    if not line.kept:
        marks.append("not kept" if line.dropped is None else f"not kept (pruned {ago_text(line.dropped)})")
    if line.needed:
        marks.append("needed by the last run")
    if line.pinned:
        marks.append("pinned")
    if line.origin != "ran":
        marks.append(origin_text(Origin(line.origin, line.accepted_by, line.accepted_at)))
    return marks
