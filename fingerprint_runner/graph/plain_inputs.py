"""The form of `inputs`: what a run is given from outside.

Invariants: each problem is noted once, with the path of keys to it; what can be read is read beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fingerprint_runner.graph.node import MISSING, InputDeclaration
from fingerprint_runner.graph.plain_fields import TEXT, TRUTH, one_of, read_text
from fingerprint_runner.graph.plain_key import Form, Key, by_name, read_keys
from fingerprint_runner.graph.plain_mappings import NAME_SCHEMA
from fingerprint_runner.graph.plain_problems import UNREAD, KeyPath, Problems, Unread, is_number, unquoted


def _read_any(problems: Problems, path: KeyPath, value: Any) -> Any:
    return value


def _read_whole(problems: Problems, path: KeyPath, value: Any) -> Any:
    if type(value) is int:
        return value
    return problems.wrong_type(value, "a whole number", path, unquoted(value))


def _read_number(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A float; a whole number becomes one."""
    if is_number(value) or isinstance(value, float):
        return float(value)
    return problems.wrong_type(value, "a number", path, unquoted(value))


def _read_string(problems: Problems, path: KeyPath, value: Any) -> Any:
    return value if isinstance(value, str) else problems.wrong_type(value, "a text", path)


def _read_path(problems: Problems, path: KeyPath, value: Any) -> Any:
    if not isinstance(value, str):
        return problems.wrong_type(value, "a path", path)
    return read_text(problems, path, value)


INPUT_TYPES: Mapping[str, Key] = by_name(
    (
        Key("int", Form(_read_whole, {"type": "integer"}), "a whole number", (1000,)),
        Key("float", Form(_read_number, {"type": "number"}), "a number, which may be whole", (0.5, 1)),
        Key("str", Form(_read_string, {"type": "string"}), "a text", ("de", "")),
        Key("bool", TRUTH, "true or false", (True,)),
        Key("json", Form(_read_any, {}), "any plain data", ([1, None], {"a": 1})),
        Key(
            "path",
            Form(_read_path, TEXT.json_schema),
            "a file or folder, whose content counts",
            ("data/corpus.csv",),
        ),
    )
)
"""What a declared input can be: the types, each with the form of its `default`."""

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
        INPUT_TYPES["json"].form,
        "the value of a run that isn't given one; without it, `--input` must give one",
        (1000,),
    ),
)
_INPUT_KEYS = by_name(INPUT_KEYS)


def read_inputs(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Name → declared input, or `UNREAD` where that couldn't be read."""
    if not isinstance(value, Mapping):
        return problems.wrong_type(
            value, "a mapping", path, "write `inputs: {limit: {type: int, default: 1000}}`"
        )
    read: dict[str, Any] = {}
    for name, plain in value.items():
        if isinstance(name, str):
            read[name] = _read_input(problems, (*path, name), plain)
        else:
            problems.add("bad-key", f"the input name {name!r} isn't a text", (*path, str(name)))
    return read


def _read_input(problems: Problems, path: KeyPath, plain: Any) -> InputDeclaration | Unread:
    if plain is None:
        return InputDeclaration()
    if not isinstance(plain, Mapping):
        known = isinstance(plain, str) and plain in INPUT_TYPES
        hint = f"write `{path[-1]}: {{type: {plain}}}`" if known else "write `{type: int, default: 1000}`"
        return problems.wrong_type(plain, "a mapping", path, hint)
    before = len(problems.found)
    read = read_keys(problems, path, plain, _INPUT_KEYS, "an input")
    if plain.get("type") is not None and "type" not in read:
        return UNREAD
    kind = read.get("type", "json")
    default = plain.get("default", MISSING)
    if default is not MISSING:
        default = INPUT_TYPES[kind].form.read(problems, (*path, "default"), default)
    return InputDeclaration(kind, default) if len(problems.found) == before else UNREAD


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
                    "then": {"properties": {"default": each.form.json_schema}},
                }
                for name, each in INPUT_TYPES.items()
                if each.form.json_schema
            ],
        },
    },
)
