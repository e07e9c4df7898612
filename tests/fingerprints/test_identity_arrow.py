"""Identity of Arrow's types, and of frames that hold their columns in them."""

from __future__ import annotations

import datetime
import decimal
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprint_runner.fingerprints.identity import identify

pa = pytest.importorskip("pyarrow")
compute = pytest.importorskip("pyarrow.compute")

DAY = datetime.date(2020, 1, 2)
NOW = datetime.datetime(2020, 1, 2, 3, 4, 5)


def name(value: Any) -> str:
    return identify(value).identity


def types_and_values() -> list[tuple[Any, list[Any]]]:
    """Types, each with values of which none is the same."""
    numbers = [pa.int8(), pa.uint64(), pa.int64(), pa.float16(), pa.float32(), pa.float64()]
    texts = [pa.string(), pa.large_string(), pa.string_view()]
    octets = [pa.binary(), pa.large_binary(), pa.binary_view()]
    lists = [pa.list_, pa.large_list, pa.list_view, pa.large_list_view]
    pairs = pa.struct([("a", pa.int8()), ("b", pa.string())])
    found: list[tuple[Any, list[Any]]] = [(kind, [1, 2, 0]) for kind in numbers]
    found += [(kind, ["a", "", "bc", "a text too long to be a view's own"]) for kind in texts]
    found += [(kind, [b"a", b"", b"bc"]) for kind in octets]
    found += [(make(pa.string()), [["a"], [], ["b", None], ["", "b"]]) for make in lists]
    found += [(make(make(pa.int8())), [[[1], [2]], [[1, 2]], [None], []]) for make in lists[:2]]
    found += [
        (pa.bool_(), [True, False]),
        (pa.binary(2), [b"ab", b"cd"]),
        (pa.decimal128(5, 2), [decimal.Decimal("1.50"), decimal.Decimal("0.00")]),
        (pa.decimal256(60, 2), [decimal.Decimal("1.50"), decimal.Decimal("0.00")]),
        (pa.date32(), [DAY, DAY.replace(day=3)]),
        (pa.timestamp("us"), [NOW, NOW.replace(hour=4)]),
        (pa.timestamp("us", "Europe/Paris"), [NOW, NOW.replace(hour=4)]),
        (pa.time64("us"), [NOW.time(), NOW.time().replace(hour=4)]),
        (pa.duration("us"), [datetime.timedelta(1), datetime.timedelta(2)]),
        (pa.month_day_nano_interval(), [(1, 2, 3), (1, 2, 4)]),
        (pa.list_(pa.int8(), 2), [[1, 2], [3, 4], [0, None]]),
        (pairs, [{"a": 1, "b": "x"}, {"a": 1, "b": None}, {"a": None, "b": "x"}]),
        (pa.list_(pairs), [[{"a": 1, "b": "x"}], [None], []]),
        (pa.map_(pa.string(), pa.int64()), [[("a", 1)], [("a", 1), ("b", 2)], []]),
        (pa.dictionary(pa.int8(), pa.string()), ["a", "b"]),
        (pa.list_(pa.dictionary(pa.int8(), pa.string())), [["a"], ["b", "a"]]),
    ]
    return found


CASES = types_and_values()
IDS = [str(kind) for kind, _ in CASES]


@pytest.mark.parametrize(("kind", "values"), CASES, ids=IDS)
def test_layout_does_not_count(kind: Any, values: list[Any]) -> None:
    """Chunks, offsets, and what lies before, after and under missing values leave the identity as it is."""
    values = [*values, None, *values, None]
    whole = pa.array(values, type=kind)
    inside = pa.array([*values[:2], *values, *values[:3]], type=kind).slice(2, len(values))
    assert name(whole) == name(inside) == name(pickle.loads(pickle.dumps(whole, 5)))
    parts = [
        pa.chunked_array(chunks, type=kind)
        for chunks in (
            [whole],
            [whole.slice(0, 1), whole.slice(1, 0), whole.slice(1)],
            [inside.slice(0, 3), inside.slice(3)],
            [pa.array([value], type=kind) for value in values],
        )
    ]
    assert len({name(each) for each in parts}) == 1
    assert name(parts[0]) != name(whole)


@pytest.mark.parametrize(("kind", "values"), CASES, ids=IDS)
def test_every_value_counts(kind: Any, values: list[Any]) -> None:
    """A column differs by each of its values, by what is missing, and by its length."""
    columns = [
        [],
        [None],
        [None, None],
        *[[value] for value in values],
        *[[value, None] for value in values],
        *[[None, value] for value in values],
        values,
        values[::-1],
    ]
    assert len({name(pa.array(column, type=kind)) for column in columns}) == len(columns)


def test_types_count() -> None:
    """The same values in columns of different types differ; so do fields, units, zones and dictionaries."""
    arrays = [
        *[pa.array([], type=kind) for kind, _ in CASES],
        *[pa.array([], type=pa.timestamp(unit)) for unit in ("s", "ms", "ns")],
        pa.array([], type=pa.null()),
        pa.array([], type=pa.struct([("b", pa.int8()), ("a", pa.string())])),
        pa.array([], type=pa.dictionary(pa.int8(), pa.string(), ordered=True)),
        pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.array(["a", "b"])),
        pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.array(["a", "c"])),
        pa.DictionaryArray.from_arrays(pa.array([1], pa.int8()), pa.array(["b", "a"])),
    ]
    assert len({name(array) for array in arrays}) == len(arrays)


