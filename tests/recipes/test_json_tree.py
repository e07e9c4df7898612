"""JSON text as plain data with positions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.recipes.json_tree import read_json

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def problem(text: str) -> Problem:
    """The one problem of a text."""
    with pytest.raises(InvalidGraph) as caught:
        read_json(text, "fr.json")
    (found,) = caught.value.problems
    return found


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_it_reads_what_json_reads(value: Any, indent: int | None, ascii_only: bool) -> None:
    """Escapes, surrogate pairs and numbers included."""
    assert read_json(json.dumps(value, indent=indent, ensure_ascii=ascii_only)).value == value


def test_positions() -> None:
    """As of YAML: from 1, keys and items."""
    tree = read_json('{\n\t"a": [1, {"b": "x,:"}],\r\n "c": null}')
    assert tree.positions == {
        (): (1, 1),
        ("a",): (2, 2),
        ("a", "0"): (2, 8),
        ("a", "1"): (2, 11),
        ("a", "1", "b"): (2, 12),
        ("c",): (3, 2),
    }


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("", "syntax", (1, 1)),
        ("{\n 'a': 1}", "syntax", (2, 2)),
        ('{"a": 1,\n "a": 2}', "duplicate-key", (2, 2)),
        ('{"a": NaN}', "bad-number", (1, 7)),
        ("[1,\n -Infinity]", "bad-number", (2, 2)),
        ("9" * 5_000, "bad-number", (1, 1)),
        ('["\\ud800"]', "bad-value", (1, 2)),
        ("[" * 100_000, "too-deep", (1, 201)),
        ("[1] 2", "syntax", (1, 5)),
    ],
)
def test_what_is_refused(text: str, kind: str, place: tuple[int, int]) -> None:
    """Each with its kind and place."""
    found = problem(text)
    assert (found.kind, (found.line, found.column)) == (kind, place)
