"""A schema as plain data in the graph file's form, and back.

Invariants: reading what was written gives an equal schema (classes and functions become import
paths); defaults aren't written; reading finds all problems at once, in the order of their places;
linear in the size of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from fingerprint_runner.errors import InvalidGraph, Problem, nearest
from fingerprint_runner.graph.component import Resource
from fingerprint_runner.graph.node import (
    INPUT_TYPES,
    MISSING,
    CacheMode,
    InputDeclaration,
    NodeResources,
    SchemaNode,
    component_path,
)
from fingerprint_runner.graph.plain_fields import (
    SECRET_REFERENCE,
    UNREAD,
    KeyPath,
    Problems,
    Reader,
    is_number,
    one_of,
    read_attribute,
    read_bool,
    read_cache,
    read_config,
    read_env,
    read_export,
    read_files,
    read_needs,
    read_resource,
    read_resources,
    read_retries,
    read_text,
    read_texts,
    read_timeout,
    read_uses,
    read_version,
    shown,
)
from fingerprint_runner.graph.structure import wiring_problems

if TYPE_CHECKING:
    from fingerprint_runner.graph.schema import SchemaOrigin

FILE_VERSION = 1
"""Of the graph file's form."""

TOP_KEYS = ("version", "name", "recipe", "targets", "inputs", "nodes")

NODE_READERS: Mapping[str, Reader] = {
    "uses": read_uses,
    "needs": read_needs,
    "config": read_config,
    "fn": read_attribute,
    "constructor_name": read_attribute,
    "eager": read_bool,
    "is_target": read_bool,
    "is_input": read_bool,
    "resource": read_resource,
    "files": read_files,
    "env": read_env,
    "secret": read_texts,
    "cache": read_cache,
    "version": read_version,
    "ignore_config": read_texts,
    "track": one_of("report", "auto"),
    "export": read_export,
    "retries": read_retries,
    "timeout_s": read_timeout,
    "resources": read_resources,
}
NODE_KEYS = tuple(NODE_READERS)

_MINIMAL = "the least graph: `version: 1`, then `nodes: {first: {uses: module:function}}`"
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
        problems.add("bad-type", f"a graph is a mapping, and this is {shown(plain)}", (), _MINIMAL)
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
    inputs, unread_inputs = _read_inputs(problems, plain.get("inputs"))
    nodes, unread_nodes = _read_nodes(problems, plain, needs_version)
    wiring = wiring_problems(nodes, inputs, targets, {*unread_inputs, *unread_nodes})
    if problems.found or wiring:
        raise InvalidGraph(_in_order(problems.found, wiring, origin, tuple(nodes)))
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
    return () if read is UNREAD else tuple(dict.fromkeys(read))


def _read_inputs(problems: Problems, value: Any) -> tuple[dict[str, InputDeclaration], list[str]]:
    inputs: dict[str, InputDeclaration] = {}
    unread: list[str] = []
    if value is None:
        return inputs, unread
    if not isinstance(value, Mapping):
        problems.wrong_type(
            value, "a mapping", ("inputs",), "write `inputs: {limit: {type: int, default: 1000}}`"
        )
        return inputs, unread
    for name, plain in value.items():
        declared = _read_input(problems, ("inputs", str(name)), plain)
        if not isinstance(name, str):
            problems.add("bad-key", f"the input name {name!r} isn't a text", ("inputs", str(name)))
        elif declared is None:
            unread.append(name)
        else:
            inputs[name] = declared
    return inputs, unread


def _read_input(problems: Problems, path: KeyPath, plain: Any) -> InputDeclaration | None:
    if plain is None:
        return InputDeclaration()
    if not isinstance(plain, Mapping):
        hint = f"write `{path[-1]}: {{type: {plain}}}`" if plain in INPUT_TYPES else None
        problems.wrong_type(plain, "a mapping", path, hint or "write `{type: int, default: 1000}`")
        return None
    before = len(problems.found)
    for key in plain:
        if key not in ("type", "default"):
            problems.unknown_key(key, ("type", "default"), "an input", path)
    kind = plain.get("type", "json")
    if one_of(*INPUT_TYPES)(problems, (*path, "type"), kind) is UNREAD:
        return None
    default = plain.get("default", MISSING)
    if default is not MISSING:
        default = read_input_value(problems, (*path, "default"), kind, default)
    return InputDeclaration(kind, default) if len(problems.found) == before else None


