"""`Upkeep`: a store looked after as a whole: counted, listed, pinned, pruned, verified, cleared.

Invariants: counting, listing, verifying and planning a pruning change nothing; what a run under way uses
stays.
"""

# ruff: noqa: PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fingerprint_runner.storage import codec, files, keys
from fingerprint_runner.storage.inventory import Inventory
from fingerprint_runner.storage.layout import Layout
from fingerprint_runner.storage.prune_plan import PruneCounts, PrunePlan, PruneRequest, plan_prune
from fingerprint_runner.storage.pruning import Pruning
from fingerprint_runner.storage.reader import RecordReader
from fingerprint_runner.storage.stats import StorageStats, count_stats
from fingerprint_runner.storage.verifying import Verification
from fingerprint_runner.storage.writer import StoreWriter

if TYPE_CHECKING:
    from fingerprint_runner.storage.table import Transaction


def _ignore(done: int, total: int) -> None:
    """Told of progress by those who don't wait for it."""


class Upkeep:
    """Looks after one store; see `ModelStorage.upkeep`.

    Args:
        layout, reader, writer: of the store.
        forget: called when rows or artifacts have gone.
    """

    def __init__(
        self, layout: Layout, reader: RecordReader, writer: StoreWriter, forget: Callable[[], None]
    ) -> None:
        self._layout = layout
        self._reader = reader
        self._writer = writer
        self._forget = forget

    def stats(self) -> StorageStats:
        """How much is in the store."""
        return count_stats(self._layout, self._reader)

    def inventory(self) -> Inventory:
        """All that is in the store, to be asked; a context manager."""
        return Inventory(self._layout, self._reader)

    # --- pins -----------------------------------------------------------------------------------------

    def pin(self, fingerprints: Iterable[str]) -> None:
        """Have records, and their artifacts, never pruned.

        Raises:
            StorageError: the store can't be written.
        """
        now, wanted = time.time(), list(fingerprints)

        def pin(rows: Transaction) -> None:
            for fingerprint in wanted:
                key = keys.pin_key(fingerprint)
                if rows.get(key) is None:
                    rows.set(key, codec.encode_row(key, codec.PinRow(fingerprint, now)))

        self._writer.change(pin, sync_at_once=True)

    def unpin(self, fingerprints: Iterable[str]) -> None:
        """Let records be pruned again.

        Raises:
            StorageError: the store can't be written.
        """
        wanted = list(fingerprints)

        def unpin(rows: Transaction) -> None:
            for fingerprint in wanted:
                rows.remove(keys.pin_key(fingerprint))

        self._writer.change(unpin, sync_at_once=True)

    def pinned(self) -> set[str]:
        """The fingerprints of the records that are pinned."""
        found = (codec.decode_row(key, content, codec.PinRow) for key, content in self._reader.below("p/"))
        return {pin.fingerprint for pin in found if pin is not None}

    # --- pruning --------------------------------------------------------------------------------------

    @contextmanager
    def planned_pruning(self, request: PruneRequest) -> Iterator[tuple[PrunePlan, Inventory]]:
        """What pruning would do, and the inventory that says of which records; changes nothing."""
        with self.inventory() as inventory:
            yield plan_prune(inventory, request), inventory

    def prune(self, inventory: Inventory, on_step: Callable[[int, int], None] = _ignore) -> PruneCounts:
        """Drop what a plan of `planned_pruning` chose, beside live writers.

        Args:
            inventory: that the plan came with.
            on_step: told how many of how many items are done.

        Returns:
            How much went: less than planned where something was used meanwhile.

        Raises:
            StorageError: the store can't be written; what was dropped until then stays so.
        """
        with self._writer.translating():
            self._layout.make()
            pruning = Pruning(
                self._layout, self._reader, self._writer.table, self._writer.alone, inventory, on_step
            )
            try:
                return pruning.carry_out()
            finally:
                self._writer.table.sync()
                self._forget()

    # --- the rest -------------------------------------------------------------------------------------

    def verification(self, on_step: Callable[[int, int], None] = _ignore) -> Verification:
        """A look at everything in the store; its `damage()` gives what is wrong as it is found.

        Args:
            on_step: told how many bytes of how many have been read.
        """
        return Verification(self._layout, on_step)

    def clear(self) -> StorageStats:
        """Remove all records, runs, pins, artifacts and memos; an empty, usable store is left.

        Returns:
            What was removed.

        Raises:
            StorageError: the store can't be written, or others are publishing all the time.
        """
        before = self.stats()
        if not self._layout.check():
            return before
        with self._writer.alone():
            if files.state(self._layout.table) is not None:
                self._writer.table.remove_all()
            for folder in (self._layout.blobs, self._layout.memo, self._layout.quarantine):
                for name in files.names(folder):
                    files.remove_tree(os.path.join(folder, name))
        self._forget()
        return before
