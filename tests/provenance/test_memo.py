"""Blobs that may vanish or be damaged."""

from __future__ import annotations

from fingerprint_runner.provenance.memo import MemoryMemo, NoMemo, pack, unpack


def test_packed_data_comes_back() -> None:
    """Plain data survives packing."""
    data = {"a": [(1, 2), b"x", None], "b": {"c": 1.5}}
    assert unpack(pack(3, data), 3) == data


def test_other_layouts_are_unknown() -> None:
    """A blob of another layout is as good as none."""
    assert unpack(pack(3, [1]), 4) is None


def test_damage_is_seen() -> None:
    """A blob with any byte flipped, cut short, or missing is as good as none."""
    blob = pack(1, {"key": [1, 2, 3]})
    for index in range(len(blob)):
        damaged = bytearray(blob)
        damaged[index] ^= 1
        assert unpack(bytes(damaged), 1) is None
        assert unpack(blob[:index], 1) is None
    assert unpack(None, 1) is None


def test_memos_keep_or_dont() -> None:
    """A memory memo gives back what was saved last; the other keeps nothing."""
    kept, none = MemoryMemo(), NoMemo()
    for memo in (kept, none):
        memo.save("a", b"1")
        memo.save("a", b"2")
    assert kept.load("a") == b"2"
    assert kept.load("b") is None
    assert none.load("a") is None
