"""`Memo`: small named byte blobs that make a later look quicker.

Invariants: a blob may vanish or be damaged at any time, so whoever loads one checks its shape and
does without it; nothing that decides a fingerprint is known from a memo alone.
"""

from __future__ import annotations

from typing import Protocol


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
