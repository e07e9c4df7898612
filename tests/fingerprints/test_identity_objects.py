"""Identity of the standard library's types and of general objects."""

from __future__ import annotations

import array
import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import pickle
import re
import types
import uuid
import zoneinfo
from typing import Any, NamedTuple

import pytest

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints import encoding
from fingerprint_runner.fingerprints.identity import identify


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Word(enum.StrEnum):
    A = "a"


class Pair(NamedTuple):
    a: Any
    b: Any


class Other(NamedTuple):
    a: Any
    b: Any


class MyDict(dict[Any, Any]): ...


class MyList(list[Any]): ...


class MySet(set[Any]): ...


class MyInt(int): ...


class MyStr(str): ...


class MyFloat(float): ...


class MyBytes(bytes): ...


@dataclasses.dataclass
class Mutable:
    a: Any
    b: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: Any
    b: Any = None


class Slotted:
    __slots__ = ("__dict__", "a")

    def __init__(self, a: Any, **more: Any) -> None:
        self.a = a
        self.__dict__.update(more)


class Reducing:
    def __init__(self, kept: Any, dropped: Any = None) -> None:
        self.kept = kept
        self.dropped = dropped

    def __reduce__(self) -> Any:
        return Reducing, (self.kept,)


class Fresh:
    """Makes its state anew each time it is asked."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> Any:
        return Fresh, ([self.number] * 20, {"text": str(self.number) * 2000})


class Endless:
    """Its state holds another of its kind, made when asked."""

    def __reduce__(self) -> Any:
        return Endless, (), {"next": Endless()}


def add(one: int, other: int = 0) -> int:
    return one + other


@functools.lru_cache
def cached(one: int) -> int:
    return one


UTC = datetime.UTC
VALUES: list[Any] = [
    *[1, 2, 1.0, True, "a", "A", b"a", (1, 2), [1, 2], {"a": 1}, {1}, {1, 2}, frozenset({1})],
    *[Color.RED, Color.BLUE, Level.LOW, Mode.READ, Mode.READ | Mode.WRITE, Mode(0), Word.A],
    *[
        Pair(1, 2),
        Pair(2, 1),
        Other(1, 2),
        MyDict(a=1),
        MyDict(a=2),
        MyList([1, 2]),
        MySet({1}),
        MySet({1, 2}),
    ],
    *[MyInt(1), MyInt(2), MyStr("a"), MyFloat(1.0), MyFloat(-0.0), MyFloat(0.0), MyBytes(b"a")],
    *[Mutable(1), Mutable(2), Mutable(1, 1), Mutable([1]), Frozen(1), Frozen(2), Frozen(1, 1)],
    *[Slotted(1), Slotted(2), Slotted(1, b=1), Slotted(1, c=1), Reducing(1), Reducing(2)],
    *[pathlib.Path("a"), pathlib.Path("b"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a")],
    *[datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 1, fold=1)],
    *[
        datetime.datetime(2020, 1, 1, tzinfo=UTC),
        datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
    ],
    *[datetime.time(1), datetime.time(1, tzinfo=UTC), datetime.timedelta(1), datetime.timedelta(seconds=1)],
    *[UTC, datetime.timezone(datetime.timedelta(hours=1)), zoneinfo.ZoneInfo("Europe/Paris")],
    *[decimal.Decimal("1.0"), decimal.Decimal("1.00"), decimal.Decimal("NaN"), fractions.Fraction(1, 2)],
    *[uuid.UUID(int=1), uuid.UUID(int=2), range(3), range(1, 3), range(0, 3, 2), slice(3), slice(0, 3)],
    *[re.compile("a"), re.compile("a", re.IGNORECASE), re.compile(b"a"), re.compile("b")],
    *[
        functools.partial(add, 1),
        functools.partial(add, 2),
        functools.partial(add, one=1),
        add,
        cached,
        len,
        print,
    ],
    *[
        collections.deque([1]),
        collections.deque([1], 3),
        collections.deque([1, 2]),
        collections.OrderedDict(a=1),
    ],
    *[collections.defaultdict(int, a=1), collections.defaultdict(list, a=1), collections.Counter("a")],
    *[types.MappingProxyType({"a": 1}), types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)],
    *[
        array.array("d", [1.0]),
        array.array("f", [1.0]),
        bytearray(b"a"),
        1j,
        ValueError("a"),
        ValueError("b"),
    ],
    *[
        int,
        str,
        Color,
        Pair,
        type(None),
        list[int],
        list[str],
        "abc".upper,
        "abd".upper,
        [].append,
        [1].append,
    ],
    *[Mutable.__init__, types.SimpleNamespace, Exception("a"), object(), str.upper, dict.fromkeys],
]


def test_all_differ() -> None:
    """No two of these values, many of which compare equal, have one identity."""
    met: dict[str, Any] = {}
    for value in VALUES:
        found = identify(value).identity
        assert found not in met, (value, met[found])
        met[found] = value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_the_identity_survives_pickling_and_copying(value: Any) -> None:
    """A value that was stored and loaded, or copied, has the identity that it had."""
    try:
        stored = pickle.loads(pickle.dumps(value, 5))
    except TypeError:
        assert isinstance(value, types.MappingProxyType)
        return
    assert identify(stored).identity == identify(value).identity
    assert identify([copy.deepcopy(value)]).identity == identify([value]).identity


def test_sets_have_no_order_in_subclasses_either() -> None:
    """Sets filled in another order are equal, also below a subclass."""
    names = [f"name{number}" for number in range(50)]
    assert identify(MySet(names)).identity == identify(MySet(reversed(names))).identity


def test_dict_order_counts_in_values_and_subclasses() -> None:
    """Consumers see the order of a dict, and of an object's attributes through `vars()`."""
    for kind in (dict, MyDict, collections.OrderedDict, types.SimpleNamespace):
        assert identify(kind(a=1, b=2)).identity != identify(kind(b=2, a=1)).identity


