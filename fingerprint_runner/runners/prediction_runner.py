"""`PredictionRunner`: a graph that is asked again and again, with nothing fingerprinted and nothing stored.

    schema ──once──> program: one step a node, in order ──each run──> values

Invariants: components are imported, and `eager` ones made, when the runner is; a run calls each node that
its targets need once, in the order of the graph, and hands values on as they are; what a run holds goes
with it, but for what components keep themselves.
"""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fingerprint_runner.errors import InvalidGraph, NodeFailed
from fingerprint_runner.graph.component import OutputDirectory, Resource
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.node import MISSING, SchemaNode
from fingerprint_runner.graph.order import topological_order
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.graph.structure import structure_problems
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.provenance.environment import resolve_secret
from fingerprint_runner.recipes.inputs import complete_inputs
from fingerprint_runner.runners.node_call import (
    annotations_of,
    is_annotated,
    merged_config,
    parameters_by_name,
)
from fingerprint_runner.runners.requests import wanted_targets
from fingerprint_runner.runners.run_node import load_component
from fingerprint_runner.runners.user_traceback import user_traceback
from fingerprint_runner.runners.validation import placed
from fingerprint_runner.runners.world import importable_from, search_path
from fingerprint_runner.storage.model_storage import ModelStorage
from fingerprint_runner.storage.node_view import NodeStorageView


class _Step(NamedTuple):
    """What one node does in a run.

    Attributes:
        node: its name.
        call: takes its arguments by name.
        config: of them, those that don't change.
        needs: parameter, name of the node or input, and the key of its dict or None.
    """

    node: str
    call: Callable[..., Any]
    config: Mapping[str, Any]
    needs: tuple[tuple[str, str, str | None], ...]


class _Program(NamedTuple):
    """What a run for some targets does.

    Attributes:
        steps: parents before children.
        targets: whose values are given back.
        types: input → the type of values that need no further look; None where any value does.
        defaults: values of inputs that needn't be given.
        required: inputs that must be.
    """

    steps: tuple[_Step, ...]
    targets: tuple[str, ...]
    types: Mapping[str, type | None]
    defaults: Mapping[str, Any]
    required: frozenset[str]


_PLAIN: Mapping[str, type | None] = {"int": int, "float": float, "str": str, "bool": bool, "json": None}


