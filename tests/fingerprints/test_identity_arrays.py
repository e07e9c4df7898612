"""Identity of numpy's and scipy's types."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import xxhash

from fingerprint_runner.fingerprints.identity import identify

np = pytest.importorskip("numpy")


def name(value: Any) -> str:
    return identify(value).identity


def test_everything_a_consumer_sees_of_an_array_counts() -> None:
    """Type, shape, byte order, layout, unit, class and every element tell arrays apart."""
    base = np.arange(6)
    structured = [("a", "i4"), ("b", "f8")]
    values: list[Any] = [
        *[
            base,
            base.astype("i4"),
            base.astype("u8"),
            base.astype("f8"),
            base.astype(">i8"),
            base.astype("f4"),
        ],
        *[
            base.reshape(2, 3),
            base.reshape(3, 2),
            base.reshape(2, 3, 1),
            np.asfortranarray(base.reshape(2, 3)),
        ],
        *[base[:5], base[::-1], base + 1, base.astype(object), base.tolist(), base.astype("c16"), base > 2],
        *[
            np.array(1),
            np.array([1]),
            np.array([[1]]),
            1,
            np.int64(1),
            np.int32(1),
            np.float64(1),
            1.0,
            np.bool_(1),
        ],
        *[
            np.array(["a"]),
            np.array(["a"], "U2"),
            np.array([b"a"]),
            np.array(["a"], object),
            np.str_("a"),
            "a",
        ],
        *[
            np.array([0.0]),
            np.array([-0.0]),
            np.array([np.nan]),
            np.empty((0, 3)),
            np.empty((3, 0)),
            np.empty(0),
        ],
        *[
            np.array(["2020"], "M8[D]"),
            np.array(["2020"], "M8[s]"),
            np.array([1], "m8[s]"),
            np.datetime64("2020"),
        ],
        *[
            np.array([(1, 2.0)], structured),
            np.array([(1, 3.0)], structured),
            np.rec.array([(1, 2.0)], structured),
        ],
        *[
            np.array([(1, 2.0)], np.dtype(structured, align=True)),
            np.array([(1, 2.0)], [("a", "i4"), ("c", "f8")]),
        ],
        *[np.ma.array([1, 2]), np.ma.array([1, 2], mask=[0, 1])],
        *[
            np.ma.array([1, 2], mask=[0, 1], fill_value=7),
            np.ones((1, 1), "i8").view(np.matrix),
            np.longdouble(1),
            np.zeros(2, "g"),
        ],
        *[
            np.dtype("f4"),
            np.dtype(">f4"),
            np.dtype(structured),
            np.float32,
            np.log1p,
            np.void(b"ab"),
            np.ma.masked,
        ],
        *[
            np.random.default_rng(1),
            np.random.default_rng(2),
            np.random.RandomState(1),
            np.random.RandomState(2),
        ],
    ]
    met: dict[str, Any] = {}
    for value in values:
        found = name(value)
        assert found not in met, (value, met[found])
        met[found] = value
        assert name(pickle.loads(pickle.dumps(value, 5))) == found, value
        assert name(copy.deepcopy([value])) == name([value])


def test_strides_and_memory_do_not_count() -> None:
    """Views, copies, read-only and mapped arrays of the same elements are equal."""
    wide = np.arange(24.0).reshape(4, 6)
    view = wide[:, ::2]
    assert name(view) == name(view.copy()) == name(np.ascontiguousarray(view))
    assert name(wide[::-1]) == name(wide[::-1].copy())
    frozen = wide.copy()
    frozen.flags.writeable = False
    assert name(frozen) == name(wide)
    assert name(np.broadcast_to(1.0, (2, 2))) == name(np.ones((2, 2)))
    assert name(np.frombuffer(wide.tobytes()).reshape(4, 6)) == name(wide)


def test_a_large_strided_array_is_digested_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks give the digest of the whole."""
    from fingerprint_runner.fingerprints import identity_arrays

    wide = np.arange(6000.0).reshape(100, 10, 6)
    whole = name(wide[:, :, ::2].copy())
    monkeypatch.setattr(identity_arrays, "_BLOCK", 1000)
    assert name(wide[:, :, ::2]) == whole
    assert name(wide.transpose(1, 0, 2)) == name(wide.transpose(1, 0, 2).copy())


def test_one_dimension_has_no_layout() -> None:
    """C and Fortran order differ only where elements lie differently."""
    assert name(np.arange(5)) == name(np.asfortranarray(np.arange(5)))
    assert name(np.ones((1, 5))) == name(np.asfortranarray(np.ones((1, 5))))


