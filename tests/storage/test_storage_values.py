"""Values are restored exactly, as a copy of one's own, or refused by name."""

from __future__ import annotations

import collections
import math
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_strategies import first_party

from fingerprint_runner.errors import NotStorable, StorageError
from fingerprint_runner.storage import serializers
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
DTYPES = [
    "?", "<i4", ">i4", "<u8", "<f2", ">f8", "<c16", "S3", "<U2", "V5", "<M8[ns]", "<m8[D]",
    [("a", "<i4"), ("b", ">f8", (2,))],
    np.dtype({"names": ["x", "y"], "formats": ["u1", "<f8"], "offsets": [0, 16], "itemsize": 32}),
    np.dtype([("a", "u1"), ("b", "<f8")], align=True),
    np.dtype([(("title", "a"), "<i4")]),
]  # fmt: skip


class Model:
    """A class of a module that can be imported."""

    def __init__(self, weights: Any) -> None:
        self.weights = weights


class Opaque(Model):
    """Has no identity that a walk could find, and may be pickled."""

    def __reduce__(self) -> Any:
        return (Opaque, (self.weights,))


@pytest.fixture
def storage(tmp_path: Path) -> ModelStorage:
    return open_storage(tmp_path)


def round_trip(storage: ModelStorage, value: object) -> Any:
    ref = storage.store_value(value, is_first_party=first_party).artifact
    assert ref is not None
    return storage.load_value(ref)


def same(left: Any, right: Any) -> bool:
    """Equal with types, order, signs and NaNs."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("d", left) == struct.pack("d", right)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left), list(right)) and same(list(left.values()), list(right.values()))
    return bool(left == right)


@settings(max_examples=60, deadline=None)
@given(value=PLAIN)
def test_plain_data_comes_back_exactly(value: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    """None, bools, numbers of any size, any text, lists and dicts come back with their types and order."""
    storage = open_storage(tmp_path_factory.getbasetemp() / "plain")
    assert same(round_trip(storage, value), value)


@pytest.mark.parametrize(
    "value",
    [
        (1, [2]), {1: "a", "1": "b"}, {1, 2}, b"", bytearray(b"ab"), 2**64, "\ud800", 1j, -0.0, math.nan,
        collections.OrderedDict(a=1), np.float32(1.5), np.int64(3), {"a": (None,)}, range(3), Path("x"), int,
    ],
    ids=repr,
)  # fmt: skip
def test_other_types_come_back_as_themselves(storage: ModelStorage, value: object) -> None:
    """What plain data can't say, types included, isn't said in plain data."""
    assert same(round_trip(storage, value), value)


def test_a_list_shared_inside_a_value_stays_shared(storage: ModelStorage) -> None:
    """A consumer that appends to one of two names of a list sees it under the other."""
    inner: list[int] = []
    restored = round_trip(storage, {"a": inner, "b": inner})
    assert restored["a"] is restored["b"]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("form", ["c", "fortran", "strided", "empty", "scalar", "large"])
def test_arrays_come_back_with_dtype_shape_and_order(storage: ModelStorage, dtype: Any, form: str) -> None:
    """Every dtype without objects keeps its bytes, layout and type, and can be written."""
    size = 120_000 if form == "large" else 24
    flat = np.frombuffer(bytes(np.arange(np.dtype(dtype).itemsize * size, dtype=np.uint8) % 2), dtype)
    array = {
        "c": lambda: flat.reshape(4, 6),
        "fortran": lambda: np.asfortranarray(flat.reshape(4, 6)),
        "strided": lambda: flat.reshape(4, 6)[::2, ::3],
        "empty": lambda: flat[:0].reshape(0, 3),
        "scalar": lambda: flat[0:1].reshape(()),
        "large": lambda: flat,
    }[form]()
    restored = round_trip(storage, array)
    assert type(restored) is np.ndarray
    assert restored.dtype == array.dtype and restored.dtype.isalignedstruct == array.dtype.isalignedstruct
    assert restored.shape == array.shape and np.array_equal(restored, array)
    assert restored.flags.writeable
    assert restored.flags.f_contiguous == array.flags.f_contiguous or form == "strided"


@pytest.mark.parametrize(
    "array",
    [np.arange(9000.0), np.asfortranarray(np.arange(9000.0).reshape(90, 100)), np.arange(18000.0)[::2]],
    ids=["c", "fortran", "strided"],
)
def test_the_digest_from_the_identity_names_the_artifact(storage: ModelStorage, array: Any) -> None:
    """An array is hashed once: its identity's pass gives the very digest of the stored bytes."""
    ref = storage.store_value(array, is_first_party=first_party).artifact
    assert ref is not None and ref.inline is None
    blob = storage.folder / "blobs" / ref.digest[:2] / ref.digest
    assert xxhash.xxh3_128_hexdigest(blob.read_bytes()) == ref.digest


