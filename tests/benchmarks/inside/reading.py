"""Time reading the source of a generated tree of modules: for the first time, again, and after an edit.

    python reading.py MODULES REPEATS     in an empty folder, where the tree is written

Prints one JSON object: what was done → seconds.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.source_reader import SourceReader
from fingerprint_runner.storage.model_storage import open_storage

MODULE = '''"""Module {number} of a tree."""

from dataclasses import dataclass

from tree import {imports}

LIMITS = {{"low": {number}, "high": {number} + 1}}


@dataclass(frozen=True)
class Settings{number}:
    """What the steps of this module take."""

    low: int = LIMITS["low"]
    high: int = LIMITS["high"]

    def inside(self, value):
        return self.low <= value <= self.high


def clean(values, settings=Settings{number}()):
    """Keep what lies inside."""
    return [value for value in values if settings.inside(value)]


def scale(values, factor=2):
    total = sum(values) or 1
    return [value * factor / total for value in values]


def join(left, right):
    found = {{}}
    for key, value in zip(left, right):
        if value is not None:
            found.setdefault(key, []).append(value)
    return found


def step(values):
    """All of it, and what the modules below do."""
    kept = clean(scale(values))
    for each in ({calls}):
        kept = each(kept)
    return join(kept, values)
'''


def write_tree(folder: Path, count: int) -> None:
    """Each module uses up to three of those before it."""
    package = folder / "tree"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for number in range(count):
        below = sorted({number - 1, number // 2, number // 3} - {number}) if number else []
        names = [f"m{each}" for each in below if each >= 0]
        imports = ", ".join(names) or "__name__ as own_name"
        calls = "".join(f"{name}.step, " for name in names)
        (package / f"m{number}.py").write_text(MODULE.format(number=number, imports=imports, calls=calls))


def main(count: int, repeats: int) -> None:
    """Measure in turn and print."""
    folder = Path.cwd()
    write_tree(folder, count)
    root = f"tree.m{count - 1}:step"
    edited = folder / "tree" / f"m{count // 2}.py"
    files = sorted((folder / "tree").glob("*.py"))

    def read() -> None:
        with open_storage(folder / "cache") as storage:
            storage.memo.save("made", b"")
            source = SourceReader(Locator([str(folder), *sys.path]), storage.memo)
            assert len(source.closure(root).modules) > count
            source.save()

    def cold() -> None:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        read()

    def after_edit() -> None:
        edited.write_text(edited.read_text().replace("or 1", "or 1 + 0"))
        read()

    def parse() -> None:
        for file in files:
            ast.parse(file.read_bytes())

    def stat() -> None:
        for file in map(str, files):
            os.stat(file)  # noqa: PTH116

    things: dict[str, Callable[[], None]] = {
        "parsing alone": parse,
        "for the first time": cold,
        "after an edit of one module": after_edit,
        "again": read,
        "stat alone": stat,
    }
    seconds: dict[str, list[float]] = {what: [] for what in things}
    for _ in range(repeats):
        for what, do in things.items():
            if what == "again":
                time.sleep(0.2)  # what was just written isn't trusted to be settled
                read()
            started = time.perf_counter()
            do()
            seconds[what].append(time.perf_counter() - started)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
