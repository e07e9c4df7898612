"""`PlainPacker`: containers that hold plain data alone, as bytes in one go.

    "P", MessagePack                              of lists and dicts
    "T", count, places of tuples, MessagePack     where some sequences are tuples, which it writes as lists

Plain are None, bool, int up to 64 bits, float, well-formed text, and lists, tuples and dicts of those, with
texts and integers as keys. A container is packed if all in it is plain, it is at most 32 deep, and its
items and characters, with shared parts counted each time, are at most 2 ** 28.

Invariants: whether a container is packed, and into which bytes, depends on its value alone, never on how
it was built or on what parts share; different values have different bytes, and NaN has one form.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from types import NoneType
from typing import Any

from msgspec.msgpack import Encoder

_DEPTH = 32
_SIZE = 1 << 28
_UNFOLDED = 1 << 24
"""How many items are looked at as they come; beyond, shared parts are looked at once."""
_CHUNK = 1024
"""How many containers are looked at together: what they hold should stay in the processor's cache."""

_SEQUENCES = frozenset({list, tuple})
_DICTS = frozenset({dict})
_CONTAINERS = _SEQUENCES | _DICTS
_PLAIN = frozenset({NoneType, bool, int, float, str}) | _CONTAINERS
_KEYS = frozenset({str, int})
_BAD = (_DEPTH + 1, 0)
_OPEN = (_DEPTH + 2, 0)

_NAN = float("nan")
# A NaN other than the usual one; also matches by chance, in texts and numbers that happen to be alike.
_ODD_NAN = re.compile(
    rb"\xcb(?=[\x7f\xff][\xf0-\xff])(?!\x7f\xf8\0{6}|[\x7f\xff]\xf0\0{6})",
    re.DOTALL,
)
_encode = Encoder().encode


class PlainPacker:
    """Packs the parts of one value, which must not change meanwhile."""

    def __init__(self) -> None:
        # Containers that were looked at one by one, or that hold something else: depth and size, by `id()`.
        self._sizes: dict[int, tuple[int, int]] = {}

    def pack(self, node: Any) -> tuple[bytes, bytes] | None:
        """The bytes of a list, dict or tuple, in two pieces; None where it isn't packed."""
        kinds = self._kinds(node)
        if kinds is None:
            return None
        try:
            packed = _encode(node)
            if _ODD_NAN.search(packed) is not None:
                packed = _encode(_with_usual_nan(node))
        except (OverflowError, UnicodeEncodeError):  # an integer past 64 bits, half a surrogate pair
            self._sizes[id(node)] = _BAD
            return None
        # Every item and character is at least one byte.
        if len(packed) > _SIZE and not self._measured(node):
            return None
        return _places_of_tuples(node) if tuple in kinds else b"P", packed

    def _kinds(self, root: Any) -> set[type] | None:
        """Types that may be in a container; None where one isn't plain, or it is too deep or too large."""
        met = {type(root)}
        known = self._sizes.get(id(root))
        if known is not None:
            return None if known is _BAD else met | _CONTAINERS
        count = texts = 0
        for items, kinds, depth in _chunks(root):
            if not kinds <= _PLAIN:
                self._sizes[id(root)] = _BAD
                return None
            met |= kinds
            count += len(items)
            if str in kinds:
                sample = items[:: len(items) // 16 + 1]
                texts += len(items) // len(sample) * sum([len(text) for text in sample if type(text) is str])
            too_deep = depth == _DEPTH and not kinds.isdisjoint(_CONTAINERS)
            if too_deep or count > _UNFOLDED or texts > _SIZE:
                return met | _CONTAINERS if self._measured(root) else None
        return met

    def _measured(self, root: Any) -> bool:
        """The same, by looking at each container below it once: linear also where they are shared or deep."""
        sizes = self._sizes
        stack = [root]
        while stack:
            node = stack[-1]
            found = sizes.get(id(node))
            if found is not None and found is not _OPEN:
                stack.pop()
                continue
            keys, items, kinds = _contents([node])
            inner = [item for item in items if type(item) in _CONTAINERS]
            if found is None:
                sizes[id(node)] = _OPEN
                stack += [item for item in inner if id(item) not in sizes]
                continue
            depth = 1 if kinds <= _PLAIN else _DEPTH + 1
            size = len(keys) + len(items) + sum([len(text) for text in (*keys, *items) if type(text) is str])
            for item in inner:
                below = sizes[id(item)]  # `_OPEN` of what contains itself
                depth = max(depth, below[0] + 1)
                size += below[1]
            sizes[id(node)] = (depth, size) if depth <= _DEPTH and size <= _SIZE else _BAD
        return sizes[id(root)] is not _BAD


def _chunks(root: Any) -> Iterator[tuple[Sequence[Any], set[type], int]]:
    """All that is in a container, in a fixed order: items of some containers, their types, their depth.

    Lists and tuples come together, as if they were one.
    """
    waiting: list[tuple[list[Any], int]] = [([root], 1)]
    while waiting:
        nodes, depth = waiting.pop()
        _, items, kinds = _contents(nodes)
        yield items, kinds, depth
        for group in (_SEQUENCES, _DICTS):
            if not kinds.isdisjoint(group):
                inner = [item for item in items if type(item) in group]
                waiting += [
                    (inner[start : start + _CHUNK], depth + 1) for start in range(0, len(inner), _CHUNK)
                ]


def _contents(nodes: list[Any]) -> tuple[list[Any], Sequence[Any], set[type]]:
    """Keys and items of containers of one kind, and the items' types, with `object` for odd keys."""
    if type(nodes[0]) is not dict:
        # A long list by itself isn't copied.
        items = nodes[0] if len(nodes) == 1 else list(chain.from_iterable(nodes))
        return [], items, set(map(type, items))
    keys = list(chain.from_iterable(nodes))
    items = list(chain.from_iterable([node.values() for node in nodes]))
    kinds = set(map(type, items))
    if not _KEYS.issuperset(map(type, keys)):
        kinds.add(object)
    return keys, items, kinds


def _places_of_tuples(root: Any) -> bytes:
    """What goes before MessagePack: which of the sequences in a container are tuples."""
    places = array("I", [type(root) is tuple])
    for number, (items, kinds, _) in enumerate(_chunks(root)):
        if tuple in kinds:
            found = [place for place, kind in enumerate(map(type, items)) if kind is tuple]
            places.extend((number, len(found), *found))
    if len(places) == 1 and type(root) is not tuple:
        return b"P"
    if sys.byteorder == "big":
        places.byteswap()
    return b"T" + len(places).to_bytes(8, "little") + places.tobytes()


def _with_usual_nan(value: Any) -> Any:
    """Plain data again, with the usual NaN for any other; not deeper than `_DEPTH`."""
    kind = type(value)
    if kind is float:
        return value if value == value else _NAN
    if kind is list or kind is tuple:
        return [_with_usual_nan(item) for item in value]
    if kind is dict:
        return {key: _with_usual_nan(item) for key, item in value.items()}
    return value
