"""The form of `nodes`: every key of a node.

Invariants: each problem is noted once, with the path of keys to it; what can be read is read beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fingerprint_runner.errors import Problem, nearest
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.graph.plain_fields import (
    CACHE,
    COUNT,
    ENV,
    EXPORT,
    FILES,
    METHOD,
    SECONDS,
    SECRET_REFERENCE,
    TEXTS,
    TRUTH,
    USES,
    VERSION,
    one_of,
)
from fingerprint_runner.graph.plain_key import Form, Key, by_name, read_keys
from fingerprint_runner.graph.plain_mappings import CONFIG, NAME_SCHEMA, NEEDS, RESOURCE, RESOURCES
from fingerprint_runner.graph.plain_problems import KeyPath, Problems, Unread

NODE_KEYS = (
    Key(
        "uses",
        USES,
        "the component, as `module:attribute`: a function or a class",
        ("pipeline:load_corpus", "pipeline.models:Forest"),
        required=True,
    ),
    Key(
        "needs",
        NEEDS,
        "parameters that come from nodes, from inputs, or from one key of a node that puts out a dict "
        "(`node[key]`: only that key counts). A list of names is short for parameters of these names",
        (["corpus"], {"corpus": "corpus[train]", "limit": "limit"}),
    ),
    Key(
        "config",
        CONFIG,
        "parameters by value. A name in both `needs` and `config` is an error",
        ({"ngrams": [1, 2]}, {"trees": 200, "seed": 7}),
    ),
    Key("fn", METHOD, "for classes: the method that does the work", ("train", "predict"), default="run"),
    Key(
        "constructor_name",
        METHOD,
        "for classes: the classmethod that makes the component",
        ("load",),
        default="create",
    ),
    Key("is_target", TRUTH, "made when the graph names no `targets`", (True,), default=False),
    Key(
        "is_input",
        TRUTH,
        "runs whenever it is needed, as with `cache: recompute`",
        (True,),
        default=False,
    ),
    Key(
        "resource",
        RESOURCE,
        "a resource from outside that the constructor gets: its name, or `{name, output_fingerprint}`",
        ("train_model", {"name": "train_model"}),
    ),
    Key(
        "files",
        FILES,
        "files, folders and globs that the node reads; their content counts",
        ("data/corpus.csv", ["data/*.csv", "labels.json"]),
    ),
    Key(
        "env",
        ENV,
        "names of environment variables that count, in full each. "
        "The cache holds digests of their values only",
        ("REPORT_LANG", ["LANG", "TZ"]),
    ),
    Key(
        "secret",
        TEXTS,
        "keys of `config` whose value is `${VAR}`: taken from the environment, in no fingerprint, record or "
        "message; what a node prints shows `[secret]` instead. What a node returns is stored as it is",
        ("token", ["user", "password"]),
    ),
    Key("cache", CACHE, "what the cache does for the node", ("recompute",), default="default"),
    Key(
        "version",
        VERSION,
        "a text that stands for the component's code: edits count only when you change it",
        ("2", "2026-11"),
    ),
    Key("ignore_config", TEXTS, "keys of `config` that are in no fingerprint", ("verbose", ["jobs", "log"])),
    Key(
        "export",
        EXPORT,
        "a folder that gets the node's resource, or its value as a file, after every run in which it differs",
        ("reports/",),
    ),
    Key("retries", COUNT, "how often the node is tried again when it fails", (2,), default=0),
    Key(
        "timeout_s",
        SECONDS,
        "seconds after which the node is ended; refused in this version",
        (600,),
    ),
    Key(
        "track",
        one_of(
            {
                "report": "they are named when the node has run, and don't count",
                "auto": "they count as if they were declared, as far as they can be seen; the node runs in a "
                "process of its own",
            }
        ),
        "what becomes of files and environment variables that the node reads and doesn't declare",
        ("auto",),
        default="report",
    ),
    Key(
        "resources",
        RESOURCES,
        "what the node takes while it runs; without effect while one node runs at a time",
        ({"cpu": 4, "memory": "8GB"}, {"gpu": 1}),
    ),
    Key(
        "eager",
        TRUTH,
        "made once, before the values of a run are there, by a runner without caching; "
        "else when the node runs",
        (True,),
        default=False,
    ),
)
"""Every key of a node, in the order of the documentation."""

_NODE_KEYS = by_name(NODE_KEYS)
_KEYS_OF_THE_GRAPH = frozenset(("name", "recipe", "targets", "inputs", "nodes"))


def read_nodes(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Name → node as far as it can be read, or `UNREAD` where nothing of it can."""
    if not isinstance(value, Mapping):
        hint = "write nodes by name, without dashes: `nodes: {first: {uses: module:function}}`"
        return problems.wrong_type(value, "a mapping", path, hint)
    read: dict[str, Any] = {}
    for name, parts in value.items():
        if isinstance(name, str):
            read[name] = _read_node(problems, (*path, name), parts)
        else:
            problems.add("bad-key", f"the node name {name!r} isn't a text", (*path, str(name)))
    return read


def _read_node(problems: Problems, path: KeyPath, parts: Any) -> SchemaNode | Unread:
    """A node as far as it can be read, so that its wiring is looked at too."""
    if parts is None:
        parts = {}
    if not isinstance(parts, Mapping):
        hint = f"write `{path[-1]}: {{uses: {parts}}}`" if isinstance(parts, str) else None
        if isinstance(parts, (list, tuple)):
            hint = "write its keys without dashes"
        return problems.wrong_type(parts, "a mapping", path, hint)
    misplaced = _KEYS_OF_THE_GRAPH.intersection(parts)
    if misplaced:
        for key in (key for key in parts if key in misplaced):
            hint = "what a node takes goes into `needs`" if key == "inputs" else "it stands beside `nodes`"
            problems.add("unknown-key", f"{key!r} is a key of the graph, not of a node", (*path, key), hint)
        parts = {key: value for key, value in parts.items() if key not in misplaced}
    read = read_keys(problems, path, parts, _NODE_KEYS, "a node")
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


NODES = Form(
    read_nodes,
    {
        "type": "object",
        "minProperties": 1,
        # Editors offer the title in the place of a name.
        "propertyNames": {**NAME_SCHEMA, "title": "node"},
        "additionalProperties": {
            "type": "object",
            "description": "a node: one step of the graph",
            "properties": NODE_KEYS,
        },
    },
)


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
        if not isinstance(value, str) or re.fullmatch(SECRET_REFERENCE, value) is None:
            problem = Problem(
                "bad-secret",
                f"the secret {key!r} stands in the config itself",
                node=name,
                key=f"config.{key}",
                hint="write ${VAR} in its place and put the value into that environment variable",
            )
            found.append((("config", key), problem))
    return found
