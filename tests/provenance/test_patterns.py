"""Patterns of declared files, as they are compared with paths."""

from __future__ import annotations

import pytest

from fingerprint_runner.provenance.patterns import covers


@pytest.mark.parametrize(
    ("pattern", "path", "is_covered"),
    [
        ("a.txt", "a.txt", True),
        ("a.txt", "b/a.txt", False),
        ("data", "data/deep/a.txt", True),
        ("data", "database.txt", False),
        ("./data/", "data/a.txt", True),
        ("*.csv", "a.csv", True),
        ("*.csv", "b/a.csv", False),
        ("data/*", "data/b/a.csv", True),
        ("**/*.csv", "a.csv", True),
        ("**/*.csv", "b/c/a.csv", True),
        ("**/*.csv", "b/c/a.txt", False),
        ("data/**", "data/b/c", True),
        ("data/[ab].txt", "data/b.txt", True),
        ("data/[ab].txt", "data/[ab].txt", True),
        ("data/*.csv", "data/", True),
        ("data/a.csv", "data/", False),
        ("data", "data/", True),
        ("**/*.csv", "b/c/", True),
    ],
)
def test_covers(pattern: str, path: str, is_covered: bool) -> None:
    """A pattern names a file, all below a folder, and the listing of a folder that it looks into."""
    assert covers([pattern], path) is is_covered
