"""Identity of polars' frames, columns and types."""

from __future__ import annotations

import datetime
import decimal
import pickle
import subprocess
import sys
from typing import Any

import pytest

from fingerprint_runner.fingerprints.identity import identify

pl = pytest.importorskip("polars")
pytest.importorskip("numpy")

DAY = datetime.date(2020, 1, 2)
NOW = datetime.datetime(2020, 1, 2, 3, 4, 5)


def name(value: Any) -> str:
    return identify(value).identity


def types_and_values() -> list[tuple[Any, list[Any]]]:
    """Types, each with values of which none is the same."""
    pairs = pl.Struct({"a": pl.Int8, "b": pl.String})
    found: list[tuple[Any, list[Any]]] = [
        (kind, [1, 2, 0]) for kind in (pl.Int8, pl.UInt64, pl.Int64, pl.Int128, pl.Float32, pl.Float64)
    ]
    found += [
        (pl.String, ["a", "", "bc", "é"]),
        (pl.Binary, [b"a", b"", b"bc"]),
        (pl.Boolean, [True, False]),
        (pl.Date, [DAY, DAY.replace(day=3)]),
        (pl.Time, [NOW.time(), NOW.time().replace(hour=4)]),
        (pl.Datetime("us"), [NOW, NOW.replace(hour=4)]),
        (pl.Duration("ms"), [datetime.timedelta(1), datetime.timedelta(2)]),
        (pl.Decimal(5, 2), [decimal.Decimal("1.50"), decimal.Decimal("0.00")]),
        (pl.Categorical, ["a", "b"]),
        (pl.Enum(["a", "b"]), ["a", "b"]),
        (pl.List(pl.String), [["a"], [], ["b", None], ["", "b"]]),
        (pl.List(pl.List(pl.Int8)), [[[1], [2]], [[1, 2]], [None], [], [[]]]),
        (pl.Array(pl.Int8, 2), [[1, 2], [3, 4], [0, None]]),
        (pairs, [{"a": 1, "b": "x"}, {"a": 1, "b": None}, {"a": None, "b": "x"}]),
        (pl.List(pairs), [[{"a": 1, "b": "x"}], [None], []]),
    ]
    return found


CASES = types_and_values()
IDS = [str(kind) for kind, _ in CASES]


@pytest.mark.parametrize(("kind", "values"), CASES, ids=IDS)
def test_layout_does_not_count(kind: Any, values: list[Any]) -> None:
    """Chunks, slices, flags and pickling leave the identity as it is."""
    values = [*values, None, *values, None]
    whole = pl.Series("s", values, dtype=kind)
    parts = [
        pl.concat([whole[:1], whole[1:3], whole[3:]], rechunk=False),
        pl.Series("s", [*values[:2], *values, *values[:3]], dtype=kind)[2 : 2 + len(values)],
        pickle.loads(pickle.dumps(whole, 5)),
        whole.set_sorted() if kind == pl.Int8 else whole.clone(),
    ]
    assert {name(part) for part in parts} == {name(whole)}


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
    assert len({name(pl.Series("s", column, dtype=kind)) for column in columns}) == len(columns)


def test_types_and_names_count() -> None:
    """The same values in columns of other types or names differ; so do units, zones and categories."""
    series = [
        *[pl.Series("s", [], dtype=kind) for kind, _ in CASES],
        *[pl.Series("s", [], dtype=pl.Datetime(unit)) for unit in ("ms", "ns")],
        *[pl.Series("s", [], dtype=pl.Datetime("us", zone)) for zone in ("UTC", "Europe/Paris")],
        *[pl.Series("s", [], dtype=pl.Enum(names)) for names in (["b", "a"], ["a", "b", "c"])],
        pl.Series("s", [], dtype=pl.Categorical(pl.Categories("other"))),
        pl.Series("s", [], dtype=pl.Null),
        pl.Series("s", [None], dtype=pl.Null),
        pl.Series("s", [{"a": 1}, [2]], dtype=pl.Object),
        pl.Series("s", [{"a": 1}, [3]], dtype=pl.Object),
        pl.Series("t", [], dtype=pl.Int8),
    ]
    assert len({name(each) for each in series}) == len(series)
    assert name(pl.List(pl.Int8)) == name(pl.List(pl.Int8())) != name(pl.List(pl.Int16))


def test_categories_count_by_their_texts() -> None:
    """What number a category has, which depends on what was seen before, doesn't count."""
    program = (
        "import polars as pl; from fingerprint_runner.fingerprints.identity import identify;"
        "print(pl.Series(['z', 'b'], dtype=pl.Categorical)[:0].name,"
        "identify(pl.Series('s', ['b', 'a', 'b'], dtype=pl.Categorical)).identity)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [name(pl.Series("s", ["b", "a", "b"], dtype=pl.Categorical))]


def test_everything_a_consumer_sees_of_a_frame_counts() -> None:
    """Names, their order, types, values and height tell frames apart, and chunks don't."""
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    values = [
        *[frame, frame.select("b", "a"), frame.rename({"b": "c"}), frame.head(1), frame.head(0), frame["a"]],
        *[frame.with_columns(a=pl.lit(1)), frame.with_columns(pl.col("a").cast(pl.Int32)), pl.DataFrame()],
        *[
            frame.with_columns(b=pl.lit("x")),
            frame.lazy(),
            frame.lazy().select("a"),
            pl.col("a"),
            pl.col("b"),
        ],
    ]
    assert len({name(value) for value in values}) == len(values)
    for again in (pl.concat([frame[:1], frame[1:]], rechunk=False), pickle.loads(pickle.dumps(frame, 5))):
        assert again.equals(frame)
        assert name(again) == name(frame)


def test_a_part_without_identity_is_named_by_column() -> None:
    """The path names the column."""
    from fingerprint_runner.errors import NoIdentity

    frame = pl.DataFrame({"a": [1], "b": pl.Series([iter([])], dtype=pl.Object)})
    with pytest.raises(NoIdentity) as refused:
        name({"table": frame})
    assert refused.value.path.startswith("value['table']['b']")
