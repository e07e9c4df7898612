"""Rows of the table: whole and under their own key, or missing."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from storage_strategies import make_record

from fingerprint_runner.fingerprints.manifest import ConfigEntry, TracePart
from fingerprint_runner.fingerprints.record import (
    ArtifactRef,
    NodeRecord,
    Origin,
    Reason,
    ReasonKind,
    ResourceTree,
    RunNode,
    RunRecord,
    TreeEntry,
    ValueRecord,
)
from fingerprint_runner.storage import codec

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TEXT = st.text(st.characters(), max_size=6)
REASONS = st.builds(Reason, st.sampled_from(ReasonKind), st.none() | TEXT, JSON, JSON)
ARTIFACTS = st.builds(
    ArtifactRef,
    TEXT,
    st.integers(0, 2**50),
    TEXT,
    st.dictionaries(TEXT, JSON, max_size=2),
    st.none() | st.binary(),
)
VALUES = st.builds(
    ValueRecord,
    TEXT,
    st.none() | ARTIFACTS,
    st.none() | st.dictionaries(TEXT, TEXT, max_size=2),
    st.tuples(TEXT),
    st.dictionaries(TEXT, st.tuples(TEXT), max_size=2),
)
TREES = st.builds(
    ResourceTree, TEXT, st.tuples(st.builds(TreeEntry, TEXT, TEXT, TEXT, st.integers(0, 9), st.booleans()))
)
BASE, TRACE = make_record()
RECORDS = st.builds(
    lambda value, resource, log, reasons, origin, shown: replace(
        BASE,
        value=value,
        resource=resource,
        log_tail=log,
        reasons=reasons,
        origin=origin,
        manifest=replace(
            BASE.manifest, first=replace(BASE.manifest.first, config={"k": ConfigEntry("i", shown)})
        ),
    ),
    st.none() | VALUES,
    st.none() | TREES,
    TEXT,
    st.lists(REASONS, max_size=2).map(tuple),
    st.builds(Origin, TEXT, st.none() | TEXT, st.none() | st.floats(0, 1e9)),
    JSON,
)


def rows(record: NodeRecord) -> bytes:
    return codec.encode_row("r/k", codec.record_row(record, "code"))


def back(content: bytes, key: str = "r/k") -> NodeRecord | None:
    row = codec.decode_row(key, content, codec.RecordRow)
    return None if row is None else codec.with_code(row, lambda: BASE.manifest.code)


@settings(deadline=None, max_examples=100)
@given(record=RECORDS)
def test_a_record_comes_back_equal(record: NodeRecord) -> None:
    """Every field survives: file names that aren't Unicode, large numbers, inline bytes."""
    assert back(rows(record)) == record


@settings(deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_a_miss(data: st.DataObject) -> None:
    """No single changed bit gives a record, let alone another one."""
    content = bytearray(rows(BASE))
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    assert back(bytes(content)) is None


@settings(deadline=None)
@given(content=st.binary(max_size=60))
def test_garbage_is_a_miss(content: bytes) -> None:
    """Bytes that were never a row decode to nothing, shortened rows too."""
    assert back(content) is None
    assert back(rows(BASE)[: len(content)]) is None


def test_a_row_under_another_key_is_a_miss() -> None:
    """A row copied to another fingerprint's key says nothing there."""
    assert back(rows(BASE), "r/other") is None


def test_a_row_of_another_form_or_format_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace where a record is wanted, and a row of a later format, are passed over."""
    trace = codec.encode_row("r/k", codec.TraceRow.of(TRACE))
    assert back(trace) is None
    monkeypatch.setattr(codec, "_MAGIC", b"fr\x02")
    later = rows(BASE)
    monkeypatch.undo()
    assert back(later) is None


def test_a_later_field_with_a_default_does_not_change_the_format() -> None:
    """A record written with fields that this program doesn't know is read without them."""
    import msgspec

    row = msgspec.to_builtins(codec.record_row(BASE, "code"))
    row["record"]["added_later"] = 1
    assert back(codec.encode_row("r/k", row)) == BASE


def test_the_code_part_is_loaded_when_it_is_looked_into() -> None:
    """A record's symbols cost nothing until somebody asks; a pickled record holds them."""
    loads: list[int] = []

    def load() -> TracePart:
        loads.append(1)
        return BASE.manifest.code

    row = codec.decode_row("r/k", rows(BASE), codec.RecordRow)
    assert row is not None and row.code == "code"
    record = codec.with_code(row, load)
    assert record.identity is None and loads == []
    assert record.manifest.code.symbols == BASE.manifest.code.symbols and loads == [1]
    assert pickle.loads(pickle.dumps(record)) == BASE


@given(
    nodes=st.dictionaries(
        TEXT,
        st.builds(
            RunNode,
            st.none() | TEXT,
            st.none() | TEXT,
            TEXT,
            st.floats(0, 9),
            st.lists(REASONS, max_size=2).map(tuple),
        ),
        max_size=4,
    )
)
@settings(deadline=None, max_examples=50)
def test_a_run_comes_back_equal(nodes: dict[str, RunNode]) -> None:
    """Nodes keep their order and their lines."""
    run = RunRecord("id", "graph", 1.5, 2.5, False, ("a", "b"), nodes)
    row = codec.decode_row("R/id", codec.encode_row("R/id", codec.RunRow.of(run)), codec.RunRow)
    assert row is not None
    assert row.run() == run and list(row.run().nodes) == list(nodes)
