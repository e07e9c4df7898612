"""Identity of pandas' types: frames by column, whatever their blocks.

Invariants: index, names, dtypes, categories and their order, time zones, `attrs` and flags count;
how columns lie in memory, and values hidden behind a missing one, don't.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from fingerprint_runner.fingerprints.parts import Part


def rule_for(kind: type, payloads: dict[int, str]) -> Callable[[Any], Any] | None:
    """The rule for a type of pandas; None leaves it to the reduce protocol."""
    pandas = sys.modules["pandas"]
    if kind is pandas.DataFrame:
        return _frame
    if kind is pandas.Series:
        return _series
    if issubclass(kind, pandas.Index) and kind.__module__.startswith("pandas."):
        return _index
    if issubclass(kind, pandas.api.extensions.ExtensionArray) and kind.__module__.startswith("pandas."):
        return _array
    return None


def _frame(value: Any) -> Part:
    columns = [_array(value.iloc[:, place].array) for place in range(value.shape[1])]
    names = [
        f"[{label!r}]" if type(label) in (str, int) else f".iloc[:, {place}]"
        for place, label in enumerate(value.columns)
    ]
    items = [type(value), value.columns, value.index, Part(b"q", columns, names), *_extras(value)]
    return Part(b"o", items, ["", ".columns", ".index", "", ".attrs", ""])


def _series(value: Any) -> Part:
    items = [type(value), value.name, value.index, _array(value.array), *_extras(value)]
    return Part(b"o", items, ["", ".name", ".index", "", ".attrs", ""])


def _extras(value: Any) -> list[Any]:
    return [value.attrs or None, value.flags.allows_duplicate_labels]


def _index(value: Any) -> Part:
    pandas = sys.modules["pandas"]
    names = tuple(value.names)
    if isinstance(value, pandas.MultiIndex):
        return Part(
            b"o", [type(value), names, list(value.levels), [_ndarray(codes) for codes in value.codes]]
        )
    if isinstance(value, pandas.RangeIndex):
        return Part(b"o", [type(value), names, value.start, value.stop, value.step])
    frequency = getattr(value, "freq", None) if hasattr(type(value), "freq") else None
    return Part(b"o", [type(value), names, _array(value.array), frequency], ["", ".names", "", ".freq"])


def _array(value: Any) -> Any:
    """One column: any of pandas' arrays."""
    pandas = sys.modules["pandas"]
    arrays = pandas.arrays
    kind = type(value)
    if kind is arrays.NumpyExtensionArray:
        return _ndarray(value.to_numpy())
    if isinstance(value, pandas.Categorical):
        return Part(b"o", [kind, _ndarray(value.codes), value.categories, value.ordered])
    if isinstance(value, arrays.DatetimeArray | arrays.TimedeltaArray):
        return Part(b"o", [kind, getattr(value.dtype, "tz", None), _ndarray(value._ndarray)])
    if isinstance(value, arrays.PeriodArray):
        return Part(b"o", [kind, value.dtype.freq, _ndarray(value._ndarray)])
    if isinstance(value, arrays.IntervalArray):
        return Part(b"o", [kind, value.left, value.right, value.closed])
    if isinstance(value, arrays.IntegerArray | arrays.FloatingArray | arrays.BooleanArray):
        data = value._data
        if value._mask.any():
            data = data.copy()
            data[value._mask] = 0
        return Part(b"o", [kind, _ndarray(data), _ndarray(value._mask)])
    if isinstance(value.dtype, pandas.StringDtype):
        return _texts(value)
    if isinstance(value, arrays.ArrowExtensionArray):
        return Part(b"o", [kind, value.dtype.pyarrow_dtype, _arrow(value)])
    from fingerprint_runner.fingerprints.identity_objects import by_reduction

    return by_reduction(value)


def _texts(value: Any) -> Part:
    """Texts by value, and by where they are held, which their dtype says."""
    kind = value.dtype
    if kind.storage == "pyarrow":
        texts: Any = _arrow(value)
    elif kind.na_value is sys.modules["pandas"].NA:
        texts = value.to_numpy(dtype=object, na_value=None).tolist()
    else:
        texts = value.to_numpy(dtype=object).tolist()
    return Part(b"o", ["pandas:StringDtype", kind.storage, kind.na_value, texts])


def _ndarray(value: Any) -> Part:
    from fingerprint_runner.fingerprints.identity_arrays import array

    return array(value)


def _arrow(value: Any) -> Part:
    from fingerprint_runner.fingerprints.identity_arrow import column

    return column(value.__arrow_array__())
