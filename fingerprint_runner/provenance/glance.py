"""`glance`: what lies at a path at the moment when somebody opens it, for a later comparison.

Invariants: a file is read only where its signature wouldn't show a change that comes later; the digest
of a listing is of names alone.
"""

# Plain strings: pathlib's `stat` takes four times as long as `os.stat`.
# ruff: noqa: PTH116, PTH208

from __future__ import annotations

import os
import stat

import xxhash

from fingerprint_runner.provenance.files import ABSENT, SPECIAL, FileDigests, Look
from fingerprint_runner.provenance.memo import NoMemo
from fingerprint_runner.provenance.signatures import is_settled, signature, signature_of

FOLDER = "folder"
"""Stands for a folder that was only looked at: that there is one."""
COMING_AND_GOING = frozenset({"__pycache__", ".cache"})
"""Names that appear in folders by themselves: Python's bytecode, and the usual cache folder."""


def glance(path: str, now: int) -> Look:
    """What lies at a path, for `FileDigests.changed_since`.

    Args:
        path: absolute.
        now: the time before the look, in nanoseconds since the epoch.

    Returns:
        The look. Its digest is empty where the file wasn't read, since its signature is settled.

    Raises:
        SourceChanged: it kept changing while it was read.
        OSError: it can't be looked at.
    """
    try:
        sig = signature_of(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return Look(None, ABSENT, True)
    settled = is_settled(sig, now)
    if stat.S_ISDIR(sig[4]):
        return Look(sig, FOLDER, settled)
    if not stat.S_ISREG(sig[4]):
        return Look(sig, SPECIAL, settled)
    return Look(sig, "" if settled else FileDigests(NoMemo()).digest(path) or ABSENT, settled)


def listing_digest(path: str) -> str:
    """The digest of the names in a folder, without those that come and go by themselves.

    Returns:
        32 hex digits; `absent` where there is no folder.

    Raises:
        OSError: it can't be listed.
    """
    signature(path)  # before listing: what comes later then shows
    try:
        names = sorted(name for name in os.listdir(path) if name not in COMING_AND_GOING)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    return str(xxhash.xxh3_128_hexdigest("\0".join(names).encode("utf-8", "surrogateescape")))
