"""`RecordTable`: the one writer of the store's rows, diskcache behind keys of text and raw bytes.

Invariants: nothing is ever pickled, evicted, expired or put into a file of diskcache's; the table is
opened in the process that writes, at the first write; a row is changed only inside `transaction()`,
and a transaction that changes or removes a row other than a pointer (`n/`, `g/`) raises the
generation in the same commit.
"""

# ruff: noqa: PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import itertools
import os
import secrets
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import diskcache

from fingerprint_runner.errors import DamagedTable, StorageError
from fingerprint_runner.storage import files
from fingerprint_runner.storage.keys import GENERATION, POINTERS
from fingerprint_runner.storage.layout import Layout
from fingerprint_runner.storage.salvage import readable_rows

TIMEOUT_S = 30.0
_SETTINGS: dict[str, Any] = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",
    "size_limit": 2**62,
    "cull_limit": 0,
    "sqlite_journal_mode": "wal",
    "sqlite_synchronous": 1,
    "sqlite_auto_vacuum": 1,
    "sqlite_cache_size": 2**13,
    # A read error in a mapped table would kill the process.
    "sqlite_mmap_size": 0,
    "disk_min_file_size": 2**62,
    "disk_pickle_protocol": 5,
}
_KNOWN_SETTINGS = {*diskcache.core.DEFAULT_SETTINGS, *diskcache.core.METADATA, *_SETTINGS}
_SALVAGED_AT_ONCE = 1000
# An unknown column or table is one, too: the statements are right.
_DAMAGE_CODES = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_NOTADB,
}
# SQLite's own messages may name what isn't text.
_TABLE_ERRORS = (sqlite3.Error, UnicodeDecodeError, diskcache.Timeout, OSError)
_leaked: list[object] = []


class RawDisk(diskcache.Disk):  # type: ignore[misc]
    """Takes text keys and raw bytes; anything else found in the table is as if it weren't there."""

    def put(self, key: object) -> tuple[str, bool]:
        if type(key) is not str:
            raise TypeError(f"a key is text, not {type(key).__name__}")
        return key, True

    def get(self, key: object, raw: object) -> object:
        return key if raw and type(key) is str else None

    def store(self, value: object, read: bool, key: object = None) -> tuple[int, int, None, bytes]:
        if type(value) is not bytes or read:
            raise TypeError(f"a row is bytes, not {type(value).__name__}")
        return len(value), diskcache.core.MODE_RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> bytes | None:
        raw = mode == diskcache.core.MODE_RAW and filename is None and type(value) is bytes
        return value if raw else None  # type: ignore[return-value]

    def filename(self, key: object = None, value: object = None) -> tuple[str, str]:
        raise TypeError("rows are never files")

    def remove(self, file_path: str) -> None:
        """Nothing: a `filename` in a row was planted, and may point anywhere."""


