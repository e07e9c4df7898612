"""`component_problems`: whether every node's component exists and fits its node, all problems at once.

What source can tell is read from source (R5); what it can't (computed signatures, packages) is
asked of a worker process, once for each state of the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fingerprint_runner.errors import NoIdentity, Problem, nearest
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.planning.planner import config_entries
from fingerprint_runner.provenance.component import CallableSource, ComponentSource
from fingerprint_runner.recipes.graph_file import shown_path
from fingerprint_runner.runners.world import PresentWorld

if TYPE_CHECKING:
    from fingerprint_runner.runners.describe import CallParameter, Description

CONSTRUCTOR_GIVEN = frozenset({"cls", "self", "config", "model_storage", "resource", "execution_context"})
_NAMED = frozenset({"normal", "keyword-only", "POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY"})
_ASKED_BY_IMPORT = frozenset({"required_packages", "supported_languages", "not_supported_languages"})


@dataclass(frozen=True)
class _Signature:
    """Parameters that can be given by name, and whether any name goes."""

    names: tuple[str, ...]
    required: frozenset[str]
    open: bool
    output_directories: frozenset[str] = frozenset()


def source_problems(schema: GraphSchema, nodes: Iterable[str], world: PresentWorld) -> list[Problem]:
    """All that source shows to be wrong with these nodes' components and configs."""
    problems: list[Problem] = []
    for name in nodes:
        node = schema.nodes[name]
        try:
            config_entries(node)
        except NoIdentity as error:
            problems.append(
                Problem(
                    "no-identity",
                    str(error),
                    node=name,
                    key=error.path,
                    hint="give plain data (numbers, text, lists, dicts) in a config",
                )
            )
        problems.extend(_with_node(name, _component_problems(node, world.component(node.component))))
    return placed(schema, problems)


def unsupported_problems(schema: GraphSchema, nodes: Iterable[str]) -> list[Problem]:
    """What these nodes ask for and this version can't keep: said before anything runs, never ignored."""
    problems = []
    for name in nodes:
        node = schema.nodes[name]
        if node.timeout_s is not None:
            problems.append(
                Problem(
                    "unsupported",
                    "a timeout can't end a node that runs in this process",
                    node=name,
                    key="timeout_s",
                    hint="take `timeout_s` away; nodes run one after the other in one process",
                )
            )
    return placed(schema, problems)


def described_problems(schema: GraphSchema, descriptions: Mapping[str, Description]) -> list[Problem]:
    """All that importing the components showed to be wrong."""
    problems: list[Problem] = []
    for name, description in descriptions.items():
        problems.extend(_with_node(name, _description_problems(schema.nodes[name], description)))
    return placed(schema, problems)


def asks_import(component: ComponentSource) -> bool:
    """Whether validating the component takes more than its source."""
    if component.kind in ("third-party", "unreadable"):
        return True
    return not component.complete or bool(_ASKED_BY_IMPORT & component.overridden)


def may_have_addon(component: ComponentSource) -> bool:
    """Whether the component's `fingerprint_addon` has to be asked at every plan."""
    return component.kind == "class" and "fingerprint_addon" in component.overridden


def placed(schema: GraphSchema, problems: Iterable[Problem]) -> list[Problem]:
    """The problems with their places in the schema's file, in the order of these."""
    found = [schema.placed(problem) for problem in problems]
    return sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0))


