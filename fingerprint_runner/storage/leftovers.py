"""What processes that were killed left in a store, and damaged artifacts that were set aside long ago.

Invariant: nothing that a living process may still use is one: its locks are asked first, and what has no lock
is given an hour.
"""

# ruff: noqa: PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator

from fingerprint_runner.storage import files
from fingerprint_runner.storage.layout import Layout
from fingerprint_runner.storage.live_runs import over_runs

GRACE_S = 3600.0
"""How long something without a record is left alone: its writer may be about to publish it."""
QUARANTINED_S = 7 * 86400.0
"""How long what was found damaged is kept for those who want to look at it."""


def leftovers(layout: Layout) -> Iterator[tuple[str, int]]:
    """Path and bytes of what nobody uses any more, unreferenced artifacts apart."""
    now = time.time()
    for name, found in files.states(layout.tmp):
        path = os.path.join(layout.tmp, name)
        if now - found.st_mtime > GRACE_S and not files.is_held(path):
            yield path, _bytes(path, found)
    for name, found in files.states(layout.quarantine):
        # Moving a file changes its ctime and leaves its mtime.
        if now - found.st_ctime > QUARANTINED_S:
            path = os.path.join(layout.quarantine, name)
            yield path, _bytes(path, found)
    for path in over_runs(layout):
        run_file = files.state(path)
        if run_file is not None:
            yield path, run_file.st_size


def _bytes(path: str, found: os.stat_result) -> int:
    if not stat.S_ISDIR(found.st_mode):
        return found.st_size
    size = 0
    pending = [path]
    while pending:
        folder = pending.pop()
        for name, inner in files.states(folder):
            if stat.S_ISDIR(inner.st_mode):
                pending.append(os.path.join(folder, name))
            else:
                size += inner.st_size
    return size
