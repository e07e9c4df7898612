"""The inputs of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.graph.node import InputDeclaration, SchemaNode
from fingerprint_runner.graph.schema import GraphSchema, SchemaOrigin
from fingerprint_runner.recipes.inputs import complete_inputs, input_problems, read_inputs

SCHEMA = GraphSchema(
    {
        "a": SchemaNode(uses="m:f", needs={"n": "n", "j": "j"}),
        "b": SchemaNode(uses="m:f", needs={"x": "a", "p": "p"}),
        "c": SchemaNode(uses="m:f", needs={"m": "__model__"}),
    },
    {
        "n": InputDeclaration("int"),
        "f": InputDeclaration("float", 0.5),
        "s": InputDeclaration("str", ""),
        "t": InputDeclaration("bool", False),
        "j": InputDeclaration("json", None),
        "p": InputDeclaration("path"),
    },
)


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test stands in a folder with one file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("n=3", 3),
        ("n=0x10", 16),
        ("f=2", 2.0),
        ("f=1e3", 1000.0),
        ("s=", ""),
        ("s=3", "3"),
        ("s= [x #y", " [x #y"),
        ("s=a=b", "a=b"),
        ("t=true", True),
        ("j={a: [1, null]}", {"a": [1, None]}),
        ("j=no", "no"),
    ],
)
def test_values_by_declared_type(option: str, value: Any) -> None:
    """Texts as they are, all else as YAML of that type."""
    (read,) = read_inputs(SCHEMA, [option]).values()
    assert (read, type(read)) == (value, type(value))


def test_paths_are_relative_to_where_the_user_stands(working_folder: Path) -> None:
    """As the shell completes them."""
    assert read_inputs(SCHEMA, ["p=data.csv"]) == {"p": working_folder / "data.csv"}


def test_default_paths_are_relative_to_the_graph_file(working_folder: Path) -> None:
    """As all paths in it."""
    folder = working_folder / "graph"
    folder.mkdir()
    (folder / "d.csv").write_text("")
    declared = {"p": InputDeclaration("path", "d.csv")}
    schema = GraphSchema({}, declared, origin=SchemaOrigin(folder / "fr.yml"))
    assert complete_inputs(schema, {}) == {"p": folder / "d.csv"}
    (folder / "d.csv").unlink()
    assert [problem.kind for problem in input_problems(schema, {})] == ["bad-input"]


def test_all_wrong_options_at_once() -> None:
    """Each problem points at its option."""
    with pytest.raises(InvalidGraph) as caught:
        read_inputs(SCHEMA, ["n=1.5", "n=true", "t=yes", "p=nowhere", "nn=1", "n", "=1", "j=[", "n=[1]"])
    assert [(problem.kind, problem.message) for problem in caught.value.problems] == [
        ("bad-input", "`--input n`: the input 'n' must be a whole number, and this is the number 1.5"),
        ("bad-input", "`--input n`: the input 'n' must be a whole number, and this is true"),
        ("bad-input", "`--input t`: the input 't' must be true or false, and this is the text 'yes'"),
        ("bad-input", "`--input p`: the input 'p' is the path 'nowhere', where nothing is"),
        ("unknown-input", "`--input nn`: there is no input 'nn'"),
        ("bad-input", "`--input n` gives no value"),
        ("bad-input", "`--input` names no input"),
        ("syntax", "`--input j`: this isn't YAML: a bracket isn't closed, or a text in it isn't quoted"),
        ("bad-input", "`--input n`: the input 'n' must be a whole number, and this is a list"),
    ]


def test_only_what_the_targets_need_must_be_given() -> None:
    """All that is missing is told at once; a reserved input has no declaration."""
    assert [problem.message for problem in input_problems(SCHEMA, {})] == [
        "the input 'n' (int) has no value, and node 'a' needs it",
        "the input 'p' (path) has no value, and node 'b' needs it",
        "the input '__model__' (undeclared) has no value, and node 'c' needs it",
    ]
    assert len(input_problems(SCHEMA, {}, ["a"])) == 1
    assert input_problems(SCHEMA, {"n": 1}, ["a"]) == []
    assert input_problems(SCHEMA, {"__model__": object()}, ["c"]) == []


def test_defaults_fill_in() -> None:
    """Given values go first; None and false are values."""
    assert complete_inputs(SCHEMA, {"n": 1, "f": 2, "j": [1]}, ["a"]) == {
        "n": 1,
        "f": 2.0,
        "s": "",
        "t": False,
        "j": [1],
    }


def test_values_from_python_are_checked_too() -> None:
    """A program gets the same words as the command's user."""
    with pytest.raises(InvalidGraph, match="the input 'n' must be a whole number, and this is true"):
        complete_inputs(SCHEMA, {"n": True}, ["a"])
    with pytest.raises(InvalidGraph, match=r"there is no input 'm'"):
        complete_inputs(SCHEMA, {"n": 1, "m": 1}, ["a"])


def test_a_missing_input_names_its_line() -> None:
    """Where it is declared."""
    origin = SchemaOrigin(Path("/p/fr.yml"), {("inputs", "n"): (4, 3)}, "fr.yml")
    schema = GraphSchema(SCHEMA.nodes, SCHEMA.inputs, origin=origin)
    (problem,) = input_problems(schema, {}, ["a"])
    assert (problem.file, problem.line, problem.hint) == ("fr.yml", 4, "give it: --input n=VALUE")
