"""`Difference`: the first place in which two outputs differ, and what comparing them works with.

Invariants: a difference is a value, in words that people may read and programs may keep; folders are compared
as their identity is: by relative paths, kinds, contents and the executable bit, never by times.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from fingerprint_runner.fingerprints.encoding import Walk
from fingerprint_runner.fingerprints.record import ResourceTree, TreeEntry


class DifferenceKind(enum.Enum):
    """In what two values, or two folders, differ; the words of JSON."""

    VALUE = "value"
    TYPE = "type"
    DTYPE = "dtype"
    SHAPE = "shape"
    LAYOUT = "layout"
    LENGTH = "length"
    ORDER = "order"
    MISSING = "missing"
    ADDED = "added"
    CONTENTS = "contents"
    BYTES = "bytes"


_WORDS = {
    DifferenceKind.ORDER: "the same keys in another order",
    DifferenceKind.MISSING: "isn't there any more",
    DifferenceKind.ADDED: "wasn't there before",
    DifferenceKind.CONTENTS: "contents differ",
    DifferenceKind.BYTES: "its bytes differ",
}
_NAMED = frozenset({DifferenceKind.TYPE, DifferenceKind.DTYPE, DifferenceKind.SHAPE, DifferenceKind.LENGTH})


class Difference(Struct, frozen=True):
    """The first place in which two outputs differ.

    Attributes:
        path: where, such as `value['weights'][3]` or `resource/model.json`.
        old, new: what is there, as people may read it; None where the kind says all.
    """

    path: str
    kind: DifferenceKind
    old: str | None = None
    new: str | None = None

    def __str__(self) -> str:
        words = _WORDS.get(self.kind)
        if words is None:
            name = f"{self.kind.value} " if self.kind in _NAMED else ""
            return f"{self.path}: {name}{self.old} → {self.new}"
        shown = " → ".join(text for text in (self.old, self.new) if text is not None)
        return f"{self.path}: {words}" + (f" ({shown})" if shown else "")


class Pair(Struct, frozen=True):
    """Two parts in the same place of two values, still to be compared."""

    old: Any
    new: Any
    path: str


Found = Iterator[Difference | Pair]
"""What comparing two parts gives: differences of themselves, and pairs inside them, in order."""


def token(walk: Walk, value: object) -> bytes | None:
    """Bytes that stand for a value's identity, as far as its walk knows it.

    Args:
        walk: has walked over the whole that the value is a part of.
        value: lives as long as the walk.

    Returns:
        None of containers inside a cycle, and of what was never reached since something has no identity.
    """
    scalar = walk.scalar(value)
    if scalar is not None:
        return scalar
    known = walk.memo.get(id(value)) or walk.leaf(value)
    return None if known is None else b"c" + known


def tree_difference(
    old: ResourceTree | None, new: ResourceTree | None, path: str = "resource"
) -> Difference | None:
    """The first place, by path, in which two resource folders differ.

    Args:
        old, new: the folders; None where there is none.
        path: how the folder is called.

    Returns:
        The difference; None where their identities are the same.
    """
    if old is None or new is None:
        if old is new:
            return None
        return Difference(path, DifferenceKind.ADDED if old is None else DifferenceKind.MISSING)
    if old.identity == new.identity:
        return None
    before, after = ({entry.path: entry for entry in tree.entries} for tree in (old, new))
    for name in sorted({*before, *after}):
        found = _entry_difference(before.get(name), after.get(name), f"{path}/{name}")
        if found is not None:
            return found
    return Difference(path, DifferenceKind.BYTES)


def _entry_difference(old: TreeEntry | None, new: TreeEntry | None, path: str) -> Difference | None:
    if old is None or new is None:
        return Difference(path, DifferenceKind.ADDED if old is None else DifferenceKind.MISSING)
    if old.kind != new.kind:
        return Difference(path, DifferenceKind.TYPE, old.kind, new.kind)
    if old.digest != new.digest:
        if old.kind == "link":
            return Difference(path, DifferenceKind.VALUE, old.digest, new.digest)
        sizes = (f"{old.size} B", f"{new.size} B")
        return Difference(path, DifferenceKind.CONTENTS, *(sizes if old.size != new.size else ()))
    if old.executable != new.executable:
        modes = ("executable" if entry.executable else "not executable" for entry in (old, new))
        return Difference(path, DifferenceKind.VALUE, *modes)
    return None
