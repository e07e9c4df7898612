"""Encodings of scalars, and digests of containers that hold nothing else.

Invariants: the quick ways here (columns made at once, remembered keys) give what `sequence` and
`combine` give for the items one by one; a container's digest is remembered by object where making
it again would cost more.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from operator import is_
from typing import Any

from xxhash import xxh3_128_digest

from fingerprint_runner.fingerprints.parts import Hashed, sequence

LONG = 1024
"""Texts, bytes and integers longer than this (characters, bytes) are held by digest, as containers are."""
_SMALL = 16
"""Containers of scalars up to this size aren't remembered: encoding them again is as quick."""
_PLAIN_SHARED = 100_000
_BIG_ENDIAN = sys.byteorder == "big"
_NAN = struct.pack("<d", float("nan"))

_pack_int = struct.Struct("<cq").pack
_pack_float = struct.Struct("<cd").pack
_pack_short = struct.Struct("<cH").pack
_pack_count = struct.Struct("<cQ").pack
_pack_double = struct.Struct("<d").pack

_ONLY_STR = frozenset({str})
_CONTAINERS = frozenset({list, tuple, dict})
_CONSTANTS: dict[type, bytes] = {type(None): b"N", type(...): b".", type(NotImplemented): b"!"}
_SCALARS = frozenset({str, int, float, bool, bytes, complex, Hashed, *_CONSTANTS})


