"""`LiveRun`: a run under way says what it uses, so that pruning leaves it alone.

A file of its own in `runs/`, locked as long as the run lives: the fingerprints of the records that its plan
rests on, 16 bytes each, and behind them those that it publishes.

Invariants: the lock dies with the process, so a file without one speaks of a run that is over; a run whose
file can't be written goes on unprotected, and finds out when it needs what was pruned.
"""

# ruff: noqa: PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator

from fingerprint_runner.storage import files
from fingerprint_runner.storage.layout import Layout

_BYTES = 16


class LiveRun:
    """A run under way.

    Args:
        layout: where the store is.
        fingerprints: of the records that the run's plan rests on.

    Raises:
        OSError: the file can't be made.
    """

    def __init__(self, layout: Layout, fingerprints: Iterable[str]) -> None:
        name = files.unique_name()
        self._path = os.path.join(layout.runs, name)
        self._mutex = threading.Lock()
        self._descriptor: int | None = files.make_held(
            self._path,
            os.path.join(layout.tmp, name),
            b"".join(bytes.fromhex(fingerprint) for fingerprint in fingerprints),
        )

    def add(self, fingerprint: str) -> None:
        """The run uses this record too from now on."""
        with self._mutex:
            if self._descriptor is not None:
                try:
                    files.append(self._descriptor, self._path, bytes.fromhex(fingerprint))
                except OSError:
                    # Without protection the run still finds out what is gone.
                    return

    def close(self) -> None:
        """The run is over."""
        with self._mutex:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is None:
                return
            try:
                files.remove(self._path)
            except OSError:
                # Without its lock it speaks of a run that is over.
                pass
            finally:
                os.close(descriptor)


def used_by_live_runs(layout: Layout) -> Iterator[str]:
    """The fingerprints of the records that runs under way use; some more than once."""
    for name in files.names(layout.runs):
        path = os.path.join(layout.runs, name)
        if files.is_held(path):
            content = files.read(path) or b""
            for start in range(0, len(content) - _BYTES + 1, _BYTES):
                yield content[start : start + _BYTES].hex()


def over_runs(layout: Layout) -> list[str]:
    """The files of runs that ended without removing theirs."""
    paths = [os.path.join(layout.runs, name) for name in files.names(layout.runs)]
    return [path for path in paths if not files.is_held(path)]