def read_input_value(problems: Problems, path: KeyPath, kind: str, value: Any) -> Any:
    """A value as an input's type has it: a whole number becomes a float where floats are asked for."""
    if kind == "json":
        return value
    if kind == "float" and is_number(value):
        return float(value)
    if kind == "float" and isinstance(value, float):
        return value
    types = {"int": int, "str": str, "bool": bool, "path": str}
    if kind in types and type(value) is types[kind]:
        return value
    words = {
        "int": "a whole number",
        "float": "a number",
        "str": "a text",
        "bool": "true or false",
        "path": "a path",
    }
    return problems.wrong_type(value, words[kind], path)


def _read_nodes(
    problems: Problems, plain: Mapping[str, Any], needed: bool
) -> tuple[dict[str, SchemaNode], list[str]]:
    value = plain.get("nodes")
    nodes: dict[str, SchemaNode] = {}
    unread: list[str] = []
    if value is None or (needed and isinstance(value, Mapping) and not value):
        if needed or "nodes" not in plain:
            problems.add("missing-key", "the graph has no nodes", ("nodes",), _MINIMAL)
        return nodes, unread
    if not isinstance(value, Mapping):
        hint = "write nodes by name, without dashes: `nodes: {first: {uses: module:function}}`"
        problems.wrong_type(value, "a mapping", ("nodes",), hint)
        return nodes, unread
    for name, parts in value.items():
        if not isinstance(name, str):
            problems.add("bad-key", f"the node name {name!r} isn't a text", ("nodes", str(name)))
            continue
        node = _read_node(problems, ("nodes", name), parts)
        if node is None:
            unread.append(name)
        else:
            nodes[name] = node
    return nodes, unread


def _read_node(problems: Problems, path: KeyPath, parts: Any) -> SchemaNode | None:
    """A node as far as it can be read, so that its wiring is looked at too; None if nothing can."""
    if parts is None:
        parts = {}
    if not isinstance(parts, Mapping):
        hint = f"write `{path[-1]}: {{uses: {parts}}}`" if isinstance(parts, str) else None
        problems.wrong_type(parts, "a mapping", path, hint)
        return None
    read: dict[str, Any] = {}
    for key, value in parts.items():
        reader = NODE_READERS.get(key) if isinstance(key, str) else None
        if reader is None:
            problems.unknown_key(key, NODE_KEYS, "a node", path)
        elif value is not None:
            typed = reader(problems, (*path, key), value)
            if typed is not UNREAD:
                read[key] = typed
    if parts.get("uses") is None:
        problems.add(
            "missing-key",
            "this node doesn't say which component it `uses`",
            path,
            "add `uses: module:attribute`",
        )
    node = SchemaNode(**read)
    problems.found.extend(
        ((path[0], path[1], *key), problem) for key, problem in secret_problems(path[1], node)
    )
    return node


def secret_problems(name: str, node: SchemaNode) -> list[tuple[KeyPath, Problem]]:
    """What is wrong with a node's `secret` keys; each with its key inside the node. Values are never told."""
    found: list[tuple[KeyPath, Problem]] = []
    for key in node.secret:
        if key not in node.config:
            close = nearest(key, node.config)
            problem = Problem(
                "unknown-secret",
                f"`secret` names {key!r}, which isn't in `config`",
                node=name,
                key="secret",
                hint=f"did you mean {close!r}?" if close else f"add `{key}: ${{{key.upper()}}}` to `config`",
            )
            found.append((("secret",), problem))
            continue
        value = node.config[key]
        if not isinstance(value, str) or SECRET_REFERENCE.fullmatch(value) is None:
            problem = Problem(
                "bad-secret",
                f"the secret {key!r} stands in the config itself",
                node=name,
                key=f"config.{key}",
                hint="write ${VAR} in its place and put the value into that environment variable",
            )
            found.append((("config", key), problem))
    return found


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
