"""`GraphNode`: one node of a schema as something that can be called directly.

It constructs the component and calls it, without fingerprints: for tests of a component, and for code
that drives nodes by itself. `GraphRunner` doesn't need it.

Invariant: nothing is stored: a resource that the component writes lasts for the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fingerprint_runner.graph.component import Resource
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.runners.node_call import NodeFolders, bind, merged_config
from fingerprint_runner.runners.run_node import load_component
from fingerprint_runner.runners.task import NodeTask
from fingerprint_runner.storage.model_storage import ModelStorage
from fingerprint_runner.storage.node_view import NodeStorageView


class GraphNode:
    """A callable node.

    Args:
        node_name: its name.
        schema_node: what it is.
        model_storage: what the component sees is bound to the node, as in a run.
        execution_context: handed to the component.
        hooks: called around each call.
    """

    def __init__(
        self,
        node_name: str,
        schema_node: SchemaNode,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: Sequence[GraphNodeHook] | None = None,
    ) -> None:
        self.node_name = node_name
        self._node = schema_node
        self._storage = model_storage
        self._context = execution_context
        self._hooks = tuple(hooks or ())
        self._component = (
            load_component(schema_node.component) if isinstance(schema_node.uses, str) else schema_node.uses
        )

    @classmethod
    def from_schema_node(
        cls,
        node_name: str,
        schema_node: SchemaNode,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: Sequence[GraphNodeHook] | None = None,
    ) -> GraphNode:
        """Make a node from a schema's; the same as the constructor."""
        return cls(node_name, schema_node, model_storage, execution_context, hooks)

    def __call__(self, **inputs: Any) -> tuple[str, Any]:
        """Construct the component and do the work.

        Args:
            inputs: parameter → value.

        Returns:
            The node's name and its output.
        """
        config = dict(self._node.config)
        if isinstance(self._component, type):
            config = merged_config(self._component, config)
        data = [hook.on_before_node(self.node_name, self._context, config, inputs) for hook in self._hooks]
        with (
            TemporaryDirectory(prefix="fr-") as scratch,
            NodeFolders(Path(scratch)) as folders,
        ):
            task = self._task()
            bound = bind(task, self._component, folders)
            own = Resource(self.node_name)
            view = NodeStorageView(self.node_name, own, {}, folders.reserve("storage"))
            output = bound.call(inputs, view)
        for hook, kept in zip(self._hooks, data, strict=True):
            hook.on_after_node(self.node_name, self._context, config, output, kept)
        return self.node_name, output

    def _task(self) -> NodeTask:
        node = self._node
        return NodeTask(
            node=self.node_name,
            component=node.component,
            fn=node.fn,
            constructor_name=node.constructor_name,
            config=node.config,
            inputs={},
            context=self._context,
            storage=self._storage.location,
            scratch=Path(),
            spare=Path(),
            folder=Path.cwd(),
            search_path=(),
            resource=node.resource,
        )
