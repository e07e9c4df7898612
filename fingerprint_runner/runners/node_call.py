"""`bind`: how a node's inputs and config reach its component.

A function gets needs and config as keyword arguments. A class is made by its constructor from
config, storage, resource and context, with the needs that its constructor names; its method gets
the other needs.

Invariant: a parameter annotated `OutputDirectory` receives an empty folder; one annotated `Path`
receives a restored resource as a read-only folder.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import os
import shutil
import typing
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from fingerprint_runner.graph.component import OutputDirectory, Resource
from fingerprint_runner.runners.task import NodeTask
from fingerprint_runner.storage.node_view import NodeStorageView


class NodeFolders:
    """The folders that one attempt of a node uses; all are removed when the block ends."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._made: list[Path] = []

    def reserve(self, purpose: str) -> Path:
        """A path for a folder that somebody may make; its name occurs nowhere else."""
        folder = self._scratch / f"{purpose}-{uuid.uuid4().hex}"
        self._made.append(folder)
        return folder

    def new(self, purpose: str) -> Path:
        """A new empty folder, whose name occurs nowhere else."""
        folder = self.reserve(purpose)
        folder.mkdir(parents=True)
        return folder

    def __enter__(self) -> NodeFolders:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in self._made:
            if folder.exists():
                _remove(folder)


def _remove(folder: Path) -> None:
    for path, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            Path(path).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


class BoundNode:
    """A component with its config, ready to be called with restored inputs.

    Attributes:
        output_directory: the folder given to an `OutputDirectory` parameter, if there is one.
    """

    output_directory: Path | None = None

    def takes_folder(self, parameter: str) -> bool:
        """Whether a resource is handed to this parameter as a folder."""
        raise NotImplementedError

    def call(self, values: Mapping[str, Any], view: NodeStorageView) -> Any:
        """Do the node's work."""
        raise NotImplementedError


def bind(task: NodeTask, component: Any, folders: NodeFolders) -> BoundNode:
    """Make a task's component ready to be called."""
    if isinstance(component, type):
        return _BoundClass(task, component)
    return _BoundFunction(task, component, folders)


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Parameter → annotation, evaluated where that is possible, else its text."""
    try:
        return typing.get_type_hints(function)
    except Exception:
        return dict(getattr(function, "__annotations__", {}))


class _BoundFunction(BoundNode):
    def __init__(self, task: NodeTask, function: Callable[..., Any], folders: NodeFolders) -> None:
        self._function = function
        # A copy: a component that changes its config reaches nobody else.
        self._config = copy.deepcopy(dict(task.config))
        self._annotations = annotations_of(function)
        self._directory_parameter: str | None = None
        for parameter, annotation in self._annotations.items():
            if parameter == "return" or parameter in task.inputs or parameter in task.config:
                continue
            if is_annotated(annotation, OutputDirectory):
                self._directory_parameter = parameter
                self.output_directory = folders.new("out")

    def takes_folder(self, parameter: str) -> bool:
        return is_annotated(self._annotations.get(parameter), Path)

    def call(self, values: Mapping[str, Any], view: NodeStorageView) -> Any:
        arguments = {**self._config, **values}
        if self._directory_parameter is not None:
            arguments[self._directory_parameter] = self.output_directory
        return self._function(**arguments)


class _BoundClass(BoundNode):
    def __init__(self, task: NodeTask, component: type) -> None:
        self._task = task
        self._class = component
        self._constructor = getattr(component, task.constructor_name)
        self._method_annotations = annotations_of(getattr(component, task.fn))

    def takes_folder(self, parameter: str) -> bool:
        return is_annotated(self._method_annotations.get(parameter), Path)

    def call(self, values: Mapping[str, Any], view: NodeStorageView) -> Any:
        task = self._task
        rest = dict(values)
        resource = rest.pop("resource", None)
        if not isinstance(resource, Resource):
            if resource is not None:
                rest["resource"] = resource
            resource = task.resource or Resource(task.node)
        named = parameters_by_name(self._constructor)
        for_constructor = {name: rest.pop(name) for name in list(rest) if name in named}
        instance = self._constructor(
            merged_config(self._class, task.config),
            view,
            resource,
            task.context.for_node(task.node),
            **for_constructor,
        )
        return getattr(instance, task.fn)(**rest)


def parameters_by_name(function: Callable[..., Any]) -> set[str]:
    """Names of the parameters that can be given by keyword."""
    return {
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }


def merged_config(component: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """The component's defaults with the graph's config merged over them, dicts key by key."""
    defaults = getattr(component, "get_default_config", None)
    merged: dict[str, Any] = copy.deepcopy(dict(defaults())) if callable(defaults) else {}
    waiting: list[tuple[dict[str, Any], Mapping[str, Any]]] = [(merged, copy.deepcopy(dict(config)))]
    while waiting:
        target, source = waiting.pop()
        for key, value in source.items():
            present = target.get(key)
            if isinstance(present, dict) and isinstance(value, dict):
                target[key] = dict(present)
                waiting.append((target[key], value))
            else:
                target[key] = value
    return merged


def is_annotated(annotation: Any, wanted: type) -> bool:
    """Whether an annotation means this class: the class, its name as text, or `… | None`."""
    if isinstance(annotation, str):
        return wanted.__name__ in {part.strip().rpartition(".")[2] for part in annotation.split("|")}
    return annotation is wanted or wanted in typing.get_args(annotation)
