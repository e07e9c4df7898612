"""`preview`: a value as a person wants to see it at a glance, in a few lines.

Invariants: it imports no library that the value's own type doesn't come from; it shows a part, however large
the value is; nothing that goes wrong in a value's own code gets out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

ROWS = 5
_WIDTH = 100
_LINES = 20
_ITEMS = 8
_PRINTABLE = frozenset(("builtins", "datetime", "decimal", "enum", "fractions", "pathlib", "uuid"))
"""Modules whose values say in short what they are."""


def preview(value: Any) -> list[str]:
    """A value in a few lines: what it is, and a part of it."""
    try:
        return _preview(value)
    except Exception as error:
        return [f"{type_text(value)}, which can't be shown: {type(error).__name__}: {error}"]


def type_text(value: Any) -> str:
    """The name of a value's type, without the module of what Python brings along."""
    kind = type(value)
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def picture_kind(content: bytes) -> str | None:
    """`PNG picture, 640 x 480`, where bytes are the beginning of a picture."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = (int.from_bytes(content[place : place + 4], "big") for place in (16, 20))
        return f"PNG picture, {width} x {height}"
    if content[:3] == b"\xff\xd8\xff":
        return "JPEG picture"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        width, height = (int.from_bytes(content[place : place + 2], "little") for place in (6, 8))
        return f"GIF picture, {width} x {height}"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP picture"
    if content.lstrip()[:4] == b"<svg" or (content.lstrip()[:5] == b"<?xml" and b"<svg" in content[:500]):
        return "SVG picture"
    return None


def _preview(value: Any) -> list[str]:
    if value is None or isinstance(value, bool | int | float | complex):
        return [f"{type_text(value)}: {_cut(repr(value))}"]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(value))
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _array(numpy, value)
    if pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series):
        return _frame(value)
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, list | tuple | set | frozenset):
        return _items(value)
    shape = getattr(value, "shape", None)
    shown = f", shape {tuple(shape)}" if isinstance(shape, tuple) else ""
    return [type_text(value) + shown, *_lines(repr(value))]


def _text(value: str) -> list[str]:
    lines = value.splitlines()
    head = f"text of {len(value):,} characters in {len(lines):,} line{'s' if len(lines) != 1 else ''}"
    return [head, *(_cut(line) for line in lines[:ROWS]), *(["…"] if len(lines) > ROWS else [])]


def _bytes(value: bytes) -> list[str]:
    kind = picture_kind(value)
    head = f"{len(value):,} bytes" + (f", a {kind}" if kind else "")
    return [head] if kind else [head, value[:32].hex(" ") + (" …" if len(value) > 32 else "")]


def _array(numpy: Any, value: Any) -> list[str]:
    head = f"{type_text(value)} of {value.dtype}, shape {_shape(value.shape)}"
    lines = [head]
    if value.size and value.dtype.kind in "iufb":
        numbers = value[numpy.isfinite(value)] if value.dtype.kind == "f" else value
        if numbers.size:
            mean = float(numbers.mean(dtype=numpy.float64))
            lines.append(f"from {numbers.min()!s} to {numbers.max()!s}, on average {mean:.6g}")
        if numbers.size < value.size:
            lines.append(f"{value.size - numbers.size:,} of {value.size:,} aren't finite")
    with numpy.printoptions(threshold=50, edgeitems=3, linewidth=_WIDTH):
        lines.extend(_lines(str(value)))
    return lines


def _frame(value: Any) -> list[str]:
    rows = len(value)
    columns = f", {value.shape[1]:,} columns" if value.ndim == 2 else ""
    size = value.memory_usage(deep=False)
    total = int(size if value.ndim == 1 else size.sum())
    head = f"{type_text(value)}: {rows:,} rows{columns}, {total:,} bytes"
    shown = value.head(ROWS)
    text = shown.to_string(max_cols=12, line_width=_WIDTH) if value.ndim == 2 else shown.to_string()
    return [head, *text.splitlines(), *(["…"] if rows > ROWS else [])]


def _mapping(value: Mapping[Any, Any]) -> list[str]:
    lines = [f"{type_text(value)} of {len(value):,}"]
    lines.extend(_cut(f"  {key!r}: {_short(item)}") for key, item in _first_items(value))
    if len(value) > _ITEMS:
        lines.append(f"  … and {len(value) - _ITEMS:,} more")
    return lines


def _first_items(value: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    return islice(value.items(), _ITEMS)


def _items(value: Any) -> list[str]:
    lines = [f"{type_text(value)} of {len(value):,}"]
    for index, item in enumerate(value):
        if index == _ITEMS:
            lines.append(f"  … and {len(value) - _ITEMS:,} more")
            break
        lines.append(_cut(f"  {_short(item)}"))
    return lines


def _short(value: Any) -> str:
    """A value inside another one, on one line."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return repr(value[:_WIDTH] if isinstance(value, str | bytes) else value)
    if isinstance(value, dict | list | tuple):
        first = list(value[:_ITEMS]) if not isinstance(value, dict) else dict(_first_items(value))
        try:
            return json.dumps(first, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            keys = f": {', '.join(map(str, first))}" if isinstance(value, dict) else ""
            return f"{type_text(value)} of {len(value):,}{keys}"
    if type(value).__module__ in _PRINTABLE and not (hasattr(value, "__len__") and len(value) > _WIDTH):
        return repr(value)
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        dtype = getattr(value, "dtype", None)
        return f"{type_text(value)}{'' if dtype is None else f' of {dtype}'}, shape {_shape(shape)}"
    return type_text(value)


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{length:,}" for length in shape) or "()"


def _lines(text: str) -> list[str]:
    lines = text.splitlines()
    return [_cut(line) for line in lines[:_LINES]] + (["…"] if len(lines) > _LINES else [])


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
