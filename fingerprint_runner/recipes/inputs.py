"""The inputs of a run: `--input NAME=VALUE` read by declared type, and what is missing or wrong.

Invariants: all problems at once; a path that is given is relative to the working folder, a default
one to the graph file's; both come out absolute.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fingerprint_runner.errors import InvalidGraph, Problem, nearest
from fingerprint_runner.graph.node import MISSING, RESERVED_INPUT, InputDeclaration
from fingerprint_runner.graph.order import reachable
from fingerprint_runner.graph.plain_problems import is_number, shown
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.recipes.overrides import parse_value

_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "path": "a path",
}


def read_inputs(schema: GraphSchema, options: Iterable[str]) -> dict[str, Any]:
    """The values that `NAME=VALUE` texts give, by the declared types.

    A `str` or `path` takes the text as it is; all else is YAML. Defaults aren't filled in: see
    `complete_inputs`.

    Raises:
        InvalidGraph: with all problems at once.
    """
    given: dict[str, Any] = {}
    problems: list[Problem] = []
    for text in options:
        name, equals, value = text.partition("=")
        option = f"--input {name}"
        declared = schema.inputs.get(name)
        if not equals or not name:
            message = f"`{option}` gives no value" if name else "`--input` names no input"
            problems.append(Problem("bad-input", message, hint="write `--input NAME=VALUE`"))
        elif declared is None:
            problems.append(_unknown(schema, name, f"`{option}`: "))
        else:
            try:
                typed = value if declared.type in ("str", "path") else parse_value(value, option)
            except InvalidGraph as error:
                problems.extend(error.problems)
            else:
                given[name], wrong = _as_declared(name, declared, typed, f"`{option}`: ")
                problems.extend(wrong)
    if problems:
        raise InvalidGraph(problems)
    return given


def input_problems(
    schema: GraphSchema, given: Mapping[str, Any], targets: Iterable[str] | None = None
) -> list[Problem]:
    """What is wrong with a run's inputs: unknown ones, wrong types, and those that the targets miss.

    Args:
        given: name → value, as `read_inputs` gives them or as a program does.
        targets: what is run; `schema.target_names` by default.
    """
    return _complete(schema, given, targets)[1]


def complete_inputs(
    schema: GraphSchema, given: Mapping[str, Any], targets: Iterable[str] | None = None
) -> dict[str, Any]:
    """The values of all inputs of a run: those given, as declared, and the defaults of the others.

    Raises:
        InvalidGraph: with all problems at once.
    """
    values, problems = _complete(schema, given, targets)
    if problems:
        raise InvalidGraph(problems)
    return values


def _complete(
    schema: GraphSchema, given: Mapping[str, Any], targets: Iterable[str] | None
) -> tuple[dict[str, Any], list[Problem]]:
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        declared = schema.inputs.get(name)
        if declared is not None:
            values[name], wrong = _as_declared(name, declared, value, "")
            problems.extend(wrong)
        elif RESERVED_INPUT.fullmatch(name) is not None:
            values[name] = value
        else:
            problems.append(_unknown(schema, name, ""))
    for name, declared in schema.inputs.items():
        if name not in given and declared.default is not MISSING:
            values[name] = _default_value(schema, declared)
            if declared.type == "path" and not os.path.lexists(values[name]):
                missing = _no_path(name, str(declared.default), "")
                problems.append(schema.placed(missing, "inputs", name, "default"))
    for name, node in _missing(schema, given, targets):
        kind = schema.inputs[name].type if name in schema.inputs else "undeclared"
        missing = Problem(
            "missing-input",
            f"the input {name!r} ({kind}) has no value, and node {node!r} needs it",
            key=f"inputs.{name}" if name in schema.inputs else None,
            hint=f"give it: --input {name}=VALUE"
            if name in schema.inputs
            else f"give it from Python: run(inputs={{{name!r}: ...}})",
        )
        problems.append(schema.placed(missing) if name in schema.inputs else missing)
    return values, problems


def _default_value(schema: GraphSchema, declared: InputDeclaration) -> Any:
    if declared.type != "path":
        return declared.default
    folder = Path.cwd() if schema.origin is None else schema.origin.folder
    return Path(os.path.abspath(folder / declared.default))  # noqa: PTH100 - `resolve` would follow links


def _missing(
    schema: GraphSchema, given: Mapping[str, Any], targets: Iterable[str] | None
) -> list[tuple[str, str]]:
    """Inputs without value that the targets need, each with the first node that needs it."""
    wanted = schema.target_names if targets is None else [name for name in targets if name in schema.nodes]
    run = reachable(wanted, schema.parents_of)
    found: dict[str, str] = {}
    for node_name, node in schema.nodes.items():
        if node_name in run:
            for need in node.parents.values():
                declared = schema.inputs.get(need.name)
                optional = declared is not None and declared.default is not MISSING
                if need.name not in schema.nodes and need.name not in given and not optional:
                    found.setdefault(need.name, node_name)
    return list(found.items())


def _as_declared(
    name: str, declared: InputDeclaration, value: Any, prefix: str
) -> tuple[Any, tuple[Problem, ...]]:
    kind = declared.type
    if kind == "json":
        return value, ()
    if kind == "float" and (is_number(value) or isinstance(value, float)):
        return float(value), ()
    if kind == "path" and isinstance(value, (str, os.PathLike)) and os.fspath(value):
        path = Path(os.path.abspath(os.fspath(value)))  # noqa: PTH100 - `resolve` would follow links
        try:
            there = os.path.lexists(path)
        except ValueError:
            there = False
        return path, () if there else (_no_path(name, str(value), prefix),)
    if kind in ("int", "str", "bool") and type(value).__name__ == kind:
        return value, ()
    hint = None
    if kind == "bool" and isinstance(value, str):
        hint = f"write {name}=true or {name}=false"
    problem = Problem(
        "bad-input",
        f"{prefix}the input {name!r} must be {_WANTED[kind]}, and this is {shown(value)}",
        key=f"inputs.{name}",
        hint=hint,
    )
    return value, (problem,)


def _no_path(name: str, text: str, prefix: str) -> Problem:
    return Problem(
        "bad-input",
        f"{prefix}the input {name!r} is the path {text!r}, where nothing is",
        key=f"inputs.{name}",
        hint="a path that is given is relative to the working folder, a default one to the graph file's",
    )


def _unknown(schema: GraphSchema, name: str, prefix: str) -> Problem:
    close = nearest(name, schema.inputs)
    if close is not None:
        hint = f"did you mean {close!r}?"
    else:
        hint = "declared: " + (", ".join(schema.inputs) or "none; declare it under `inputs`")
    return Problem("unknown-input", f"{prefix}there is no input {name!r}", hint=hint)
