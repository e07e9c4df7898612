"""A real package of some 350 modules taken as first-party code: nothing that runs is missing from a trace.

scikit-learn is copied into a project without its tests. `FR_TEST_FULL=1` fits thirty estimators, else three.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from benchmarks.edits.estimators import copy_package, estimators_project
from benchmarks.graphs import Node

from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.memo import NoMemo
from fingerprint_runner.provenance.source_reader import SourceReader

sklearn = pytest.importorskip("sklearn")

PROJECT = estimators_project()
FULL = os.environ.get("FR_TEST_FULL") == "1"
NODES = PROJECT.nodes if FULL else PROJECT.nodes[::12]
NOTICED = {
    f"sklearn.{name}" for name in ("tree", "tree._classes", "tree._export", "tree._reingold_tilford")
} | {f"sklearn.externals.array_api_compat.{name}" for name in ("common._fft", "numpy.fft")}
"""What only compiled modules of scikit-learn import, or a computed name asks for."""
EXECUTED = Path(__file__).parent / "benchmarks" / "inside" / "executed.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that fits estimators of its own copy of scikit-learn."""
    folder = tmp_path_factory.mktemp("estimators")
    for name, text in PROJECT.files.items():
        (folder / name).write_text(text)
    assert len(copy_package(Path(sklearn.__file__).parent, folder / "sklearn")) > 300
    return folder


@pytest.fixture(scope="module")
def source(folder: Path) -> SourceReader:
    """Reads the project as it lies there, once for all estimators."""
    return SourceReader(Locator([str(folder), *sys.path]), NoMemo())


def definitions(path: Path) -> dict[int, str]:
    """First line of each function → the name at the module's top that it belongs to."""
    found: dict[int, str] = {}
    waiting: list[tuple[ast.AST, str | None]] = [(ast.parse(path.read_bytes()), None)]
    while waiting:
        node, top = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            top = top or node.name
            found[min([node.lineno, *(each.lineno for each in node.decorator_list)])] = top
        waiting.extend((child, top) for child in ast.iter_child_nodes(node))
    return found


@pytest.mark.parametrize("node", NODES, ids=[node.name for node in NODES])
def test_what_runs_under_a_profiler_is_in_the_closure(node: Node, folder: Path, source: SourceReader) -> None:
    """Every definition that fitting and predicting enters, import time included, counts for the node.

    What compiled modules and computed names import, no source tells: it is noticed as it is loaded, and
    counts whole.
    """
    done = subprocess.run(
        [sys.executable, str(EXECUTED), node.module, "sklearn"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    entered = json.loads(done.stdout.splitlines()[-1])
    assert len(entered) > 50
    closure = source.closure(node.uses)
    known: dict[str, dict[int, str]] = {}
    missing = set()
    noticed = set()
    for path, line, _ in entered:
        if path not in known:
            known[path] = definitions(folder / "sklearn" / path)
        name = known[path].get(line)  # lambdas and bodies of comprehensions belong to what they stand in
        module = ".".join(["sklearn", *Path(path).with_suffix("").parts]).removesuffix(".__init__")
        if module not in closure.modules:
            noticed.add(module)
        elif name is not None and f"{module}:{name}" not in closure.parts:
            missing.add(f"{module}:{name}")
    assert not missing
    assert noticed <= NOTICED
