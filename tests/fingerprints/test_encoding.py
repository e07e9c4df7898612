"""The canonical encoding: equal digests exactly for values that are deeply the same, types included."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints.encoding import digest

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 1 << 9000]),
    st.sampled_from([0.0, -0.0, 1.0, 2.0, math.nan, -math.nan, math.inf, -math.inf, 5e-324]),
    st.sampled_from(["", "0", "1", "a", "\0", "a\0", "\ud800", "\udc00", "\ud800\udc00", "\U00010000", "é"]),
    st.sampled_from(["x" * 1024, "x" * 1025, "é" * 1025]),
    st.sampled_from([b"", b"0", b"1", b"a", b"\0", b"x" * 1024, b"x" * 1025]),
    st.sampled_from([0j, complex(0, -0.0), complex(1, math.nan), ..., NotImplemented]),
)
HASHABLE = st.recursive(
    SCALARS.filter(lambda value: value == value),
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3)),
    max_leaves=4,
)
VALUES = st.recursive(
    st.one_of(SCALARS, st.sampled_from([b"", b"1"]).map(bytearray)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(st.tuples(HASHABLE, inner), max_size=3).map(dict),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        st.sets(HASHABLE, max_size=3),
        st.frozensets(HASHABLE, max_size=3),
    ),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    """Whether two values are deeply the same: types, order of dicts, signs of zero; NaN is NaN."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is float:
        if one != one or other != other:
            return one != one and other != other
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if kind is complex:
        return same(one.real, other.real) and same(one.imag, other.imag)
    if kind in (list, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if kind is dict:
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if kind in (set, frozenset):
        rest = list(other)
        for item in one:
            for place, candidate in enumerate(rest):
                if same(item, candidate):
                    del rest[place]
                    break
            else:
                return False
        return not rest
    return bool(one == other)


@settings(max_examples=250, deadline=None)
@given(VALUES, VALUES)
@example([1, [2]], [[1], 2])
@example([1.0], [1])
@example(["a", "b"], ["ab", ""])
@example({"a": 1, "b": 2}, {"b": 2, "a": 1})
@example([math.inf, -math.inf], [math.nan, math.nan])
def test_digests_are_equal_exactly_for_the_same_values(one: Any, other: Any) -> None:
    """Two values have one digest if and only if they are deeply the same."""
    assert (digest(one) == digest(other)) == same(one, other)


@settings(max_examples=200, deadline=None)
@given(st.lists(SCALARS, max_size=40), st.lists(SCALARS, max_size=40))
def test_lists_of_scalars_are_told_apart(one: list[Any], other: list[Any]) -> None:
    """What holds of nested values holds of longer flat ones, by whichever quick way they are encoded."""
    assert (digest(one) == digest(other)) == same(one, other)
    rows, others = [{f"k{place}": item for place, item in enumerate(items)} for items in (one, other)]
    assert (digest(rows) == digest(others)) == same(rows, others)


def test_all_kinds_of_one_are_told_apart() -> None:
    """`1` as any built-in type, alone and inside containers, has a digest of its own."""
    ones: list[Any] = [
        1,
        True,
        1.0,
        "1",
        b"1",
        bytearray(b"1"),
        1 + 0j,
        "\x01",
        b"\x01",
        None,
        0,
        0.0,
        -0.0,
        False,
    ]
    wrapped = [*ones, *[[one] for one in ones], *[(one,) for one in ones], *[{"k": one} for one in ones]]
    wrapped += [[[one]] for one in ones] + [[one, one] for one in ones] + [{"k": [one]} for one in ones]
    wrapped += [{1: 2}, {"1": 2}, {True: 2}, {1.0: 2}, [], (), {}, set(), frozenset(), "", b"", bytearray()]
    assert len({digest(value) for value in wrapped}) == len(wrapped)


def test_nan_is_canonical() -> None:
    """NaNs of any sign and payload have one digest, alone, in lists of floats, and in mixed lists."""
    import struct

    odd = struct.unpack("<d", b"\x01\x00\x00\x00\x00\x00\xf8\xff")[0]
    for wrap in (
        lambda v: v,
        lambda v: [v, 1.0],
        lambda v: [v, "a"],
        lambda v: {"a": v},
        lambda v: complex(1, v),
    ):
        assert digest(wrap(math.nan)) == digest(wrap(odd))


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_shared_parts_count_as_equal_parts(value: Any) -> None:
    """A value whose parts are one object and a value whose parts are separate objects have one digest."""
    import copy

    assert digest([value, [value], (value,)]) == digest(
        [copy.deepcopy(value), [copy.deepcopy(value)], (copy.deepcopy(value),)]
    )


def test_shared_long_parts_count_as_equal_parts() -> None:
    """Parts that are remembered during the walk don't change what is around them."""

    def parts() -> list[Any]:
        return [list(range(100)), "long " * 1000, {str(key): key for key in range(50)}, ("a",) * 30]

    once = parts()
    assert digest([*once, *once, {"k": once}]) == digest([*parts(), *parts(), {"k": parts()}])


def test_sharing_costs_nothing() -> None:
    """A value that unfolds to 3 ** 200 parts is walked once."""
    value: Any = [1, {}]
    for _ in range(200):
        value = [value, value, (value,)]
    assert len(digest(value)) == 32


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {"k": v}, lambda v: [1, {2: v}]])
def test_depth_costs_no_stack(wrap: Any) -> None:
    """Values nested 100,000 deep have a digest, which depends on the innermost part."""
    one: Any = 1
    other: Any = 2
    for _ in range(100_000):
        one, other = wrap(one), wrap(other)
    assert digest(one) != digest(other)
    while type(one) in (list, tuple, dict):  # taken apart step by step: a deep value's own end recurses
        one = one.popitem()[1] if type(one) is dict else one[-1]


def test_hash_seeds_do_not_count() -> None:
    """Five processes with five hash seeds agree on sets, dicts and texts."""
    program = (
        "from fingerprint_runner.fingerprints.encoding import digest;"
        "print(digest([{'b', 'a', 'cc', 1, None, (1, 'x'), frozenset({'p', 'q', 'r'})}, {'k': {'z', 'y'}}]))"
    )
    digests = set()
    for seed in range(5):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_what_is_not_built_in_is_refused_with_its_path() -> None:
    """There is no fallback on text: an object in plain data is an error that names where it is."""
    with pytest.raises(NoIdentity) as refused:
        digest({"a": [1, {"b": (object(),)}]})
    assert refused.value.path == "value['a'][1]['b'][0]"
    assert refused.value.type_name == "object"
