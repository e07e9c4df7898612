"""A schema as plain data in the graph file's form, and back.

Invariants: reading what was written gives an equal schema (classes and functions become import
paths); defaults aren't written; reading finds all problems at once, in the order of their places;
linear in the size of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.graph.component import Resource
from fingerprint_runner.graph.node import (
    MISSING,
    CacheMode,
    InputDeclaration,
    NodeResources,
    SchemaNode,
    component_path,
)
from fingerprint_runner.graph.plain_fields import (
    UNREAD,
    KeyPath,
    Problems,
    Reader,
    read_text,
    read_texts,
    shown,
)
from fingerprint_runner.graph.plain_nodes import MINIMAL_GRAPH, NODE_KEYS, read_inputs, read_nodes
from fingerprint_runner.graph.structure import wiring_problems

if TYPE_CHECKING:
    from fingerprint_runner.graph.schema import SchemaOrigin

FILE_VERSION = 1
"""Of the graph file's form."""

TOP_KEYS = ("version", "name", "recipe", "targets", "inputs", "nodes")

_NODE_DEFAULTS = SchemaNode()


def schema_parts_as_plain(
    nodes: Mapping[str, SchemaNode],
    inputs: Mapping[str, InputDeclaration],
    targets: tuple[str, ...],
    name: str | None,
    recipe: str,
) -> dict[str, Any]:
    """The parts of a schema as plain data; defaults are left out."""
    plain: dict[str, Any] = {"version": FILE_VERSION}
    if name is not None:
        plain["name"] = name
    if recipe != "graph.v1":
        plain["recipe"] = recipe
    if targets:
        plain["targets"] = list(targets)
    if inputs:
        plain["inputs"] = {
            key: {"type": declared.type}
            | ({} if declared.default is MISSING else {"default": declared.default})
            for key, declared in inputs.items()
        }
    plain["nodes"] = {key: _node_as_plain(node) for key, node in nodes.items()}
    return plain


def _node_as_plain(node: SchemaNode) -> dict[str, Any]:
    plain: dict[str, Any] = {"uses": node.uses if isinstance(node.uses, str) else component_path(node.uses)}
    for key in NODE_KEYS[1:]:
        value = getattr(node, key)
        if key in ("needs", "config"):
            if value:
                plain[key] = dict(value)
        elif value != getattr(_NODE_DEFAULTS, key):
            plain[key] = _field_as_plain(value)
    return plain


def _field_as_plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, CacheMode):
        return value.value
    if isinstance(value, Resource):
        if not value.output_fingerprint:
            return value.name
        return {"name": value.name, "output_fingerprint": value.output_fingerprint}
    if isinstance(value, NodeResources):
        default = NodeResources()
        return {
            field.name: getattr(value, field.name)
            for field in fields(value)
            if getattr(value, field.name) != getattr(default, field.name)
        }
    return value


def schema_parts_from_plain(
    plain: Any, origin: SchemaOrigin | None = None, *, needs_version: bool = False
) -> dict[str, Any]:
    """The arguments for `GraphSchema` that plain data describes.

    Args:
        plain: data in the graph file's form. What graph engines of this kind write is read too:
            without `version`, and with `resource: {name, output_fingerprint}`.
        origin: where the data was read, so that problems name lines.
        needs_version: whether `version: 1` must be there, as it must in a file.

    Raises:
        InvalidGraph: with all problems, in the order of their places.
    """
    problems = Problems()
    if not isinstance(plain, Mapping):
        problems.add("bad-type", f"a graph is a mapping, and this is {shown(plain)}", (), MINIMAL_GRAPH)
        raise InvalidGraph(_in_order(problems.found, [], origin))
    for key in plain:
        if key in NODE_KEYS and key not in TOP_KEYS:
            message = f"{key!r} is a key of a node, not of the graph"
            problems.add("unknown-key", message, (key,), "indent it below a node")
        elif key not in TOP_KEYS:
            problems.unknown_key(key, TOP_KEYS, "a graph", ())
    _check_version(problems, plain, needs_version)
    name = _optional(problems, plain, "name", read_text)
    recipe = _optional(problems, plain, "recipe", read_text) or "graph.v1"
    targets = _read_targets(problems, plain.get("targets"))
    inputs, unread_inputs = read_inputs(problems, plain.get("inputs"))
    nodes, unread_nodes = read_nodes(problems, plain, needs_version)
    wiring = wiring_problems(nodes, inputs, targets, {*unread_inputs, *unread_nodes})
    if problems.found or wiring:
        raise InvalidGraph(_in_order(problems.found, wiring, origin, _names(plain.get("nodes"))))
    return {
        "nodes": nodes,
        "inputs": inputs,
        "targets": targets,
        "name": name,
        "recipe": recipe,
        "origin": origin,
    }


def _check_version(problems: Problems, plain: Mapping[str, Any], needed: bool) -> None:
    version = plain.get("version")
    if version is None:
        if needed:
            problems.add(
                "missing-key",
                "the graph file doesn't say its version",
                ("version",),
                "begin it with `version: 1`",
            )
    elif isinstance(version, bool) or not isinstance(version, int):
        problems.wrong_type(version, "the number 1", ("version",), "write `version: 1`")
    elif version != FILE_VERSION:
        newer = version > FILE_VERSION
        problems.add(
            "unknown-version",
            f"the graph file is of version {version}, and version {FILE_VERSION} is read here",
            ("version",),
            "a newer fingerprint-runner may read it" if newer else f"write `version: {FILE_VERSION}`",
        )


def _optional(problems: Problems, plain: Mapping[str, Any], key: str, reader: Reader) -> Any:
    value = plain.get(key)
    if value is None:
        return None
    read = reader(problems, (key,), value)
    return None if read is UNREAD else read


def _read_targets(problems: Problems, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        problems.wrong_type(value, "a list", ("targets",), f"write `targets: [{value}]`")
        return ()
    read = read_texts(problems, ("targets",), value)
    return () if read is UNREAD else tuple(read)


def _names(nodes: Any) -> tuple[str, ...]:
    return tuple(nodes) if isinstance(nodes, Mapping) else ()


def _in_order(
    found: list[tuple[KeyPath, Problem]],
    wiring: list[Problem],
    origin: SchemaOrigin | None,
    node_names: tuple[str, ...] = (),
) -> list[Problem]:
    """All problems in the order of their places: lines of the file, else the order of the nodes."""
    if origin is not None:
        placed = [origin.placed(problem, *path) for path, problem in found]
        placed += [origin.placed(problem) for problem in wiring]
        return sorted(placed, key=lambda problem: (problem.line or 0, problem.column or 0))
    both = [problem for _, problem in found] + wiring
    rank = {name: index for index, name in enumerate(node_names)}
    return sorted(both, key=lambda problem: -1 if problem.node is None else rank.get(problem.node, len(rank)))
