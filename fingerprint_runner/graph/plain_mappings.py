"""The forms of a node's values that hold others: `needs`, `config`, `resource`, `resources`.

Invariants: as those of `plain_fields`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fingerprint_runner.graph.component import Resource
from fingerprint_runner.graph.node import NAME_RULE, NEED, NODE_NAME, NodeResources
from fingerprint_runner.graph.plain_fields import TEXT, read_text
from fingerprint_runner.graph.plain_key import Form, Key, by_name, read_keys, whole
from fingerprint_runner.graph.plain_problems import UNREAD, KeyPath, Problems, is_number, shown, unquoted

NAME_SCHEMA = {"type": "string", "pattern": whole(NODE_NAME.pattern), "patternErrorMessage": NAME_RULE}
"""Of the names of nodes and inputs."""


def read_needs(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Parameter → need, from a mapping or a list (`[x]` is `{x: x}`).

    Beside items with problems the others are given, so that these are looked up all the same.
    """
    if isinstance(value, str):
        hint = f"write a list, `needs: [{value}]`, or a mapping of parameters, `needs: {{{value}: {value}}}`"
        return problems.wrong_type(value, "a list or a mapping", path, hint)
    if isinstance(value, Mapping):
        return _needs_of_mapping(problems, path, value)
    if not isinstance(value, (list, tuple)):
        return problems.wrong_type(value, "a list or a mapping", path)
    needs: dict[str, str] = {}
    for index, item in enumerate(value):
        place = (*path, str(index))
        if isinstance(item, Mapping) and len(item) == 1:
            problems.add(
                "bad-type",
                f"item {index + 1} of `needs` is a mapping, not a text",
                place,
                "to name parameters, write `needs` as one mapping, without the dashes",
            )
        elif not isinstance(item, str):
            wanted = f"item {index + 1} of `needs` is {shown(item)}, not a text"
            problems.add("bad-type", wanted, place)
        elif "[" in item:
            key = item.partition("[")[2].rstrip("]")
            parameter = key if key.isidentifier() else "parameter"
            problems.add(
                "bad-need",
                f"{item!r} in a list doesn't say which parameter gets it",
                place,
                f'write a mapping: `needs: {{{parameter}: "{item}"}}`',
            )
        elif item in needs:
            problems.add("need-twice", f"{item!r} stands twice in `needs`", place, "take one away")
        else:
            needs[item] = item
    return needs


def _needs_of_mapping(problems: Problems, path: KeyPath, value: Mapping[Any, Any]) -> Any:
    needs: dict[str, str] = {}
    for parameter, need in value.items():
        if not isinstance(parameter, str):
            problems.add("bad-key", f"the parameter {parameter!r} isn't a text", path)
        elif not isinstance(need, str):
            wrapped = isinstance(need, (list, tuple)) and len(need) == 1 and isinstance(need[0], str)
            problems.add(
                "bad-type",
                f"the need of parameter {parameter!r} is {shown(need)}, not a text",
                (*path, parameter),
                f"write `{parameter}: {need[0]}`" if wrapped else 'write `node`, `input` or "node[key]"',
            )
        else:
            needs[parameter] = need
    return needs


NEEDS = Form(
    read_needs,
    {
        "type": ["object", "array"],
        "additionalProperties": {
            "type": "string",
            "pattern": whole(NEED.pattern),
            "patternErrorMessage": 'write the name of a node or input, or "node[key]"',
        },
        "items": {
            **NAME_SCHEMA,
            "patternErrorMessage": "write names of nodes and inputs; "
            'for one key of a node write a mapping: {parameter: "node[key]"}',
        },
        "uniqueItems": True,
    },
)


