"""The first place in which two values differ, by the rules of value identity."""

from __future__ import annotations

import copy
import datetime
import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints.difference import Difference, DifferenceKind, tree_difference
from fingerprint_runner.fingerprints.identity import identify
from fingerprint_runner.fingerprints.record import ResourceTree, TreeEntry
from fingerprint_runner.fingerprints.value_difference import first_difference


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Model:
    coef: Any = None
    name: str = "model"
    options: dict[str, Any] = field(default_factory=dict)


class Other(Model): ...


class Plain: ...


class Opaque:
    """Pickles, and has no identity."""

    def __init__(self, note: str = "") -> None:
        self.lines: Iterator[int] = iter([1])
        self.note = note


def plain(**attributes: Any) -> Plain:
    made = Plain()
    vars(made).update(attributes)
    return made


def frame(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame({"size": [1.0, 2.0, 3.0], "name": ["a", "b", "c"], **changes})


def category(letters: str) -> pd.Categorical:
    return pd.Categorical(list(letters))


RECORD = np.array([(1, 2.0), (3, 4.0)], dtype=[("count", "i4"), ("share", "f8")])
CHANGED = np.array([(1, 2.0), (3, 4.5)], dtype=RECORD.dtype)
GAPS = np.dtype({"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [0, 8], "itemsize": 16})

CASES: list[tuple[Any, Any, str]] = [
    (1, 2, "value: 1 → 2"),
    (1, 1.0, "value: 1 → 1.0"),
    (1, True, "value: 1 → True"),
    (0.0, -0.0, "value: 0.0 → -0.0"),
    (None, "", "value: None → ''"),
    (2**70, 2**70 + 1, f"value: {hex(2**70)!r} → {hex(2**70 + 1)!r}"),
    ([1], (1,), "value: type list → tuple"),
    ({"a": 1}, None, "value: type dict → NoneType"),
    ([1, 2], [1, 2, 3], "value: length 2 → 3"),
    ({"weights": [0, 1, 2, 0.25]}, {"weights": [0, 1, 2, 0.26]}, "value['weights'][3]: 0.25 → 0.26"),
    ({"a": 1, "b": 2}, {"a": 1}, "value['b']: isn't there any more"),
    ({"a": 1}, {"a": 1, 2: 2}, "value[2]: wasn't there before"),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "value: the same keys in another order"),
    ({1: "a"}, {True: "a"}, "value[1]: isn't there any more"),
    ({1, 2}, {1, 3}, "value{…}: isn't there any more (2)"),
    ({1}, {1, "x"}, "value{…}: wasn't there before ('x')"),
    ("x" * 90 + "a" + "x" * 90, "x" * 90 + "b" + "x" * 90, None),
    (b"one", b"two", "value: b'one' → b'two'"),
    (Color.RED, Color.BLUE, "value: <Color.RED: 1> → <Color.BLUE: 2>"),
    (datetime.date(2026, 1, 1), datetime.date(2026, 1, 2), None),
    (Path("a"), Path("b"), "value: PosixPath('a') → PosixPath('b')"),
    (int, str, "value: 'builtins:int' → 'builtins:str'"),
    (Model([1, 2]), Model([1, 3]), "value.coef[1]: 2 → 3"),
    (Model(), Other(), None),
    (plain(a=1), plain(a=1, b=2), "value.b: wasn't there before"),
    (plain(a=1), plain(), "value.a: isn't there any more"),
    (np.arange(6.0).reshape(2, 3), np.array([[0, 1, 2], [3, 4.5, 5]]), "value[1, 1]: 4.0 → 4.5"),
    (np.zeros(3), np.zeros(4), "value: shape (3,) → (4,)"),
    (np.zeros(3), np.zeros(3, "f4"), "value: dtype float64 → float32"),
    (np.zeros((2, 3)), np.zeros((2, 3), order="F"), "value: C order → Fortran order"),
    (np.zeros((2, 3), order="F"), np.ones((2, 3), order="F"), "value[0, 0]: 0.0 → 1.0"),
    (np.arange(10)[::2], np.arange(0, 11, 2)[1:], "value[0]: 0 → 2"),
    (np.float32(0.1), np.float32(0.2), "value: 0.1 → 0.2"),
    (np.array(0.0), np.array(-0.0), "value: 0.0 → -0.0"),
    (np.array(["a", "b"]), np.array(["a", "c"]), "value[1]: b → c"),
    (np.array([{"a": 1}], dtype=object), np.array([{"a": 2}], dtype=object), "value[0]['a']: 1 → 2"),
    (RECORD, CHANGED, "value[1]: (3, 4.0) → (3, 4.5)"),
    (np.zeros(2, GAPS), np.ones(2, GAPS), "value['a'][0]: 0 → 1"),
    (np.longdouble(1), np.longdouble(2), "value: 1.0 → 2.0"),
    (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 1]), "value.mask[0]: False → True"),
    (frame(), frame(size=[1.0, 2.5, 3.0]), "value['size'][1]: 2.0 → 2.5"),
    (frame(), frame(name=["a", "b", "d"]), "value['name'][2]: 'c' → 'd'"),
    (frame(), frame(size=[1, 2, 3]), "value['size']: dtype float64 → int64"),
    (frame(), frame().head(2), None),
    (frame(), frame(more=1), None),
    (frame().set_index("name"), frame(name=["a", "b", "x"]).set_index("name"), None),
    (frame()["size"], frame(size=[1.0, 2.0, 4.0])["size"], "value[2]: 3.0 → 4.0"),
    (frame(size=category("aba")), frame(size=category("abb")), "value['size'][2]: 'a' → 'b'"),
    (pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-02"), None),
    ({"a": [1, {"b": Model(np.zeros(4))}]}, {"a": [1, {"b": Model(np.eye(4)[3])}]}, None),
]
"""Two values and the difference; None: it is named, whatever it is called exactly."""


@pytest.mark.parametrize(("old", "new", "text"), CASES)
def test_the_first_place_is_named(old: Any, new: Any, text: str | None) -> None:
    """With what is there in both; and a value never differs from itself or from its copy."""
    found = first_difference(old, new)
    assert found is not None and found.kind is not DifferenceKind.BYTES
    assert text is None or str(found) == text
    assert first_difference(old, old) is None
    assert first_difference(new, copy.deepcopy(new)) is None
    assert first_difference(new, old) is not None


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (frame(), frame().head(2), "value.index"),
        (frame(), frame(more=1), "value.columns"),
        ({"a": [1, Model(np.zeros(4))]}, {"a": [1, Model(np.eye(4)[3])]}, "value['a'][1].coef[3]"),
        ("x" * 90 + "a" + "x" * 90, "x" * 90 + "b" + "x" * 90, "value[90:]"),
        (b"x" * 2000, b"x" * 1999 + b"y", "value[1999:]"),
        ("x" * 80, "x" * 90, "value[80:]"),
    ],
)
def test_paths_lead_to_the_place(old: Any, new: Any, path: str) -> None:
    """Of long texts only what is around the place is shown."""
    found = first_difference(old, new)
    assert found is not None and found.path.startswith(path)
    assert all(text is None or len(text) < 70 for text in (found.old, found.new))


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2),
    st.sampled_from([0.0, -0.0, 1.0, math.nan, "a", "b", b"a", "x" * 2000, 1 << 70]),
    st.sampled_from([np.zeros(2), np.ones(2), np.zeros(2, "f4"), np.array(["a"])]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(["a", "b", 1]), inner, max_size=3),
        st.builds(Model, inner),
        st.builds(lambda part: SimpleNamespace(part=part), inner),
        st.sets(st.integers(0, 2)),
    ),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_there_is_a_difference_exactly_where_identities_differ(old: Any, new: Any) -> None:
    """Never a false "equal", never a difference between what counts as one value, and always a place."""
    found = first_difference(old, new)
    assert (found is None) == (identify(old).identity == identify(new).identity)
    assert found is None or found.kind is not DifferenceKind.BYTES


