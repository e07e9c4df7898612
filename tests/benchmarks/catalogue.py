"""`ROWS`: all rows, in the order of the page."""

from __future__ import annotations

from benchmarks.bench import Row
from benchmarks.rows import (
    accuracy,
    arrays,
    fingerprints,
    in_process,
    layered,
    package_edits,
    reads,
    shapes,
    source_reading,
    starting,
    two_workers,
    watching,
)

_ALL = (
    *accuracy.ROWS,
    *package_edits.ROWS,
    *source_reading.ROWS,
    *starting.ROWS,
    *layered.ROWS[:1],
    *in_process.ROWS[:1],
    *layered.ROWS[1:],
    *shapes.ROWS,
    *fingerprints.ROWS,
    *arrays.ROWS,
    *reads.ROWS,
    *two_workers.ROWS,
    *in_process.ROWS[1:],
    *watching.ROWS,
)

ROWS: dict[str, Row] = {row.name: row for row in _ALL}
