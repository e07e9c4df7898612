"""The forms of single values and lists of texts: a reader for each, and the same in JSON Schema.

Invariants: a reader notes every problem it finds with the path of keys to it and gives `UNREAD` where
there is one; no reader repeats a config's value in a message, since it may be secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fingerprint_runner.errors import nearest
from fingerprint_runner.graph.node import CacheMode
from fingerprint_runner.graph.plain_key import Form, JsonSchema, whole
from fingerprint_runner.graph.plain_problems import UNREAD, KeyPath, Problems, is_number, shown, unquoted

# Patterns are texts here: `re` compiles those that a file asks for, once, and a small file asks for few.
SECRET_REFERENCE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
_YAML_1_1_BOOLEANS = frozenset(("yes", "no", "on", "off", "y", "n"))

BLANK = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Inside brackets of a pattern: what `str.strip` takes away. `\\s` is another set in ECMAScript."""

_NOT_BLANK = rf"[^\x00]*[^\x00{BLANK}][^\x00]*$"
_IDENTIFIER = r"(?:[A-Za-z_]|[^\x00-\x7f])(?:[A-Za-z0-9_]|[^\x00-\x7f])*"
"""Lenient past ASCII: which letters an identifier may have, no pattern can say in both languages."""


def _text_schema(pattern: str, message: str) -> JsonSchema:
    # Editors that know `patternErrorMessage` show it in place of the pattern; others pass it by.
    return {"type": "string", "pattern": pattern, "patternErrorMessage": message}


def called(path: KeyPath) -> str:
    """What stands at a path, as messages call it."""
    return f"item {int(path[-1]) + 1} of `{path[-2]}`" if path[-1].isdecimal() else f"`{path[-1]}`"