def test_array_subclasses_and_object_arrays_keep_their_types(storage: ModelStorage) -> None:
    """Masked arrays, records with objects and variable-width text aren't stored as bare payload."""
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    assert type(round_trip(storage, masked)) is type(masked)
    objects = np.array([{"a": 1}, None], dtype=object)
    assert round_trip(storage, objects).tolist() == objects.tolist()
    assert round_trip(storage, np.array(["a", "bcd"], np.dtypes.StringDType())).tolist() == ["a", "bcd"]


@pytest.mark.parametrize("size", [10, 5_000, 100_000])
@pytest.mark.parametrize(
    "wrap", [lambda a: a, lambda a: {"x": a}, lambda a: Model(a), pd.DataFrame, lambda a: [a, "t"]]
)
def test_two_restores_share_nothing(storage: ModelStorage, wrap: Any, size: int) -> None:
    """Changing one restored value in place reaches neither another restore nor the store."""
    value = wrap(np.arange(float(size)))
    ref = storage.store_value(value, is_first_party=first_party).artifact
    assert ref is not None

    def array_of(restored: Any) -> Any:
        match restored:
            case dict():
                return restored["x"]
            case list():
                return restored[0]
            case Model():
                return restored.weights
            case pd.DataFrame():
                return restored[0].to_numpy()
        return restored

    first, second = storage.load_value(ref), storage.load_value(ref)
    if isinstance(first, pd.DataFrame):
        first.iloc[0, 0] = -1.0
    else:
        array_of(first)[0] = -1.0
    assert array_of(first)[0] == -1.0
    third = open_storage(storage.folder.parent).load_value(ref)
    for other in (second, third):
        assert array_of(other)[0] == 0.0 and type(array_of(other)) is np.ndarray
    assert storage.take_damage() == ()


@pytest.mark.parametrize("wrap", [lambda a: a, lambda a: {"x": a}])
def test_large_arrays_are_mapped(storage: ModelStorage, wrap: Any) -> None:
    """A large array isn't read when it is restored: its memory is a private map of the artifact."""
    import mmap

    restored = round_trip(storage, wrap(np.arange(100_000)))
    base = restored["x"] if isinstance(restored, dict) else restored
    while not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else base.base
    assert len(base) >= 800_000


def test_frames_come_back_equal(storage: ModelStorage) -> None:
    """Index, dtypes, categories, time zones and attrs of a frame are kept."""
    frame = pd.DataFrame(
        {
            "n": np.arange(2000),
            "t": ["a", None] * 1000,
            "c": pd.Categorical(["x", "y"] * 1000, ["y", "x"], ordered=True),
            "z": pd.date_range("2020", periods=2000, tz="Europe/Berlin"),
        },
        index=pd.Index(np.arange(2000) * 2, name="id"),
    )
    frame.attrs["source"] = "test"
    restored = round_trip(storage, frame)
    pd.testing.assert_frame_equal(restored, frame, check_flags=True)
    assert restored.attrs == frame.attrs


def test_small_values_stand_in_the_record(storage: ModelStorage) -> None:
    """Up to 4 KiB no file is made; above, there is one."""
    small = storage.store_value(b"x" * 4096, is_first_party=first_party).artifact
    large = storage.store_value(b"x" * 4097, is_first_party=first_party).artifact
    assert small is not None and small.inline == b"x" * 4096 and small.size == 4096
    assert large is not None and large.inline is None
    assert [path.name for path in (storage.folder / "blobs").glob("*/*")] == [large.digest]


def test_a_dict_has_an_identity_for_each_key(storage: ModelStorage) -> None:
    """Top-level keys of a dict have the identities that their values have alone."""
    record = storage.store_value({"train": [1], "test": [2]}, is_first_party=first_party)
    assert record.keys is not None
    assert record.keys["train"] == storage.store_value([1], is_first_party=first_party).identity


