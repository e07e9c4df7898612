"""What the docs take from the code: the JSON Schema's copy, and the tables between markers in pages.

A table stands between `<!-- made from the code: NAME -->` and `<!-- end -->`, each on a line of its own.
"""

from __future__ import annotations

import json
import re
from typing import Any

from console_pages import CHECKOUT

from fingerprint_runner.graph.json_schema import graph_file_schema
from fingerprint_runner.graph.plain import GRAPH_KEYS
from fingerprint_runner.graph.plain_inputs import INPUT_KEYS
from fingerprint_runner.graph.plain_key import Key
from fingerprint_runner.graph.plain_mappings import RESOURCES_KEYS
from fingerprint_runner.graph.plain_nodes import NODE_KEYS

SCHEMA_COPY = CHECKOUT / "docs" / "fr.schema.json"
PAGE = CHECKOUT / "docs" / "graph-file.md"
TABLES = {
    "graph keys": GRAPH_KEYS,
    "input keys": INPUT_KEYS,
    "node keys": NODE_KEYS,
    "keys of resources": RESOURCES_KEYS,
}

_MARKED = re.compile(r"(?<=<!-- made from the code: )([a-z ]+)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)


def schema_text() -> str:
    """What `fr validate --schema` prints."""
    return json.dumps(graph_file_schema(), indent=2) + "\n"


def with_tables(page: str) -> str:
    """The page with every marked table made anew.

    Raises:
        KeyError: a marker names no table.
    """
    return _MARKED.sub(lambda found: f"{found[1]}{found[2]}\n{_table(TABLES[found[1]])}\n", page)


def marked_tables(page: str) -> list[str]:
    """The names of the tables that a page marks."""
    return [found[1] for found in _MARKED.finditer(page)]


def _table(keys: tuple[Key, ...]) -> str:
    rows = ["| key | meaning | default |", "| --- | --- | --- |"]
    rows += [f"| `{key.name}` | {_meaning(key)} | {_default(key)} |" for key in keys]
    return "\n".join(rows) + "\n"


def _meaning(key: Key) -> str:
    words = "; ".join(f"`{word}`: {meaning}" for word, meaning in key.form.meanings.items())
    return f"{key.about}. {words}" if words else key.about


def _default(key: Key) -> str:
    if key.required:
        return "required"
    return "" if key.default is None else f"`{_as_yaml(key.default)}`"


def _as_yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
