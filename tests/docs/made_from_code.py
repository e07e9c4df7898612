"""What the docs take from the code: the JSON Schema's copy, and the parts between markers in pages.

A part stands between `<!-- made from the code: NAME -->` and `<!-- end -->`, each on a line of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from console_pages import CHECKOUT
from fingerprint_runner.cli.entry import group

from fingerprint_runner.graph.json_schema import graph_file_schema
from fingerprint_runner.graph.plain import GRAPH_KEYS
from fingerprint_runner.graph.plain_inputs import INPUT_KEYS
from fingerprint_runner.graph.plain_key import Key
from fingerprint_runner.graph.plain_mappings import RESOURCES_KEYS
from fingerprint_runner.graph.plain_nodes import NODE_KEYS

SCHEMA_COPY = CHECKOUT / "docs" / "fr.schema.json"

_MARKED = re.compile(r"(?<=<!-- made from the code: )([a-z ]+)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)


def schema_text() -> str:
    """What `fr validate --schema` prints."""
    return json.dumps(graph_file_schema(), indent=2) + "\n"


def with_parts(page: str) -> str:
    """The page with every marked part made anew.

    Raises:
        KeyError: a marker names no part.
    """
    return _MARKED.sub(lambda found: f"{found[1]}{found[2]}\n{PARTS[found[1]]()}\n", page)


def marked_parts(page: str) -> list[str]:
    """The names of the parts that a page marks."""
    return [found[1] for found in _MARKED.finditer(page)]


# --- the graph file -----------------------------------------------------------------------------------


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


# --- commands -----------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that isn't a group, under its full name, in the order of `--help`."""
    waiting: list[tuple[str, click.Command]] = [("fr", group)]
    while waiting:
        name, command = waiting.pop(0)
        if not isinstance(command, click.Group):
            yield name, command
            continue
        context = click.Context(command, info_name=name)
        found = [(each, command.get_command(context, each)) for each in command.list_commands(context)]
        waiting[:0] = [(f"{name} {each}", inner) for each, inner in found if inner is not None]


def _commands_text() -> str:
    return "\n".join(_command_text(name, command) for name, command in commands())


def _common_options_text() -> str:
    """The options that stand for the same in every command that has them."""
    known: dict[str, str] = {}
    for _, command in commands():
        known.update(row for row in _options(command) if row[0] in COMMON)
    return _option_table([(option, known[option]) for option in COMMON])


def _command_text(name: str, command: click.Command) -> str:
    pieces = command.collect_usage_pieces(click.Context(command, info_name=name))
    about = [line.strip() for line in (command.help or "").strip().splitlines()]
    rows = _options(command)
    own = [row for row in rows if row[0] not in COMMON]
    also = ", ".join(f"`{_name(option)}`" for option, _ in rows if option in COMMON)
    lines = [f"### `{name}`", "", f"    {' '.join([name, *pieces])}", "", *_sentences(about), ""]
    if own:
        lines.append(_option_table(own))
    lines.append(f"{'Also' if own else 'Options'}: {also}.")
    return "\n".join(lines) + "\n"


def _options(command: click.Command) -> list[tuple[str, str]]:
    """Options as they are written, each with its meaning; `--help` is left out."""
    context = click.Context(command)
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    records = [option.get_help_record(context) for option in options if "--help" not in option.opts]
    return [(_code(record[0]), _cell(record[1])) for record in records if record is not None]


def _name(option: str) -> str:
    """The first form of an option, without what stands behind it."""
    return option.split("`")[1].split(" ")[0]


def _option_table(rows: list[tuple[str, str]]) -> str:
    lines = [f"| {option} | {meaning} |" for option, meaning in rows]
    return "\n".join(["| option | meaning |", "| --- | --- |", *lines]) + "\n"


def _code(option: str) -> str:
    """`-f`, `--file FILE` for what `--help` writes in one."""
    forms = re.split(r", | / ", option.replace("|", "\\|"))
    return ", ".join(f"`{form}`" for form in forms)


def _sentences(lines: list[str]) -> list[str]:
    """A help text with one sentence a line, as the docs have it; paragraphs stay apart."""
    paragraphs = " ".join(line or "\n" for line in lines).split("\n")
    broken = [re.sub(r"(?<=[.:])\s+(?=[A-Z])", "\n", paragraph.strip()) for paragraph in paragraphs]
    return "\n\n".join(broken).split("\n")


def _cell(text: str) -> str:
    """A meaning without the range that click writes behind it, and without a full stop."""
    return re.sub(r"\s*\[x>=\d+\]", "", text).rstrip(".").replace(".  [", " [")


COMMON = (
    "`-f`, `--file FILE`",
    "`--cache-dir DIR`",
    "`-v`, `--verbose`",
    "`-q`, `--quiet`",
    "`--json`",
)

PARTS: dict[str, Callable[[], str]] = {
    "graph keys": lambda: _table(GRAPH_KEYS),
    "input keys": lambda: _table(INPUT_KEYS),
    "node keys": lambda: _table(NODE_KEYS),
    "keys of resources": lambda: _table(RESOURCES_KEYS),
    "common options": _common_options_text,
    "commands": _commands_text,
}
"""Name of a part → what makes it."""

PAGES: dict[Path, tuple[str, ...]] = {
    CHECKOUT / "docs" / "graph-file.md": ("graph keys", "input keys", "node keys", "keys of resources"),
    CHECKOUT / "docs" / "commands.md": ("common options", "commands"),
}
"""Page → the parts that it must have."""
