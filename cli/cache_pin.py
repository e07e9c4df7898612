"""`fr cache pin`."""

from __future__ import annotations

import click

from .complete import complete_node
from .options import cache_option, file_option, json_option, quiet_option
from .streams import say


@click.command("pin")
@click.argument("what", metavar="WHAT...", nargs=-1, required=True, shell_complete=complete_node)
@quiet_option
@json_option
@cache_option
@file_option
def command(
    what: tuple[str, ...], quiet: bool, as_json: bool, cache_dir: str | None, file: str | None
) -> int:
    """Have the output of a node, a record or a whole run never pruned.

    WHAT is a node of the graph (its output as of the last run), a record's fingerprint or the beginning of
    it as `fr cache ls` shows it, or a run's id as `fr history` shows it. `fr cache ls --pinned` lists pins.
    """
    from .cache_store import open_cache
    from .errors import print_json
    from .found_records import find_records
    from .words import short

    with open_cache(file, cache_dir) as storage:
        records = [record for name in what for record in find_records(storage, name, file)]
        storage.upkeep.pin(record.fingerprint for record in records)
        gone = [record for record in records if not storage.is_kept(record)]
    if as_json:
        pinned = [{"fingerprint": record.fingerprint, "node": record.node} for record in records]
        print_json({"ok": True, "folder": str(storage.folder), "pinned": pinned})
        return 0
    if not quiet:
        for record in records:
            say(f"pinned {record.node}  {short(record.fingerprint)}")
    for record in gone:
        say(
            f"the output of {record.node} ({short(record.fingerprint)}) isn't kept: `fr run` makes it",
            err=True,
        )
    return 0
