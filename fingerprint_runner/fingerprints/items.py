"""Encodings of items that need no walk: scalars, and the digests of long texts and of plain containers.

Invariants: an item's encoding depends on its value alone; a digest is remembered by object where making it
again would cost more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from xxhash import xxh3_128, xxh3_128_digest

from fingerprint_runner.fingerprints.parts import Hashed
from fingerprint_runner.fingerprints.plain import PlainPacker

LONG = 1024
"""Texts, bytes and integers longer than this (characters, bytes) are held by digest, as containers are."""
_SMALL = 256
"""Digests of containers that are packed into no more bytes aren't remembered: packing again is as quick."""
_COPIED = 1 << 16
_NAN = struct.pack("<d", float("nan"))

_pack_int = struct.Struct("<cq").pack
_pack_float = struct.Struct("<cd").pack
_pack_short = struct.Struct("<cH").pack
_pack_double = struct.Struct("<d").pack

_CONSTANTS: dict[type, bytes] = {type(None): b"N", type(...): b".", type(NotImplemented): b"!"}


class ItemEncoder:
    """Encodes the parts of one value that need no walk; the value must not change meanwhile.

    Attributes:
        memo: digest of each container met, by `id()`.
    """

    def __init__(self) -> None:
        self.memo: dict[int, bytes] = {}
        self._packer = PlainPacker()

    def scalar(self, value: Any) -> bytes | None:
        """The inline encoding of a scalar; None of what is held by digest."""
        if type(value) in (list, dict, tuple):
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
            # One loop without calls: this is where the time of mixed data goes.
            if kind is str and len(item) <= LONG:
                append(_pack_short(b"s", len(item)) + _utf8(item))
                continue
            if kind is int:
                try:
                    append(_pack_int(b"i", item))
                    continue
                except struct.error:
                    found = _big(item)
            elif kind is float:
                append(_pack_float(b"f", item) if item == item else b"f" + _NAN)
                continue
            elif kind is bool:
                append(b"T" if item else b"F")
                continue
            elif item is None:
                append(b"N")
                continue
            elif kind is list or kind is dict or kind is tuple:
                found = self._packed(item)
                found = None if found is None else b"c" + found
            else:
                found = _rare(kind, item) or self._closed(item)
            if found is None:
                pending.append(len(encoded))
                append(b"")
            else:
                append(found)
        return encoded, pending

    def _closed(self, item: Any) -> bytes | None:
        """The encoding of what was walked before, as the class of the last object was."""
        found = self.memo.get(id(item))
        return None if found is None else b"c" + found

    def leaf(self, node: Any) -> bytes | None:
        """The digest of a plain container, or of long text; None of all else."""
        kind = type(node)
        if kind is list or kind is dict or kind is tuple:
            return self._packed(node)
        if kind is str:
            found = xxh3_128_digest(b"x" + _utf8(node))
        elif kind is bytes or kind is bytearray:
            # Digested twice: the bytes' own digest is the artifact's name, and needs no copy of them.
            found = xxh3_128_digest((b"w" if kind is bytes else b"y") + xxh3_128_digest(node))
        elif kind is int:
            size = node.bit_length() // 8 + 1
            found = xxh3_128_digest(b"n" + node.to_bytes(size, "little", signed=True))
        else:
            return None
        self.memo[id(node)] = found
        return bytes(found)

    def _packed(self, node: Any) -> bytes | None:
        """The digest of a list, dict or tuple of plain data, or of any that is known; else None."""
        found = self.memo.get(id(node))
        if found is not None:
            return found
        packed = self._packer.pack(node)
        if packed is None:
            return None
        head, body = packed
        if len(body) <= _COPIED:
            found = bytes(xxh3_128_digest(head + body))
        else:
            hasher = xxh3_128(head)
            hasher.update(body)
            found = bytes(hasher.digest())
        if len(body) > _SMALL:
            self.memo[id(node)] = found
        return found


def _rare(kind: type, value: Any) -> bytes | None:
    if kind is Hashed:
        return b"h" + bytes(value.digest)
    if kind is bytes:
        return None if len(value) > LONG else _pack_short(b"b", len(value)) + bytes(value)
    if kind is complex:
        return b"j" + _float_bytes(value.real) + _float_bytes(value.imag)
    return _CONSTANTS.get(kind)


def _big(value: int) -> bytes | None:
    size = value.bit_length() // 8 + 1
    return None if size > LONG else _pack_short(b"I", size) + value.to_bytes(size, "little", signed=True)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _float_bytes(value: float) -> bytes:
    return _pack_double(value) if value == value else _NAN