def test_a_mapped_file_is_the_array_it_holds(tmp_path: Any) -> None:
    """What is restored by a memory map equals what was stored."""
    np.save(tmp_path / "a.npy", np.arange(10.0))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="c")
    assert name(mapped) == name(np.arange(10.0))
    assert name([mapped]) == name([np.arange(10.0)])


def test_padding_does_not_count() -> None:
    """Bytes that belong to no field, or to no digit of a long double, are ignored."""
    gaps = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    one, other = (np.frombuffer(bytes([fill]) * 64, "u1").copy().view(gaps) for fill in (0, 255))
    for value in (one, other):
        value["a"], value["b"] = 1, 2.0
    assert one.tobytes() != other.tobytes()
    assert name(one) == name(other)
    assert name([one[0]]) == name([other[0]])
    nested = np.dtype([("n", gaps, (2,)), ("x", "i8")])
    one, other = (
        np.frombuffer(bytes([fill]) * 2 * nested.itemsize, "u1").copy().view(nested) for fill in (0, 9)
    )
    for value in (one, other):
        value["n"]["a"], value["n"]["b"], value["x"] = 1, 2.0, 3
    assert name(one) == name(other)
    if np.finfo("g").nmant == 63:
        one, other = (np.frombuffer(bytes([fill]) * 32, "u1").copy().view("g") for fill in (0, 255))
        one[:] = other[:] = 0
        one[:], other[:] = 1.5, np.longdouble(1.5)
        other.view("u1")[10:16] = 77
        assert name(one) == name(other)


def test_object_arrays_count_by_element() -> None:
    """Elements of object arrays have values, not addresses; fields of objects too."""
    one = np.array([[1, "a" * 50], [None, 2.5]], dtype=object)
    assert name(one) == name(copy.deepcopy(one))
    other = one.copy()
    other[1, 1] = 2
    assert name(one) != name(other)
    assert name(np.array([1, 2], object)) != name(np.array([1, 2.0], object))
    fields = [("a", "i4"), ("b", object)]
    assert name(np.array([(1, [2])], fields)) == name(np.array([(1, [2])], fields))
    assert name(np.array([(1, [2])], fields)) != name(np.array([(1, [3])], fields))


def test_equal_names_of_one_integer_type_are_one() -> None:
    """`longlong` and `int64` are the same wherever they have the same size."""
    one = np.arange(3, dtype=np.longlong)
    assert one.dtype == np.dtype("i8")
    assert name(one) == name(np.arange(3, dtype="i8"))
    assert name(one[0]) == name(np.int64(0))


@pytest.mark.skipif(not hasattr(getattr(np, "dtypes", None), "StringDType"), reason="needs numpy 2")
def test_variable_length_texts_count_by_content() -> None:
    """The buffers of `StringDType` hold addresses, which don't count."""
    texts = ["a" * 50, "b", ""]
    kind = np.dtypes.StringDType()
    assert name(np.array(texts, kind)) == name(np.array(["".join(text) for text in texts], kind))
    assert name(np.array(texts, kind)) != name(np.array([*texts[:2], "c"], kind))


def test_payload_digest_is_of_the_raw_payload() -> None:
    """The one pass over a bare array gives the name of the artifact that holds its bytes."""
    for value in (np.arange(10.0), np.ones((0, 3)), np.arange(12).reshape(3, 4)[:, ::2], np.array(3)):
        assert identify(value).payload_digest == xxhash.xxh3_128_hexdigest(value.tobytes())
    fortran = np.asfortranarray(np.arange(6).reshape(2, 3))
    assert identify(fortran).payload_digest == xxhash.xxh3_128_hexdigest(fortran.tobytes("F"))
    assert identify(np.array([None])).payload_digest is None
    assert identify([np.arange(3)]).payload_digest is None
    assert identify(np.float64(1)).payload_digest is None


def test_sparse_matrices_count_by_content() -> None:
    """Format, shape and entries count; what was once asked of the matrix doesn't."""
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.eye(4) * 2
    kinds = [
        getattr(sparse, f"{form}_{kind}")
        for form in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
        for kind in ("matrix", "array")
    ]
    names = set()
    for kind in kinds:
        value = kind(dense)
        found = name(value)
        names.add(found)
        assert name(pickle.loads(pickle.dumps(value))) == found
        assert name(kind(np.eye(4) * 3)) != found
        if hasattr(value, "has_sorted_indices"):
            assert value.has_sorted_indices in (True, False)
        assert name(value) == found
    assert len(names) == len(kinds)
