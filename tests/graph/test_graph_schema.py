"""`GraphSchema`: targets, the least graph for them, and places in the file."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.graph.component import GraphComponent
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.node import CacheMode, Need, SchemaNode, component_path, parse_need
from fingerprint_runner.graph.schema import GraphSchema, SchemaOrigin


def schema(**nodes: list[str]) -> GraphSchema:
    """A schema from names and what they need."""
    return GraphSchema(
        {name: SchemaNode(needs={need: need for need in needs}, uses="m:f") for name, needs in nodes.items()}
    )


def test_default_targets_are_the_sinks_in_order() -> None:
    """A graph that names no targets makes all that nobody needs."""
    assert schema(c=["a"], a=[], b=["a"]).target_names == ("c", "b")


def test_marked_nodes_go_before_sinks_and_targets_before_both() -> None:
    """`targets`, else `is_target`, else the sinks."""
    marked = GraphSchema({"a": SchemaNode(uses="m:f", is_target=True), "b": SchemaNode(uses="m:f")})
    assert marked.target_names == ("a",)
    assert GraphSchema(marked.nodes, targets=("b",)).target_names == ("b",)


def test_minimal_schema_keeps_what_the_targets_need() -> None:
    """And sets the targets, so that the small schema makes the same."""
    small = schema(a=[], b=["a"], c=["a"], d=["b"]).minimal_graph_schema(["b"])
    assert list(small.nodes) == ["a", "b"]
    assert small.target_names == ("b",)


def test_minimal_schema_of_an_unknown_target_names_the_nearest() -> None:
    """A `KeyError` would say nothing."""
    with pytest.raises(InvalidGraph, match=r"the target 'reprot' is no node(.|\n)*did you mean 'report'"):
        schema(report=[]).minimal_graph_schema(["reprot"])


def test_minimal_schema_of_a_long_chain() -> None:
    """200,000 nodes deep is no deeper than two."""
    nodes = {
        f"n{index}": SchemaNode(needs={"x": f"n{index - 1}"} if index else {}, uses="m:f")
        for index in range(200_000)
    }
    assert len(GraphSchema(nodes).minimal_graph_schema().nodes) == 200_000


def test_parents_are_sorted_by_parameter() -> None:
    """The order in which a user wrote needs doesn't show."""
    node = SchemaNode(needs={"z": "a[k]", "b": "c"}, uses="m:f")
    assert list(node.parents.items()) == [("b", Need("c")), ("z", Need("a", "k"))]
    assert node == pickle.loads(pickle.dumps(node))


@pytest.mark.parametrize("text", ["", "a[", "a[]", "a[b]c", "a[b][c]", " a", "a\n", "[a]", "1"])
def test_what_is_no_need(text: str) -> None:
    """A need is a name, or a name and one key."""
    assert parse_need(text) is None


def test_component_path_of_text_class_and_function() -> None:
    """However `uses` is given, the component has one name."""
    assert component_path("pipeline.models.Ridge") == "pipeline.models:Ridge"
    assert component_path("pipeline:Outer.Inner") == "pipeline:Outer.Inner"
    assert component_path(GraphComponent) == "fingerprint_runner.graph.component:GraphComponent"
    assert component_path(component_path) == "fingerprint_runner.graph.node:component_path"


def test_is_input_means_recompute_unless_more_is_asked() -> None:
    """An input node runs whenever it is needed."""
    assert SchemaNode(is_input=True).cache_mode is CacheMode.RECOMPUTE
    assert SchemaNode(is_input=True, cache=CacheMode.IGNORE).cache_mode is CacheMode.IGNORE


def test_origin_places_a_problem_at_the_longest_known_path() -> None:
    """A problem deep in a config points at the nearest key that the file has."""
    origin = SchemaOrigin(
        Path("/p/fr.yml"), {(): (1, 1), ("nodes", "a"): (3, 3), ("nodes", "a", "config"): (5, 5)}, "fr.yml"
    )
    placed = origin.placed(Problem("k", "m", node="a", key="config.x.y"))
    assert (placed.file, placed.line, placed.column) == ("fr.yml", 5, 5)
    assert origin.place("inputs", "x") == (1, 1)
    assert origin.folder == Path("/p")


def test_origin_names_the_option_where_one_set_the_value() -> None:
    """A line of the file would mislead."""
    origin = SchemaOrigin(
        Path("/p/fr.yml"),
        {("nodes", "a", "config"): (5, 5)},
        "fr.yml",
        {("nodes", "a", "config", "x"): "--set a.x"},
    )
    placed = origin.placed(Problem("k", "it is wrong", node="a", key="config.x"))
    assert (placed.message, placed.file, placed.line) == ("`--set a.x`: it is wrong", None, None)


def test_a_placed_problem_stays_where_it_is() -> None:
    """Who knows better has said so."""
    problem = Problem("k", "m", file="other.py", line=3)
    assert SchemaOrigin(Path("/p/fr.yml"), {(): (1, 1)}).placed(problem) is problem


def test_context_of_a_node() -> None:
    """A node sees the run's context with its own name in it."""
    assert ExecutionContext(schema(a=[])).for_node("a").node_name == "a"