def read_config(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Parameters by value; what the values are is for the fingerprint to judge."""
    if not isinstance(value, Mapping):
        return problems.wrong_type(
            value, "a mapping", path, "write parameters by name: `config: {ngrams: [1, 2]}`"
        )
    for key in value:
        if not isinstance(key, str):
            return problems.add("bad-key", f"the config key {key!r} isn't a text", path)
    return dict(value)


CONFIG = Form(read_config, {"type": "object"})


def read_identity(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A text, which may be empty."""
    return value if isinstance(value, str) else problems.wrong_type(value, "a text", path)


RESOURCE_KEYS = (
    Key("name", TEXT, "the resource's name", ("train_model",), required=True),
    Key(
        "output_fingerprint",
        Form(read_identity, {"type": "string"}),
        "the identity of its content, where that is known",
        ("d41d8cd98f00b204e9800998ecf8427e",),
    ),
)
_RESOURCE_KEYS = by_name(RESOURCE_KEYS)


def read_resource(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A resource's name, or the form `{name, output_fingerprint}`."""
    if not isinstance(value, Mapping):
        name = read_text(problems, path, value)
        return UNREAD if name is UNREAD else Resource(name)
    before = len(problems.found)
    read = read_keys(problems, path, value, _RESOURCE_KEYS, "a resource")
    if value.get("name") is None:
        problems.add("missing-key", "this resource has no name", path, "add `name: …`")
    return Resource(**read) if len(problems.found) == before else UNREAD


RESOURCE = Form(
    read_resource, {**TEXT.json_schema, "type": ["string", "object"], "properties": RESOURCE_KEYS}
)


_MEMORY = r"(?=[^1-9]*[1-9])([0-9]{1,15}(?:\.[0-9]{1,9})?) *(k|K|M|G|T|[kKMGT]i)?B?"
_UNITS = {None: 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY_UNITS = {"k": 2**10, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def read_memory(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Bytes, from a number or a text such as `8GB` or `512MiB`."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = re.fullmatch(_MEMORY, value) if isinstance(value, str) else None
    if found is None:
        return problems.wrong_type(value, "a size", path, "write bytes, or a size such as 8GB or 512MiB")
    number, unit = found[1], found[2]
    factor = _BINARY_UNITS[unit[0]] if unit is not None and unit.endswith("i") else _UNITS[unit]
    # Whole numbers stay exact, whatever their size; a part of a byte is a byte.
    return int(number) * factor if "." not in number else max(1, round(float(number) * factor))


MEMORY = Form(
    read_memory,
    {
        "type": ["string", "integer"],
        "minimum": 1,
        "pattern": whole(_MEMORY),
        "patternErrorMessage": "write bytes, or a size such as 8GB or 512MiB",
    },
)


def _read_cpu(problems: Problems, path: KeyPath, value: Any) -> Any:
    if is_number(value) and value > 0:
        return value
    return problems.wrong_type(value, "a number above 0", path, unquoted(value))


def _read_gpu(problems: Problems, path: KeyPath, value: Any) -> Any:
    if is_number(value) and value >= 0:
        return value
    return problems.wrong_type(value, "a number from 0", path, unquoted(value))


RESOURCES_KEYS = (
    Key(
        "cpu",
        Form(_read_cpu, {"type": "number", "exclusiveMinimum": 0}),
        "processor cores; a part of one may be given",
        (2, 0.5),
        default=1,
    ),
    Key("gpu", Form(_read_gpu, {"type": "number", "minimum": 0}), "graphics cards", (1,), default=0),
    Key("memory", MEMORY, "bytes, or a size such as `8GB` or `512MiB`", ("8GB", "512MiB")),
)
_RESOURCES_KEYS = by_name(RESOURCES_KEYS)


def read_resources(problems: Problems, path: KeyPath, value: Any) -> Any:
    """What a node holds while it runs."""
    if not isinstance(value, Mapping):
        return problems.wrong_type(value, "a mapping", path, "write `resources: {cpu: 1, memory: 8GB}`")
    before = len(problems.found)
    read = read_keys(problems, path, value, _RESOURCES_KEYS, "`resources`")
    return NodeResources(**read) if len(problems.found) == before else UNREAD


RESOURCES = Form(read_resources, {"type": "object", "properties": RESOURCES_KEYS})
