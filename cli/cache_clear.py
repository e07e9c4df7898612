"""`fr cache clear`."""

from __future__ import annotations

import sys

import click

from .options import cache_option, file_option, json_option, quiet_option
from .streams import say


@click.command("clear")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@json_option
@quiet_option
@cache_option
@file_option
def command(yes: bool, as_json: bool, quiet: bool, cache_dir: str | None, file: str | None) -> int:
    """Remove every record, artifact, pin and run from the cache."""
    from dataclasses import asdict

    from .cache_store import open_cache
    from .errors import print_json
    from .words import count_text, size_text

    with open_cache(file, cache_dir) as storage:
        if not yes:
            if as_json or not sys.stdin.isatty():
                raise click.UsageError(f"this removes all of {storage.folder}\nhint: confirm with --yes")
            found = storage.upkeep.stats()
            pinned = f" ({found.pinned:,} of them pinned)" if found.pinned else ""
            held = f"{count_text(found.records, 'record')}{pinned} and {size_text(found.bytes)}"
            if not click.confirm(f"Remove {held} from {storage.folder}?"):
                say("nothing was removed")
                return 0
        removed = storage.upkeep.clear()
    if as_json:
        print_json({"ok": True, "folder": str(storage.folder), "removed": asdict(removed)})
    elif not quiet:
        say(
            f"removed {count_text(removed.records, 'record')}, "
            f"{count_text(removed.artifacts, 'artifact')}, {size_text(removed.bytes)}"
        )
    return 0
