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
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fingerprint_runner.storage import files
from fingerprint_runner.storage.keys import GENERATION
from fingerprint_runner.storage.layout import Layout

if TYPE_CHECKING:
    import sqlite3

_BATCH = 900
_BYTES = "LENGTH(CAST(key AS BLOB)) + LENGTH(value)"
RAW = "raw = 1 AND mode = 1 AND filename IS NULL AND typeof(key) = 'text' AND typeof(value) = 'blob'"
"""The condition on rows that the store makes."""


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
            statement = f"SELECT key, value FROM Cache WHERE key IN ({marks}) AND {RAW}"
            there = self._try_select(statement, batch)
            if there is not None:
                found.update((key, value) for key, value in there)
            elif len(batch) > 1:
                # One page that can't be read would cost all of them.
                for key in batch:
                    found.update(self.rows([key]))
        return found

    def there(self, keys: Iterable[str]) -> set[str]:
        """Those of these keys that have a row; the rows themselves aren't read."""
        wanted = list(dict.fromkeys(keys))
        found: set[str] = set()
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            statement = f"SELECT key FROM Cache WHERE key IN ({marks}) AND {RAW}"
            found.update(key for (key,) in self._select(statement, batch))
        return found

    def below(
        self, prefix: str, *, newest_first: bool = False, page: int = 500
    ) -> Iterator[tuple[str, bytes]]:
        """Every row whose key begins with `prefix`, in the order of keys, read `page` rows at a time."""
        return self._pages("value", prefix, newest_first, page)

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Key and bytes, the key's included, of every row whose key begins with `prefix`."""
        return self._pages(_BYTES, prefix, False, 5000)

    def generation(self) -> str | None:
        """The table's generation; None without a table."""
        content = self.rows([GENERATION]).get(GENERATION)
        return None if content is None else content.decode("ascii", "replace")

    def newest_row(self) -> int:
        """A number that rows which are inserted later exceed."""
        return self._number("SELECT COALESCE(MAX(rowid), 0) FROM Cache")

    def inserted_after(self, row: int, prefix: str) -> list[tuple[str, bytes]]:
        """Rows whose keys begin with `prefix`, inserted since `newest_row` gave a number."""
        return self._select(
            f"SELECT key, value FROM Cache WHERE rowid > ? AND key >= ? AND key < ? AND {RAW}",
            [row, prefix, _after(prefix)],
        )

    def total_bytes(self) -> int:
        """Of all rows, with their keys; the generation apart, whose count grows with use."""
        return self._number(
            f"SELECT COALESCE(SUM({_BYTES}), 0) FROM Cache WHERE {RAW} AND key <> '{GENERATION}'"
        )

    def strangers(self, prefixes: Sequence[str]) -> Iterator[str]:
        """Rows that aren't raw bytes under a key with one of these prefixes, as messages name them."""
        known = " OR ".join(f"key >= '{prefix}' AND key < '{_after(prefix)}'" for prefix in prefixes)
        found = self._select(
            "SELECT rowid, substr(CAST(key AS TEXT), 1, 60) FROM Cache"
            f" WHERE NOT ({RAW}) OR NOT ({known} OR key = '{GENERATION}')",
            [],
        )
        for number, key in found:
            yield f"{number} ({key!r})"

    def integrity(self) -> list[str]:
        """What SQLite finds wrong with the table's own structure, its indexes included."""
        found = self._select("PRAGMA integrity_check(10)", [])
        return [str(text) for (text,) in found if text != "ok"]

    def _number(self, statement: str) -> int:
        found = self._select(statement, [])
        return int(found[0][0]) if found else 0

    def _pages(self, column: str, prefix: str, newest_first: bool, page: int) -> Iterator[tuple[str, Any]]:
        first, last, bound = prefix, _after(prefix), ">="
        order = "DESC" if newest_first else "ASC"
        while True:
            found = self._select(
                f"SELECT key, {column} FROM Cache WHERE key {bound} ? AND key < ? AND {RAW}"
                f" ORDER BY key {order} LIMIT {page}",
                [first, last],
            )
            yield from found
            if len(found) < page:
                return
            if newest_first:
                last = found[-1][0]
            else:
                first, bound = found[-1][0], ">"

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

    def _select(self, statement: str, values: Sequence[str | int]) -> list[tuple[Any, ...]]:
        return self._try_select(statement, values) or []

    def _try_select(self, statement: str, values: Sequence[str | int]) -> list[tuple[Any, ...]] | None:
        """None where the table can't be read."""
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
                except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
                    self.close()
                    if "no such table" in str(error):
                        return []
                    if last_try:
                        self._on_damage(f"the table {self._layout.table} can't be read: {error}")
        return None

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

        files.announce("open", self._layout.table)
        address = f"file:{quote(self._layout.table)}?mode=ro"
        self._immutable = False
        connection = sqlite3.connect(
            address, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("SELECT 1 FROM Cache LIMIT 1").fetchone()
        except (sqlite3.Error, UnicodeDecodeError) as error:
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


def _after(prefix: str) -> str:
    """The first text behind all that begin with a prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
