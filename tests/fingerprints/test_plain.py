"""Plain data: packed or not by value alone, into bytes that differ exactly where values differ."""

from __future__ import annotations

import copy
import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_encoding import same

from fingerprint_runner.fingerprints import plain
from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.plain import PlainPacker

ODD_NANS = [
    struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    for bits in (0xFFF8000000000000, 0x7FF8000000000001, 0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF)
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([0, 1, 127, 128, 255, 256, -1, -32, -33, 65535, 65536, 2**32, 2**63]),
    st.floats(),
    st.sampled_from([*ODD_NANS, 0.0, -0.0, 1.0]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=6),
    st.sampled_from(["\x7f\U000f0000", "x" * 203, "\x7f\U000f0000" + "x" * 201]),
)
KEYS = st.one_of(st.text("ab\0", max_size=2), st.integers(-2, 300))
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=12,
).map(lambda value: value if type(value) in (list, tuple, dict) else [value])


def pack(value: Any) -> tuple[bytes, bytes] | None:
    return PlainPacker().pack(value)


@settings(max_examples=300, deadline=None)
@given(PLAIN, PLAIN)
def test_bytes_are_equal_exactly_for_the_same_values(one: Any, other: Any) -> None:
    """Two plain values have the same bytes if and only if they are deeply the same, all NaNs being one."""
    packed = pack(one)
    assert packed is not None
    assert (packed == pack(other)) == same(one, other)
    assert packed == pack(copy.deepcopy(one))


@settings(max_examples=100, deadline=None)
@given(PLAIN)
def test_a_plain_part_counts_the_same_beside_anything(value: Any) -> None:
    """What is packed as a whole has the digest that it has inside of what can't be packed."""
    assert digest([value, (b"x",), copy.deepcopy(value)]) == digest([copy.deepcopy(value), (b"x",), value])
    assert digest([[value]]) != digest([(value,)]) != digest((value,))


@pytest.mark.parametrize(
    "value",
    [
        [b"a"],
        [(1, b"a")],
        [{1}],
        [2**64],
        [-(2**63) - 1],
        ["\ud800"],
        {"\ud800": 1},
        {1.0: 2},
        {None: 1},
        {True: 1},
    ]
    + [[1j], [..., 1], {"a": {(1,): 2}}, [bytearray()], [{"a": [1, {"b": object()}]}]],
)
def test_other_values_are_not_packed(value: Any) -> None:
    """One part that MessagePack doesn't hold, or not as what it is, and the whole isn't packed."""
    assert pack(value) is None


def test_subclasses_are_not_packed() -> None:
    """A subclass's instances may hold more, so they aren't plain; nor is a dict that has one for a key."""

    class Text(str):
        pass

    class Number(int):
        pass

    class Row(dict[str, int]):
        pass

    for value in ([Text("a")], [Number(1)], [Row()], {Text("a"): 1}, {Number(1): 1}):
        assert pack(value) is None


def test_a_dict_that_once_had_another_key_is_a_dict() -> None:
    """What a dict held before doesn't count."""
    once: dict[Any, Any] = {(1,): 1, "a": [1]}
    del once[(1,)]
    assert pack(once) == pack({"a": [1]}) is not None


def test_depth_is_counted_alike_for_shared_and_separate_parts() -> None:
    """Thirty-two levels are packed, thirty-three aren't, whatever else is beside them."""

    def nested(depth: int) -> list[Any]:
        value: list[Any] = []
        for _ in range(depth - 1):
            value = [value]
        return value

    packer = PlainPacker()
    deep = nested(40)
    found = [packer.pack(part) is not None for part in chain_of(deep)]
    assert found == [depth <= 32 for depth in range(40, 0, -1)]
    assert [pack(part) is not None for part in chain_of(nested(40))] == found


def chain_of(value: list[Any]) -> list[list[Any]]:
    """A list, the list in it, and so on."""
    found = [value]
    while found[-1]:
        found.append(found[-1][0])
    return found


@pytest.mark.parametrize("shared", [True, False])
def test_size_is_counted_alike_for_shared_and_separate_parts(
    shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part counts each time it occurs, by items and characters, whether or not the times are one object."""
    monkeypatch.setattr(plain, "_SIZE", 2000)
    monkeypatch.setattr(plain, "_UNFOLDED", 30)

    def value(texts: int) -> list[Any]:
        parts = [["é" * 97, 1] for _ in range(texts)]  # with its list, 100 items and characters each
        return [parts[0]] * texts if shared else parts

    for wrap in (lambda parts: parts, lambda parts: {"": parts[:-1], "b" * 96: 1}):
        assert pack(wrap(value(20))) is not None
        assert pack(wrap(value(21))) is None


def test_what_is_much_shared_is_not_unfolded() -> None:
    """Values that unfold to 3 ** 200 parts, or contain themselves, are looked at once for each part."""
    wide: Any = [1, {}]
    for _ in range(200):
        wide = [wide, wide, {"k": wide}]
    loop: list[Any] = [1]
    loop.append({"k": [loop]})
    packer = PlainPacker()
    assert packer.pack(wide) is None
    assert packer.pack(wide[0]) is None
    assert packer.pack(loop) is None
    assert packer.pack(loop[1]["k"]) is None


def test_tuples_are_told_from_lists_wherever_they_are() -> None:
    """Making any one of many lists a tuple, near or far, shared or deep, changes the bytes."""

    def rows(*tuples: tuple[int, int]) -> list[Any]:
        value: list[Any] = [[[number], {"k": [number]}] for number in range(3000)]
        for row, place in tuples:
            if place == 0:
                value[row][0] = tuple(value[row][0])
            else:
                value[row][1]["k"] = tuple(value[row][1]["k"])
        return value

    places = [(0, 0), (0, 1), (1, 0), (1023, 1), (1024, 0), (1024, 1), (2999, 0), (2999, 1)]
    values = [rows(), *[rows(place) for place in places], rows(*places), tuple(rows())]
    assert len({pack(value) for value in values}) == len(values)
    assert [pack(copy.deepcopy(value)) for value in values] == [pack(value) for value in values]


def test_what_was_looked_at_one_by_one_has_the_same_bytes() -> None:
    """Being part of something too deep changes nothing for a part."""
    for part in ([1, [2], {"a": 3}], [1, (2,), {"a": ()}]):
        deep: Any = [part, part]
        for _ in range(40):
            deep = [deep]
        packer = PlainPacker()
        assert packer.pack(deep) is None
        assert packer.pack(part) == pack(part) is not None


def test_long_and_wide_data_is_packed() -> None:
    """Sizes beyond what is looked at together change nothing."""
    rows = [
        {"id": n, "tags": ["x", str(n)], "score": n / 7, "none": None, "more": {"deep": [[n]]}}
        for n in range(5000)
    ]
    assert digest(rows) == digest(copy.deepcopy(rows))
    changed = copy.deepcopy(rows)
    changed[4999]["more"]["deep"][0][0] = True
    assert digest(rows) != digest(changed)
    assert pack(rows) is not None
    changed[2500]["more"]["deep"][0][0] = math
    assert pack(changed) is None
