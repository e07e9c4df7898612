"""`graph_file_schema`: the graph file's form in JSON Schema, for editors and other programs.

Invariants: made from the same `Key`s that the graph file is read by, and made anew for each caller;
what it refuses, the readers refuse. It needs no `$ref` and no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fingerprint_runner.graph.plain import GRAPH_KEYS
from fingerprint_runner.graph.plain_key import Key

# Every version of the YAML language server reads draft-07. It reads 2019-09 and 2020-12 since its version
# 1.20 alone, and people keep an editor's extensions for years; VS Code warns of 2020-12 for JSON files.
# Nothing that is said here could be said better in a newer draft.
DRAFT = "http://json-schema.org/draft-07/schema#"


def graph_file_schema() -> dict[str, Any]:
    """The JSON Schema (draft-07) of `fr.yml`, `fr.yaml` and `fr.json`, as plain data.

    Beside the draft's keywords there are some that editors know and validators pass by:
    `markdownDescription`, `enumDescriptions`, `markdownEnumDescriptions`, `errorMessage`,
    `patternErrorMessage` and `deprecationMessage`.
    """
    return {
        "$schema": DRAFT,
        "description": "A training graph for fingerprint_runner.",
        "type": "object",
        **_of_keys(GRAPH_KEYS),
    }


def _of_keys(keys: tuple[Key, ...]) -> dict[str, Any]:
    """What JSON Schema says of a mapping that has these keys and no others."""
    made: dict[str, Any] = {"properties": {key.name: _of_key(key) for key in keys}}
    required = [key.name for key in keys if key.required]
    if required:
        made["required"] = required
    made["additionalProperties"] = False
    return made


def _of_key(key: Key) -> dict[str, Any]:
    made = {**_described(_sentence(key.about)), **_expanded(key.form.json_schema)}
    if key.form.meanings:
        made |= _one_of(key.form.meanings)
    if not key.required:
        _let_be_empty(made)
    if key.default is not None:
        made["default"] = key.default
    made["examples"] = list(key.examples)
    return made


def _expanded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with each tuple of `Key`s written out."""
    made: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "properties" and isinstance(value, tuple):
            made |= _of_keys(value)
        elif word == "description":
            made |= _described(_sentence(value))
        elif isinstance(value, Mapping):
            made[word] = _expanded(value)
        elif isinstance(value, list):
            made[word] = [_expanded(item) if isinstance(item, Mapping) else item for item in value]
        else:
            made[word] = value
    return made


def _one_of(meanings: Mapping[str, str]) -> dict[str, Any]:
    told = [_sentence(meaning) for meaning in meanings.values()]
    return {
        "enum": list(meanings),
        "enumDescriptions": [_plain(meaning) for meaning in told],
        "markdownEnumDescriptions": told,
    }


def _let_be_empty(schema: dict[str, Any]) -> None:
    """Let a key have nothing behind it as well, as in `needs:`."""
    if "type" in schema:
        types = schema["type"]
        schema["type"] = [*([types] if isinstance(types, str) else types), "null"]
    if "enum" in schema:
        schema["enum"].append(None)
        for word in ("enumDescriptions", "markdownEnumDescriptions"):
            schema[word].append("As if the key weren't there.")


def _described(text: str) -> dict[str, str]:
    return {"description": _plain(text), "markdownDescription": text}


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _plain(markdown: str) -> str:
    """Markdown as text for those who show no Markdown."""
    return markdown.replace("`", "")
