"""Identity of Arrow's arrays, tables and types: columns by type and values, whatever their layout.

Invariants: types, names, metadata and dictionaries count; how a column is cut into chunks, where in its
buffers an array begins, and what lies under a missing value, don't; buffers are digested where they lie.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from xxhash import xxh3_128

from fingerprint_runner.fingerprints.parts import Hashed, Part


def rule_for(kind: type, payloads: dict[int, str]) -> Callable[[Any], Any] | None:
    """The rule for a type of pyarrow; None leaves it to the reduce protocol."""
    pyarrow = sys.modules["pyarrow"]
    if issubclass(kind, pyarrow.ChunkedArray | pyarrow.Array):
        return _array
    if kind is pyarrow.Table or kind is pyarrow.RecordBatch:
        return _table
    if kind is pyarrow.Buffer:
        return lambda value: Part(b"o", [kind, value.to_pybytes()])
    return None


def column(value: Any) -> Part:
    """The values of an array or a chunked array; its type is for the caller to add."""
    made = _Column()
    if isinstance(value, sys.modules["pyarrow"].ChunkedArray):
        for chunk in value.unify_dictionaries().chunks:  # else each chunk may have its own
            made.add(chunk)
    else:
        made.add(value)
    return made.part()


def _array(value: Any) -> Part:
    name = "ChunkedArray" if isinstance(value, sys.modules["pyarrow"].ChunkedArray) else "Array"
    return Part(b"o", [f"pyarrow:{name}", value.type, column(value)], ["", ".type", ""])


def _table(value: Any) -> Part:
    columns = [column(each) for each in value.columns]
    names = [f"[{name!r}]" for name in value.schema.names]
    items = [type(value), value.schema, value.num_rows, Part(b"q", columns, names)]
    return Part(b"o", items, ["", ".schema", "", ""])


class _Column:
    """The values of one type, added in as many pieces as there are."""

    def __init__(self) -> None:
        self._count = 0
        self._valid = xxh3_128()
        self._lengths = xxh3_128()
        self._data = xxh3_128()
        self._inner: list[_Column] = []
        self._dictionary: Part | None = None
        self._items: list[Any] = []

    def add(self, array: Any) -> None:
        """Go on with an array, which is of the same type as those before."""
        pyarrow = sys.modules["pyarrow"]
        array = _as_written(array)
        count = len(array)
        self._count += count
        if pyarrow.types.is_dictionary(array.type) and self._dictionary is None:
            self._dictionary = column(array.dictionary)
        if count == 0:
            return
        if pyarrow.types.is_union(array.type):
            self._items += array.to_pylist()
            return
        if array.null_count:
            self._valid.update(_elements(array.is_valid().cast("uint8")))
            array = array.drop_null()
        else:
            self._valid.update(b"\1" * count)
        if len(array):
            self._add_present(array)

    def _add_present(self, array: Any) -> None:
        """Go on with an array that isn't empty and in which nothing is missing."""
        from pyarrow import compute

        types = sys.modules["pyarrow"].types
        kind = array.type
        inner: list[Any] = []
        if types.is_dictionary(kind):
            inner = [array.indices]
        elif types.is_struct(kind):
            inner = array.flatten()
        elif types.is_nested(kind):
            if types.is_map(kind):
                array = _as_lists(array)
            self._lengths.update(_elements(compute.list_value_length(array).cast("int64")))
            inner = [array.flatten()]
        elif types.is_boolean(kind):
            self._data.update(_elements(array.cast("uint8")))
        elif types.is_large_string(kind) or types.is_large_binary(kind):
            self._lengths.update(_elements(compute.binary_length(array)))
            _, offsets, data = array.buffers()
            places = memoryview(offsets).cast("q")
            start, stop = places[array.offset], places[array.offset + len(array)]
            if start != stop:
                self._data.update(memoryview(data)[start:stop])
        elif not types.is_null(kind):
            self._data.update(_elements(array))
        if not self._inner:
            self._inner = [_Column() for _ in inner]
        for below, values in zip(self._inner, inner, strict=True):
            below.add(values)

    def part(self) -> Part:
        """All that was added."""
        digests = [Hashed(each.digest()) for each in (self._valid, self._lengths, self._data)]
        inner = Part(b"q", [each.part() for each in self._inner])
        return Part(b"q", [self._count, *digests, inner, self._dictionary, self._items])


def _as_written(array: Any) -> Any:
    """The same values in one of the layouts that are told apart no further: texts have 64-bit offsets, …"""
    pyarrow = sys.modules["pyarrow"]
    types = pyarrow.types
    kind = array.type
    if isinstance(kind, pyarrow.BaseExtensionType):
        return _as_written(array.storage)
    if types.is_run_end_encoded(kind):
        from pyarrow import compute

        return _as_written(compute.run_end_decode(array))
    if types.is_string(kind) or types.is_string_view(kind):
        return array.cast("large_string")
    if types.is_binary(kind) or types.is_binary_view(kind):
        return array.cast("large_binary")
    return array


def _as_lists(array: Any) -> Any:
    """An array of maps as lists of entries."""
    pyarrow = sys.modules["pyarrow"]
    entries = pyarrow.StructArray.from_arrays([array.keys, array.items], ["key", "value"])
    return pyarrow.ListArray.from_arrays(array.offsets, entries)


def _elements(array: Any) -> memoryview:
    """The bytes of an array of elements of one width, in which nothing is missing."""
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None:
        return memoryview(b"")
    return memoryview(data)[array.offset * width : (array.offset + len(array)) * width]
