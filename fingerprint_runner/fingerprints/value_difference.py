"""`first_difference`: the first place inside two values in which they differ, by the rules of value identity.

    both values ──identity──> the same? none ──else──> pairs of parts, depth first, equal ones skipped
                                                       ──> the first pair of leaves that differ

Both values are taken apart by the same `Part`s that their identities are made of, so what is no difference
of identity isn't one here, and the other way round.

Invariants: None exactly where both have an identity and it is the same; where no place can be named, the
difference says that their bytes differ; iterative and linear in the values' sizes; each pair of parts is
looked at once, so cycles end.
"""

from __future__ import annotations

import enum
from typing import Any

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints.difference import Difference, DifferenceKind, Found, Pair, token
from fingerprint_runner.fingerprints.encoding import Walk
from fingerprint_runner.fingerprints.identity import value_walk
from fingerprint_runner.fingerprints.parts import UNORDERED, Hashed, Part, Refused, type_name

_MOST = 60
_AROUND = 20
_ORDERED = frozenset({b"l", b"t"})
_KEYED = frozenset({b"d", b"a"})
_ARRAYS = frozenset({b"A", b"L", b"O", b"V"})
_PRINTABLE = frozenset(("datetime", "decimal", "fractions", "pathlib", "pathlib._local", "uuid", "zoneinfo"))
"""Modules whose values say in short what they are."""


def first_difference(old: object, new: object, path: str = "value") -> Difference | None:
    """The first place in which two values differ.

    Args:
        old, new: the values; neither may change meanwhile.
        path: how the whole value is called.

    Returns:
        The difference; None where their identities are the same.
    """
    return _Comparison(path).compare(old, new)


