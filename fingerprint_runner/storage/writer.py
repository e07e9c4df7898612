"""`StoreWriter`: how a process writes its store: locks, transactions, and syncs shared by a group.

Invariants: the table is opened, and diskcache imported, at the first write; what fails comes out as a
`StorageError`; a group is at most 20 transactions, or ends with the first 200 ms after it began, or with
`flush`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from fingerprint_runner.errors import DamagedTable, StorageError
from fingerprint_runner.storage import files
from fingerprint_runner.storage.layout import Layout

if TYPE_CHECKING:
    from fingerprint_runner.storage.table import RecordTable, Transaction

GROUP_COMMITS = 20
GROUP_S = 0.2
_LOCK_TIMEOUT_S = 60.0

T = TypeVar("T")


class StoreWriter:
    """Writes one store.

    Args:
        layout: where the store is; made at the first write.
        durability: see `open_storage`.
        on_damage: told of a table that was made anew.
    """

    def __init__(self, layout: Layout, durability: str, on_damage: Callable[[str], None]) -> None:
        self._layout = layout
        self._durability = durability
        self._on_damage = on_damage
        self._failed: StorageError | None = None
        self._mutex = threading.RLock()
        self._table: RecordTable | None = None
        self._unsynced = 0
        self._blobs: list[str] = []
        self._group_began = 0.0

    @property
    def table(self) -> RecordTable:
        """The table's one writer."""
        with self._mutex:
            if self._table is None:
                # Imports diskcache, which a run that publishes nothing does without.
                from fingerprint_runner.storage.table import RecordTable

                self._table = RecordTable(self._layout)
            return self._table

    def change(
        self, action: Callable[[Transaction], T], *, blobs: Iterable[str] = (), sync_at_once: bool = False
    ) -> T:
        """One atomic change of rows, beside other writers; on the disk with its group.

        Args:
            action: makes it; called again where the table was damaged and has been made anew.
            blobs: paths of files that the rows refer to: their group has them on the disk before the rows.
            sync_at_once: have it on the disk at the end.

        Raises:
            StorageError: nothing was changed.
        """
        try:
            changed = self._change(action)
        except DamagedTable as damaged:
            self.rebuild(damaged)
            changed = self._change(action)
        self._committed(blobs, sync_at_once)
        return changed

    def _change(self, action: Callable[[Transaction], T]) -> T:
        table = self.table
        with self.translating(), self._locked(exclusive=False), table.transaction() as rows:
            return action(rows)

    def rebuild(self, damaged: DamagedTable) -> None:
        """Make a new table of what can be read of a damaged one.

        Raises:
            StorageError: the store can't be written.
        """
        with self.alone():
            self.table.rebuild(damaged)
        self._on_damage(f"{damaged}; it was made anew of the rows that can be read")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the store while no other process writes it.

        Raises:
            StorageError: others write it all the time.
        """
        with self.translating(), self._locked(exclusive=True):
            yield

    @contextmanager
    def translating(self) -> Iterator[None]:
        """What the system refuses comes out as a `StorageError` that names the store."""
        try:
            yield
        except (OSError, TimeoutError) as error:
            path = getattr(error, "filename", None) or self._layout.root
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise StorageError(f"can't write the store {self._layout.root}: {reason}", str(path)) from error

    def flush(self) -> None:
        """Have all that was committed on the disk.

        Raises:
            StorageError: the disk didn't take it, now or for an earlier group; told once.
        """
        self._sync()
        with self._mutex:
            failed, self._failed = self._failed, None
        if failed is not None:
            raise failed

    def close(self) -> None:
        """Let go of the table; the next write opens it again."""
        with self._mutex:
            if self._table is not None:
                self._table.close()

    def _committed(self, blobs: Iterable[str], sync_at_once: bool) -> None:
        now = time.monotonic()
        with self._mutex:
            if self._unsynced == 0:
                self._group_began = now
            self._unsynced += 1
            if self._durability == "batch":
                self._blobs.extend(blobs)
            full = self._unsynced >= GROUP_COMMITS or now - self._group_began >= GROUP_S
        if sync_at_once or full or self._durability == "each":
            self._sync()

    def _sync(self) -> None:
        """Have a group on the disk; what fails is for `flush` to tell: it was published all the same."""
        with self._mutex:
            unsynced, self._unsynced = self._unsynced, 0
            blobs, self._blobs = self._blobs, []
        if unsynced == 0 or self._durability == "fast":
            return
        try:
            with self.translating():
                files.sync_files(blobs)
                self.table.sync()
        except StorageError as error:
            with self._mutex:
                self._failed = error

    @contextmanager
    def _locked(self, *, exclusive: bool) -> Iterator[None]:
        self._layout.make()
        with files.locked(self._layout.lock, exclusive=exclusive, timeout_s=_LOCK_TIMEOUT_S):
            yield
