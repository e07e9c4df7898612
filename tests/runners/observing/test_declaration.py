"""The line that a person adds to a node."""

from __future__ import annotations

import json

import pytest
import yaml

from fingerprint_runner.runners.observing.declaration import declaration, patterns_for, undeclared
from fingerprint_runner.runners.observing.policy import ReadPolicy
from fingerprint_runner.runners.observing.reads import EVERYTHING, Read


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (["a.txt", "b/c.txt"], ["a.txt", "b/c.txt"]),
        (["d/1.csv", "d/2.csv", "d/3.csv"], ["d/1.csv", "d/2.csv", "d/3.csv"]),
        (["d/1.csv", "d/2.csv", "x.txt", "d/3.csv", "d/4.csv"], ["d/*.csv", "x.txt"]),
        (["1.csv", "2.csv", "3.csv", "4.csv"], ["*.csv"]),
        (["d/", "d/1.csv", "d/e/", "d/e/2.csv"], ["d"]),
        (["d/1", "d/2", "d/3", "d/4"], ["d/1", "d/2", "d/3", "d/4"]),
        (["a.txt", "a.txt"], ["a.txt"]),
    ],
)
def test_patterns_name_all_files_in_few_words(names: list[str], patterns: list[str]) -> None:
    """A listed folder stands for what is below it; many files with one ending become a glob."""
    assert patterns_for(names) == patterns


@pytest.mark.parametrize("name", ["a.txt", "no", "a b", "it's", "a: b", "#x", "é", "*.csv", "1.5", "[x]"])
def test_the_line_can_be_pasted(name: str) -> None:
    """In YAML, JSON and Python alike, whatever the file is called."""
    assert yaml.safe_load(declaration("files", ["old"], [name], "yaml")) == {"files": ["old", name]}
    assert json.loads("{" + declaration("files", ["old"], [name], "json") + "}") == {"files": ["old", name]}
    line = declaration("files", [], [name], "python")
    assert eval(f"dict({line})") == {"files": (name,)}


def test_what_no_line_declares_has_another_hint() -> None:
    """The whole environment, a file outside of the folder, and a listing of the folder itself."""
    reads = [
        Read("env", EVERYTHING),
        Read("file", "/elsewhere/a", inside=False),
        Read("file", "./"),
    ]
    hints = [read.hint for read in undeclared(reads, ReadPolicy())]
    assert ["by name" in hints[0], "type path" in hints[1], "glob" in hints[2]] == [True, True, True]
    assert [read.advice for read in undeclared(reads, ReadPolicy())] == hints