class PredictionRunner:
    """Runs a graph as the functions in it would be called by hand.

    Inputs and outputs are handed on as the objects that they are: a component that changes what it is given
    changes it for others. It is a `GraphRunner`, whose `report` stays None.

    Args:
        graph_schema: what to run. Nodes that put out folders need a store, and are refused.
        model_storage: as every runner takes one; nothing is read from it or written to it.
        execution_context: handed to components and hooks.
        hooks: called around each node.
        folder: where components are imported from if the schema has no file.
    """

    report: None = None

    def __init__(
        self,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: Sequence[GraphNodeHook] | None = None,
        *,
        folder: Path | None = None,
    ) -> None:
        problems = placed(graph_schema, structure_problems(graph_schema))
        if problems:
            raise InvalidGraph(problems)
        self._schema = graph_schema
        self._context = execution_context
        self._hooks = tuple(hooks or ())
        origin = graph_schema.origin
        self._path = search_path((folder or (Path.cwd() if origin is None else origin.folder)).resolve())
        self._scratch = Path(tempfile.gettempdir()) / f"fr-{uuid.uuid4().hex}"
        weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        self._configs: dict[str, dict[str, Any]] = {}
        self._steps: dict[str, _Step] = {}
        self._programs: dict[tuple[str, ...] | None, _Program] = {}
        with importable_from(self._path):
            for name, node in graph_schema.nodes.items():
                self._steps[name] = self._step(name, node)

    def run(
        self, inputs: Mapping[str, Any] | None = None, targets: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Call what the targets need.

        Args:
            inputs: values of the graph's inputs by name; declared defaults are filled in.
            targets: nodes to make; the schema's `target_names` by default.

        Returns:
            Target → its value.

        Raises:
            InvalidGraph: there is no such target, or an input is wrong.
            NodeFailed: a node, or a hook around it, raised.
        """
        key = None if targets is None else tuple(targets)
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = self._program(targets)
        values = self._values(program, inputs or {})
        if self._hooks:
            self._run_with_hooks(program, values)
        else:
            self._run(program, values)
        return {name: values[name] for name in program.targets}

    def _values(self, program: _Program, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The values of inputs, checked as far as they need to be."""
        types = program.types
        if program.required <= inputs.keys():
            for name, value in inputs.items():
                if name not in types or types[name] not in (None, type(value)):
                    break
            else:
                return {**program.defaults, **inputs}
        return complete_inputs(self._schema, inputs, program.targets)

    def _run(self, program: _Program, values: dict[str, Any]) -> None:
        name = ""
        try:
            for name, call, config, needs in program.steps:
                arguments = {**config}
                for parameter, source, item in needs:
                    arguments[parameter] = values[source] if item is None else values[source][item]
                values[name] = call(**arguments)
        except Exception as error:
            raise self._failure(name, error) from error

    def _run_with_hooks(self, program: _Program, values: dict[str, Any]) -> None:
        for step in program.steps:
            context, config = self._context.for_node(step.node), self._configs[step.node]
            kind = "hook"
            try:
                needs = {
                    parameter: values[source] if item is None else values[source][item]
                    for parameter, source, item in step.needs
                }
                data = [hook.on_before_node(step.node, context, config, needs) for hook in self._hooks]
                kind = "node"
                output = values[step.node] = step.call(**step.config, **needs)
                kind = "hook"
                for hook, own in zip(self._hooks, data, strict=True):
                    hook.on_after_node(step.node, context, config, output, own)
            except Exception as error:
                raise self._failure(step.node, error, kind) from error

    def _program(self, targets: Sequence[str] | None) -> _Program:
        schema = self._schema
        wanted = wanted_targets(schema, targets)
        steps = tuple(self._steps[name] for name in topological_order(wanted, schema.parents_of))
        used = {source for step in steps for _, source, _ in step.needs} - schema.nodes.keys()
        simple = {name: each for name, each in schema.inputs.items() if each.type in _PLAIN}
        return _Program(
            steps,
            wanted,
            {name: _PLAIN[each.type] for name, each in simple.items()},
            {name: each.default for name, each in simple.items() if each.default is not MISSING},
            # An input of another kind is looked at each time.
            frozenset(name for name in used if name not in simple or simple[name].default is MISSING),
        )

    def _step(self, name: str, node: SchemaNode) -> _Step:
        component = load_component(node.component) if isinstance(node.uses, str) else node.uses
        needs = tuple((parameter, need.name, need.key) for parameter, need in node.parents.items())
        config = {
            key: resolve_secret(value, os.environ) if key in node.secret else value
            for key, value in node.config.items()
        }
        if isinstance(component, type):
            self._configs[name] = merged_config(component, config)
            return _Step(name, self._of_class(name, node, component), {}, needs)
        self._refuse_folder(name, node, component)
        self._configs[name] = config
        return _Step(name, component, self._configs[name], needs)

    def _refuse_folder(self, name: str, node: SchemaNode, function: Callable[..., Any]) -> None:
        for parameter, annotation in annotations_of(function).items():
            given = parameter == "return" or parameter in node.needs or parameter in node.config
            if not given and is_annotated(annotation, OutputDirectory):
                raise InvalidGraph.single(
                    "needs-store",
                    f"parameter {parameter!r} puts out a folder, and without caching there is no store",
                    node=name,
                    hint="leave `caching=False` away, or return a value",
                )

    def _of_class(self, name: str, node: SchemaNode, component: type) -> Callable[..., Any]:
        constructor = getattr(component, node.constructor_name)
        at_start = parameters_by_name(constructor) & {*node.needs}

        def make(**needs: Any) -> Any:
            resource = needs.pop("resource", None) or node.resource or Resource(name)
            view = NodeStorageView(name, Resource(name), {}, self._scratch / name)
            config = copy.deepcopy(self._configs[name])
            return constructor(config, view, resource, self._context.for_node(name), **needs)

        if node.eager and not at_start:
            try:
                return getattr(make(), node.fn)  # type: ignore[no-any-return]
            except Exception as error:
                raise self._failure(name, error) from error

        def call(**values: Any) -> Any:
            given = {parameter: values.pop(parameter) for parameter in at_start}
            return getattr(make(**given), node.fn)(**values)

        return call

    def _failure(self, name: str, error: Exception, kind: str = "node") -> NodeFailed:
        origin = self._schema.origin
        place = None if origin is None else f"{origin.shown}:{origin.place('nodes', name)[0]}"
        return NodeFailed(
            name,
            self._schema.nodes[name].component,
            error_type=type(error).__name__,
            error_message=str(error),
            traceback=user_traceback(error),
            place=place,
            kind=kind,
        )