@given(VALUES, st.data())
def test_a_change_somewhere_inside_is_found_there(value: Any, data: st.DataObject) -> None:
    """Whatever leaf of a value is replaced, the difference names the path to it."""
    places = list(_leaves(value))
    path, _ = data.draw(st.sampled_from(places))
    changed = _replaced(value, path, Color.RED)
    found = first_difference(value, changed)
    assert found is not None
    assert found.path == "value" + "".join(step for step, _ in path)


def _leaves(value: Any, path: tuple[tuple[str, Any], ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Every leaf with its path: what a reader writes, and the key that leads there."""
    inner: list[tuple[str, Any, Any]] = []
    if type(value) in (list, tuple):
        inner = [(f"[{index}]", index, item) for index, item in enumerate(value)]
    elif type(value) is dict:
        inner = [(f"[{key!r}]", key, item) for key, item in value.items()]
    elif type(value) in (Model, SimpleNamespace):
        name = "coef" if type(value) is Model else "part"
        inner = [(f".{name}", name, getattr(value, name))]
    if not inner:
        yield path, value
    for step, key, item in inner:
        yield from _leaves(item, (*path, (step, key)))


def _replaced(value: Any, path: Any, new: Any) -> Any:
    if not path:
        return new
    (_, key), rest = path[0], path[1:]
    if type(value) is tuple:
        items = list(value)
        items[key] = _replaced(items[key], rest, new)
        return tuple(items)
    changed = copy.copy(value)
    if type(value) in (Model, SimpleNamespace):
        setattr(changed, key, _replaced(getattr(value, key), rest, new))
    else:
        changed[key] = _replaced(value[key], rest, new)
    return changed


def test_cycles_end_and_are_looked_through() -> None:
    """A list in itself, and a tree whose nodes know their parents."""

    def ring(last: int) -> list[Any]:
        made: list[Any] = [1, [2]]
        made[1].append(made)
        made.append(last)
        return made

    assert first_difference(ring(3), ring(3)) is None
    assert str(first_difference(ring(3), ring(4))) == "value[2]: 3 → 4"

    def tree(leaf: int) -> Plain:
        root = plain(children=[])
        for _ in range(3):
            root.children.append(plain(parent=root, number=0))  # type: ignore[attr-defined]
        root.children[2].number = leaf  # type: ignore[attr-defined]
        return root

    assert str(first_difference(tree(0), tree(5))) == "value.children[2].number: 0 → 5"


def test_other_cycles_of_equal_parts_differ_though_no_place_can_be_named() -> None:
    """A ring of one and a ring of two unroll to the same: their identities differ, and that is said."""
    one: list[Any] = []
    one.append(one)
    two: list[Any] = [[]]
    two[0].append(two)
    assert identify(one).identity != identify(two).identity
    assert first_difference(one, two) == Difference("value", DifferenceKind.BYTES)


def test_what_has_no_identity_is_passed_by_for_what_has() -> None:
    """The rest is still compared; where nothing else differs, the part that can't be told is named."""
    with pytest.raises(NoIdentity):
        identify(Opaque())
    old, new = {"handle": Opaque(), "share": 0.5}, {"handle": Opaque(), "share": 0.6}
    assert str(first_difference(old, new)) == "value['share']: 0.5 → 0.6"
    found = first_difference(old, {**old, "handle": Opaque()})
    assert found is not None and found.kind is DifferenceKind.BYTES
    assert found.path.startswith("value['handle']")
    noted = first_difference({"handle": Opaque("a")}, {"handle": Opaque("b")})
    assert str(noted) == "value['handle'].note: 'a' → 'b'"


def test_nesting_is_no_limit() -> None:
    """A hundred thousand lists in each other."""

    def nested(leaf: int) -> list[Any]:
        made: list[Any] = [leaf]
        for _ in range(100_000):
            made = [made]
        return made

    found = first_difference(nested(1), nested(2))
    assert found is not None and (found.old, found.new) == ("1", "2")
    assert len(found.path) == len("value") + 3 * 100_001


def test_large_arrays_are_compared_in_blocks() -> None:
    """The place is right wherever it lies, and whatever the order in memory."""
    old = np.zeros((3, 700_000), "i2")
    for place in ((0, 0), (1, 348_576), (2, 699_999)):
        new = old.copy()
        new[place] = 7
        assert str(first_difference(old, new)) == f"value[{place[0]}, {place[1]}]: 0 → 7"
    new = np.asfortranarray(new)
    assert str(first_difference(np.asfortranarray(old), new)) == "value[2, 699999]: 0 → 7"


def test_not_a_number_with_other_bits_differs_in_its_bytes() -> None:
    """In an array every bit counts; what is shown would be the same."""
    old, new = np.array([0.0, math.nan]), np.array([0.0, math.nan])
    new.view("u8")[1] |= 1
    assert str(first_difference(old, new)) == "value[1]: its bytes differ (nan)"


def tree(*entries: TreeEntry) -> ResourceTree:
    return ResourceTree(str(entries), entries)


FILE = TreeEntry("model.json", "file", "d1", 10)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (tree(FILE), None, "resource: isn't there any more"),
        (None, tree(FILE), "resource: wasn't there before"),
        (
            tree(FILE),
            tree(TreeEntry("model.json", "file", "d2", 10)),
            "resource/model.json: contents differ",
        ),
        (
            tree(FILE),
            tree(TreeEntry("model.json", "file", "d2", 1200)),
            "resource/model.json: contents differ (10 B → 1200 B)",
        ),
        (tree(FILE), tree(), "resource/model.json: isn't there any more"),
        (tree(FILE), tree(TreeEntry("a", "folder"), FILE), "resource/a: wasn't there before"),
        (tree(FILE), tree(TreeEntry("model.json", "folder")), "resource/model.json: type file → folder"),
        (
            tree(TreeEntry("l", "link", "a")),
            tree(TreeEntry("l", "link", "b")),
            "resource/l: a → b",
        ),
        (
            tree(FILE),
            tree(TreeEntry("model.json", "file", "d1", 10, True)),
            "resource/model.json: not executable → executable",
        ),
    ],
)
def test_folders_differ_by_path(old: ResourceTree | None, new: ResourceTree | None, text: str) -> None:
    """The first path in order, and what is different about it."""
    assert str(tree_difference(old, new)) == text


def test_folders_of_one_identity_do_not_differ() -> None:
    """And neither do two nodes without one."""
    assert tree_difference(tree(FILE), tree(FILE)) is None
    assert tree_difference(None, None) is None
