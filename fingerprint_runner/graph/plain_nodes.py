"""Plain data in the graph file's form as nodes and declared inputs.

Invariants: each problem is noted once, with the path of keys to it; what can be read is read beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fingerprint_runner.errors import Problem, nearest
from fingerprint_runner.graph.node import INPUT_TYPES, MISSING, InputDeclaration, SchemaNode
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
    read_env,
    read_export,
    read_files,
    read_retries,
    read_texts,
    read_timeout,
    read_uses,
    read_version,
)
from fingerprint_runner.graph.plain_mappings import read_config, read_needs, read_resource, read_resources

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

MINIMAL_GRAPH = "the least graph: `version: 1`, then `nodes: {first: {uses: module:function}}`"


def read_inputs(problems: Problems, value: Any) -> tuple[dict[str, InputDeclaration], list[str]]:
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


def read_nodes(
    problems: Problems, plain: Mapping[str, Any], needed: bool
) -> tuple[dict[str, SchemaNode], list[str]]:
    value = plain.get("nodes")
    nodes: dict[str, SchemaNode] = {}
    unread: list[str] = []
    if value is None or (needed and isinstance(value, Mapping) and not value):
        if needed or "nodes" not in plain:
            problems.add("missing-key", "the graph has no nodes", ("nodes",), MINIMAL_GRAPH)
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
