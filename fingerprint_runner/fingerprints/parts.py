"""`Part`: a value taken one step apart, and how parts become bytes.

Invariants: `combine` is injective on tags and encoded items and depends on nothing else, so a part has
one encoding by whichever way a walk came to its items' encodings.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from xxhash import xxh3_128_digest

NOTHING: frozenset[str] = frozenset()
UNORDERED = frozenset({b"S", b"Z"})
"""Tags of parts whose items have no order: set and frozenset."""

_pack_count = struct.Struct("<cQ").pack


class Hashed:
    """Sixteen bytes that stand for content that was digested elsewhere, such as an array's buffer."""

    __slots__ = ("digest",)

    def __init__(self, digest: bytes) -> None:
        self.digest = digest


class Part:
    """A value taken apart: what its identity is made of.

    Attributes:
        tag: one byte for the kind.
        items: scalars, containers, `Part`s and `Hashed`, in order; of a dict, all keys, then all values.
        steps: how a path inside the value names each item; None for built-in containers.
        names: `module:qualname` of classes and functions that the part itself refers to.
    """

    __slots__ = ("items", "names", "steps", "tag")

    def __init__(
        self,
        tag: bytes,
        items: Sequence[Any],
        steps: Sequence[str] | None = None,
        names: frozenset[str] = NOTHING,
    ) -> None:
        self.tag = tag
        self.items = items
        self.steps = steps
        self.names = names

    def step(self, index: int) -> str:
        """What a path inside the value adds to get to an item."""
        if self.steps is not None:
            return self.steps[index] if index < len(self.steps) else ""
        if self.tag == b"d":
            half = len(self.items) // 2
            key = self.items[index % half]
            shown = (
                repr(key) if type(key) in (str, int, float, bool, bytes) else f"<{type(key).__qualname__}>"
            )
            return f"[{shown}]" if index >= half else f".keys()[{shown}]"
        return "{…}" if self.tag in UNORDERED else f"[{index}]"


Expand = Callable[[Any], Any]
"""Takes a value of no built-in kind apart: returns a `Part` or something simpler, raises `Refused`."""


class Refused(Exception):
    """Raised by an `Expand` for a value without identity; the walk adds the path."""

    def __init__(self, type_name: str, reason: str) -> None:
        self.type_name = type_name
        self.reason = reason
        super().__init__(reason)


def type_name(kind: type) -> str:
    """`module.qualname` of a type for messages; the bare name of a built-in one."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def combine(part: Part, encoded: list[bytes]) -> bytes:
    """The digest of a part from the encodings of its items, 16 bytes."""
    if part.tag in UNORDERED:
        encoded = sorted(encoded)
    return bytes(xxh3_128_digest(_pack_count(part.tag, len(encoded)) + b"".join(encoded)))
