"""`fr cache stats` and `fr cache clear`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import cache_option, file_option, json_option, quiet_option
from .streams import say

if TYPE_CHECKING:
    from fingerprint_runner.storage.model_storage import ModelStorage


@click.group("cache")
def command() -> None:
    """Look into the cache, or clear it."""


@command.command("stats")
@json_option
@cache_option
@file_option
def stats(as_json: bool, cache_dir: str | None, file: str | None) -> int:
    """What the cache holds and how large it is."""
    from .errors import print_json
    from .words import count_text, size_text

    storage = _open(file, cache_dir)
    found = storage.upkeep.stats()
    storage.close()
    if as_json:
        print_json({"ok": True, "folder": str(storage.folder), **asdict(found)})
        return 0
    if not storage.folder.exists():
        say(f"there is no cache at {storage.folder} yet: `fr run` makes it")
        return 0
    say(f"{storage.folder}")
    say(f"  {count_text(found.records, 'record')}, {found.kept} with their artifacts kept")
    say(f"  {count_text(found.artifacts, 'artifact')}, {size_text(found.bytes)}")
    say(f"  {count_text(found.runs, 'run')} in the history")
    if found.quarantined:
        say(f"  {count_text(found.quarantined, 'damaged artifact')} in quarantine")
    return 0


@command.command("clear")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@json_option
@quiet_option
@cache_option
@file_option
def clear(yes: bool, as_json: bool, quiet: bool, cache_dir: str | None, file: str | None) -> int:
    """Remove every record, artifact and run from the cache."""
    from .errors import print_json
    from .words import count_text, size_text

    storage = _open(file, cache_dir)
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise click.UsageError(f"this removes all of {storage.folder}\nhint: confirm with --yes")
        found = storage.upkeep.stats()
        held = f"{count_text(found.records, 'record')} and {size_text(found.bytes)}"
        if not click.confirm(f"Remove {held} from {storage.folder}?"):
            say("nothing was removed")
            storage.close()
            return 0
    removed = storage.upkeep.clear()
    storage.close()
    if as_json:
        print_json({"ok": True, "folder": str(storage.folder), "removed": asdict(removed)})
    elif not quiet:
        say(
            f"removed {count_text(removed.records, 'record')}, "
            f"{count_text(removed.artifacts, 'artifact')}, {size_text(removed.bytes)}"
        )
    return 0


def _open(file: str | None, cache_dir: str | None) -> ModelStorage:
    """The store; the graph file is looked for only where no cache folder is named."""
    from fingerprint_runner.recipes.graph_file import find_graph_file
    from fingerprint_runner.storage.model_storage import open_storage

    from .workspace import cache_folder

    if cache_dir is not None:
        return open_storage(cache_dir)
    return open_storage(cache_folder(find_graph_file(Path.cwd()) if file is None else Path(file), None))