def read_text(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A text that isn't empty."""
    if not isinstance(value, str):
        quoted = str(value).lower() if isinstance(value, bool) else value
        hint = f'quote it: "{quoted}"' if is_number(value) or isinstance(value, bool) else None
        return problems.add("bad-type", f"{called(path)} is {shown(value)}, not a text", path, hint)
    if not value.strip():
        return problems.add("bad-value", f"{called(path)} is an empty text", path)
    if "\0" in value:
        return problems.add("bad-value", f"{called(path)} holds a NUL character", path)
    return value


TEXT = Form(read_text, _text_schema(f"^{_NOT_BLANK}", "write a text that isn't empty"))


def read_bool(problems: Problems, path: KeyPath, value: Any) -> Any:
    """True or false."""
    if isinstance(value, bool):
        return value
    old = isinstance(value, str) and value.lower() in _YAML_1_1_BOOLEANS
    hint = f"write true or false; {value!r} is a text in YAML 1.2" if old else unquoted(value)
    return problems.wrong_type(value, "true or false", path, hint or "write true or false")


TRUTH = Form(read_bool, {"type": "boolean", "errorMessage": "write true or false"})


def read_version(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A node's `version`: a text; whole numbers are taken as they are written."""
    if isinstance(value, int) and is_number(value):
        return str(value)
    return read_text(problems, path, value)


VERSION = Form(read_version, {**TEXT.json_schema, "type": ["string", "integer"]})


def read_attribute(problems: Problems, path: KeyPath, value: Any) -> Any:
    """The name of a method."""
    text = read_text(problems, path, value)
    if isinstance(text, str) and not text.isidentifier():
        return problems.add("bad-value", f"{text!r} isn't the name of a method", path)
    return text


METHOD = Form(read_attribute, _text_schema(whole(_IDENTIFIER), "write the name of a method"))


def read_uses(problems: Problems, path: KeyPath, value: Any) -> Any:
    """An import path; schemas that are built in Python may give the class or function itself."""
    if callable(value):
        return value
    text = read_text(problems, path, value)
    if not isinstance(text, str):
        return text
    module, colon, attribute = text.partition(":")
    parts = [*module.split("."), *attribute.split(".")] if colon else module.split(".")
    if all(part.isidentifier() for part in parts) and len(parts) > 1:
        return text
    return problems.add(
        "bad-value",
        f"{text!r} isn't an import path",
        path,
        "write `module:attribute`, such as pipeline:load_corpus"
        if not text.endswith(".py") and ".py:" not in text and "/" not in text
        else "write the module as `import` does: pipeline.features:build, not pipeline/features.py:build",
    )


USES = Form(
    read_uses,
    _text_schema(
        whole(
            rf"{_IDENTIFIER}(?:(?:\.{_IDENTIFIER})+|(?:\.{_IDENTIFIER})*:{_IDENTIFIER}(?:\.{_IDENTIFIER})*)"
        ),
        "write module:attribute, such as pipeline:load_corpus",
    ),
)


def _texts_of(item: Form) -> Form:
    """The form of a text or a list of texts, each of them of the form given; read as a tuple."""

    def read(problems: Problems, path: KeyPath, value: Any) -> Any:
        if isinstance(value, str):
            text = item.read(problems, path, value)
            return UNREAD if text is UNREAD else (text,)
        if not isinstance(value, (list, tuple)):
            return problems.wrong_type(value, "a text or a list of texts", path)
        each = [item.read(problems, (*path, str(index)), text) for index, text in enumerate(value)]
        return UNREAD if any(text is UNREAD for text in each) else tuple(each)

    return Form(read, {**item.json_schema, "type": ["string", "array"], "items": item.json_schema})


TEXTS = _texts_of(TEXT)

_ELSEWHERE = r"[/~]|[A-Za-z]:[\\/]"


def _relative(problems: Problems, path: KeyPath, value: Any, hint: str) -> Any:
    text = read_text(problems, path, value)
    if isinstance(text, str) and re.match(_ELSEWHERE, text):
        return problems.add(
            "bad-path",
            f"the path {text!r} isn't relative to the graph file's folder",
            path,
            hint,
        )
    return text


def read_file(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A relative path or glob."""
    hint = "write it so, and results hold on other machines; or give it as an input of type path"
    return _relative(problems, path, value, hint)


FILES = _texts_of(
    Form(
        read_file,
        _text_schema(f"^(?!{_ELSEWHERE}){_NOT_BLANK}", "write a path relative to the graph file's folder"),
    )
)


def read_variable(problems: Problems, path: KeyPath, value: Any) -> Any:
    """The name of an environment variable.

    What no shell can set, such as `LC_*` or `LANG, TZ`, is a mistake that would otherwise stay unseen:
    a variable that is never there never changes.
    """
    text = read_text(problems, path, value)
    if not isinstance(text, str) or re.fullmatch(_VARIABLE, text):
        return text
    bare = re.sub(r"=.*", "", text, flags=re.DOTALL).strip("${} ")
    names = [name for name in re.split(rf"[,;{BLANK}]+", text) if re.fullmatch(_VARIABLE, name)]
    if re.fullmatch(_VARIABLE, bare):
        hint = f"write the name alone, such as {bare}"
    elif len(names) > 1:
        hint = f"write a list: [{', '.join(names)}]"
    else:
        hint = "write the names one by one, such as [LANG, TZ]; there are no wildcards"
    return problems.add("bad-value", f"{text!r} isn't the name of an environment variable", path, hint)


_VARIABLE = r"[A-Za-z_][A-Za-z0-9_.-]*"
ENV = _texts_of(
    Form(
        read_variable,
        _text_schema(whole(_VARIABLE), "write the name of an environment variable, such as LANG"),
    )
)


def read_export(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A folder below the graph file's."""
    text = _relative(problems, path, value, "name a folder below it, such as reports/")
    if not isinstance(text, str):
        return text
    parts = re.split(r"[\\/]", text)
    if ".." in parts or all(part in ("", ".") for part in parts):
        return problems.add(
            "bad-path",
            f"the export folder {text!r} isn't below the graph file's folder",
            path,
            "name a folder of its own, such as reports/, without `..`",
        )
    return text


EXPORT = Form(
    read_export,
    _text_schema(
        rf"^(?!{_ELSEWHERE})(?!(?:[^\x00]*[\\/])?\.\.(?:[\\/]|$(?!\n)))"
        rf"(?!(?:\.?[\\/])*\.?$(?!\n)){_NOT_BLANK}",
        "write the path of a folder below the graph file's, without ..",
    ),
)


def one_of(meanings: Mapping[str, str]) -> Form:
    """The form of one of a few words, each with what it means."""

    def read(problems: Problems, path: KeyPath, value: Any) -> Any:
        if isinstance(value, str) and value in meanings:
            return value
        close = nearest(value, meanings) if isinstance(value, str) else None
        hint = f"did you mean {close!r}?" if close is not None else None
        return problems.wrong_type(value, f"one of {', '.join(meanings)}", path, hint)

    return Form(read, {"type": "string"}, meanings)


_CACHE_WORD = one_of(
    {
        CacheMode.DEFAULT.value: "taken from the cache when nothing changed",
        CacheMode.RECOMPUTE.value: "runs whenever it is needed, and what is below is decided by its value",
        CacheMode.DISABLE.value: "the same as `recompute`, and not stored",
        CacheMode.IGNORE.value: "the same as `disable`, and left out of what its children depend on",
    }
)


def read_cache(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A cache mode."""
    if value is False:
        return problems.wrong_type(
            value, "a cache mode", path, "write `cache: disable`, or `recompute` to keep what comes out"
        )
    word = _CACHE_WORD.read(problems, path, value)
    return UNREAD if word is UNREAD else CacheMode(word)


CACHE = Form(read_cache, _CACHE_WORD.json_schema, _CACHE_WORD.meanings)


def read_retries(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A count from 0."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return problems.wrong_type(value, "a whole number from 0", path, unquoted(value))


COUNT = Form(read_retries, {"type": "integer", "minimum": 0})


def read_timeout(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Seconds above 0."""
    if is_number(value) and value > 0:
        return value
    hint = unquoted(value) or "write seconds, such as 600; leave it out for no limit"
    return problems.wrong_type(value, "a number of seconds above 0", path, hint)


SECONDS = Form(
    read_timeout,
    # What reads the file takes it, and what checks the graph doesn't yet: editors warn and don't offer it.
    {"type": "number", "exclusiveMinimum": 0, "deprecationMessage": "`timeout_s` is refused in this version"},
)
