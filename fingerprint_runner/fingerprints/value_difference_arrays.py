"""Where two arrays of numpy, or two frames of pandas, differ: dtype, shape, order, then the first element.

Invariants: elements are compared by their bytes, as their identity is, and in blocks, so that a large mapped
array is never copied whole; what has no bytes of its own is handed back as pairs of elements.
"""

from __future__ import annotations

import sys
from typing import Any

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints.difference import Difference, DifferenceKind, Found, Pair
from fingerprint_runner.fingerprints.identity import value_walk
from fingerprint_runner.fingerprints.identity_arrays import has_gaps

_BLOCK = 1 << 20
_RAW_KINDS = frozenset("?biufcmMUSV")


def differences(pair: Pair, made: list[object]) -> Found | None:
    """The differences of two arrays, numbers of numpy, frames or series; None of all else.

    Args:
        pair: two values of types of numpy or pandas.
        made: keeps alive what is made on the way.
    """
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    old, new = pair.old, pair.new
    if numpy is not None:
        bare = (numpy.ndarray, numpy.memmap)
        if type(old) in bare and type(new) in bare:
            return _arrays(numpy, pair, made)
        if isinstance(old, numpy.generic) and type(old) is type(new):
            return _arrays(numpy, Pair(numpy.asarray(old), numpy.asarray(new), pair.path), made)
    if pandas is not None and type(old) is type(new):
        if type(old) is pandas.DataFrame:
            return _frames(pair, made)
        if type(old) is pandas.Series:
            return _series(pair, made)
        if type(old) in (pandas.Timestamp, pandas.Timedelta, pandas.Period, pandas.Interval):
            return iter((Difference(pair.path, DifferenceKind.VALUE, repr(old), repr(new)),))
    return None


# --- arrays -----------------------------------------------------------------------------------------------


def _arrays(numpy: Any, pair: Pair, made: list[object]) -> Found:
    old, new, path = pair.old, pair.new, pair.path
    if str(old.dtype) != str(new.dtype):
        yield Difference(path, DifferenceKind.DTYPE, str(old.dtype), str(new.dtype))
        return
    if old.shape != new.shape:
        yield Difference(path, DifferenceKind.SHAPE, str(old.shape), str(new.shape))
        return
    kind = old.dtype
    if kind.names is not None and (kind.hasobject or has_gaps(kind)):
        for name in kind.names:
            fields = old[name], new[name]
            made.extend(fields)
            yield from _arrays(numpy, Pair(*fields, f"{path}[{name!r}]"), made)
    elif kind.hasobject or kind.kind not in _RAW_KINDS:
        for index in numpy.ndindex(old.shape):
            elements = old[index], new[index]
            made.extend(elements)
            yield Pair(*elements, path + _index_text(index))
    else:
        place = _first_unlike(numpy, old, new)
        if place is not None:
            index = numpy.unravel_index(place, old.shape)
            yield _element(str(old[index]), str(new[index]), path + _index_text(index))
    layouts = [_layout(each) for each in (old, new)]
    if layouts[0] != layouts[1]:
        yield Difference(path, DifferenceKind.LAYOUT, *layouts)


def _element(old: str, new: str, path: str) -> Difference:
    """Two elements; of NaNs with other bits only the bits differ."""
    if old == new:
        return Difference(path, DifferenceKind.BYTES, old)
    return Difference(path, DifferenceKind.VALUE, old, new)


def _first_unlike(numpy: Any, old: Any, new: Any) -> int | None:
    """The place, in C order, of the first element whose bytes differ."""
    size = old.dtype.itemsize
    if size == 0:
        return None
    padded = old.dtype.char in "gG" and size in (16, 32) and numpy.finfo(old.dtype).nmant == 63
    for start in range(0, old.size, _BLOCK):
        octets = []
        for each in (old, new):
            block = numpy.ascontiguousarray(each.flat[start : start + _BLOCK])
            octets.append(block.view(numpy.uint8).reshape(len(block), -1, 16 if padded else size))
        unlike = octets[0] != octets[1]
        if padded:
            # Ten bytes of sixteen hold the number.
            unlike = unlike[..., :10]
        rows = unlike.any(axis=(1, 2))
        if rows.any():
            return int(start + rows.argmax())
    return None


def _layout(array: Any) -> str:
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    return "Fortran order" if fortran else "C order"


def _index_text(index: tuple[Any, ...]) -> str:
    return f"[{', '.join(str(int(each)) for each in index)}]" if index else ""


# --- frames -----------------------------------------------------------------------------------------------


def _frames(pair: Pair, made: list[object]) -> Found:
    old, new, path = pair.old, pair.new, pair.path
    yield from _labels(pair, ("columns", "index"))
    if old.shape != new.shape:
        yield Difference(path, DifferenceKind.SHAPE, str(old.shape), str(new.shape))
        return
    for place, label in enumerate(old.columns):
        name = f"[{label!r}]" if type(label) in (str, int) else f".iloc[:, {place}]"
        columns = old.iloc[:, place].array, new.iloc[:, place].array
        made.extend(columns)
        yield from _columns(Pair(*columns, path + name))
    yield from _labels(pair, ("attrs",))


def _series(pair: Pair, made: list[object]) -> Found:
    old, new = pair.old, pair.new
    yield from _labels(pair, ("name", "index"))
    columns = old.array, new.array
    made.extend(columns)
    yield from _columns(Pair(*columns, pair.path))
    yield from _labels(pair, ("attrs",))


def _labels(pair: Pair, names: tuple[str, ...]) -> Found:
    for name in names:
        yield Pair(getattr(pair.old, name), getattr(pair.new, name), f"{pair.path}.{name}")


def _columns(pair: Pair) -> Found:
    """Two columns of any of pandas' arrays."""
    old, new, path = pair.old, pair.new, pair.path
    if str(old.dtype) != str(new.dtype):
        yield Difference(path, DifferenceKind.DTYPE, str(old.dtype), str(new.dtype))
        return
    if len(old) != len(new):
        yield Difference(path, DifferenceKind.LENGTH, str(len(old)), str(len(new)))
        return
    if type(old) is not type(new) or _identity(old) == _identity(new):
        return
    for row, (one, other) in enumerate(zip(old, new, strict=True)):
        known = _identity(one)
        if known is None or known != _identity(other):
            before, after = (repr(each) if type(each) is str else str(each) for each in (one, other))
            yield _element(before, after, f"{path}[{row}]")
            return
    yield Difference(path, DifferenceKind.BYTES)


def _identity(value: object) -> bytes | None:
    """Bytes that stand for the identity of what may be gone at once; None where it has none."""
    # A walk of its own: others remember by `id()`, and this one may be given to another value.
    walk = value_walk()
    try:
        return walk.scalar(value) or walk.identity(value)
    except NoIdentity:
        return None
