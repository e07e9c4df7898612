"""`RecordReader`: reads rows by its own read-only SQLite connection, many at a time.

Invariants: it never imports diskcache, writes, waits for a writer or runs what it reads; rows that
aren't raw bytes under a text key are as if they weren't there; a missing, unreadable or garbage
table is an empty one; rows that others commit later are seen.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from fingerprint_runner.storage import files
from fingerprint_runner.storage.layout import Layout

if TYPE_CHECKING:
    import sqlite3

_BATCH = 900
_RAW = "raw = 1 AND mode = 1 AND filename IS NULL AND typeof(key) = 'text' AND typeof(value) = 'blob'"


class RecordReader:
    """Reads rows.

    Args:
        layout: where the store is.
        on_damage: told, in a sentence, of a table that can't be read.
    """

    def __init__(self, layout: Layout, on_damage: Callable[[str], None]) -> None:
        self._layout = layout
        self._on_damage = on_damage
        self._mutex = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened = (0, 0, 0)
        self._immutable = False
        self._inherited: list[object] = []

    def rows(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The rows that are there, by key."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, bytes] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            found.update(
                self._select(f"SELECT key, value FROM Cache WHERE key IN ({marks}) AND {_RAW}", batch)
            )
        return found

    def below(
        self, prefix: str, *, newest_first: bool = False, page: int = 500
    ) -> Iterator[tuple[str, bytes]]:
        """Every row whose key begins with `prefix`, in the order of keys."""
        last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        first, order, bound = prefix, "ASC", ">="
        while True:
            if newest_first:
                where, values = "key >= ? AND key < ?", [prefix, last]
                order = "DESC"
            else:
                where, values = f"key {bound} ? AND key < ?", [first, last]
            found = self._select(
                f"SELECT key, value FROM Cache WHERE {where} AND {_RAW} ORDER BY key {order} LIMIT {page}",
                values,
            )
            yield from found
            if len(found) < page:
                return
            first, bound = found[-1][0], ">"
            last = found[-1][0] if newest_first else last

    def close(self) -> None:
        """Close the connection; the next read opens it again."""
        with self._mutex:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            if self._opened[0] == os.getpid():
                connection.close()
            else:
                self._inherited.append(connection)

    def __del__(self) -> None:
        # Python 3.13 warns of connections that are let go of without being closed.
        if sys is not None and not sys.is_finalizing():
            self.close()

    def _select(self, statement: str, values: Sequence[str]) -> list[tuple[str, bytes]]:
        import sqlite3

        with self._mutex:
            for last_try in (False, True):
                try:
                    connection = self._open()
                    if connection is None:
                        return []
                    found = connection.execute(statement, values).fetchall()
                    if self._immutable:
                        # Such a connection never looks at the file again.
                        self.close()
                    return found
                except sqlite3.Error as error:
                    self.close()
                    if "no such table" in str(error):
                        return []
                    if last_try:
                        self._on_damage(f"the table {self._layout.table} can't be read: {error}")
        return []

    def _open(self) -> sqlite3.Connection | None:
        found = files.state(self._layout.table) if self._layout.check() else None
        if found is None or found.st_size == 0:
            self.close()
            return None
        # A table deleted and made anew under an open connection is another file.
        now = (os.getpid(), found.st_dev, found.st_ino)
        if self._connection is not None and self._opened != now:
            self.close()
        if self._connection is None:
            self._connection = self._connect()
            self._opened = now
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        files._step("open", self._layout.table)
        address = f"file:{quote(self._layout.table)}?mode=ro"
        self._immutable = False
        connection = sqlite3.connect(
            address, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("SELECT 1 FROM Cache LIMIT 1").fetchone()
        except sqlite3.Error as error:
            connection.close()
            if not isinstance(error, sqlite3.OperationalError):
                raise
            log = files.state(f"{self._layout.table}-wal")
            if os.access(self._layout.records, os.W_OK) or (log is not None and log.st_size):
                raise
            # In a folder that can't be written SQLite can't make the log's index; without a log the
            # table itself is complete.
            self._immutable = True
            connection = sqlite3.connect(
                f"{address}&immutable=1", uri=True, isolation_level=None, check_same_thread=False
            )
        return connection
