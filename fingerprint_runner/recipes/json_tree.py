"""JSON text as plain data with the position of every key.

Invariants: strict JSON, whose syntax the standard library judges; linear and iterative.
"""

from __future__ import annotations

import re
from typing import Any

from fingerprint_runner.recipes.tree import Tree, TreeBuilder

_JSON_TOKEN = re.compile(r'\n|"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(text: str, file: str | None = None) -> Tree:
    """What a JSON text says, with the positions of its keys.

    Args:
        text: one JSON value.
        file: the path that problems name.

    Raises:
        InvalidGraph: with all problems up to the first that can't be read past.
    """
    import json

    builder = TreeBuilder(text, file)
    try:
        # Numbers are read below, where their places are known.
        json.loads(text, parse_constant=str, parse_int=str)
    except json.JSONDecodeError as error:
        raise builder.fail(
            "syntax",
            f"this isn't JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            error.lineno,
            error.colno,
            "JSON has no comments, no commas behind the last item, and double quotes only",
        ) from error
    except RecursionError:
        pass  # The builder counts the nesting and says where it is too deep.
    line, line_start = 1, 0
    for token in _JSON_TOKEN.finditer(text):
        word = token[0]
        column = token.start() - line_start + 1
        if word == "\n":
            line, line_start = line + 1, token.end()
        elif word == "{":
            builder.open({}, line, column)
        elif word == "[":
            builder.open([], line, column)
        elif word in "}]":
            builder.close()
        elif word not in ",:":
            value = _scalar(builder, word, line, column)
            if builder.wants_key:
                builder.key(value, line, column)
            else:
                builder.scalar(value, line, column)
    return builder.tree()


def _scalar(builder: TreeBuilder, word: str, line: int, column: int) -> Any:
    import json

    if word in ("NaN", "Infinity", "-Infinity"):
        builder.note(
            "bad-number", f"{word} is no JSON number", line, column, "an fr.yml can hold .nan and .inf"
        )
        return None
    if word[0] == '"' and "\\" not in word:
        return word[1:-1]
    try:
        value = json.loads(word)
    except ValueError:
        builder.note("bad-number", "this number has too many digits", line, column, "quote it")
        return None
    if isinstance(value, str) and _SURROGATE.search(value):
        builder.note("bad-value", "this text holds half of a character pair", line, column)
    return value
