"""`Key`: one key of the graph file's form, as a reader, as JSON Schema, and as people are told of it.

Invariants: a `Form` says twice which values are right, to a reader and in JSON Schema, so that neither
can be written without the other; all of it is plain data that nothing looks at before `json_schema` is
asked for a schema. Patterns mean the same in Python and in ECMAScript: no `\\w`, `\\s` or `.`, and `$` only
as `whole` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fingerprint_runner.graph.plain_problems import UNREAD, KeyPath, Problems, Reader

JsonSchema = Mapping[str, Any]
"""JSON Schema as plain data; `properties` may be a tuple of `Key`s, which are all the keys there are."""

_ANY_WORD: Mapping[str, str] = {}


# Named tuples for weight: every run reads these modules, and dataclasses take several times as long to make.
class Form(NamedTuple):
    """Which values are right, said to a reader and in JSON Schema.

    Attributes:
        read: gives the typed value, or notes problems.
        json_schema: the same in JSON Schema, as far as that can say it.
        meanings: word → what it means, in Markdown, where only these words are right.
    """

    read: Reader
    json_schema: JsonSchema
    meanings: Mapping[str, str] = _ANY_WORD


class Key(NamedTuple):
    """One key of a mapping in the graph file.

    Attributes:
        name: as it is written.
        form: what its value may be.
        about: what it means, in Markdown: editors show it, and `docs/graph-file.md` is made from it.
        examples: right values.
        default: the value that means the same as no key; None where there is none to name.
        required: whether it must be there. A key that needn't may also be empty, which means the same.
    """

    name: str
    form: Form
    about: str
    examples: tuple[Any, ...]
    default: Any = None
    required: bool = False


def by_name(keys: tuple[Key, ...]) -> Mapping[str, Key]:
    """The keys under their names, in the same order."""
    return {key.name: key for key in keys}


def read_keys(
    problems: Problems, path: KeyPath, plain: Mapping[Any, Any], keys: Mapping[str, Key], what: str
) -> dict[str, Any]:
    """What stands under the keys that are known and can be read; problems are noted.

    Args:
        plain: the mapping; a key with nothing behind it is as if it weren't there.
        keys: those that it may have.
        what: the mapping as messages name it, such as `a node`.
    """
    read: dict[str, Any] = {}
    for name, value in plain.items():
        key = keys.get(name) if isinstance(name, str) else None
        if key is None:
            problems.unknown_key(name, keys, what, path)
        elif value is not None:
            typed = key.form.read(problems, (*path, name), value)
            if typed is not UNREAD:
                read[name] = typed
    return read


def whole(pattern: str) -> str:
    """The pattern of a text that matches as a whole.

    In Python `$` also matches in front of a line end that ends the text, and in ECMAScript it doesn't.
    """
    return rf"^(?:{pattern})$(?!\n)"
