"""`Workspace`: the graph file, store and runner of one call, wired together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.recipes.graph_file import find_graph_file, read_graph_file
from fingerprint_runner.recipes.inputs import read_inputs
from fingerprint_runner.recipes.overrides import apply_overrides
from fingerprint_runner.runners.graph_runner import CachingGraphRunner
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.world import importable_from, search_path
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage


@dataclass(frozen=True)
class Workspace:
    """What a command works with; a context manager that closes the store.

    Attributes:
        schema: as the file has it, with `--set` applied.
        inputs: of `--input`, checked against the declarations.
        storage: the store; opening it made no file.
    """

    schema: GraphSchema
    inputs: dict[str, Any]
    storage: ModelStorage

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.storage.close()

    @property
    def folder(self) -> Path:
        """The graph file's."""
        return Path.cwd() if self.schema.origin is None else self.schema.origin.folder.resolve()

    def importable(self) -> AbstractContextManager[None]:
        """Inside the block the classes of stored values are found where nodes find them."""
        return importable_from(search_path(self.folder))

    def runner(self, observer: RunObserver | None = None) -> CachingGraphRunner:
        """A runner of the graph."""
        return CachingGraphRunner(self.schema, self.storage, ExecutionContext(self.schema), observer=observer)


def open_workspace(
    file: str | None,
    cache_dir: str | None,
    overrides: Sequence[str] = (),
    inputs: Sequence[str] = (),
) -> Workspace:
    """Read the graph file and find the cache folder.

    Raises:
        InvalidGraph: the file or an option is wrong.
    """
    path = find_graph_file(Path.cwd()) if file is None else Path(file)
    storage = open_storage(cache_folder(path, cache_dir))
    # A call that may yet turn out wrong makes no store: memos are kept once there is one.
    schema = read_graph_file(path, storage.memo if storage.folder.exists() else None)
    if overrides:
        schema = apply_overrides(schema, overrides)
    return Workspace(schema, read_inputs(schema, inputs), storage)


def cache_folder(graph_file: Path, cache_dir: str | None) -> Path:
    """The cache folder: as asked for, else `.cache` beside the graph file."""
    return graph_file.resolve().parent / ".cache" if cache_dir is None else Path(cache_dir)