class FlatEncoder:
    """Encodes the parts of one value that need no walk; the value must not change meanwhile.

    Attributes:
        plain: whether all met so far is None, bool, int of 64 bits, float, well-formed text, list, or
            dict with text keys, not deeper than 200 and without large shared parts: what data formats
            such as msgpack hold.
        memo: digest of each container met, by `id()`.
    """

    def __init__(self) -> None:
        self.plain = True
        self.memo: dict[int, bytes] = {}
        self._shared = 0
        self._columns: dict[tuple[str, ...], bytes] = {}
        self._keys: tuple[str, ...] = ()
        self._keys_column = b""

    def count_shared(self, size: int | None = None) -> None:
        """Note that a part of so many items was met again (None: of unknown size)."""
        self._shared += _PLAIN_SHARED if size is None else size
        if self._shared >= _PLAIN_SHARED:
            self.plain = False

    def scalar(self, value: Any) -> bytes | None:
        """The inline encoding of a scalar; None of what is held by digest."""
        if type(value) in _CONTAINERS:
            return None
        encoded, pending = self.encode_each((value,))
        return None if pending else encoded[0]

    def encode_each(self, items: Iterable[Any]) -> tuple[list[bytes], list[int]]:
        """The encoding of each item that can be had at once, and the places of the others."""
        encoded: list[bytes] = []
        pending: list[int] = []
        append = encoded.append
        found: bytes | None
        for item in items:
            kind = type(item)
            # One loop without calls: this is where the time of nested data goes.
            if kind is str and len(item) <= LONG:
                try:
                    append(_pack_short(b"s", len(item)) + item.encode())
                except UnicodeEncodeError:
                    append(_pack_short(b"s", len(item)) + self._utf8(item))
                continue
            if kind is int:
                try:
                    append(_pack_int(b"i", item))
                    continue
                except struct.error:
                    found = self._big(item)
            elif kind is float:
                append(_pack_float(b"f", item) if item == item else b"f" + _NAN)
                continue
            elif kind is bool:
                append(b"T" if item else b"F")
                continue
            elif item is None:
                append(b"N")
                continue
            elif kind is list or kind is tuple:
                found = self._flat_sequence(kind, item)
                found = None if found is None else b"c" + found
            elif kind is dict:
                found = self._flat_dict(item)
                found = None if found is None else b"c" + found
            else:
                found = self._rare(kind, item)
            if found is None:
                pending.append(len(encoded))
                append(b"")
            else:
                append(found)
        return encoded, pending

    def _rare(self, kind: type, value: Any) -> bytes | None:
        if kind is Hashed:
            return b"h" + bytes(value.digest)
        if kind is bytes:
            self.plain = False
            return None if len(value) > LONG else _pack_short(b"b", len(value)) + bytes(value)
        if kind is complex:
            self.plain = False
            return b"j" + _float_bytes(value.real) + _float_bytes(value.imag)
        constant = _CONSTANTS.get(kind)
        if constant is not None:
            self.plain = False
        return constant

    def _big(self, value: int) -> bytes | None:
        self.plain = False
        size = value.bit_length() // 8 + 1
        return None if size > LONG else _pack_short(b"I", size) + value.to_bytes(size, "little", signed=True)

    def leaf(self, node: Any) -> bytes | None:
        """The digest of a container of scalars, or of long text; None of all else."""
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

    def _flat_sequence(self, kind: type, items: Any) -> bytes | None:
        """The digest of a list or tuple of scalars; None of any other that isn't known."""
        count = len(items)
        if count > _SMALL:
            known = self.memo.get(id(items))
            if known is not None:
                self.count_shared(count)
                return known
        body = self._flat(items)
        if body is None:
            return None
        if kind is tuple:
            self.plain = False
        found = bytes(xxh3_128_digest((b"l" if kind is list else b"t") + body))
        if count > _SMALL:
            self.memo[id(items)] = found
        return found

    def _flat_dict(self, value: dict[Any, Any]) -> bytes | None:
        """The digest of a dict of short texts to scalars; None of any other that isn't known."""
        count = len(value)
        if count > _SMALL:
            known = self.memo.get(id(value))
            if known is not None:
                self.count_shared(count)
                return known
        body = self._flat(value.values())
        keys = None if body is None else self.keys_of(value)
        if body is None or keys is None:
            return None
        found = bytes(xxh3_128_digest(b"d" + keys + body))
        if count > _SMALL:
            self.memo[id(value)] = found
        return found

    def keys_of(self, value: dict[Any, Any]) -> bytes | None:
        """The encoding of a dict's keys where all are exactly text, and short: records share it."""
        keys = self._keys
        if keys and len(value) == len(keys) and all(map(is_, value, keys)):
            return self._keys_column
        if set(map(type, value)) != _ONLY_STR:
            return None
        keys = tuple(value)
        column = self._columns.get(keys) if len(keys) <= _SMALL else None
        if column is None:
            column = self._column(str, keys)
        if column is not None and 0 < len(keys) <= _SMALL:
            self._keys, self._keys_column = keys, column
            if len(self._columns) < 1000:
                self._columns[keys] = column
        return column

    def _flat(self, items: Any) -> bytes | None:
        """The encoding of scalars, all at once where they are of one type; None where some aren't scalars."""
        kinds = set(map(type, items))
        if len(kinds) == 1:
            column = self._column(next(iter(kinds)), items)
            if column is not None:
                return column
        if not kinds <= _SCALARS:
            return None
        encoded, pending = self.encode_each(items)
        return None if pending else sequence(encoded)

    def _column(self, kind: type, items: Any) -> bytes | None:
        """A sequence of floats, of 64-bit integers, of short texts or of short bytes; None of any other."""
        count = len(items)
        if kind is float:
            total = sum(items)
            if total != total:  # a NaN among them, or both infinities
                return _pack_count(b"f", count) + b"".join(map(_float_bytes, items))
            return _pack_count(b"f", count) + _little(array("d", items))
        if kind is int:
            try:
                return _pack_count(b"i", count) + _little(array("q", items))
            except OverflowError:
                return None
        if kind is not str and kind is not bytes:
            return None
        lengths = _lengths(items)
        if lengths is None:
            return None
        if kind is str:
            return _pack_count(b"s", count) + lengths + self._utf8("".join(items))
        self.plain = False
        return _pack_count(b"b", count) + lengths + b"".join(items)

    def _utf8(self, text: str) -> bytes:
        try:
            return text.encode()
        except UnicodeEncodeError:
            self.plain = False
            return text.encode("utf-8", "surrogatepass")


def _lengths(items: Any) -> bytes | bytearray | None:
    """The lengths of short texts as two bytes each; None where one is long."""
    try:
        low = bytes(map(len, items))
    except ValueError:  # one of 256 or more
        lengths = list(map(len, items))
        return None if max(lengths) > LONG else _little(array("H", lengths))
    wide = bytearray(2 * len(low))
    wide[::2] = low
    return wide


def _little(column: array[Any]) -> bytes:
    if _BIG_ENDIAN:
        column.byteswap()
    return column.tobytes()


def _float_bytes(value: float) -> bytes:
    return _pack_double(value) if value == value else _NAN
