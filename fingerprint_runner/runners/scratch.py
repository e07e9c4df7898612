"""`Scratch`: the private folders of one run, removed with it.

    folder   in the store's tmp/: what nodes write, and values that aren't kept
    spare    in the system's temporary folder, made when the store turns out not to be writable

Invariants: a store that can't be written leaves the run a place to go on in; nobody but the user can look
into either folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from fingerprint_runner.errors import StorageError
from fingerprint_runner.storage import files
from fingerprint_runner.storage.model_storage import ModelStorage


class Scratch:
    """A run's private folders; a context manager.

    Args:
        storage: in whose folder the first one is.
        on_lost: told of a store that can't be written.

    Attributes:
        folder: where nodes work.
        spare: on another disk, most likely; not there before it is needed.
    """

    def __init__(self, storage: ModelStorage, on_lost: Callable[[StorageError], None]) -> None:
        self._storage = storage
        self._on_lost = on_lost
        self._stack = ExitStack()
        self.spare = _temporary() / f"fr-{files.unique_name()}"
        self.folder = self.spare

    def __enter__(self) -> Scratch:
        self._stack.callback(_remove, self.spare)
        try:
            self.folder = self._stack.enter_context(self._storage.scratch())
        except StorageError as error:
            self._on_lost(error)
            self.move()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def move(self) -> None:
        """Nodes work in the spare folder from here on."""
        self.folder = self.spare
        make_private(self.spare)


def make_private(folder: Path) -> None:
    """Make a folder that is the user's alone, if it can be made at all: who needs it finds out."""
    try:
        files.make_folder(str(folder))
    except OSError:
        return


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        # No temporary folder can be written either: what fits into memory can still be handed on.
        return Path(os.devnull)


def _remove(folder: Path) -> None:
    try:
        files.remove_tree(str(folder))
    except OSError:
        return
