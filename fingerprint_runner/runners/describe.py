"""`describe`: what only importing a component can tell, asked in a worker process (R5).

Computed signatures, `required_packages()`, `fingerprint_addon` and default configs. One worker
answers for all nodes that ask.

Invariants: the coordinator never imports user code for this; a component that raises says so in
its description and stops no other.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.runners.capture import captured_output
from fingerprint_runner.runners.checked_import import ImportWatch, checked_imports
from fingerprint_runner.runners.executor import run_worker
from fingerprint_runner.runners.node_call import merged_config
from fingerprint_runner.runners.run_node import load_component, node_error
from fingerprint_runner.runners.task import NodeError


@dataclass(frozen=True)
class DescribeNode:
    """One component to look at."""

    node: str
    component: str
    fn: str
    constructor_name: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class DescribeRequest:
    """Components to look at, and the surroundings in which to import them."""

    nodes: tuple[DescribeNode, ...]
    modules: Mapping[str, str]
    folder: Path
    search_path: tuple[str, ...]


@dataclass(frozen=True)
class CallParameter:
    """One parameter of a callable as `inspect` sees it."""

    name: str
    has_default: bool
    kind: str
    annotation: str | None = None


@dataclass(frozen=True)
class Description:
    """What importing a component told.

    Attributes:
        error: what importing or asking it raised; then nothing else holds.
        is_class: whether it is a class.
        call: parameters of the function, or of `fn`.
        constructor: parameters of the constructor; empty for functions.
        missing: `fn` or `constructor_name`, where the class has no such method.
        packages: what `required_packages()` says; `missing_packages` those that aren't importable.
        addon: what `fingerprint_addon` says.
        merged_config: defaults with the graph's config merged over them.
    """

    error: NodeError | None = None
    is_class: bool = False
    call: tuple[CallParameter, ...] = ()
    constructor: tuple[CallParameter, ...] = ()
    missing: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    missing_packages: tuple[str, ...] = ()
    addon: str | None = None
    merged_config: Mapping[str, Any] = field(default_factory=dict)


def describe(request: DescribeRequest) -> dict[str, Description]:
    """Import and look at each component; runs in a worker process."""
    os.chdir(request.folder)
    sys.path[:] = request.search_path
    watch = ImportWatch(request.modules, Locator(request.search_path))
    with captured_output(None), checked_imports(watch):
        return {node.node: _describe_one(node) for node in request.nodes}


def describe_in_worker(request: DescribeRequest, scratch: Path) -> dict[str, Description]:
    """Have a worker process look at the components.

    Raises:
        RuntimeError: the worker died; its output is the message.
    """
    result = scratch / "descriptions"
    code, output = run_worker("describe", pickle.dumps((request, [str(result)]), protocol=5), None)
    try:
        answer: dict[str, Description] = pickle.loads(result.read_bytes())
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise RuntimeError(f"looking at components ended with status {code}:\n{output}") from error
    result.unlink(missing_ok=True)
    return answer


def _describe_one(node: DescribeNode) -> Description:
    try:
        component = load_component(node.component)
        if not isinstance(component, type):
            return Description(call=_parameters(component), merged_config=dict(node.config))
        return _describe_class(node, component)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return Description(error=node_error(error))


def _describe_class(node: DescribeNode, component: type) -> Description:
    constructor = getattr(component, node.constructor_name, None)
    method = getattr(component, node.fn, None)
    named = {"constructor_name": constructor, "fn": method}
    packages = tuple(sorted(_asked(component, "required_packages") or ()))
    addon_method = getattr(component, "fingerprint_addon", None)
    merged = merged_config(component, node.config)
    return Description(
        is_class=True,
        call=() if method is None else _parameters(method)[1:],
        constructor=() if constructor is None else _parameters(constructor),
        missing=tuple(key for key, found in named.items() if not callable(found)),
        packages=packages,
        missing_packages=tuple(name for name in packages if not _importable(name)),
        addon=None if addon_method is None else addon_method(merged),
        merged_config=merged,
    )


def _asked(component: type, method: str) -> Sequence[str] | None:
    found = getattr(component, method, None)
    return found() if callable(found) else None


def _importable(package: str) -> bool:
    name = package.replace("-", "_")
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _parameters(function: Any) -> tuple[CallParameter, ...]:
    return tuple(
        CallParameter(
            parameter.name,
            parameter.default is not parameter.empty,
            parameter.kind.name,
            _annotation_text(parameter.annotation),
        )
        for parameter in inspect.signature(function).parameters.values()
    )


def _annotation_text(annotation: Any) -> str | None:
    if annotation is inspect.Parameter.empty:
        return None
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
