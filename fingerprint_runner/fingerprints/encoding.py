"""The canonical encoding (R2): bytes that are equal exactly for equal values, and their digest.

    item     = scalar inline (tag, payload)  |  "c" + 16-byte digest of a container or long text
    sequence = uniform: tag, count, one column of payloads   |   "M", count, items one by one
    digest   = xxh3-128 of a container's tag and its sequences

Invariants: every part is type-tagged and self-delimiting, so the encoding is injective; a container
holds its child containers by digest, so that a part that is shared is walked once and a part that
is equal but separate encodes the same; walks are iterative and linear; the same bytes come out on
every platform, Python version and hash seed. Changing anything here needs a new `FORMAT_VERSION`.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

from xxhash import xxh3_128_digest

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints.parts import (
    NOTHING,
    Expand,
    Hashed,
    Part,
    Refused,
    combine,
    sequence,
    type_name,
)

LONG = 1024
"""Texts, bytes and integers longer than this (characters, bytes) are held by digest, as containers are."""
_SMALL = 16
"""Containers of scalars up to this size aren't remembered: encoding them again is as quick."""
_PLAIN_DEPTH = 200
_PLAIN_SHARED = 100_000
_NAN = struct.pack("<d", float("nan"))
_BIG_ENDIAN = sys.byteorder == "big"

_pack_int = struct.Struct("<cq").pack
_pack_float = struct.Struct("<cd").pack
_pack_short = struct.Struct("<cH").pack
_pack_count = struct.Struct("<cQ").pack

_ONLY_STR = frozenset({str})
_CONSTANTS: dict[type, bytes] = {
    type(None): b"N",
    type(...): b".",
    type(NotImplemented): b"!",
}


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