class _Comparison:
    """One comparison; its walks remember the digests of all containers."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._old, self._new = value_walk(path), value_walk(path)
        self._refused: str | None = None
        self._made: list[object] = []
        """What was made on the way: nothing else may get its `id()` meanwhile."""

    def compare(self, old: object, new: object) -> Difference | None:
        try:
            if self._old.identity(old) == self._new.identity(new):
                return None
        except NoIdentity:
            # What was digested until then is remembered; the rest is compared part by part.
            pass
        found = self._descend(Pair(old, new, self._path))
        return found or Difference(self._refused or self._path, DifferenceKind.BYTES)

    def _descend(self, root: Pair) -> Difference | None:
        stack: list[Found] = [iter((root,))]
        seen: set[tuple[int, int]] = set()
        while stack:
            item = next(stack[-1], None)
            if item is None:
                stack.pop()
            elif isinstance(item, Difference):
                return item
            elif not self._same(item):
                key = (id(item.old), id(item.new))
                if key not in seen:
                    seen.add(key)
                    stack.append(self._differences(item))
        return None

    def _same(self, pair: Pair) -> bool:
        old = token(self._old, pair.old)
        return old is not None and old == token(self._new, pair.new)

    # --- one pair -------------------------------------------------------------------------------------

    def _differences(self, pair: Pair) -> Found:
        """The differences of a pair itself, and the pairs inside it, in order."""
        old, new, path = (*_states(pair.old, pair.new), pair.path)
        if type(old) is Hashed or type(new) is Hashed:
            yield Difference(path, DifferenceKind.BYTES)
            return
        found = None if type(old) is Part else _leaf_difference(self._old, self._new, pair)
        if found is not None:
            yield found
            return
        special = self._special(pair)
        if special is not None:
            yield from special
            return
        if type(old) is not type(new):
            if Part not in (type(old), type(new)):
                yield Difference(path, DifferenceKind.TYPE, type_name(type(old)), type_name(type(new)))
            return
        try:
            parts = self._old.part(old), self._new.part(new)
        except Refused:
            self._refused = self._refused or path
            return
        yield from self._parts(*parts, path)

    def _special(self, pair: Pair) -> Found | None:
        """The differences of arrays and frames, element by element; None of all else."""
        for value in (pair.old, pair.new):
            root = type(value).__module__.partition(".")[0]
            if root not in ("numpy", "pandas"):
                return None
        # Their libraries are loaded, since the values are there.
        from fingerprint_runner.fingerprints import value_difference_arrays as arrays

        return arrays.differences(pair, self._made)

    def _parts(self, old: Part, new: Part, path: str) -> Found:
        if old.tag != new.tag:
            return
        if old.tag in UNORDERED:
            yield from self._sets(old, new, path)
        elif old.tag in _KEYED:
            yield from self._mappings(old, new, path)
        elif old.tag in _ARRAYS:
            yield from self._array_parts(old, new, path)
        else:
            if len(old.items) != len(new.items):
                yield Difference(path, DifferenceKind.LENGTH, str(len(old.items)), str(len(new.items)))
            for place, (one, other) in enumerate(zip(old.items, new.items, strict=False)):
                yield Pair(one, other, path + _step(old, place))

    def _sets(self, old: Part, new: Part, path: str) -> Found:
        tokens = [
            {token(walk, item): item for item in part.items}
            for walk, part in ((self._old, old), (self._new, new))
        ]
        for key, item in tokens[0].items():
            if key not in tokens[1]:
                yield Difference(f"{path}{{…}}", DifferenceKind.MISSING, _shown(item))
        for key, item in tokens[1].items():
            if key not in tokens[0]:
                yield Difference(f"{path}{{…}}", DifferenceKind.ADDED, None, _shown(item))

    def _mappings(self, old: Part, new: Part, path: str) -> Found:
        halves = len(old.items) // 2, len(new.items) // 2
        places = [
            {token(walk, key): place for place, key in enumerate(part.items[:half])}
            for walk, part, half in ((self._old, old, halves[0]), (self._new, new, halves[1]))
        ]
        if any(None in found for found in places):
            return
        for key, place in places[0].items():
            if key not in places[1]:
                yield Difference(path + old.step(halves[0] + place), DifferenceKind.MISSING)
        for key, place in places[1].items():
            if key not in places[0]:
                yield Difference(path + new.step(halves[1] + place), DifferenceKind.ADDED)
        for key, place in places[0].items():
            other = places[1].get(key)
            if other is not None:
                step = old.step(halves[0] + place)
                yield Pair(old.items[halves[0] + place], new.items[halves[1] + other], path + step)
        if list(places[0]) != list(places[1]):
            yield Difference(path, DifferenceKind.ORDER)

    def _array_parts(self, old: Part, new: Part, path: str) -> Found:
        """Arrays of which only the digest is left: dtype, shape, order, payload."""
        for place, kind in enumerate((DifferenceKind.DTYPE, DifferenceKind.SHAPE, DifferenceKind.LAYOUT)):
            one, other = old.items[place], new.items[place]
            if token(self._old, one) != token(self._new, other):
                yield Difference(path, kind, _shown(one), _shown(other))
        yield Pair(old.items[-1], new.items[-1], path + _step(old, len(old.items) - 1))


def _states(old: Any, new: Any) -> tuple[Any, Any]:
    """Two states of objects, where one of them has attributes and the other has none."""
    if old is None and type(new) is Part and new.tag == b"a":
        return Part(b"a", []), new
    if new is None and type(old) is Part and old.tag == b"a":
        return old, Part(b"a", [])
    return old, new


def _leaf_difference(old_walk: Walk, new_walk: Walk, pair: Pair) -> Difference | None:
    """The difference of two values that have no parts; None where one of them has."""
    old, new, path = pair.old, pair.new, pair.path
    kind = type(old)
    if kind is type(new) and kind in (str, bytes, bytearray, int):
        return _long_difference(old, new, path)
    scalars = [_is_scalar(walk, value) for walk, value in ((old_walk, old), (new_walk, new))]
    if all(scalars):
        return Difference(path, DifferenceKind.VALUE, _shown(old), _shown(new))
    if any(scalars) and type(old) is not type(new):
        return Difference(path, DifferenceKind.TYPE, type_name(type(old)), type_name(type(new)))
    if kind is type(new) and (kind.__module__ in _PRINTABLE or isinstance(old, enum.Enum)):
        texts = _shown(old), _shown(new)
        if texts[0] != texts[1]:
            return Difference(path, DifferenceKind.VALUE, *texts)
    return None


def _is_scalar(walk: Walk, value: Any) -> bool:
    """Whether a value stands in its container by itself, and not by a digest."""
    encoded = walk.scalar(value)
    return encoded is not None and not encoded.startswith(b"c")


def _long_difference(old: Any, new: Any, path: str) -> Difference:
    """Two texts, bytes or integers: whole where they are short, else what is around the first difference."""
    if type(old) is int:
        old, new = (value if value.bit_length() <= 64 else hex(value) for value in (old, new))
    if type(old) is int or type(new) is int or max(len(old), len(new)) <= _MOST:
        return Difference(path, DifferenceKind.VALUE, _shown(old), _shown(new))
    place = _first_unlike(old, new)
    start = max(0, place - _AROUND)
    excerpts = [
        ("…" if start else "")
        + repr(value[start : place + _AROUND])
        + ("…" if len(value) > place + _AROUND else "")
        for value in (old, new)
    ]
    return Difference(f"{path}[{place}:]", DifferenceKind.VALUE, *excerpts)


def _first_unlike(old: Any, new: Any) -> int:
    """The first place in which two sequences differ, by halving: slices compare at memory speed."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _shown(value: object) -> str:
    """A part of a value in short: itself where it is simple, else its type."""
    simple = type(value) in (str, bytes, bytearray, int, float, bool, complex, type(None), type(...))
    if simple or type(value).__module__ in _PRINTABLE or isinstance(value, enum.Enum):
        try:
            text = repr(value)
        except Exception:  # The value's own code.
            return type_name(type(value))
        return text if len(text) <= _MOST else text[: _MOST - 1] + "…"
    if type(value) is tuple and all(type(item) is int for item in value):
        return repr(value)
    if type(value) is Part and value.tag == b"D" and value.items and type(value.items[0]) is str:
        return value.items[0]
    return type_name(type(value))


def _step(part: Part, place: int) -> str:
    """What a path adds to get to an item; nothing where the item's place has no name in Python."""
    return part.step(place) if part.steps is not None or part.tag in _ORDERED else ""
