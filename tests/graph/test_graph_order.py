"""Walks over graphs, against plain references on random graphs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerprint_runner.graph.order import find_cycle, reachable, topological_order

Graph = dict[str, list[str]]


@st.composite
def graphs(draw: st.DrawFn, acyclic: bool = True) -> Graph:
    """A graph as node → parents; nodes come in any order."""
    names = [f"n{index}" for index in range(draw(st.integers(1, 12)))]
    graph = {}
    for index, name in enumerate(names):
        allowed = names[:index] if acyclic else names
        graph[name] = draw(st.lists(st.sampled_from(allowed), max_size=4)) if allowed else []
    return {name: graph[name] for name in draw(st.permutations(names))}


def reference_reachable(graph: Graph, start: str) -> set[str]:
    """By fixed point: slow and plain."""
    found = {start}
    while True:
        more = found | {parent for name in found for parent in graph[name]}
        if more == found:
            return found
        found = more


@given(graphs())
def test_topological_order_puts_parents_first(graph: Graph) -> None:
    """Every node stands once, after all its parents."""
    order = topological_order(graph, graph.__getitem__)
    assert sorted(order) == sorted(graph)
    place = {name: index for index, name in enumerate(order)}
    assert all(place[parent] < place[name] for name in graph for parent in graph[name])


@given(graphs(acyclic=False))
def test_reachable_agrees_with_the_fixed_point(graph: Graph) -> None:
    """What is reached from a node is what a fixed point finds, in graphs with cycles as well."""
    for start in graph:
        assert reachable([start], graph.__getitem__) == reference_reachable(graph, start)


@given(graphs(acyclic=False))
def test_find_cycle_is_right_both_ways(graph: Graph) -> None:
    """A path is found exactly where a node reaches itself, and each of its steps is a need."""
    cyclic = any(
        name in reference_reachable(graph, parent) for name, parents in graph.items() for parent in parents
    )
    cycle = find_cycle(graph, graph.__getitem__)
    assert (cycle is not None) == cyclic
    if cycle is None:
        assert len(topological_order(graph, graph.__getitem__)) == len(graph)
    else:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle[:-1])) == len(cycle) - 1
        assert all(below in graph[name] for name, below in itertools.pairwise(cycle))
        with pytest.raises(ValueError, match="cycle through"):
            topological_order(graph, graph.__getitem__)


def test_walks_take_a_chain_of_200_000_nodes() -> None:
    """No walk recurses."""
    chain = {f"n{index}": [f"n{index - 1}"] if index else [] for index in range(200_000)}
    last = "n199999"
    assert topological_order([last], chain.__getitem__)[0] == "n0"
    assert len(reachable([last], chain.__getitem__)) == 200_000
    assert find_cycle([last], chain.__getitem__) is None
    chain["n0"] = [last]
    cycle = find_cycle(chain, chain.__getitem__)
    assert cycle is not None and len(cycle) == 200_001
