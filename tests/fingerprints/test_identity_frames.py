"""Identity of pandas' types."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from fingerprint_runner.fingerprints.identity import identify

pd = pytest.importorskip("pandas")
np = pytest.importorskip("numpy")


def name(value: Any) -> str:
    return identify(value).identity


def frame(**changes: Any) -> Any:
    return pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [0.5, 1.5], "d": ["x", None], **changes})


def test_blocks_do_not_count() -> None:
    """Frames that are equal agree however their columns lie in memory."""
    whole = pd.DataFrame(np.arange(12).reshape(4, 3), columns=list("abc"))
    parts = pd.DataFrame({"a": whole["a"].to_numpy().copy()})
    parts["b"] = whole["b"].to_numpy().copy()
    parts["c"] = whole["c"].to_numpy().copy()
    by_row = pd.DataFrame(np.asfortranarray(whole.to_numpy()), columns=list("abc"))
    assert whole.equals(parts)
    assert name(whole) == name(parts) == name(by_row) == name(whole.copy())
    mixed = pd.concat([frame()[["a", "d"]], frame()[["b", "c"]]], axis=1)[["a", "b", "c", "d"]]
    assert mixed.equals(frame())
    assert name(mixed) == name(frame())
    assert name(frame()) == name(pickle.loads(pickle.dumps(frame(), 5)))


def test_everything_a_consumer_sees_of_a_frame_counts() -> None:
    """Values, dtypes, names, order, index, attributes and flags tell frames apart."""
    attributed, flagged, named, columned = frame(), frame(), frame(), frame()
    attributed.attrs["source"] = "x"
    flagged = flagged.set_flags(allows_duplicate_labels=False)
    named.index.name = "n"
    columned.columns.name = "n"
    values = [
        *[frame(), frame(a=[1, 3]), frame(a=[1.0, 2.0]), frame(a=np.array([1, 2], "i4")), frame(a=[1, None])],
        *[frame(a=pd.array([1, 2], dtype="Int64")), frame(a=pd.array([1, None], dtype="Int64"))],
        *[
            frame().rename(columns={"a": "z"}),
            frame()[["b", "a", "c", "d"]],
            frame().iloc[::-1],
            frame().head(1),
        ],
        *[
            frame().set_axis([0, 2]),
            frame().set_axis(["0", "1"]),
            frame().set_axis([0.0, 1.0]),
            attributed,
            flagged,
        ],
        *[frame().set_axis(pd.Index([0, 1])), named, columned, frame().head(0), pd.DataFrame(), frame()["a"]],
        *[
            frame(d=["x", "y"]),
            frame(d=pd.Series(["x", None], dtype=object)),
            frame(d=["x", ""]),
            frame(e=[1, 2]),
        ],
    ]
    assert len({name(value) for value in values}) == len(values)


def test_everything_a_consumer_sees_of_a_series_counts() -> None:
    """Categories and their order, time zones, units, frequencies and missing values count."""
    days = pd.date_range("2020", periods=2)

    def category(values: list[str], categories: list[str], ordered: bool = False) -> Any:
        return pd.Series(pd.Categorical(values, categories=categories, ordered=ordered))

    values = [
        *[
            category(["a", "b"], ["a", "b"]),
            category(["a", "b"], ["b", "a"]),
            category(["a", "b"], ["a", "b", "c"]),
        ],
        *[category(["a", "b"], ["a", "b"], True), pd.Series(["a", "b"]), pd.Series(["a", "b"], dtype=object)],
        *[pd.Series(days), pd.Series(days.tz_localize("UTC")), pd.Series(days.tz_localize("Europe/Paris"))],
        *[
            pd.Series(days.as_unit("s")),
            pd.Series(days.as_unit("ns")),
            pd.Series(days - days[0]),
            pd.Series(list(days), dtype=object),
        ],
        *[
            pd.Series([1, 2]),
            pd.Series([1, 2], name="n"),
            pd.Series([1, 2], index=["a", "b"]),
            pd.Series([2, 1]),
        ],
        *[
            pd.Series([True, None], dtype="boolean"),
            pd.Series([True, False], dtype="boolean"),
            pd.Series([True, False]),
        ],
        *[
            pd.Series([1.0, None]),
            pd.Series([1.0, None], dtype="Float64"),
            pd.Series([1.0, None], dtype=object),
        ],
        *[
            pd.Series([0, 0, 1]),
            pd.Series(pd.arrays.SparseArray([0, 0, 1])),
            pd.Series(pd.interval_range(0, 2)),
        ],
        *[
            pd.Series(pd.interval_range(0, 2, closed="left")),
            pd.Series(pd.period_range("2020", periods=2, freq="M")),
        ],
        *[
            pd.Series(pd.period_range("2020", periods=2, freq="D")),
            pd.Series([{"k": 1}, [2]]),
            pd.Series([{"k": 2}, [2]]),
        ],
        *[pd.Series([-0.0]), pd.Series([0.0]), pd.Series([], dtype=object), pd.Series([], dtype=float)],
    ]
    met: dict[str, Any] = {}
    for value in values:
        found = name(value)
        assert found not in met, (value, met[found])
        met[found] = value
        assert name(pickle.loads(pickle.dumps(value, 5))) == found, value


def test_everything_a_consumer_sees_of_an_index_counts() -> None:
    """Kind, names, levels and frequency tell indexes apart."""
    days = pd.date_range("2020", periods=3)
    pairs = pd.MultiIndex.from_product([["a", "b"], [1, 2]])
    values = [
        *[
            pd.RangeIndex(3),
            pd.RangeIndex(0, 6, 2),
            pd.Index([0, 1, 2]),
            pd.Index([0, 1, 2], name="n"),
            pd.Index(["a"]),
        ],
        *[
            days,
            pd.DatetimeIndex(list(days)),
            days.tz_localize("UTC"),
            pairs,
            pairs.set_names(["x", "y"]),
            pairs[:2],
        ],
        *[
            pd.CategoricalIndex(["a"]),
            pd.CategoricalIndex(["a"], categories=["a", "b"]),
            pd.Index(["a"], dtype=object),
        ],
        *[
            pd.timedelta_range("1D", periods=2),
            pd.period_range("2020", periods=2, freq="M"),
            pd.interval_range(0, 2),
        ],
    ]
    assert len({name(value) for value in values}) == len(values)
    for value in values:
        assert name(pickle.loads(pickle.dumps(value, 5))) == name(value)


def test_what_a_missing_value_hides_does_not_count() -> None:
    """The number below a masked entry can't be seen."""
    one = pd.arrays.IntegerArray(np.array([1, 5]), np.array([False, True]))
    other = pd.arrays.IntegerArray(np.array([1, 9]), np.array([False, True]))
    assert name(pd.Series(one)) == name(pd.Series(other))


def test_scalars_of_pandas() -> None:
    """Time stamps and missing values count by value."""
    values = [
        pd.Timestamp("2020"),
        pd.Timestamp("2020", tz="UTC"),
        pd.Timestamp("2021"),
        pd.Timedelta(1),
        pd.NaT,
        pd.NA,
    ]
    values += [
        pd.Period("2020", "M"),
        pd.Interval(0, 1),
        pd.Interval(0, 1, closed="both"),
        pd.offsets.Day(2),
        None,
    ]
    assert len({name(value) for value in values}) == len(values)
    for value in values:
        assert name(pickle.loads(pickle.dumps(value))) == name(value)


def test_a_part_without_identity_is_named_by_column() -> None:
    """The path names the column."""
    from fingerprint_runner.errors import NoIdentity

    with pytest.raises(NoIdentity) as refused:
        name({"table": frame(e=[1, iter([])])})
    assert refused.value.path == "value['table']['e'].flat[1]"
