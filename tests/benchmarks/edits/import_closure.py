"""Which modules a module imports, directly or not: what a build that follows imports would hash.

Invariants: every import statement counts, wherever it stands; importing `a.b` imports `a` too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


class ImportGraph:
    """Imports among the modules below a folder.

    Args:
        folder: what `sys.path` would hold.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._imports: dict[str, set[str]] = {}

    def closure(self, module: str) -> set[Path]:
        """The files of a module and of all that it imports."""
        met: set[str] = set()
        waiting = [module]
        while waiting:
            name = waiting.pop()
            if name in met or self._file(name) is None:
                continue
            met.add(name)
            waiting += self._imported(name)
            waiting += [name.rpartition(".")[0]] if "." in name else []
        return {file for name in met if (file := self._file(name)) is not None}

    def _imported(self, name: str) -> set[str]:
        if name not in self._imports:
            file = self._file(name)
            assert file is not None
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            self._imports[name] = set(_names(ast.parse(file.read_bytes()), package))
        return self._imports[name]

    def _file(self, name: str) -> Path | None:
        base = self._folder.joinpath(*name.split("."))
        for file in (base / "__init__.py", base.with_suffix(".py")):
            if file.is_file():
                return file
        return None


def _names(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
