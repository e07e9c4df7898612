"""Identity of polars' types: columns by name, type and values, whatever their chunks and flags.

Invariants: types, names and their order, enumerated categories and missing values count; chunks, what lies
under a missing value, remarks that a column is sorted, and the numbers behind categories don't. The identity
is the same whether or not pyarrow is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from xxhash import xxh3_128_digest

from fingerprint_runner.fingerprints.identity_arrays import array
from fingerprint_runner.fingerprints.parts import Hashed, Part


def rule_for(kind: type, payloads: dict[int, str]) -> Callable[[Any], Any] | None:
    """The rule for a type of polars; None leaves it to the reduce protocol."""
    polars = sys.modules["polars"]
    if kind is polars.Series:
        return lambda value: Part(b"o", [kind, value.name, _dtype(value.dtype), _column(value)])
    if kind is polars.DataFrame:
        return _frame
    if issubclass(kind, polars.DataType):
        return _dtype
    if kind is getattr(polars, "Categories", None):
        return lambda value: Part(b"o", [kind, value.name(), value.namespace(), _dtype(value.physical())])
    return None


def _frame(value: Any) -> Part:
    columns = value.get_columns()
    parts = [Part(b"q", [_dtype(each.dtype), _column(each)]) for each in columns]
    names = [f"[{each.name!r}]" for each in columns]
    items = [type(value), value.height, value.columns, Part(b"q", parts, names)]
    return Part(b"o", items, [""] * len(items))


def _dtype(kind: Any) -> Part:
    """A type of column; a class without parameters stands for its instance."""
    made = kind() if isinstance(kind, type) else kind
    settings = vars(made)
    return Part(b"D", [type(made), *settings, *[_setting(each) for each in settings.values()]])


def _setting(value: Any) -> Any:
    polars = sys.modules["polars"]
    if isinstance(value, polars.DataType) or (isinstance(value, type) and issubclass(value, polars.DataType)):
        return _dtype(value)
    if isinstance(value, polars.Field):
        return Part(b"q", [value.name, _dtype(value.dtype)])
    return Part(b"q", [_setting(each) for each in value]) if type(value) is list else value


def _column(value: Any) -> Part:
    """Which values there are, and these, by the type of column, which is for the caller to add."""
    polars = sys.modules["polars"]
    kind = value.dtype
    if kind == polars.Object:
        return Part(b"q", [value.to_list()], [""])
    valid = array(value.is_not_null().to_numpy())
    present = value.drop_nulls()
    if kind == polars.Struct:
        fields = present.struct.fields
        columns = [_column(present.struct.field(name)) for name in fields]
        return Part(b"q", [valid, *columns], ["", *[f"[{name!r}]" for name in fields]])
    if kind == polars.List:
        lengths = present.list.len()
        return Part(b"q", [valid, array(lengths.to_numpy()), _column(present.filter(lengths > 0).explode())])
    if kind == polars.Array:
        return Part(b"q", [valid, _column(present.explode()) if kind.size else None])
    return Part(b"q", [valid, *_scalars(present)])


def _scalars(present: Any) -> list[Any]:
    """Values that aren't nested, none of them missing."""
    polars = sys.modules["polars"]
    kind = present.dtype
    if kind == polars.Categorical or kind == polars.Enum:
        present, kind = present.cast(polars.String), polars.String
    if kind == polars.Null:
        return []
    if kind == polars.String:
        octets = present.str.join("").item().encode() if len(present) else b""
        return [array(present.str.len_bytes().to_numpy()), Hashed(xxh3_128_digest(octets))]
    physical = present.to_physical()
    if kind == polars.Binary or physical.dtype in (polars.Int128, polars.UInt128):
        return [present.to_list()]
    return [array(physical.to_numpy())]
