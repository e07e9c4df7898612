"""`fr cache stats`."""

from __future__ import annotations

import click

from .options import cache_option, file_option, json_option
from .streams import say


@click.command("stats")
@json_option
@cache_option
@file_option
def command(as_json: bool, cache_dir: str | None, file: str | None) -> int:
    """Say what the cache holds and how large it is."""
    from dataclasses import asdict

    from .cache_store import no_cache_text, open_cache
    from .errors import print_json
    from .words import count_text, size_text

    with open_cache(file, cache_dir) as storage:
        found = storage.upkeep.stats()
    if as_json:
        print_json({"ok": True, "folder": str(storage.folder), **asdict(found)})
        return 0
    if not storage.folder.exists():
        say(no_cache_text(storage))
        return 0
    say(f"{storage.folder}")
    pinned = f", {found.pinned:,} pinned" if found.pinned else ""
    say(f"  {count_text(found.records, 'record')}, {found.kept:,} with their artifacts kept{pinned}")
    say(f"  {count_text(found.artifacts, 'artifact')}; {size_text(found.bytes)} with the records")
    say(f"  {count_text(found.runs, 'run')} in the history")
    if found.quarantined:
        say(f"  {count_text(found.quarantined, 'damaged artifact')} in quarantine")
    return 0
