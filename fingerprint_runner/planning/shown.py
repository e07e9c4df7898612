"""`shown`: a config value as plain JSON data, for people and `--json`; never part of a key."""

from __future__ import annotations

from typing import Any

_LONGEST = 200


def shown(value: object) -> Any:
    """The value itself where JSON can hold it, else a short text that names its type.

    Iterative in nothing: nesting deeper than 50 is cut, since only people read this.
    """
    return _shown(value, 50)


def _shown(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value if type(value) in (type(None), bool, int, float, str) else _described(value)
    if depth == 0:
        return "…"
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {key: _shown(part, depth - 1) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(part, depth - 1) for part in value]
    return _described(value)


def _described(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
