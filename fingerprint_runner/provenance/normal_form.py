"""`NormalForm`: what a piece of syntax tree says, whatever its formatting, position and Python version.

The tree is walked once, in pre-order, into tokens of class names, field names and constants.

Invariants: fields that are None or empty are left out, so a field that a later Python adds changes
nothing; positions, contexts, `u` prefixes, `pass` and constants standing alone don't count;
docstrings are kept apart; no token depends on the Python version, the platform or a hash seed; the
walk is iterative, so nesting is bounded by the parser alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_SKIPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_BODIES = frozenset({"body", "orelse", "finalbody"})
_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FIELDS: dict[type, tuple[str, ...]] = {}


@dataclass(frozen=True)
class NormalForm:
    """Tokens of code and, apart from them, of docstrings.

    Attributes:
        code: equal exactly for code that runs alike but for its docstrings.
        docs: the docstrings in it, each with the name of what it documents.
    """

    code: str
    docs: str


def normal_form(nodes: Iterable[ast.AST]) -> NormalForm:
    """The normal form of some nodes, in order."""
    tokens: list[str] = []
    docs: list[str] = []
    for node in nodes:
        _write(node, tokens, docs)
    return NormalForm("\n".join(tokens), "\n".join(docs))


def _write(root: ast.AST, tokens: list[str], docs: list[str]) -> None:
    stack: list[Any] = [root]
    while stack:
        item = stack.pop()
        kind = item.__class__
        if kind is str:
            tokens.append(item)
        elif kind is ast.Constant:
            tokens.append(constant_token(item.value))
        else:
            tokens.append(kind.__name__ + "(")
            stack.append(")")
            stack.extend(reversed(_parts(item, kind, docs)))


def _parts(node: ast.AST, kind: type, docs: list[str]) -> list[Any]:
    """The tokens and nodes that a node consists of, in order."""
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(name for name in node._fields if name not in _SKIPPED)
    parts: list[Any] = []
    for name in fields:
        value = getattr(node, name, None)
        if value is None:
            continue
        if value.__class__ is list:
            if name in _BODIES:
                value = _statements(node, value, docs)
            elif kind is ast.JoinedStr:
                value = _joined(value)
            if not value:
                continue
            parts.append(name + "[")
            parts.extend(
                "None" if each is None else f"'{each}" if each.__class__ is str else each for each in value
            )
            parts.append("]")
        elif isinstance(value, ast.AST):
            if kind is ast.FormattedValue and isinstance(value, ast.JoinedStr) and not _joined(value.values):
                continue  # `f"{x:}"`: versions differ in whether there is an empty format
            parts.append(name + "=")
            parts.append(value)
        else:
            parts.append(f"{name}={value!a}")
    return parts


def _statements(node: ast.AST, body: list[ast.stmt], docs: list[str]) -> list[ast.stmt]:
    """A body without what does nothing: `pass` and constants; its docstring goes to `docs`."""
    if isinstance(node, _DOCUMENTED):
        text = docstring_of(body)
        if text is not None:
            docs.append(f"{node.name} {text!a}")
    return [
        statement
        for statement in body
        if not isinstance(statement, ast.Pass)
        and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]


def docstring_of(body: list[ast.stmt]) -> str | None:
    """The docstring that a body begins with."""
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        value = body[0].value.value
        return value if isinstance(value, str) else None
    return None


def _joined(values: list[ast.expr]) -> list[Any]:
    """The parts of an f-string, adjacent texts made one: versions differ in where they cut."""
    merged: list[Any] = []
    text: list[str] = []
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            text.append(value.value)
            continue
        if any(text):
            merged.append(ast.Constant("".join(text)))
        text = []
        merged.append(value)
    if any(text):
        merged.append(ast.Constant("".join(text)))
    return merged


def constant_token(value: object) -> str:
    """A constant as text: its type and its value, injective and the same on every version.

    `ascii` and not `repr`: which characters are printable depends on Python's Unicode tables; and
    hexadecimal integers, since decimal ones are limited in length.
    """
    if isinstance(value, bool) or value is None or value is ...:
        return f"={value}"
    if isinstance(value, int):
        return f"int {value:x}"
    return f"{type(value).__name__} {value!a}"
