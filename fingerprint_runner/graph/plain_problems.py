"""`Problems`: what is wrong with plain data in the graph file's form, with the paths of keys to it.

Invariant: noting a problem gives `UNREAD`, which stands in for the value that couldn't be read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fingerprint_runner.errors import Problem, nearest

KeyPath = tuple[str, ...]


class Unread:
    """The type of `UNREAD`: what stands in for a value with a problem."""


UNREAD = Unread()


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

    def unknown_key(self, key: Any, known: Iterable[str], what: str, path: KeyPath) -> None:
        """Note that a key isn't one of those known."""
        if not isinstance(key, str):
            self.add("bad-key", f"{key!r} isn't a text, and keys are texts", path)
            return
        known = tuple(known)
        close = nearest(key, known)
        hint = f"did you mean {close!r}?" if close is not None else f"known: {', '.join(known)}"
        self.add("unknown-key", f"{key!r} isn't a key of {what}", (*path, key), hint)


Reader = Callable[[Problems, KeyPath, Any], Any]
"""Gives the typed value of plain data, or notes what is wrong with it and gives `UNREAD`."""


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
        try:
            text = repr(value)
        except ValueError:
            # Python writes no decimal number of more than 4,300 digits; 0x… can be longer.
            return "a number of thousands of digits"
        kind = "text" if isinstance(value, str) else "number"
        return f"the {kind} {text if len(text) <= 60 else text[:57] + '...'}"
    return f"a {type(value).__name__}"


def unquoted(value: Any) -> str | None:
    """What to do about a text that would be a number, or true or false, without its quotes; else None."""
    if not isinstance(value, str):
        return None
    if value in ("true", "false"):
        return f"write {value} without quotes"
    try:
        return f"write {value} without quotes" if math.isfinite(float(value)) else None
    except ValueError:
        return None


def is_number(value: Any) -> bool:
    """Whether a value is a number that a float can hold, and finite; booleans aren't."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
