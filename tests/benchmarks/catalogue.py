"""`ROWS`: all rows, in the order of the page."""

from __future__ import annotations

from benchmarks.bench import Row
from benchmarks.rows import accuracy, layered, starting

_ALL = (*accuracy.ROWS, *starting.ROWS, *layered.ROWS)

ROWS: dict[str, Row] = {row.name: row for row in _ALL}
