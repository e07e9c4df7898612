"""`ModuleText`: the lines of a module's symbols, and how they differ from those in another text of it.

For people alone: nothing is decided by it. Symbols are found by the same reading as their closures are.

Invariants: a text that isn't Python, and a symbol that isn't there, have no lines, and that is no error;
nothing of the user's is imported.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import decode_source

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.provenance.module_table import parse, read_module
from fingerprint_runner.provenance.units import Unit

CONTEXT = 2
"""Lines shown around each change."""
_CUT = "…"


@dataclass(frozen=True)
class SymbolLines:
    """What a symbol is made of.

    Attributes:
        first: number of the first line, from 1.
        lines: without line breaks; a gap between two statements isn't marked.
    """

    first: int
    lines: tuple[str, ...]


class ModuleText:
    """One text of a module; parsed once, when it is first asked.

    Args:
        module: its full name.
        text: its bytes.
    """

    def __init__(self, module: str, text: bytes) -> None:
        self._module = module
        self._text = text
        self._lines: tuple[str, ...] = ()
        self._units: tuple[Unit, ...] = ()
        self._statements: dict[int, list[ast.stmt]] = {}
        self._read = False

    def symbol(self, name: str) -> SymbolLines | None:
        """The lines of a symbol.

        Args:
            name: as the parts of a closure call it: a global name, `Class.method`, `<text>` for the whole
                module, or another label in angles for the statements that bind no name.

        Returns:
            None where there is no such thing.
        """
        self._parse()
        if name == "<text>":
            return SymbolLines(1, self._lines) if self._lines else None
        wanted = list(self._ranges(name))
        numbers = sorted({number for first, last in wanted for number in range(first, last + 1)})
        if not numbers:
            return None
        return SymbolLines(numbers[0], tuple(self._lines[number - 1] for number in numbers))

    def _parse(self) -> None:
        if self._read:
            return
        self._read = True
        try:
            # Whether it is a package matters for what relative imports mean, and not for where they stand.
            table = read_module(self._module, False, self._module, self._text, lambda content: "")
            tree = parse(self._text, self._module)
            lines = decode_source(self._text).split("\n")
        except (InvalidGraph, ValueError, SyntaxError, RecursionError):
            return
        self._units, self._lines = table.units, tuple(lines[:-1] if lines[-1] == "" else lines)
        for statement in _top_statements(tree.body):
            self._statements.setdefault(_first_line(statement), []).append(statement)

    def _ranges(self, name: str) -> Iterator[tuple[int, int]]:
        """First and last line of each statement that makes a symbol."""
        top, _, inner = name.partition(".")
        for unit in self._units:
            named = top in unit.names if not top.startswith("<") else _is_meant(unit, name)
            if not named:
                continue
            statements = self._statements.get(unit.line, ())
            if not statements:
                yield unit.line, unit.line
            for statement in statements:
                found = _inside(statement, top, inner) if inner else None
                yield _range(found or statement)


def symbol_diff(old: SymbolLines | None, new: SymbolLines | None) -> tuple[str, ...]:
    """How a symbol changed, as a unified diff without its headings.

    Args:
        old, new: its lines; None where it wasn't there, or is no more.

    Returns:
        Lines that begin with a blank, `-` or `+`; `…` alone stands for lines that are left out.
    """
    before, after = (() if each is None else each.lines for each in (old, new))
    found: list[str] = []
    for line in list(difflib.unified_diff(before, after, n=CONTEXT, lineterm=""))[2:]:
        if not line.startswith("@@"):
            found.append(line)
        elif found:
            found.append(_CUT)
    return tuple(found)


def _top_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under `if` one by one, as they are read for closures."""
    stack = list(reversed(body))
    while stack:
        statement = stack.pop()
        if isinstance(statement, ast.If):
            stack.extend(reversed([*statement.body, *statement.orelse]))
        else:
            yield statement


def _is_meant(unit: Unit, label: str) -> bool:
    """Whether a statement is one of those that a label in angles stands for."""
    if label.startswith("<import * from "):
        return unit.kind == "star"
    return label.startswith("<effect") and not unit.names and unit.kind != "star"


def _inside(statement: ast.stmt, top: str, inner: str) -> ast.stmt | None:
    """A method, or another part of a class, by its dotted name; None where it isn't there."""
    if not isinstance(statement, ast.ClassDef) or statement.name != top:
        return None
    found: ast.stmt = statement
    for name in inner.split("."):
        body = found.body if isinstance(found, ast.ClassDef) else []
        named = [each for each in body if getattr(each, "name", None) == name]
        if not named:
            return None
        found = named[-1]
    return found


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _range(statement: ast.stmt) -> tuple[int, int]:
    return _first_line(statement), statement.end_lineno or statement.lineno
