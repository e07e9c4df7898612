"""`ExecutionContext`: what a component is told of the run it is part of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fingerprint_runner.graph.schema import GraphSchema


@dataclass(frozen=True)
class ExecutionContext:
    """About a run; handed to constructors and hooks.

    Attributes:
        graph_schema: the whole graph.
        model_id: id of the package that the graph was loaded from; in no fingerprint.
        name: the graph's id in histories; the schema's own by default.
        should_add_diagnostic_data: asks components to add what helps debugging.
        is_finetuning: whether training goes on from an earlier model.
        node_name: the node that the context is handed to; empty outside of one.
    """

    graph_schema: GraphSchema
    model_id: str | None = None
    name: str | None = None
    should_add_diagnostic_data: bool = False
    is_finetuning: bool = False
    node_name: str = ""

    def for_node(self, node_name: str) -> ExecutionContext:
        """The same context as one node sees it."""
        return replace(self, node_name=node_name)
