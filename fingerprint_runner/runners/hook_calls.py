"""`HookCalls`: calls a run's hooks, in order, by the rule of what an exception in each means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.runners.report import RunReport

if TYPE_CHECKING:
    from fingerprint_runner.errors import NodeFailed
    from fingerprint_runner.runners.task import NodeError


class HookFailed(Exception):
    """A hook before or after a node raised: the node fails with kind `hook`."""

    def __init__(self, error: NodeError) -> None:
        self.error = error
        super().__init__(error.message)


class HookCalls:
    """All hooks of one run.

    Attributes:
        around_nodes: whether any hook looks at nodes that run.
        want_values: whether any of those wants inputs and outputs restored.
    """

    def __init__(
        self, hooks: Sequence[GraphNodeHook], context: ExecutionContext, warn: Callable[[str], None]
    ) -> None:
        self._hooks = hooks
        self._context = context
        self._warn = warn
        around = [hook for hook in hooks if _overrides(hook, "on_before_node", "on_after_node")]
        self.around_nodes = bool(around)
        self.want_values = any(hook.wants_values for hook in around)

    def before(self, name: str, config: dict[str, Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """Call `on_before_node`; gives each hook's data, in the hooks' order.

        Raises:
            HookFailed: one of them raised.
        """
        try:
            return [
                hook.on_before_node(
                    name, self._context.for_node(name), config, inputs if hook.wants_values else {}
                )
                for hook in self._hooks
            ]
        except Exception as error:
            raise HookFailed(_as_data(error)) from error

    def after(self, name: str, config: dict[str, Any], output: Any, data: Sequence[dict[str, Any]]) -> None:
        """Call `on_after_node`.

        Raises:
            HookFailed: one of them raised.
        """
        try:
            for hook, own in zip(self._hooks, data, strict=True):
                hook.on_after_node(
                    name, self._context.for_node(name), config, output if hook.wants_values else None, own
                )
        except Exception as error:
            raise HookFailed(_as_data(error)) from error

    def on_cache_hit(self, name: str, config: dict[str, Any], fingerprint: str, artifact: str | None) -> None:
        """Tell of a node that is up to date."""
        context = self._context.for_node(name)
        self._each(lambda hook: hook.on_cache_hit(name, context, config, fingerprint, artifact))

    def on_node_error(self, name: str, error: NodeFailed) -> None:
        """Tell of a node that failed."""
        context = self._context.for_node(name)
        self._each(lambda hook: hook.on_node_error(name, context, error))

    def on_plan(self, plan: Plan) -> None:
        """Tell of the plan."""
        self._each(lambda hook: hook.on_plan(plan))

    def on_run_end(self, report: RunReport) -> None:
        """Tell of the end."""
        self._each(lambda hook: hook.on_run_end(report))

    def _each(self, call: Callable[[GraphNodeHook], None]) -> None:
        for hook in self._hooks:
            try:
                call(hook)
            except Exception as error:
                self._warn(f"a hook of type {type(hook).__name__} raised {type(error).__name__}: {error}")


def _overrides(hook: GraphNodeHook, *methods: str) -> bool:
    return any(getattr(type(hook), name) is not getattr(GraphNodeHook, name) for name in methods)


def _as_data(error: Exception) -> NodeError:
    # For weight: needed only where a hook raised around a node that runs.
    from fingerprint_runner.runners.task import NodeError
    from fingerprint_runner.runners.user_traceback import user_traceback

    return NodeError(type(error).__name__, str(error), user_traceback(error))