def test_what_pickle_drops_does_not_count() -> None:
    """An object is what its own reduction keeps: the rest never reaches a consumer."""
    assert identify(Reducing(1, "one")).identity == identify(Reducing(1, "other")).identity


def test_what_is_made_for_the_walk_outlives_it() -> None:
    """Parts that a reduction makes anew don't take each other's place when memory is used again."""
    value = {str(number): Fresh(number) for number in range(500)}
    keys = identify(value).keys
    assert keys is not None
    assert len(set(keys.values())) == 500
    assert keys["7"] == identify(Fresh(7)).identity


def test_an_endless_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that unfolds for ever is an error, not a full memory."""
    monkeypatch.setattr(encoding, "_DEPTH", 1000)
    with pytest.raises(NoIdentity, match="without end"):
        identify(Endless())


def test_equal_objects_agree_shared_or_separate() -> None:
    """Sharing of objects isn't part of their value."""
    point = Mutable([1, 2], "a" * 2000)
    again = [Mutable([1, 2], "".join(["a"] * 2000)) for _ in range(2)]
    assert identify([point, point]).identity == identify(again).identity


def test_objects_may_be_nested_deep() -> None:
    """A chain of 20,000 objects has an identity."""
    value: Any = None
    for number in range(20_000):
        value = Mutable(value, number)
    assert identify(value).identity
    while value is not None:
        inner, value.a = value.a, None  # taken apart step by step: a deep value's own end recurses
        value = inner


def test_a_class_counts_by_name_alone() -> None:
    """Code isn't part of a value: the class's name is listed instead."""
    found = identify(Mutable(1))
    assert found.globals == (f"{__name__}:Mutable",)
    assert identify(Level.LOW).globals == (f"{__name__}:Level",)
    assert identify(functools.partial(add)).globals == ("functools:partial", f"{__name__}:add")