def test_first_party_names_of_a_value_are_noted(storage: ModelStorage) -> None:
    """Classes that a value refers to are named, for the value and for the key that holds them."""
    record = storage.store_value({"m": Model(1), "n": 2}, is_first_party=lambda module: module == __name__)
    assert record.symbols == (f"{__name__}:Model",)
    assert record.key_symbols == {"m": (f"{__name__}:Model",)}
    assert storage.store_value(Model(1), is_first_party=lambda module: False).symbols == ()


def test_what_the_walk_cannot_reach_is_identified_by_its_bytes(
    storage: ModelStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal values have one identity by bytes too, marked so, with the names that their pickle holds."""
    from fingerprint_runner.errors import NoIdentity
    from fingerprint_runner.fingerprints import identity

    def walk(value: object, *, path: str = "value") -> Any:
        if isinstance(value, int):
            return real(value)
        raise NoIdentity(path, "Opaque", "in this test")

    real = identity.identify
    monkeypatch.setattr(identity, "identify", walk)
    mine = lambda module: module == __name__  # noqa: E731
    first = storage.store_value({"m": Opaque([1]), "n": 2}, is_first_party=mine)
    second = storage.store_value({"m": Opaque([1]), "n": 2}, is_first_party=mine)
    other = storage.store_value({"m": Opaque([2]), "n": 2}, is_first_party=mine)
    assert first.identified_by == "bytes"
    assert first.identity == second.identity != other.identity
    assert first.keys is not None and other.keys is not None
    assert first.keys["n"] == other.keys["n"] and first.keys["m"] != other.keys["m"]
    assert first.symbols == (f"{__name__}:Opaque",) and first.key_symbols == {"m": (f"{__name__}:Opaque",)}


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        (lambda: 1, "report", "lambda"),
        ((part for part in ()), "report", "iterator"),
        ({"a": [1, iter([2])]}, "report['a'][1]", "iterator"),
        (Model({"lock": threading.Lock()}), "report.weights['lock']", "lock"),
        ([Model(1), Model(lambda: 2)], "report[1].weights", "lambda"),
        ((1, threading), "report[1]", "module"),
    ],
    ids=["lambda", "generator", "iterator", "lock", "inner lambda", "module"],
)
def test_what_cannot_be_stored_is_named_by_its_path(
    storage: ModelStorage, value: object, path: str, reason: str
) -> None:
    """The error says where inside the value the part is that can't be stored, and why."""
    with pytest.raises(NotStorable, match=reason) as caught:
        storage.store_value(value, is_first_party=first_party, path="report")
    assert caught.value.path == path


def test_open_files_and_main_script_classes_are_refused(storage: ModelStorage, tmp_path: Path) -> None:
    """Neither could be restored by another process."""
    with (tmp_path / "log").open("w") as file, pytest.raises(NotStorable) as caught:
        storage.store_value([file], is_first_party=first_party)
    assert caught.value.path == "value[0]"
    local = type("Local", (), {"__module__": "__main__"})
    with pytest.raises(NotStorable, match="main script"):
        storage.store_value({"x": local()}, is_first_party=first_party)


def test_a_value_nested_too_deeply_is_refused(storage: ModelStorage) -> None:
    """Depth past what pickle can write is an error that says so, not a crash."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotStorable, match="too deeply"):
        storage.store_value(value, is_first_party=first_party)
    while value:
        value = value[0]


def test_a_registered_serialiser_is_asked_first(
    storage: ModelStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line makes the store write a type in its own way; without it the value can't be read."""
    monkeypatch.setattr(serializers, "REGISTRY", list(serializers.REGISTRY))
    serializers.register(
        serializers.Serializer(
            "model",
            lambda value: type(value) is Model,
            lambda value: serializers.Written("model", {"v": 1}, [str(value.weights).encode()]),
            lambda header, payload: Model(int(bytes(payload))),
        )
    )
    ref = storage.store_value(Model(7), is_first_party=first_party).artifact
    assert ref is not None and ref.serializer == "model" and ref.header == {"v": 1}
    assert storage.load_value(ref).weights == 7  # type: ignore[attr-defined]
    monkeypatch.undo()
    with pytest.raises(StorageError, match="'model'"):
        storage.load_value(ref)


def test_mentions_finds_text_in_stored_bytes(storage: ModelStorage) -> None:
    """A text inside a value is found whether it is stored inline or as a blob."""
    for filler in (10, 10_000):
        ref = storage.store_value(["x" * filler, "/tmp/out/dir"], is_first_party=first_party).artifact
        assert ref is not None
        assert storage.mentions(ref, b"/tmp/out") and not storage.mentions(ref, b"/tmp/outer")