def _with_node(name: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    return (replace(problem, node=name) for problem in problems)


def _component_problems(node: SchemaNode, source: ComponentSource) -> Iterator[Problem]:
    close = f"did you mean {source.nearest!r}?" if source.nearest else None
    module, _, attribute = node.component.partition(":")
    if source.kind == "missing-module":
        yield Problem(
            "missing-module",
            f"there is no module {module!r}",
            key="uses",
            hint=close or "modules are looked for beside the graph file, then as Python does",
        )
    elif source.kind == "missing-attribute":
        where = f" in {shown_path(source.file)}" if source.file else ""
        yield Problem("missing-component", f"there is no {attribute!r}{where}", key="uses", hint=close)
    elif source.kind == "function" and source.function is not None:
        yield from _function_problems(node, source.function, source.complete)
    elif source.kind == "class":
        yield from _class_problems(node, source)


def _function_problems(node: SchemaNode, function: CallableSource, complete: bool) -> Iterator[Problem]:
    if function.is_generator:
        yield Problem(
            "generator",
            f"{node.component} is a generator, whose values can be read only once",
            key="uses",
            hint="return a list instead of yielding",
        )
    if complete:
        yield from _argument_problems(
            node, node.component, _from_source(function), {*node.needs, *node.config}
        )


def _class_problems(node: SchemaNode, source: ComponentSource) -> Iterator[Problem]:
    for key, method in (("constructor_name", node.constructor_name), ("fn", node.fn)):
        if method not in source.methods and source.complete:
            close = nearest(method, source.methods)
            yield Problem(
                "missing-method",
                f"{node.component} has no method {method!r}",
                key=key,
                hint=f"did you mean {close!r}?" if close else _method_hint(key, method),
            )
    constructor = source.methods.get(node.constructor_name)
    method_source = source.methods.get(node.fn)
    if constructor is None or method_source is None or not source.complete:
        return
    taken = set(_from_source(constructor).names) - CONSTRUCTOR_GIVEN
    rest = {parameter for parameter in node.needs if parameter not in taken and parameter != "resource"}
    yield from _argument_problems(
        node, f"{node.component}.{node.fn}", _without_self(_from_source(method_source)), rest
    )


def _method_hint(key: str, method: str) -> str:
    if (key, method) == ("constructor_name", "create"):
        return "derive it from fingerprint_runner.GraphComponent, or name its constructor: `constructor_name`"
    return f"set `{key}` to one of its methods"


def _description_problems(node: SchemaNode, described: Description) -> Iterator[Problem]:
    if described.error is not None:
        yield Problem(
            "import-failed",
            f"{node.component} can't be used: {described.error.type}: {described.error.message}",
            key="uses",
            hint="this is what importing it raised:\n    "
            + described.error.traceback.rstrip().replace("\n", "\n    "),
        )
        return
    for key in described.missing:
        yield Problem(
            "missing-method", f"{node.component} has no method {getattr(node, key)!r}", key=key, hint=None
        )
    for package in described.missing_packages:
        yield Problem(
            "missing-package",
            f"{node.component} requires the package {package!r}, which isn't installed",
            key="uses",
            hint=f"install it: pip install {package}",
        )
    if described.missing:
        return
    given = {*node.needs, *node.config}
    if described.is_class:
        taken = set(_from_parameters(described.constructor).names) - CONSTRUCTOR_GIVEN
        given = {name for name in node.needs if name not in taken and name != "resource"}
    yield from _argument_problems(node, node.component, _from_parameters(described.call), given)


def _argument_problems(
    node: SchemaNode, called: str, signature: _Signature, given: set[str]
) -> Iterator[Problem]:
    for name in sorted(given - set(signature.names)):
        if signature.open:
            continue
        # All names: the right one may be given beside the misspelt one (by `--set`).
        close = nearest(name, set(signature.names) - given) or nearest(name, signature.names)
        takes = ", ".join(signature.names) or "nothing"
        yield Problem(
            "unknown-parameter",
            f"{called} has no parameter {name!r}",
            key=f"config.{name}" if name in node.config else f"needs.{name}",
            hint=f"did you mean {close!r}?" if close else f"it takes {takes}",
        )
    for name in signature.names:
        if name in signature.required and name not in given and name not in signature.output_directories:
            yield Problem(
                "missing-parameter",
                f"{called} needs a value for its parameter {name!r}",
                key="needs",
                hint=f"add {name!r} to `needs` or to `config`",
            )


def _from_source(function: CallableSource) -> _Signature:
    named = [parameter for parameter in function.parameters if parameter.kind in _NAMED]
    return _Signature(
        names=tuple(parameter.name for parameter in named),
        required=frozenset(parameter.name for parameter in named if not parameter.has_default),
        open=any(parameter.kind == "var-keyword" for parameter in function.parameters),
        output_directories=frozenset(
            parameter.name for parameter in named if _means_output_directory(parameter.annotation)
        ),
    )


def _without_self(signature: _Signature) -> _Signature:
    return _Signature(
        tuple(name for name in signature.names if name not in ("self", "cls")),
        signature.required - {"self", "cls"},
        signature.open,
        signature.output_directories,
    )


def _from_parameters(parameters: Sequence[CallParameter]) -> _Signature:
    named = [parameter for parameter in parameters if parameter.kind in _NAMED]
    return _Signature(
        names=tuple(parameter.name for parameter in named),
        required=frozenset(parameter.name for parameter in named if not parameter.has_default),
        open=any(parameter.kind == "VAR_KEYWORD" for parameter in parameters),
        output_directories=frozenset(
            parameter.name for parameter in named if _means_output_directory(parameter.annotation)
        ),
    )


def _means_output_directory(annotation: str | None) -> bool:
    if annotation is None:
        return False
    text = annotation.strip("\"' ")
    return "OutputDirectory" in {part.strip().rpartition(".")[2] for part in text.split("|")}
