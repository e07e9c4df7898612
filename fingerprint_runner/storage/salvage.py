"""`readable_rows`: what is still to be had of a damaged table, row by row.

Invariants: nothing is written; a row is given only if it checks out under its own key; pages that can't be
read cost the rows in them and no others, but for a page near the root, which costs what only it leads to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from urllib.parse import quote

from fingerprint_runner.storage import codec
from fingerprint_runner.storage.reader import RAW

_BATCH = 500
_FURTHEST = 40
"""A gap of unreadable rows is looked across for up to two to this power."""
_BLIND = 10_000
"""So many row numbers are tried one by one where nothing behind them can be found."""

_Row = tuple[int, str, bytes]


def readable_rows(path: str) -> Iterator[tuple[str, bytes]]:
    """Key and bytes of each row of a table that is whole.

    Args:
        path: the table's file, which nobody else writes.
    """
    connection = sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, isolation_level=None)
    try:
        for _, key, content in _rows(connection):
            if codec.checks_out(key, content):
                yield key, content
    finally:
        connection.close()


def _rows(connection: sqlite3.Connection) -> Iterator[_Row]:
    last = 0
    while True:
        found = _select(connection, "rowid > ? ORDER BY rowid LIMIT ?", last, _BATCH)
        if found is not None:
            yield from found
            if len(found) < _BATCH:
                return
            last = found[-1][0]
            continue
        # Something in the next rows can't be read: each number by itself, up to where it goes on.
        beyond = _goes_on(connection, last)
        for number in range(last + 1, (last + _BLIND if beyond is None else beyond) + 1):
            yield from _select(connection, "rowid = ?", number) or ()
        if beyond is None:
            return
        last = beyond


def _goes_on(connection: sqlite3.Connection, last: int) -> int | None:
    """A row number behind which the next row can be read; None where there is none."""
    for power in range(_FURTHEST):
        beyond = last + (1 << power)
        if _select(connection, "rowid > ? ORDER BY rowid LIMIT 1", beyond):
            return beyond
    return None


def _select(connection: sqlite3.Connection, condition: str, *values: int) -> list[_Row] | None:
    """None where they can't be read."""
    try:
        # The inner condition goes by the table alone: an index may be damaged by itself.
        return connection.execute(
            f"SELECT rowid, key, value FROM Cache NOT INDEXED WHERE {RAW} AND {condition}", values
        ).fetchall()
    except (sqlite3.Error, UnicodeDecodeError, OverflowError):
        return None