class Transaction:
    """Reads and writes that become visible together."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self.changed: set[str] = set()
        self._replaced = False

    def get(self, key: str) -> bytes | None:
        """The row as this transaction sees it."""
        try:
            row: bytes | None = self._cache.get(key)
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
            # Text that isn't UTF-8 stands where bytes should: no row of ours.
            return None
        return row

    def set(self, key: str, row: bytes) -> None:
        """Insert or replace a row; equal bytes change nothing."""
        before = self.get(key)
        if before == row:
            return
        self._cache.set(key, row)
        self.changed.add(key)
        if before is not None and not key.startswith(POINTERS):
            self._replaced = True

    def remove(self, key: str) -> None:
        """Remove a row."""
        if self._cache.delete(key):
            self.changed.add(key)
            self._replaced = self._replaced or not key.startswith(POINTERS)

    def finish(self) -> None:
        """Raise the generation where a row was replaced or removed."""
        if self._replaced:
            name, _, count = (self.get(GENERATION) or new_generation()).partition(b":")
            self._cache.set(GENERATION, b"%s:%d" % (name, int(count) + 1))


def new_generation() -> bytes:
    """A first generation: a random id, and a count of transactions that replaced or removed a row."""
    return f"{secrets.token_hex(16)}:0".encode()


class RecordTable:
    """Writes rows.

    Args:
        layout: where the store is; made at the first write.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._mutex = threading.RLock()
        self._cache: Any = None
        self._owner = 0
        self._opened: int | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One atomic change of rows, committed when the block ends, undone when it raises.

        Raises:
            DamagedTable: its bytes are at fault; `rebuild` makes another.
            StorageError: the table can't be written: busy for 30 s, read-only, full.
        """
        with self._mutex:
            try:
                cache = self._open()
                with cache.transact():
                    transaction = Transaction(cache)
                    yield transaction
                    transaction.finish()
                    files.announce("commit", self._layout.table)
                files.announce("committed", self._layout.table)
            except _TABLE_ERRORS as error:
                self._drop()
                raise self._error(error) from error
            finally:
                self._leave_thread()

    def rebuild(self, damaged: DamagedTable) -> None:
        """Make a new table of the rows that can still be read, and set the damaged one aside.

        For a caller that holds the store alone; nothing happens where another process was quicker.

        Raises:
            StorageError: the store can't be written.
        """
        with self._mutex:
            self._drop()
            found = self._inode()
            if found is None or damaged.inode not in (None, found):
                return
            folder = os.path.join(self._layout.tmp, f"table-{files.unique_name()}")
            try:
                files.make_folder(folder)
                self._salvage(folder)
                self._keep_damaged()
                files.rename(os.path.join(folder, "cache.db"), self._layout.table)
                files.sync_folder(self._layout.records)
            except _TABLE_ERRORS as error:
                raise self._error(error) from error
            finally:
                files.remove_tree(folder)

    def _salvage(self, folder: str) -> None:
        """A new table in a folder, with the rows that can still be read."""
        files.announce("create", folder)
        cache = diskcache.Cache(folder, timeout=TIMEOUT_S, disk=RawDisk, **_SETTINGS)
        try:
            cache.add(GENERATION, new_generation())
            rows = readable_rows(self._layout.table)
            while batch := list(itertools.islice(rows, _SALVAGED_AT_ONCE)):
                with cache.transact():
                    for key, content in batch:
                        cache.set(key, content)
        finally:
            # The last connection moves the log into the table, and syncs it.
            cache.close()

    def sync(self) -> None:
        """Have all that was committed on the disk: one sync of the log for a group of commits."""
        files.sync_path(f"{self._layout.table}-wal")

    def remove_all(self) -> None:
        """Remove every row and begin a new generation.

        The generation changes before the first row goes and again after the last, so whatever was
        concluded from the old rows is void even when the process dies in between.
        """
        with self._mutex:
            with self.transaction() as transaction:
                transaction.set(GENERATION, new_generation())
            try:
                self._cache.clear()
            except _TABLE_ERRORS as error:
                self._drop()
                raise self._error(error) from error
            with self.transaction() as transaction:
                transaction.set(GENERATION, new_generation())

    def close(self) -> None:
        """Close the connection; the next write opens it again."""
        with self._mutex:
            self._drop()

    def __del__(self) -> None:
        # Python 3.13 warns of connections that are let go of without being closed.
        if sys is not None and not sys.is_finalizing():
            self._drop()

    def _open(self) -> Any:
        if self._cache is not None and self._owner != os.getpid():
            # Made before a fork: closing the parent's connection here could remove its log.
            _leaked.append(self._cache)
            self._cache = None
        self._layout.make()
        if self._cache is not None and self._inode() != self._opened:
            # Deleted, or made anew by another process.
            self._drop()
        if self._cache is None:
            cache = self._open_cache()
            wrong = {key for key, value in _SETTINGS.items() if getattr(cache, key) != value}
            if wrong:
                cache.close()
                raise self._damaged(f"its settings are wrong: {sorted(wrong)}")
            cache.add(GENERATION, new_generation())
            files.sync_folder(self._layout.records)
            self._cache = cache
            self._opened = self._inode()
            self._owner = os.getpid()
        return self._cache

    def _open_cache(self) -> Any:
        files.announce("create", self._layout.table)
        self._check_settings()
        # Made in two steps: a constructor that raises leaves its connection open.
        cache = diskcache.Cache.__new__(diskcache.Cache)
        try:
            cache.__init__(self._layout.records, timeout=TIMEOUT_S, disk=RawDisk, **_SETTINGS)
        except Exception as error:
            cache.close()
            if isinstance(error, _TABLE_ERRORS):
                raise
            # diskcache stumbled over what it keeps beside the rows.
            raise self._damaged(f"{type(error).__name__}: {error}") from error
        return cache

    def _check_settings(self) -> None:
        """Refuse a table whose settings diskcache would obey and nobody of us wrote."""
        if files.state(self._layout.table) is None:
            return
        address = f"file:{quote(self._layout.table)}?mode=ro"
        connection = sqlite3.connect(address, uri=True, timeout=TIMEOUT_S)
        try:
            found = {name for (name,) in connection.execute("SELECT key FROM Settings")}
        except sqlite3.OperationalError as error:
            if _is_damage(error) and "no such table" not in str(error):
                raise
            return
        finally:
            connection.close()
        strangers = found - _KNOWN_SETTINGS
        if strangers:
            raise self._damaged(f"it has settings that the store never makes: {sorted(map(repr, strangers))}")

    def _keep_damaged(self) -> None:
        """Leave the damaged table in quarantine, and no log that would be taken for the new one's.

        The table stays where it is too, until the new one takes its place at once. Reading it has moved the
        log into it, if that can be done at all.
        """
        kept = os.path.join(self._layout.quarantine, f"cache.db-{files.unique_name()}")
        for suffix in ("-wal", "-shm"):
            if files.state(self._layout.table + suffix) is not None:
                files.rename(self._layout.table + suffix, kept + suffix)
        files.link_file(self._layout.table, kept)

    def _drop(self) -> None:
        cache, self._cache = self._cache, None
        if cache is None:
            return
        if self._owner == os.getpid():
            cache.close()
        else:
            _leaked.append(cache)

    def _leave_thread(self) -> None:
        """Close the connection that diskcache made for this thread, which may end before the store."""
        if self._cache is not None and threading.current_thread() is not threading.main_thread():
            self._cache.close()

    def _error(self, error: Exception) -> StorageError:
        if _is_damage(error):
            return self._damaged(str(error))
        if isinstance(error, diskcache.Timeout):
            what = f"busy: another process has been writing for {TIMEOUT_S:.0f} s"
        else:
            what = str(error)
        return StorageError(f"can't write the table {self._layout.table}: {what}", self._layout.table)

    def _damaged(self, reason: str) -> DamagedTable:
        return DamagedTable(self._layout.table, reason, self._inode())

    def _inode(self) -> int | None:
        found = files.state(self._layout.table)
        return None if found is None else found.st_ino


def _is_damage(error: Exception) -> bool:
    """Whether the table's own bytes are at fault, not the disk, or a lock."""
    if isinstance(error, UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return isinstance(error, sqlite3.Error) and code & 0xFF in _DAMAGE_CODES
