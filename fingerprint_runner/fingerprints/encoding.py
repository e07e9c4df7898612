"""The canonical encoding (R2): bytes that are equal exactly for equal values, and their digest.

    item      = scalar inline (tag, payload)  |  "c" + 16-byte digest of a container or long text
    container = plain data: tag, MessagePack of all of it  |  tag, count, its items one by one
    digest    = xxh3-128 of a container

Invariants: every part is type-tagged and self-delimiting, so the encoding is injective; a container
holds its child containers by digest, so that a part that is shared is walked once and a part that
is equal but separate encodes the same; walks are iterative and linear; the same bytes come out on
every platform, Python version and hash seed. Changing anything here needs a new `FORMAT_VERSION`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xxhash import xxh3_128_digest

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints.items import ItemEncoder
from fingerprint_runner.fingerprints.parts import (
    NOTHING,
    Expand,
    Part,
    Refused,
    combine,
    type_name,
)

_DEPTH = 2_000_000
"""No value is as deep, but the state of an object may be made anew, nested once more, at every look."""
_BY_DIGEST = frozenset({str, bytes, int, bytearray})


def digest(value: object) -> str:
    """The digest of a value made of built-in types.

    Args:
        value: None, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set and
            frozenset, nested as deep and shared as often as they like.

    Returns:
        32 lower-case hex characters: xxh3-128 of the canonical encoding.

    Raises:
        NoIdentity: something in it is of another type.
    """
    return Walk(refuse).identity(value).hex()


def refuse(value: object) -> Part:
    """The `Expand` of `digest`: knows no type beyond the built-in ones."""
    raise Refused(type_name(type(value)), "it isn't made of built-in types alone")


class _Cycle(Exception):
    """The quick walk met a container inside itself."""


class _Frame:
    """A container whose children are being walked."""

    __slots__ = ("encoded", "key", "part", "pending", "waiting")

    def __init__(self, key: int, part: Part, encoded: list[bytes], pending: list[int]) -> None:
        self.key = key
        self.part = part
        self.encoded = encoded
        self.pending: Iterator[int] = iter(pending)
        self.waiting = -1


class Walk(ItemEncoder):
    """One walk over one value; the value must not change while it lives.

    Attributes:
        names: names of classes and functions that a container refers to, by `id()`; none where absent.
    """

    def __init__(self, expand: Expand, path: str = "value") -> None:
        super().__init__()
        self.names: dict[int, frozenset[str]] = {}
        self._expand = expand
        self._path = path
        self._parts: dict[int, Part] = {}

    def identity(self, value: Any) -> bytes:
        """The sixteen bytes of a value's digest.

        Raises:
            NoIdentity: some part of it has none.
        """
        found = self.memo.get(id(value))
        if found is None:
            scalar = self.scalar(value)
            found = self.leaf(value) if scalar is None else bytes(xxh3_128_digest(b"v" + scalar))
        if found is not None:
            return found
        trail: list[tuple[Part, int]] = []
        try:
            try:
                return self._walk(value, trail)
            except _Cycle:
                # Weight alone: few values have cycles.
                from fingerprint_runner.fingerprints.cycles import CyclicWalk

                trail.clear()
                return CyclicWalk(self).identity(value, trail)
        except Refused as refused:
            path = self._path + "".join(part.step(place) for part, place in trail if place >= 0)
            raise NoIdentity(path, refused.type_name, refused.reason) from refused.__cause__

    def names_of(self, value: Any) -> frozenset[str]:
        """Names of the classes and functions in a value whose identity this walk has given."""
        return self.names.get(id(value), NOTHING)

    def _walk(self, root: Any, trail: list[tuple[Part, int]]) -> bytes:
        """Depth first, with one frame for each open container."""
        stack: list[_Frame] = []
        active: set[int] = set()
        memo = self.memo
        try:
            opened = self._open(root, active, stack)
            while stack:
                frame = stack[-1]
                encoded, items = frame.encoded, frame.part.items
                if frame.waiting >= 0:
                    assert opened is not None
                    encoded[frame.waiting] = b"c" + opened
                for place in frame.pending:
                    child = items[place]
                    opened = memo.get(id(child))
                    if opened is None:
                        frame.waiting = place
                        opened = self._open(child, active, stack)
                        if opened is None:
                            break
                    encoded[place] = b"c" + opened
                else:
                    stack.pop()
                    active.discard(frame.key)
                    opened = self._close(frame.key, frame.part, encoded)
        except Refused:
            trail.extend((frame.part, frame.waiting) for frame in stack)
            raise
        assert opened is not None
        return opened

    def _open(self, node: Any, active: set[int], stack: list[_Frame]) -> bytes | None:
        """The digest of a container that can be had at once; else None, and its frame is on the stack."""
        key = id(node)
        if key in active:
            raise _Cycle
        if type(node) in _BY_DIGEST:
            return self.leaf(node)
        part = self.part(node)
        encoded, pending = self.encode_each(part.items)
        if not pending:
            return self._close(key, part, encoded)
        if len(stack) >= _DEPTH:
            raise Refused(type_name(type(part.items[0])), "it is nested without end")
        active.add(key)
        stack.append(_Frame(key, part, encoded, pending))
        return None

    def _closed(self, item: Any) -> bytes | None:
        """The encoding of what was walked before, and of parts that hold nothing which wasn't."""
        if type(item) is Part and id(item) not in self.memo:
            encoded, pending = self.encode_each(item.items)
            if not pending:
                self._close(id(item), item, encoded)
        return super()._closed(item)

    def _close(self, key: int, part: Part, encoded: list[bytes]) -> bytes:
        found = combine(part, encoded)
        self.memo[key] = found
        if self.names or part.names:
            names = self.names
            met = part.names.union(*{names[id(item)] for item in part.items if id(item) in names})
            if met:
                names[key] = met
        return found

    def part(self, node: Any) -> Part:
        """A container taken apart; what is made on the way lives as long as the walk."""
        kind = type(node)
        if kind is list:
            return Part(b"l", node)
        if kind is dict:
            return Part(b"d", [*node, *node.values()])
        if kind is tuple:
            return Part(b"t", node)
        if kind is Part:
            return node  # type: ignore[no-any-return]
        if kind is set:
            return Part(b"S", list(node))
        if kind is frozenset:
            return Part(b"Z", list(node))
        known = self._parts.get(id(node))
        if known is None:
            made = self._expand(node)
            known = made if type(made) is Part else Part(b"=", [made], [""])
            # Keeps what the rule made (state, arguments) alive: nothing else may get its id meanwhile.
            self._parts[id(node)] = known
        return known
