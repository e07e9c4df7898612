"""`fr cache unpin`."""

from __future__ import annotations

import click

from .complete import complete_node
from .options import cache_option, file_option, json_option, quiet_option
from .streams import say


@click.command("unpin")
@click.argument("what", metavar="[WHAT]...", nargs=-1, shell_complete=complete_node)
@click.option("--all", "every", is_flag=True, help="Take every pin away.")
@quiet_option
@json_option
@cache_option
@file_option
def command(
    what: tuple[str, ...], every: bool, quiet: bool, as_json: bool, cache_dir: str | None, file: str | None
) -> int:
    """Let what is pinned be pruned again.

    WHAT is a node (all its pinned records), a record's fingerprint or the beginning of it, or a run's id.
    """
    from .cache_store import open_cache
    from .errors import print_json
    from .found_records import find_records
    from .words import short

    if every == bool(what):
        raise click.UsageError("unpin needs to be told what\nhint: fr cache unpin NODE, or --all")
    with open_cache(file, cache_dir) as storage:
        pinned = storage.upkeep.pinned()
        held = storage.records(sorted(pinned))
        if every:
            chosen = pinned
        else:
            chosen = set()
            for name in what:
                of_node = {key for key, record in held.items() if record.node == name}
                found = of_node or {record.fingerprint for record in find_records(storage, name, file)}
                chosen |= found & pinned
        storage.upkeep.unpin(sorted(chosen))
    lines = [{"fingerprint": key, "node": held[key].node if key in held else None} for key in sorted(chosen)]
    if as_json:
        print_json({"ok": True, "folder": str(storage.folder), "unpinned": lines})
    elif not quiet:
        for line in lines:
            say(f"unpinned {line['node'] or 'a record that is gone'}  {short(str(line['fingerprint']))}")
        if not lines:
            say("nothing of that was pinned")
    return 0
