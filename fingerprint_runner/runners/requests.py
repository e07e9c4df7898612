"""What a run is asked for, checked against its graph."""

from __future__ import annotations

from collections.abc import Sequence

from fingerprint_runner.errors import InvalidGraph, Problem, nearest
from fingerprint_runner.graph.schema import GraphSchema


def wanted_targets(schema: GraphSchema, targets: Sequence[str] | None) -> tuple[str, ...]:
    """The nodes that a run is to make: those asked for, once each; the schema's targets by default.

    Raises:
        InvalidGraph: with every name that no node has.
    """
    if targets is None:
        return schema.target_names
    unknown = [name for name in targets if name not in schema.nodes]
    if unknown:
        raise InvalidGraph([unknown_node(schema, name) for name in unknown])
    return tuple(dict.fromkeys(targets))


def unknown_node(schema: GraphSchema, name: str) -> Problem:
    """That there is no such node, with the one that may be meant."""
    close = nearest(name, schema.nodes)
    return Problem(
        "unknown-node",
        f"there is no node {name!r}",
        file=None if schema.origin is None else schema.origin.shown,
        hint=f"did you mean {close!r}?" if close else f"the graph's nodes: {_some(list(schema.nodes))}",
    )


def _some(names: Sequence[str], most: int = 20) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
