"""The form of `inputs`: what a run is given from outside.

Invariants: each problem is noted once, with the path of keys to it; what can be read is read beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fingerprint_runner.graph.node import MISSING, InputDeclaration
from fingerprint_runner.graph.plain_fields import TEXT, TRUTH, one_of, read_text
from fingerprint_runner.graph.plain_key import Form, Key, by_name, read_keys
from fingerprint_runner.graph.plain_mappings import NAME_SCHEMA
from fingerprint_runner.graph.plain_problems import KeyPath, Problems, is_number, unquoted


@dataclass(frozen=True)
class Named:
    """What stands under the names of a mapping.

    Attributes:
        read: name → what could be read.
        unread: the names of the rest, which are there all the same.
    """

    read: dict[str, Any] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def _read_any(problems: Problems, path: KeyPath, value: Any) -> Any:
    return value


def _read_whole(problems: Problems, path: KeyPath, value: Any) -> Any:
    return (
        value if type(value) is int else problems.wrong_type(value, "a whole number", path, unquoted(value))
    )


def _read_number(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A float; a whole number becomes one."""
    if is_number(value):
        return float(value)
    return (
        value if isinstance(value, float) else problems.wrong_type(value, "a number", path, unquoted(value))
    )


def _read_string(problems: Problems, path: KeyPath, value: Any) -> Any:
    return value if isinstance(value, str) else problems.wrong_type(value, "a text", path)


def _read_path(problems: Problems, path: KeyPath, value: Any) -> Any:
    if not isinstance(value, str):
        return problems.wrong_type(value, "a path", path)
    return read_text(problems, path, value)


@dataclass(frozen=True)
class InputType:
    """One type of inputs: what it means, and the form of a default value."""

    about: str
    default: Form


INPUT_TYPES: Mapping[str, InputType] = {
    "int": InputType("a whole number", Form(_read_whole, {"type": "integer"})),
    "float": InputType("a number, which may be whole", Form(_read_number, {"type": "number"})),
    "str": InputType("a text", Form(_read_string, {"type": "string"})),
    "bool": InputType("true or false", TRUTH),
    "json": InputType("any plain data", Form(_read_any, {})),
    "path": InputType("a file or folder, whose content counts", Form(_read_path, TEXT.json_schema)),
}
"""What a declared input can be."""

INPUT_KEYS = (
    Key(
        "type",
        one_of({name: each.about for name, each in INPUT_TYPES.items()}),
        "what kind of value it is",
        ("int", "path"),
        default="json",
    ),
    Key(
        "default",
        Form(_read_any, {}),
        "the value of a run that isn't given one; without it, `--input` must give one",
        (1000,),
    ),
)
_INPUT_KEYS = by_name(INPUT_KEYS)


def read_inputs(problems: Problems, path: KeyPath, value: Any) -> Any:
    """`Named` declarations of inputs."""
    if not isinstance(value, Mapping):
        return problems.wrong_type(
            value, "a mapping", path, "write `inputs: {limit: {type: int, default: 1000}}`"
        )
    found = Named()
    for name, plain in value.items():
        declared = _read_input(problems, (*path, str(name)), plain)
        if not isinstance(name, str):
            problems.add("bad-key", f"the input name {name!r} isn't a text", (*path, str(name)))
        elif declared is None:
            found.unread.append(name)
        else:
            found.read[name] = declared
    return found


def _read_input(problems: Problems, path: KeyPath, plain: Any) -> InputDeclaration | None:
    if plain is None:
        return InputDeclaration()
    if not isinstance(plain, Mapping):
        known = isinstance(plain, str) and plain in INPUT_TYPES
        hint = f"write `{path[-1]}: {{type: {plain}}}`" if known else "write `{type: int, default: 1000}`"
        problems.wrong_type(plain, "a mapping", path, hint)
        return None
    before = len(problems.found)
    read = read_keys(problems, path, plain, _INPUT_KEYS, "an input")
    if plain.get("type") is not None and "type" not in read:
        return None
    kind = read.get("type", "json")
    default = plain.get("default", MISSING)
    if default is not MISSING:
        default = INPUT_TYPES[kind].default.read(problems, (*path, "default"), default)
    return InputDeclaration(kind, default) if len(problems.found) == before else None


INPUTS = Form(
    read_inputs,
    {
        "type": "object",
        "propertyNames": NAME_SCHEMA,
        "additionalProperties": {
            "type": ["object", "null"],
            "description": "an input: a value that a run is given, needed like a node",
            "properties": INPUT_KEYS,
            "allOf": [
                {
                    "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
                    "then": {"properties": {"default": each.default.json_schema}},
                }
                for name, each in INPUT_TYPES.items()
                if each.default.json_schema
            ],
        },
    },
)
