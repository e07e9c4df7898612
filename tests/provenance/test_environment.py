"""Variables by digest, secrets by name."""

from __future__ import annotations

import sys

import pytest

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.provenance.environment import environment_digests, python_tag, resolve_secret


def test_unset_differs_from_empty() -> None:
    """A variable without value is `unset`; an empty one has a digest, and values are told apart."""
    answers = environment_digests(["B", "A", "C", "D"], {"A": "", "B": "x", "D": "y"})
    assert list(answers) == ["A", "B", "C", "D"]
    assert answers["C"] == "unset"
    assert len({answers[name] for name in answers}) == 4


def test_no_value_is_told() -> None:
    """The answer holds a digest and never the value, whatever bytes that is."""
    secret = "hunter2\udcff"
    assert secret not in environment_digests(["A"], {"A": secret})["A"]


def test_secret_is_filled_in_once() -> None:
    """Each reference is replaced; what a value holds is not looked at again."""
    environ = {"USER_": "me", "PASS": "${USER_}$"}
    assert resolve_secret("${USER_}:${PASS}@host", environ) == "me:${USER_}$@host"
    assert resolve_secret("plain $HOME", environ) == "plain $HOME"


def test_missing_variable_is_named_and_no_value() -> None:
    """All unset variables are named at once; values of those that are set aren't."""
    with pytest.raises(InvalidGraph) as caught:
        resolve_secret("${A}${B}${C}${}", {"B": "hunter2"})
    assert [problem.kind for problem in caught.value.problems] == [
        "unset-variable",
        "unset-variable",
        "bad-variable",
    ]
    assert "hunter2" not in str(caught.value)
    assert "variable A " in str(caught.value) and "variable C " in str(caught.value)


def test_python_tag_is_the_minor_version() -> None:
    """The tag has the major and minor version alone."""
    assert python_tag() == ".".join(map(str, sys.version_info[:2]))
