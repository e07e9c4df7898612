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
from fingerprint_runner.graph.plain_fields import TEXT, read_text
from fingerprint_runner.graph.plain_inputs import INPUTS
from fingerprint_runner.graph.plain_key import Form, Key, by_name, read_keys
from fingerprint_runner.graph.plain_mappings import NAME_SCHEMA
from fingerprint_runner.graph.plain_nodes import NODE_KEYS, NODES
from fingerprint_runner.graph.plain_problems import UNREAD, KeyPath, Problems, is_number, shown
from fingerprint_runner.graph.structure import wiring_problems

if TYPE_CHECKING:
    from fingerprint_runner.graph.schema import SchemaOrigin

FILE_VERSION = 1
"""Of the graph file's form."""

RECIPE = "graph.v1"
"""The recipe whose form this is."""

MINIMAL_GRAPH = "the least graph: `version: 1`, then `nodes: {first: {uses: module:function}}`"


def _read_version(problems: Problems, path: KeyPath, version: Any) -> Any:
    if not is_number(version) or not isinstance(version, int):
        return problems.wrong_type(version, "the number 1", path, "write `version: 1`")
    if version != FILE_VERSION:
        newer = version > FILE_VERSION
        return problems.add(
            "unknown-version",
            f"the graph file is of version {version}, and version {FILE_VERSION} is read here",
            path,
            "a newer fingerprint-runner may read it" if newer else f"write `version: {FILE_VERSION}`",
        )
    return version


def _read_targets(problems: Problems, path: KeyPath, value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        hint = f"write `targets: [{value}]`" if isinstance(value, str) else None
        return problems.wrong_type(value, "a list", path, hint)
    read = [read_text(problems, (*path, str(index)), target) for index, target in enumerate(value)]
    return UNREAD if any(target is UNREAD for target in read) else tuple(read)


GRAPH_KEYS = (
    Key(
        "version",
        Form(_read_version, {"const": FILE_VERSION}),
        "the version of the graph file's form: `1`",
        (FILE_VERSION,),
        required=True,
    ),
    Key(
        "name",
        TEXT,
        "by which histories know the graph; by default the file's path. In no fingerprint",
        ("intents",),
    ),
    Key(
        "recipe",
        # Other recipes are for who finds the file to refuse: a schema made in Python may name any.
        Form(read_text, {"type": "string"}, {RECIPE: "nodes and their needs, as described here"}),
        "how the rest of the file is to be read",
        (RECIPE,),
        default=RECIPE,
    ),
    Key(
        "targets",
        Form(_read_targets, {"type": "array", "items": NAME_SCHEMA}),
        "what a run makes that isn't told otherwise; by default the nodes with `is_target`, "
        "else those that nothing needs",
        (["report"],),
    ),
    Key(
        "inputs",
        INPUTS,
        "what a run is given from outside, by name; needed like nodes",
        ({"limit": {"type": "int", "default": 1000}},),
    ),
    Key(
        "nodes",
        NODES,
        "the steps of the graph, by name. A name starts with a letter or `_`, goes on with letters, digits, "
        "`_`, `.` and `-`, and has at most 128 characters",
        ({"corpus": {"uses": "pipeline:load_corpus"}},),
        required=True,
    ),
)
"""Every key of the graph file."""

_GRAPH_KEYS = by_name(GRAPH_KEYS)
_NODE_KEYS = by_name(NODE_KEYS)
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
    if recipe != RECIPE:
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
    for key in _NODE_KEYS:
        value = getattr(node, key)
        if key == "uses":
            continue
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
    known = {}
    for key, value in plain.items():
        if key in _NODE_KEYS and key not in _GRAPH_KEYS:
            message = f"{key!r} is a key of a node, not of the graph"
            problems.add("unknown-key", message, (key,), "indent it below a node")
        else:
            known[key] = value
    read = read_keys(problems, (), known, _GRAPH_KEYS, "a graph")
    if needs_version and plain.get("version") is None:
        problems.add(
            "missing-key",
            "the graph file doesn't say its version",
            ("version",),
            "begin it with `version: 1`",
        )
    if "nodes" not in plain or (needs_version and plain["nodes"] in (None, {})):
        problems.add("missing-key", "the graph has no nodes", ("nodes",), MINIMAL_GRAPH)
    nodes, unread_nodes = _told_apart(read.get("nodes", {}))
    inputs, unread_inputs = _told_apart(read.get("inputs", {}))
    # Where no node can be told, nothing can be said of targets.
    targets = read.get("targets", ()) if "nodes" in read else ()
    wiring = wiring_problems(nodes, inputs, targets, {*unread_inputs, *unread_nodes})
    if problems.found or wiring:
        raise InvalidGraph(_in_order(problems.found, wiring, origin, _names(plain.get("nodes"))))
    return {
        "nodes": nodes,
        "inputs": inputs,
        "targets": read.get("targets", ()),
        "name": read.get("name"),
        "recipe": read.get("recipe", RECIPE),
        "origin": origin,
    }


def _told_apart(named: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What could be read, and the names of the rest, which are there all the same."""
    unread = [name for name, value in named.items() if value is UNREAD]
    return {name: value for name, value in named.items() if value is not UNREAD}, unread


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
