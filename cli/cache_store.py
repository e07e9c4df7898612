"""The store that a `fr cache` command works on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fingerprint_runner.storage.model_storage import ModelStorage


def open_cache(file: str | None, cache_dir: str | None) -> ModelStorage:
    """The store; the graph file is looked for only where no cache folder is named.

    Raises:
        InvalidGraph: there is neither a graph file nor a cache folder.
    """
    from fingerprint_runner.recipes.graph_file import find_graph_file
    from fingerprint_runner.storage.model_storage import open_storage

    from .workspace import cache_folder

    if cache_dir is not None:
        return open_storage(cache_dir)
    return open_storage(cache_folder(find_graph_file(Path.cwd()) if file is None else Path(file), None))


def no_cache_text(storage: ModelStorage) -> str:
    """What is said where there is no cache."""
    return f"there is no cache at {storage.folder} yet: `fr run` makes it"
