"""`GraphNodeHook`: what users attach to a run.

Hooks are called in the coordinator, in the order given. An exception in `on_before_node` or
`on_after_node` fails the node with kind `hook`, before anything of it is published; in the others
it is a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.planning.plan import Plan

if TYPE_CHECKING:
    from fingerprint_runner.runners.report import RunReport


class GraphNodeHook:
    """Base of hooks; override what you need.

    Attributes:
        wants_values: whether inputs and outputs are restored for the hook. Set it to False in a
            hook that doesn't look at them: then it receives empty inputs and None, and nothing is
            loaded on its account.
    """

    wants_values: bool = True

    def on_before_node(
        self,
        node_name: str,
        execution_context: ExecutionContext,
        config: dict[str, Any],
        received_inputs: dict[str, Any],
    ) -> dict[str, Any]:
        """Called before a node runs.

        Args:
            config: the component's defaults with the graph's config merged over them.
            received_inputs: parameter → the hook's own restore of its value.

        Returns:
            Data that `on_after_node` receives as `input_hook_data`.
        """
        return {}

    def on_after_node(
        self,
        node_name: str,
        execution_context: ExecutionContext,
        config: dict[str, Any],
        output: Any,
        input_hook_data: dict[str, Any],
    ) -> None:
        """Called after a node ran and before its record is published."""

    def on_cache_hit(
        self,
        node_name: str,
        execution_context: ExecutionContext,
        config: dict[str, Any],
        fingerprint: str,
        artifact: str | None,
    ) -> None:
        """Called for a node that is up to date, with its config as written."""

    def on_node_error(self, node_name: str, execution_context: ExecutionContext, error: Exception) -> None:
        """Called when a node failed."""

    def on_plan(self, plan: Plan) -> None:
        """Called once, before anything runs."""

    def on_run_end(self, report: RunReport) -> None:
        """Called once, after everything."""
