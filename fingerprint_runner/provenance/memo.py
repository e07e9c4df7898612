"""`Memo`: small named byte blobs that make a later look quicker.

Invariants: a blob may vanish or be damaged at any time, so whoever loads one checks its shape and
does without it; nothing that decides a fingerprint is known from a memo alone.
"""

from __future__ import annotations

import marshal
from typing import Any, Protocol

import xxhash


class Memo(Protocol):
    """Where provenance keeps what it learnt, between runs."""

    def load(self, name: str) -> bytes | None:
        """The blob last saved under a name, None where there is none (any more)."""

    def save(self, name: str, data: bytes) -> None:
        """Keep a blob under a name, if that is possible; failing to is no error."""


class NoMemo:
    """A memo that keeps nothing."""

    def load(self, name: str) -> bytes | None:
        """None, always."""
        return None

    def save(self, name: str, data: bytes) -> None:
        """Nothing."""


class MemoryMemo:
    """A memo that lives as long as its object.

    Attributes:
        blobs: name → what was saved last.
    """

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def load(self, name: str) -> bytes | None:
        """The blob last saved under a name."""
        return self.blobs.get(name)

    def save(self, name: str, data: bytes) -> None:
        """Keep a blob."""
        self.blobs[name] = data


def pack(layout: int, data: Any) -> bytes:
    """A blob of plain data (what `marshal` takes) that `unpack` knows again.

    Args:
        layout: number of the data's shape; another number makes old blobs unreadable.
        data: None, numbers, text, bytes, and tuples, lists, dicts and sets of them.
    """
    body = marshal.dumps((layout, data))
    return xxhash.xxh3_128_digest(body) + body


def unpack(blob: bytes | None, layout: int) -> Any:
    """The data in a blob; None where the blob is missing, damaged or of another layout."""
    # The checksum comes first: `marshal` may do anything with damaged bytes.
    if blob is None or len(blob) < 16 or xxhash.xxh3_128_digest(blob[16:]) != blob[:16]:
        return None
    try:
        found, data = marshal.loads(blob[16:])
    except (ValueError, EOFError, TypeError):
        return None
    return data if found == layout else None
