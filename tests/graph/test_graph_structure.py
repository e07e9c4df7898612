"""What is wrong with a schema's wiring."""

from __future__ import annotations

import pytest

from fingerprint_runner.graph.node import InputDeclaration, SchemaNode
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.graph.structure import structure_problems


def node(*needs: str, **more: object) -> SchemaNode:
    """A node that needs others by their own names."""
    return SchemaNode(uses="m:f", needs={need: need for need in needs}, **more)  # type: ignore[arg-type]


def messages(schema: GraphSchema) -> list[str]:
    """The headlines alone."""
    return [problem.message for problem in structure_problems(schema)]


def test_a_sound_graph_has_no_problems() -> None:
    """Nodes, inputs, keys of nodes and reserved inputs are all there to be needed."""
    schema = GraphSchema(
        {"a": node("limit", "__given__"), "b": SchemaNode(needs={"x": "a[train]"}, uses="m:f")},
        {"limit": InputDeclaration("int")},
        ("b",),
    )
    assert structure_problems(schema) == []


def test_a_node_that_needs_itself_is_a_cycle() -> None:
    """The shortest cycle has its own words."""
    assert messages(GraphSchema({"a": node("a")})) == ["this node needs itself: a -> a"]


def test_a_cycle_is_found_beside_other_problems() -> None:
    """A wrong need elsewhere doesn't hide it."""
    schema = GraphSchema({"a": node("b"), "b": node("a"), "c": node("nothing")})
    assert messages(schema) == [
        "it needs 'nothing', which is no node and no input",
        "these nodes need each other: a -> b -> a",
    ]


def test_a_long_cycle_is_shown_short() -> None:
    """A message stays readable whatever the cycle's length."""
    nodes = {f"n{index}": node(f"n{(index + 1) % 200_000}") for index in range(200_000)}
    (message,) = messages(GraphSchema(nodes))
    assert message == (
        "these nodes need each other: n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> ... 199990 more ... -> "
        "n199996 -> n199997 -> n199998 -> n199999 -> n0"
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "é",
        "e\u0301",
        "x" * 129,
        "\u00fc" * 150,
        "a\0b",
        "a\nb",
        "a\n",
        "../x",
        "/etc/x",
        "1a",
        "-a",
        "a b",
        "a[0]",
    ],
)
def test_names_that_are_refused(name: str) -> None:
    """Names become folders and keys: nothing but letters, digits, `_`, `.` and `-` gets in."""
    (problem,) = structure_problems(GraphSchema({name: node()}))
    assert problem.kind == "bad-name"
    assert len(problem.message) < 100
    assert "\n" not in problem.message and "\0" not in problem.message


@pytest.mark.parametrize("name", ["CON", "a.b-c_1", "_", "x" * 128])
def test_names_that_are_taken(name: str) -> None:
    """What the rule allows is allowed on every system; twins by case are two names."""
    assert structure_problems(GraphSchema({name: node(), name.swapcase()[:99] + "_": node()})) == []


def test_a_key_of_an_input_is_refused() -> None:
    """Only outputs of nodes have keys."""
    schema = GraphSchema({"a": SchemaNode(needs={"x": "i[k]"}, uses="m:f")}, {"i": InputDeclaration()})
    assert messages(schema) == ["'i[k]' takes a key of 'i', which is an input"]


def test_many_unknown_needs_stay_quick_and_are_all_told() -> None:
    """Only the first few are compared with every known name."""
    schema = GraphSchema({f"node{index}": node(f"nod{index}") for index in range(3_000)})
    problems = structure_problems(schema)
    assert len(problems) == 3_000
    assert problems[0].hint == "did you mean 'node0'?"
    assert problems[2_999].hint is None


def test_parameter_given_twice() -> None:
    """A parameter comes from a need or from the config, not both."""
    schema = GraphSchema({"a": node(), "b": node("a", config={"a": 1})})
    (problem,) = structure_problems(schema)
    assert (problem.kind, problem.node, problem.key) == ("parameter-twice", "b", "config.a")


def test_one_name_for_node_and_input() -> None:
    """A need must say which one it is."""
    schema = GraphSchema({"a": node()}, {"a": InputDeclaration()})
    assert messages(schema) == ["'a' is both a node and an input"]


def test_unknown_target() -> None:
    """A misspelt target finds the nearest node."""
    (problem,) = structure_problems(GraphSchema({"report": node()}, targets=("repotr",)))
    assert problem.message == "the target 'repotr' is no node"
    assert problem.hint == "did you mean 'report'?"