class Walk:
    """One walk over one value; the value must not change while it lives.

    Attributes:
        plain: whether all met so far is None, bool, int of 64 bits, float, well-formed text, list, or
            dict with text keys, not deeper than 200 and without large shared parts: what data formats
            such as msgpack hold.
        memo: digest of each container met, by `id()`.
        names: names of classes and functions that a container refers to, by `id()`; none where absent.
    """

    def __init__(self, expand: Expand, path: str = "value") -> None:
        self.plain = True
        self.memo: dict[int, bytes] = {}
        self.names: dict[int, frozenset[str]] = {}
        self._expand = expand
        self._path = path
        self._parts: dict[int, Part] = {}
        self._kept: list[Any] = []
        self._key_columns: dict[tuple[Any, ...], bytes] = {}
        self._shared = 0

    def identity(self, value: Any) -> bytes:
        """The sixteen bytes of a value's digest.

        Raises:
            NoIdentity: some part of it has none.
        """
        scalar = self._scalar(value)
        if scalar is not None:
            return bytes(xxh3_128_digest(b"v" + scalar))
        found = self.memo.get(id(value))
        if found is None:
            found = self.leaf(value)
        if found is not None:
            return found
        trail: list[tuple[Part, int]] = []
        try:
            try:
                return self._walk(value, trail)
            except _Cycle:
                # Weight alone: few values have cycles.
                from fingerprint_runner.fingerprints.cycles import CyclicWalk

                self.plain = False
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
                    else:
                        self._count_shared(_PLAIN_SHARED if type(child) in (list, dict) else LONG)
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
        encoded, pending = self.encode_items(part)
        if not pending:
            return self._close(key, part, encoded)
        if len(stack) >= _PLAIN_DEPTH:
            self.plain = False
        active.add(key)
        stack.append(_Frame(key, part, encoded, pending))
        return None

    def _close(self, key: int, part: Part, encoded: list[bytes]) -> bytes:
        found = combine(part, encoded)
        self.memo[key] = found
        if self.names or part.names:
            names = self.names
            met = part.names.union(*{names[id(item)] for item in part.items if id(item) in names})
            if met:
                names[key] = met
        return found

    def _count_shared(self, size: int) -> None:
        self._shared += size
        if self._shared >= _PLAIN_SHARED:
            self.plain = False

    def part(self, node: Any) -> Part:
        """A container taken apart; what is made on the way lives as long as the walk."""
        kind = type(node)
        if kind is list:
            return Part(b"l", node)
        if kind is dict:
            if self.plain and not set(map(type, node)) <= _ONLY_STR:
                self.plain = False
            return Part(b"d", [*node, *node.values()])
        self.plain = False
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
            # The node is kept as well: it may be a temporary, and another must not get its id.
            self._kept.append(node)
            self._parts[id(node)] = known
        return known

    def encode_items(self, part: Part) -> tuple[list[bytes], list[int]]:
        """The encoding of each item that can be had at once, and the places of the others."""
        encoded: list[bytes] = []
        append = encoded.append
        pending: list[int] = []
        flat_dict, flat_sequence, scalar = self._flat_dict, self._flat_sequence, self._scalar
        for place, item in enumerate(part.items):
            kind = type(item)
            if kind is dict:
                found = flat_dict(item)
            elif kind is list or kind is tuple:
                found = flat_sequence(kind, item)
            else:
                inline = scalar(item)
                if inline is not None:
                    append(inline)
                    continue
                found = None
            if found is None:
                pending.append(place)
                append(b"")
            else:
                append(b"c" + found)
        return encoded, pending

    def _scalar(self, value: Any) -> bytes | None:
        """The inline encoding of a scalar; None of what is held by digest."""
        kind = type(value)
        if kind is str:
            size = len(value)
            return None if size > LONG else _pack_short(b"s", size) + self._utf8(value)
        if kind is int:
            try:
                return _pack_int(b"i", value)
            except struct.error:
                self.plain = False
                size = value.bit_length() // 8 + 1
                if size > LONG:
                    return None
                return _pack_short(b"I", size) + bytes(value.to_bytes(size, "little", signed=True))
        if kind is float:
            return _pack_float(b"f", value) if value == value else b"f" + _NAN
        if kind is bool:
            return b"T" if value else b"F"
        if value is None:
            return b"N"
        if kind is Hashed:
            return b"h" + bytes(value.digest)
        if kind is bytes:
            self.plain = False
            return None if len(value) > LONG else _pack_short(b"b", len(value)) + value
        if kind is complex:
            self.plain = False
            return b"j" + _float_bytes(value.real) + _float_bytes(value.imag)
        constant = _CONSTANTS.get(kind)
        if constant is not None:
            self.plain = False
        return constant

    def leaf(self, node: Any) -> bytes | None:
        """The digest of a container of scalars of one type, or of long text; None of all else."""
        kind = type(node)
        if kind is list or kind is tuple:
            return self._flat_sequence(kind, node)
        if kind is dict:
            return self._flat_dict(node)
        if kind is str:
            found = xxh3_128_digest(b"x" + self._utf8(node))
        elif kind is bytes or kind is bytearray:
            # Digested twice: the bytes' own digest is the artifact's name, and needs no copy of them.
            self.plain = False
            found = xxh3_128_digest((b"w" if kind is bytes else b"y") + xxh3_128_digest(node))
        elif kind is int:
            size = node.bit_length() // 8 + 1
            found = xxh3_128_digest(b"n" + node.to_bytes(size, "little", signed=True))
        else:
            return None
        self.memo[id(node)] = found
        return bytes(found)

    def _utf8(self, text: str) -> bytes:
        try:
            return text.encode()
        except UnicodeEncodeError:
            self.plain = False
            return text.encode("utf-8", "surrogatepass")

    def _flat_sequence(self, kind: type, items: Any) -> bytes | None:
        """The digest of a list or tuple of scalars of one type; None of any other that isn't known."""
        count = len(items)
        if count > _SMALL:
            known = self.memo.get(id(items))
            if known is not None:
                self._count_shared(count)
                return known
        kinds = set(map(type, items))
        column = self._column(kinds, items) if len(kinds) == 1 else None
        if column is None:
            return None
        if kind is tuple:
            self.plain = False
        found = bytes(xxh3_128_digest((b"l" if kind is list else b"t") + column))
        if count > _SMALL:
            self.memo[id(items)] = found
        return found

    def _flat_dict(self, value: dict[Any, Any]) -> bytes | None:
        """The digest of a dict of short texts to scalars; None of any other that isn't known."""
        count = len(value)
        if count > _SMALL:
            known = self.memo.get(id(value))
            if known is not None:
                self._count_shared(count)
                return known
        if set(map(type, value)) != _ONLY_STR:
            return None
        values = value.values()
        kinds = set(map(type, values))
        if not kinds <= _SCALARS:
            return None
        keys = self._key_column(tuple(value))
        if keys is None:
            return None
        column = self._column(kinds, values) if len(kinds) == 1 else None
        if column is None:
            encoded = []
            for item in values:
                inline = self._scalar(item)
                if inline is None:
                    return None
                encoded.append(inline)
            column = sequence(encoded)
        found = bytes(xxh3_128_digest(b"d" + keys + column))
        if count > _SMALL:
            self.memo[id(value)] = found
        return found

    def _key_column(self, keys: tuple[str, ...]) -> bytes | None:
        """The encoding of a dict's keys, all of them exactly text: records of one kind share it."""
        if len(keys) > _SMALL:
            return self._column(_ONLY_STR, keys)
        known = self._key_columns.get(keys)
        if known is None:
            known = self._column(_ONLY_STR, keys)
            if known is not None and len(self._key_columns) < 1000:
                self._key_columns[keys] = known
        return known

    def _column(self, kinds: Iterable[type], items: Any) -> bytes | None:
        """A sequence of floats, of 64-bit integers, of short texts or of short bytes; None of any other.

        What `sequence` makes of the same items one by one.
        """
        (kind,) = kinds
        if kind is float:
            total = sum(items)
            if total != total:  # a NaN among them, or both infinities
                return _pack_count(b"f", len(items)) + b"".join(map(_float_bytes, items))
            return _pack_count(b"f", len(items)) + _little(array("d", items))
        if kind is int:
            try:
                return _pack_count(b"i", len(items)) + _little(array("q", items))
            except OverflowError:
                return None
        if kind is not str and kind is not bytes:
            return None
        lengths = list(map(len, items))
        if max(lengths) > LONG:
            return None
        if kind is str:
            return _pack_count(b"s", len(items)) + _little(array("H", lengths)) + self._utf8("".join(items))
        self.plain = False
        return _pack_count(b"b", len(items)) + _little(array("H", lengths)) + b"".join(items)


_SCALARS = frozenset({str, int, float, bool, bytes, complex, Hashed, *_CONSTANTS})
_BY_DIGEST = frozenset({str, bytes, int, bytearray})


def _little(column: array[Any]) -> bytes:
    if _BIG_ENDIAN:
        column.byteswap()
    return column.tobytes()


def _float_bytes(value: float) -> bytes:
    return struct.pack("<d", value) if value == value else _NAN
