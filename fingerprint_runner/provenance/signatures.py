"""`Signature`: what `stat` says of a file or folder, by which a change is seen without reading.

Invariants: equal signatures of a *settled* file mean equal content; ctime, which no program can set
back, and the inode are part of it, so restored mtimes and atomic replacements show. A signature
holds machine facts and is never part of a fingerprint (R3).
"""

# Plain strings: pathlib's `stat` takes four times as long as `os.stat`.
# ruff: noqa: PTH116

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

Signature = tuple[int, ...]
"""Size, mtime and ctime in nanoseconds, inode, mode: plain integers, so that `marshal` keeps it."""

FINE_GRAIN_NS = 100_000_000
"""Wider than any kernel's tick (1 to 10 ms) by a margin for busy or virtual machines."""

COARSE_GRAIN_NS = 2_000_000_000
"""Of file systems that keep whole seconds (ext3, HFS+) or two (FAT)."""


def signature_of(status: os.stat_result) -> Signature:
    """The signature in a `stat` result."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode)


UNSETTLED: Signature = ()
"""Stands for the signature of what changed just before it was looked at: equal to none, so that
whoever compares it looks again."""

_looks: dict[str, Signature | None] | None = None
"""Path → what was seen there, `UNSETTLED` where two looks differ; while somebody records it."""


def signature(path: str) -> Signature | None:
    """The signature of what lies at a path, links followed; None where nothing does."""
    found = unrecorded_signature(path)
    note_look(path, found)
    return found


def unrecorded_signature(path: str) -> Signature | None:
    """As `signature`, for a look that nobody's answer depends on."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode)


def note_look(path: str, found: Signature | None) -> None:
    """Record a look that was made otherwise, or an earlier one that an answer is found from again."""
    if _looks is not None and _looks.setdefault(path, found) != found:
        _looks[path] = UNSETTLED


@contextlib.contextmanager
def recorded_looks() -> Iterator[dict[str, Signature | None]]:
    """Record every path that is looked at inside the block: path → what was seen there.

    A block inside another adds to the same record.
    """
    global _looks
    outer = _looks
    _looks = {} if outer is None else outer
    try:
        yield _looks
    finally:
        _looks = outer


def folder_signature(path: str) -> Signature | None:
    """The signature by which a folder shows that entries came, went or were renamed.

    What isn't a folder (an archive on the search path) gives the signature of the file, so that a
    caller may ask of anything that was searched.
    """
    return signature(path)


def is_settled(sig: Signature, now_ns: int) -> bool:
    """Whether a later change of the file must show in its signature.

    A file that changed within the clock's grain of the look may change again and keep its times.

    Args:
        sig: as looked at.
        now_ns: the time just before that look, in nanoseconds since the epoch.

    Returns:
        False where mtime or ctime is that recent, or in the future.
    """
    mtime, ctime = sig[1], sig[2]
    whole_seconds = mtime % 1_000_000_000 == 0 and ctime % 1_000_000_000 == 0
    grain = COARSE_GRAIN_NS if whole_seconds else FINE_GRAIN_NS
    return mtime < now_ns - grain and ctime < now_ns - grain


def first_changed(expected: Mapping[str, Signature | None]) -> str | None:
    """The first path whose signature is no longer the expected one (None: absent); None if all are.

    One `stat` a path: what a no-op costs for its files.
    """
    for path, sig in expected.items():
        if signature(path) != sig:
            return path
    return None
