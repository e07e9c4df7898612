"""A graph file's text is parsed once: what was remembered is used for that very text alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.provenance.memo import MemoryMemo
from fingerprint_runner.recipes import graph_file
from fingerprint_runner.recipes.graph_file import read_graph_file

TEXT = "version: 1\nnodes:\n  a: {uses: 'm:f', config: {k: 1}}\n"


def test_a_remembered_text_is_not_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reading gives the same schema and the same places without a parser."""
    memo = MemoryMemo()
    path = tmp_path / "fr.yml"
    path.write_text(TEXT)
    first = read_graph_file(path, memo)

    def no_parser(*_: object) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr(graph_file, "_parsed", no_parser)
    second = read_graph_file(path, memo)
    assert second == first
    assert second.origin is not None
    assert second.origin.place("nodes", "a", "config", "k") == (3, 29)


def test_another_text_is_parsed(tmp_path: Path) -> None:
    """An edit of the same size shows."""
    memo = MemoryMemo()
    path = tmp_path / "fr.yml"
    path.write_text(TEXT)
    read_graph_file(path, memo)
    path.write_text(TEXT.replace("k: 1", "k: 2"))
    assert read_graph_file(path, memo).nodes["a"].config == {"k": 2}


def test_a_damaged_memo_is_passed_over(tmp_path: Path) -> None:
    """Whatever lies in the memo, the file decides."""
    memo = MemoryMemo()
    path = tmp_path / "fr.yml"
    path.write_text(TEXT)
    read_graph_file(path, memo)
    for name in list(memo.blobs):
        memo.blobs[name] = memo.blobs[name][:20] + b"\xff" * 5
    assert read_graph_file(path, memo).nodes["a"].config == {"k": 1}


def test_problems_are_found_in_a_remembered_text(tmp_path: Path) -> None:
    """A text that parses and isn't a good graph is refused each time, with its line."""
    memo = MemoryMemo()
    path = tmp_path / "fr.yml"
    path.write_text(TEXT.replace("uses", "use"))
    for _ in range(2):
        with pytest.raises(InvalidGraph) as caught:
            read_graph_file(path, memo)
        assert caught.value.problems[0].line == 3
