"""Identity of numpy's and scipy's types: arrays by dtype, shape, order and every element.

Invariants: a large contiguous array is digested where it lies, never copied; bytes that no element
owns (padding) don't count; a dtype counts with its byte order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from xxhash import xxh3_128, xxh3_128_digest

from fingerprint_runner.fingerprints.parts import Hashed, Part

_RAW_KINDS = frozenset("?biufcmMUSV")
_BLOCK = 1 << 26
_SPARSE = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "coords"),
    "dia": ("data", "offsets"),
}


def rule_for(kind: type, payloads: dict[int, str]) -> Callable[[Any], Any] | None:
    """The rule for a type of numpy or scipy; None leaves it to the reduce protocol.

    Args:
        payloads: receives xxh3-128 of the raw payload of each bare array, by `id()`.
    """
    numpy = sys.modules["numpy"]
    root = kind.__module__.partition(".")[0]
    if kind is numpy.ndarray:

        def bare(value: Any) -> Part:
            part = array(value)
            if type(part.items[-1]) is Hashed and part.tag == b"A":
                payloads[id(value)] = part.items[-1].digest.hex()
            return part

        return bare
    if root == "numpy":
        if kind is numpy.memmap:
            return array  # what is restored from the store is mapped: the same array all the same
        if issubclass(kind, numpy.ma.MaskedArray):
            return _masked
        if issubclass(kind, numpy.ndarray):
            return lambda value: Part(b"o", [kind, value.view(numpy.ndarray)], ["", ""])
        if issubclass(kind, numpy.generic):
            return _scalar
        if issubclass(kind, numpy.dtype):
            return lambda value: Part(b"D", [dtype(value)])
    if root == "scipy":
        sparse = sys.modules.get("scipy.sparse")
        if sparse is not None and issubclass(kind, sparse.sparray | sparse.spmatrix):
            return _sparse
    return None


def array(value: Any) -> Part:
    """An array of any dtype; its last item is the digest of its payload where it has a raw one (`A`)."""
    numpy = sys.modules["numpy"]
    value = value.view(numpy.ndarray) if type(value) is not numpy.ndarray else value
    kind = value.dtype
    fortran = value.flags.f_contiguous and not value.flags.c_contiguous
    head = [dtype(kind), "F" if fortran else "C", value.ndim, *value.shape]
    steps = [""] * len(head)
    if fortran:
        value = value.T
    if kind.names is not None and (kind.hasobject or has_gaps(kind)):
        fields = [array(value[name]) for name in kind.names]
        return Part(b"V", [*head, Part(b"q", fields, [f"[{name!r}]" for name in kind.names])], steps)
    if kind.hasobject or kind.kind not in _RAW_KINDS:
        return Part(b"O", [*head, value.reshape(-1).tolist()], [*steps, ".flat"])
    if kind.char in "gG" and kind.itemsize in (16, 32) and numpy.finfo(kind).nmant == 63:
        # Ten bytes of sixteen hold the number; the rest is whatever was in memory.
        octets = numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8).reshape(-1, 16)[:, :10]
        return Part(b"L", [*head, Hashed(_payload(octets))], steps)
    return Part(b"A", [*head, Hashed(_payload(value))], steps)


def _scalar(value: Any) -> Part:
    kind = value.dtype
    if kind.char in "gGV" or kind.kind not in _RAW_KINDS:
        return Part(b"s", [array(sys.modules["numpy"].asarray(value))], ())
    return Part(b"s", [dtype(kind), value.tobytes()], ())


def _payload(value: Any) -> bytes:
    """xxh3-128 of an array's elements in C order, without a copy of a large one."""
    numpy = sys.modules["numpy"]
    if value.size == 0 or value.dtype.itemsize == 0:
        return bytes(xxh3_128_digest(b""))
    if value.flags.c_contiguous:
        return bytes(xxh3_128_digest(value.reshape(-1).view(numpy.uint8)))
    if value.nbytes <= _BLOCK or value.shape[0] == 1:
        return bytes(xxh3_128_digest(numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8)))
    hasher = xxh3_128()
    rows = max(1, _BLOCK * value.shape[0] // value.nbytes)
    for start in range(0, value.shape[0], rows):
        block = numpy.ascontiguousarray(value[start : start + rows])
        hasher.update(block.reshape(-1).view(numpy.uint8))
    return bytes(hasher.digest())


def dtype(kind: Any) -> Any:
    """A dtype: type of element, size, byte order, unit, and fields with their places."""
    metadata = None if kind.metadata is None else dict(kind.metadata)
    if kind.subdtype is not None:
        base, shape = kind.subdtype
        return Part(b"D", ["sub", dtype(base), shape, metadata])
    if kind.names is not None:
        fields = []
        for name in kind.names:
            inner, offset, *title = kind.fields[name]
            fields.append(Part(b"q", [name, dtype(inner), offset, *title]))
        return Part(
            b"D", ["fields", kind.type, Part(b"q", fields), kind.itemsize, kind.isalignedstruct, metadata]
        )
    if kind.kind == "T":
        missing = kind.na_object if hasattr(kind, "na_object") else Part(b"q", [])
        return Part(b"D", ["text", missing, kind.coerce, metadata])
    # `longlong` and `int64` are one where they have one size; only types from elsewhere go by their class.
    if kind.kind in _RAW_KINDS - {"V"} and metadata is None:
        return kind.str
    return Part(b"D", [kind.str, None if kind.kind in _RAW_KINDS - {"V"} else kind.type, metadata])


def has_gaps(kind: Any) -> bool:
    """Whether some bytes of a structured dtype belong to no field, to several, or to a padded number."""
    return _owned(kind) != int(kind.itemsize)


def _owned(kind: Any) -> int:
    """How many bytes of an element are the elements' own; -1 where that can't be said simply."""
    if kind.subdtype is not None:
        base, _ = kind.subdtype
        return kind.itemsize if _owned(base) == base.itemsize else -1
    if kind.names is None:
        return -1 if kind.char in "gG" else int(kind.itemsize)
    end = 0
    places = [kind.fields[name][:2] for name in kind.names]
    for inner, offset in sorted(places, key=itemgetter(1)):
        if offset != end or _owned(inner) != inner.itemsize:
            return -1
        end += inner.itemsize
    return end


def _masked(value: Any) -> Part:
    numpy = sys.modules["numpy"]
    fill = value._fill_value
    if fill is None:  # not asked for yet; asking makes it, pickling too
        fill = numpy.ma.default_fill_value(value)
    items = [
        type(value),
        numpy.ma.getdata(value).view(numpy.ndarray),
        numpy.ma.getmaskarray(value),  # storing makes an absent mask one of nothing masked
        numpy.asarray(fill, dtype=value.dtype),
        bool(value._hardmask),
    ]
    return Part(b"o", items, ["", ".data", ".mask", ".fill_value", ""])


def _sparse(value: Any) -> Any:
    from fingerprint_runner.fingerprints.identity_objects import by_reduction

    names = _SPARSE.get(value.format)
    if names is None:
        return by_reduction(value)
    # Without the flags that say whether indices were found to be sorted: a memory of earlier questions.
    columns = [getattr(value, name) for name in names]
    return Part(b"o", [type(value), value.shape, *columns], ["", "", *[f".{name}" for name in names]])
