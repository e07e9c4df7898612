"""Random edits of functions in a package: a statement that does nothing, put first in the body.

Invariants: edits are the same for the same modules and seed; a function's docstring stays first.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FunctionEdit:
    """One edit.

    Attributes:
        path: of the module.
        first_line: of the function's code object: of its first decorator, or of `def`.
        name: of the function.
        text: of the module after the edit.
    """

    path: Path
    first_line: int
    name: str
    text: str


def random_edits(modules: Sequence[Path], count: int, seed: int) -> list[FunctionEdit]:
    """Functions drawn evenly from all that the modules define."""
    functions = [
        (path, node.lineno, node)
        for path in modules
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.body[0].lineno > node.lineno
    ]
    drawn = random.Random(seed).sample(functions, count)
    return [_edit(path, node) for path, _, node in drawn]


def _edit(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> FunctionEdit:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    line = (first.end_lineno or first.lineno) if documented else _start(first) - 1
    lines.insert(line, " " * first.col_offset + "_edited = 1\n")
    decorators = [decorator.lineno for decorator in node.decorator_list]
    return FunctionEdit(path, min([node.lineno, *decorators]), node.name, "".join(lines))


def _start(statement: ast.stmt) -> int:
    decorators = [each.lineno for each in getattr(statement, "decorator_list", [])]
    return min([statement.lineno, *decorators])