def test_what_a_missing_value_hides_does_not_count() -> None:
    """Numbers, texts and items under a missing entry can't be seen."""
    mask = pa.array([False, True, False]).buffers()[1]
    valid = pa.py_buffer(bytes([0b101]))
    assert mask is not None
    for data in (b"\x01\x02\x03", b"\x01\x63\x03"):
        array = pa.Array.from_buffers(pa.int8(), 3, [valid, pa.py_buffer(data)])
        assert name(array) == name(pa.array([1, None, 3], pa.int8()))
    offsets = pa.py_buffer(b"".join(n.to_bytes(4, "little") for n in (0, 1, 3, 4)))
    hidden = pa.Array.from_buffers(pa.string(), 3, [valid, offsets, pa.py_buffer(b"axxc")])
    assert name(hidden) == name(pa.array(["a", None, "c"]))
    lists = pa.Array.from_buffers(
        pa.list_(pa.int8()), 3, [valid, offsets], children=[pa.array([1, 9, 9, 4], pa.int8())]
    )
    assert name(lists) == name(pa.array([[1], None, [4]], pa.list_(pa.int8())))
    structs = pa.StructArray.from_arrays([pa.array([1, 9, 3])], ["a"], mask=pa.array([False, True, False]))
    assert name(structs) == name(pa.array([{"a": 1}, None, {"a": 3}]))


def test_other_layouts() -> None:
    """Runs, unions and extension types have identities by value."""
    runs = compute.run_end_encode(pa.array([1, 1, 2, None]))
    other = pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3, 4], pa.int32()), pa.array([1, 1, 2, None]))
    assert name(runs) == name(other) != name(compute.run_end_encode(pa.array([1, 1, 2, 2])))
    kinds = pa.array([0, 1], pa.int8())
    unions = [
        pa.UnionArray.from_sparse(kinds, [pa.array([1, 2]), pa.array(["a", text])])
        for text in ("b", "c", "b")
    ]
    assert name(unions[0]) == name(unions[2]) != name(unions[1])
    ids = [pa.array([number * 16], type=pa.uuid()) for number in (b"a", b"b", b"a")]
    assert name(ids[0]) == name(ids[2]) != name(ids[1])
    assert name(ids[0]) != name(ids[0].storage)


def test_everything_a_consumer_sees_of_a_table_counts() -> None:
    """Names, their order, types, metadata, values and length tell tables apart; batches aren't tables."""
    table = pa.table({"a": [1, 2], "b": ["x", None]})
    values = [
        *[
            table,
            table.select(["b", "a"]),
            table.rename_columns(["a", "c"]),
            table.slice(1),
            table.slice(0, 0),
        ],
        *[table.replace_schema_metadata({"k": "v"}), table.set_column(0, "a", pa.array([1, 3]))],
        *[table.set_column(0, "a", pa.array([1, 2], pa.int32())), table.to_batches()[0], table.schema],
        *[
            table.select([]),
            table["a"],
            table.field("a"),
            table.schema.field("a").with_nullable(False),
        ],
        *[pa.scalar(1), pa.scalar(1, pa.int8()), pa.scalar("1"), pa.py_buffer(b"1"), pa.py_buffer(b"2")],
    ]
    assert len({name(value) for value in values}) == len(values)
    again = pa.concat_tables([table.slice(0, 1), table.slice(1, 1)])
    assert again.equals(table)
    assert name(again) == name(table) == name(pickle.loads(pickle.dumps(table, 5)))
    for value in values:
        if type(value) is not pa.Table or value.num_columns:  # else pickling loses the number of rows
            assert name(pickle.loads(pickle.dumps(value, 5))) == name(value)


TEXTS = st.lists(st.one_of(st.none(), st.text("aé\0", max_size=3)), max_size=8)


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS, st.integers(0, 8))
def test_columns_of_texts_are_told_apart(one: list[Any], other: list[Any], cut: int) -> None:
    """Two columns of texts agree exactly when their texts do, wherever they are cut."""
    column = pa.chunked_array([pa.array(one[:cut], pa.string()), pa.array(one[cut:], pa.string())])
    assert (name(column) == name(pa.chunked_array([pa.array(other, pa.string())]))) == (one == other)


def test_frames_of_pandas_over_arrow() -> None:
    """Texts and Arrow columns of a frame count by value and dtype, and not by their chunks."""
    pd = pytest.importorskip("pandas")
    texts = ["a", None, "bc", ""]
    kinds = [
        *[pd.StringDtype("pyarrow"), pd.StringDtype("pyarrow", na_value=float("nan"))],
        *[pd.StringDtype("python"), pd.StringDtype("python", na_value=float("nan"))],
        *[pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.large_string()), object],
    ]
    found = set()
    for kind in kinds:
        whole = pd.Series(texts, dtype=kind)
        parts = pd.concat([whole[:1], whole[1:3], whole[3:]])
        assert whole.equals(parts)
        assert name(whole) == name(parts) == name(pickle.loads(pickle.dumps(parts, 5)))
        assert name(whole) != name(whole[::-1].reset_index(drop=True))
        assert name(whole) != name(whole.fillna(""))
        found.add(name(whole))
    assert len(found) == len(kinds)
    lists = pd.ArrowDtype(pa.list_(pa.int64()))
    assert name(pd.Series([[1], [2, 3]], dtype=lists)) != name(pd.Series([[1, 2], [3]], dtype=lists))
