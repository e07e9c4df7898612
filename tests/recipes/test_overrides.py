"""`--set NODE.KEY=VALUE`."""

from __future__ import annotations

from typing import Any

import pytest

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.recipes.graph_file import read_graph_text
from fingerprint_runner.recipes.overrides import apply_overrides, parse_value

SCHEMA = GraphSchema(
    {
        "a": SchemaNode(uses="m:f", config={"n": [1, 2], "m": {"k": {"deep": 1}}, "x.y": 2, "one": 1}),
        "a.b": SchemaNode(uses="m:f"),
        "s": SchemaNode(uses="m:f", needs={"a": "a"}, config={"token": "${TOKEN}"}, secret=("token",)),
    }
)


def config(*overrides: str, node: str = "a") -> Any:
    """A node's config after overrides."""
    return apply_overrides(SCHEMA, overrides).nodes[node].config


def problem(*overrides: str) -> Problem:
    """The one problem of overrides; none of them shows its value."""
    with pytest.raises(InvalidGraph) as caught:
        apply_overrides(SCHEMA, overrides)
    (found,) = caught.value.problems
    assert found.file is None
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("no", "no"),
        ("1e3", 1000.0),
        ("", None),
        ("[1, x]", [1, "x"]),
        ("{a: [b]}", {"a": ["b"]}),
        ("'#fff'", "#fff"),
        ("a#b", "a#b"),
        ("a: 1", {"a": 1}),
        ("http://x:80/y", "http://x:80/y"),
        ('{"a": null}', {"a": None}),
        (" 3 ", 3),
        ("C:\\x", "C:\\x"),
    ],
)
def test_values_are_yaml(text: str, value: Any) -> None:
    """Scalars and what stands in brackets."""
    assert parse_value(text, "--set a.b") == value


@pytest.mark.parametrize("text", ["#fff", "x #y", "[1] # x", "'a' #b", "{} #"])
def test_a_comment_never_cuts_a_value_short(text: str) -> None:
    """A colour isn't null."""
    with pytest.raises(InvalidGraph, match=r"`--set a\.b`: '#' and what follows"):
        parse_value(text, "--set a.b")


def test_a_value_that_is_no_yaml_points_at_the_option() -> None:
    """And not at a line of nothing."""
    found = problem("a.n=[1")
    assert (
        found.message == "`--set a.n`: this isn't YAML: a bracket isn't closed, or a text in it isn't quoted"
    )
    assert (found.line, found.snippet) == (None, None)


def test_replacing_keeps_order_and_leaves_the_rest() -> None:
    """The old schema isn't touched."""
    assert next(iter(config("a.n=[3]").items())) == ("n", [3])
    assert config("a.m.k.deep=2")["m"] == {"k": {"deep": 2}}
    assert SCHEMA.nodes["a"].config["m"] == {"k": {"deep": 1}}


def test_new_keys_are_made_on_the_way() -> None:
    """Whether the component takes them is for validation to say."""
    assert config("a.new.deep=no")["new"] == {"deep": "no"}


def test_a_key_with_dots_that_is_there_is_meant() -> None:
    """Or a file's key could not be set."""
    assert config("a.x.y=5")["x.y"] == 5


def test_the_longest_node_name_wins() -> None:
    """Node names may hold dots."""
    assert config("a.b.c=1", node="a.b") == {"c": 1}
    assert "b" not in config("a.b.c=1")


def test_later_overrides_go_over_earlier_ones() -> None:
    """As with every option of this kind."""
    assert config("a.one=2", "a.one=3", "a.two=4")["one"] == 3


@pytest.mark.parametrize(
    ("override", "kind", "message"),
    [
        ("q.x=1", "unknown-node", "`--set q.x`: there is no node 'q'"),
        ("a=1", "bad-override", "`--set a` names a node and no config key"),
        ("a.=1", "bad-override", "`--set a.` names a node and no config key"),
        ("a.x", "bad-override", "`--set a.x` gives no value"),
        ("=1", "bad-override", "`--set` names no config key"),
        ("a.n.0=1", "bad-override", "`--set a.n.0`: 'n' is a list, so there is no '0' in it"),
        ("a.one.x=1", "bad-override", "`--set a.one.x`: 'one' is a single value, so there is no 'x' in it"),
        ("a..x=1", "bad-override", "`--set a..x` has an empty key in its path"),
        ("s.a=1", "parameter-twice", "`--set s.a`: the parameter 'a' comes from `needs` already"),
        ("s.token=hunter2", "bad-secret", "`--set s.token`: the secret 'token' stands in the config itself"),
    ],
)
def test_what_is_refused(override: str, kind: str, message: str) -> None:
    """Each problem begins with the option."""
    found = problem(override)
    assert (found.kind, found.message) == (kind, message)
    assert "hunter2" not in str(found)


def test_all_problems_at_once() -> None:
    """Two wrong options are two problems."""
    with pytest.raises(InvalidGraph) as caught:
        apply_overrides(SCHEMA, ["q.x=1", "a.n=2", "a.one.x=1"])
    assert len(caught.value.problems) == 2


def test_later_problems_of_the_value_name_the_option() -> None:
    """The file's line no longer says what is used."""
    from pathlib import Path

    text = "version: 1\nnodes:\n  a: {uses: 'm:f', config: {x: 1, y: 2}}\n"
    schema = apply_overrides(read_graph_text(text, Path("/p/fr.yml"), "fr.yml"), ["a.x.z=1"[:3] + "=2"])
    assert schema.placed(Problem("k", "wrong", node="a", key="config.x")).message == "`--set a.x`: wrong"
    assert schema.placed(Problem("k", "wrong", node="a", key="config.y")).line == 3
