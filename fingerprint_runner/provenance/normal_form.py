"""`NormalForm`: what a piece of syntax tree says, whatever its formatting, position and Python version.

The tree is walked once, in pre-order, into tokens of class names, field names and constants.

Invariants: fields that are None or empty are left out, so a field that a later Python adds changes
nothing; positions, contexts, `u` prefixes, `pass` and constants standing alone don't count;
docstrings are kept apart; no token depends on the Python version, the platform or a hash seed; the
walk is iterative, so nesting is bounded by the parser alone. Surface and bodies of a definition together
say what its whole form says.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
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


@dataclass(frozen=True)
class ApartForm:
    """A definition taken apart: what making it runs, and what only calling runs.

    Attributes:
        surface: all but the functions' bodies; of what defines no function at its top, all of it.
        bodies: (name, form) of the function itself, or of each method of a class, in source order.
    """

    surface: NormalForm
    bodies: tuple[tuple[str, NormalForm], ...]


def apart_form(node: ast.AST | None) -> ApartForm:
    """The normal form of a statement, its functions' bodies apart.

    Whether a function yields belongs to its surface: a generator's body may not run although it is called.
    """
    functions = _functions_of(node)
    left_out = {id(function) for function in functions}
    tokens: list[str] = []
    docs: list[str] = []
    if node is not None:
        _write(node, tokens, docs, left_out)
    bodies = tuple((function.name, normal_form([function])) for function in functions)
    return ApartForm(NormalForm("\n".join(tokens), "\n".join(docs)), bodies)


def _functions_of(node: ast.AST | None) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """A function itself; of a class its methods, those of classes inside it too."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node]
    if not isinstance(node, ast.ClassDef):
        return []
    found: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
    stack: list[ast.AST] = list(reversed(node.body))
    while stack:
        each = stack.pop()
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(each)
        elif isinstance(each, ast.stmt | ast.ExceptHandler | ast.match_case):
            stack.extend(reversed(list(ast.iter_child_nodes(each))))
    return found


def _yields(function: ast.AST) -> bool:
    """Whether calling a function makes a generator."""
    stack = list(ast.iter_child_nodes(function))
    while stack:
        each = stack.pop()
        if isinstance(each, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(each))
    return False


def _write(
    root: ast.AST, tokens: list[str], docs: list[str], bodiless: Collection[int] = frozenset()
) -> None:
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
            stack.extend(reversed(_parts(item, kind, docs, id(item) in bodiless)))


def _parts(node: ast.AST, kind: type, docs: list[str], bodiless: bool = False) -> list[Any]:
    """The tokens and nodes that a node consists of, in order."""
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(name for name in node._fields if name not in _SKIPPED)
    parts: list[Any] = []
    for name in fields:
        value = getattr(node, name, None)
        if value is None:
            continue
        if bodiless and name == "body":
            parts.append("yields" if _yields(node) else "runs")
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
