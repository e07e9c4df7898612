"""One reader for each value that the graph file's form holds: it gives the typed value or notes a problem.

Invariants: a reader notes every problem it finds with the path of keys to it and gives `UNREAD` where
there is one; no reader repeats a config's value in a message, since it may be secret.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

from fingerprint_runner.errors import Problem, nearest
from fingerprint_runner.graph.node import CacheMode

KeyPath = tuple[str, ...]


class Unread:
    """The type of `UNREAD`: what stands in for a value with a problem."""


UNREAD = Unread()

SECRET_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_YAML_1_1_BOOLEANS = frozenset(("yes", "no", "on", "off", "y", "n"))


class Problems:
    """Collects problems with the paths of keys that they are about."""

    def __init__(self) -> None:
        self.found: list[tuple[KeyPath, Problem]] = []

    def add(self, kind: str, message: str, path: KeyPath, hint: str | None = None) -> Unread:
        """Note a problem; node and key follow from the path."""
        if len(path) > 1 and path[0] == "nodes":
            node, key = path[1], ".".join(path[2:]) or None
        else:
            node, key = None, ".".join(path) or None
        self.found.append((path, Problem(kind, message, node=node, key=key, hint=hint)))
        return UNREAD

    def wrong_type(self, value: Any, wanted: str, path: KeyPath, hint: str | None = None) -> Unread:
        """Note that a value isn't of the type wanted (`a list of texts`)."""
        return self.add("bad-type", f"`{path[-1]}` is {shown(value)}, not {wanted}", path, hint)

    def unknown_key(self, key: Any, known: tuple[str, ...], what: str, path: KeyPath) -> None:
        """Note that a key isn't one of those known."""
        if not isinstance(key, str):
            self.add("bad-key", f"{key!r} isn't a text, and keys are texts", path)
            return
        close = nearest(key, known)
        hint = f"did you mean {close!r}?" if close is not None else f"known: {', '.join(known)}"
        self.add("unknown-key", f"{key!r} isn't a key of {what}", (*path, key), hint)


Reader = Callable[[Problems, KeyPath, Any], Any]


def shown(value: Any) -> str:
    """A value as messages name it: short values as they are, others by their type."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, (int, float, str)):
        text = repr(value)
        kind = "text" if isinstance(value, str) else "number"
        return f"the {kind} {text if len(text) <= 60 else text[:57] + '...'}"
    return f"a {type(value).__name__}"


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; booleans aren't."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def read_text(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A text that isn't empty."""
    if not isinstance(value, str):
        hint = f'quote it: "{value}"' if is_number(value) or isinstance(value, bool) else None
        return problems.wrong_type(value, "a text", path, hint)
    if not value.strip():
        return problems.add("bad-value", f"`{path[-1]}` is an empty text", path)
    if "\0" in value:
        return problems.add("bad-value", f"`{path[-1]}` holds a NUL character", path)
    return value


def read_bool(problems: Problems, path: KeyPath, value: Any) -> Any:
    """True or false."""
    if isinstance(value, bool):
        return value
    old = isinstance(value, str) and value.lower() in _YAML_1_1_BOOLEANS
    hint = f"write true or false; {value!r} is a text in YAML 1.2" if old else "write true or false"
    return problems.wrong_type(value, "true or false", path, hint)


def read_version(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A node's `version`: a text; whole numbers are taken as they are written."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return read_text(problems, path, value)


def read_attribute(problems: Problems, path: KeyPath, value: Any) -> Any:
    """The name of a method."""
    text = read_text(problems, path, value)
    if isinstance(text, str) and not text.isidentifier():
        return problems.add("bad-value", f"{text!r} isn't the name of a method", path)
    return text


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


def read_texts(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A tuple of texts, from a text or a list of texts."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, (list, tuple)):
        return problems.wrong_type(value, "a text or a list of texts", path)
    return _each(problems, path, value, read_text)


def _each(problems: Problems, path: KeyPath, values: Any, reader: Reader) -> Any:
    read = []
    for index, value in enumerate(values):
        if not isinstance(value, str):
            wanted = f"item {index + 1} of `{path[-1]}` is {shown(value)}, not a text"
            read.append(problems.add("bad-type", wanted, (*path, str(index))))
        else:
            read.append(reader(problems, (*path, str(index)), value))
    return UNREAD if any(item is UNREAD for item in read) else tuple(read)


def read_files(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Relative paths and globs."""
    texts = read_texts(problems, path, value)
    if texts is UNREAD:
        return UNREAD
    read = []
    for index, text in enumerate(texts):
        place = (*path, str(index)) if not isinstance(value, str) else path
        read.append(_relative(problems, place, text, "or give it as an input of type path"))
    return UNREAD if any(item is UNREAD for item in read) else tuple(read)


def _relative(problems: Problems, path: KeyPath, text: str, otherwise: str) -> Any:
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", text):
        return problems.add(
            "bad-path",
            f"the path {text!r} isn't relative to the graph file's folder",
            path,
            f"write it relative to that folder, so that results hold on other machines, {otherwise}",
        )
    return text


def read_env(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Names of environment variables."""
    texts = read_texts(problems, path, value)
    if texts is UNREAD:
        return UNREAD
    for text in texts:
        if "=" in text or text.startswith("$"):
            return problems.add(
                "bad-value",
                f"{text!r} isn't the name of an environment variable",
                path,
                f"write the name alone, such as {re.sub(r'=.*', '', text, flags=re.DOTALL).strip('${}')}",
            )
    return texts


def read_export(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A folder below the graph file's."""
    text = read_text(problems, path, value)
    if not isinstance(text, str):
        return text
    if _relative(problems, path, text, "below it") is UNREAD:
        return UNREAD
    inside = posixpath.normpath(text.replace("\\", "/"))
    if inside == "." or inside == ".." or inside.startswith("../"):
        return problems.add(
            "bad-path",
            f"the export folder {text!r} isn't below the graph file's folder",
            path,
            "name a folder of its own, such as reports/",
        )
    return text


def one_of(*known: str) -> Reader:
    """A reader of one of a few words."""

    def read(problems: Problems, path: KeyPath, value: Any) -> Any:
        if isinstance(value, str) and value in known:
            return value
        close = nearest(value, known) if isinstance(value, str) else None
        hint = f"did you mean {close!r}?" if close is not None else None
        return problems.wrong_type(value, f"one of {', '.join(known)}", path, hint)

    return read


def read_cache(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A cache mode."""
    if value is False:
        return problems.wrong_type(
            value, "a cache mode", path, "write `cache: disable`, or `recompute` to keep what comes out"
        )
    word = one_of(*(mode.value for mode in CacheMode))(problems, path, value)
    return UNREAD if word is UNREAD else CacheMode(word)


def read_retries(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A count from 0."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return problems.wrong_type(value, "a whole number from 0", path)


def read_timeout(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Seconds above 0."""
    if is_number(value) and value > 0:
        return value
    return problems.wrong_type(value, "a number of seconds above 0", path, "leave it out for no limit")
