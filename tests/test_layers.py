"""Imports go down only, the pure layers stay pure, and the store touches files in one place.

Every module is read as text; nothing but the last tests imports any.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "fingerprint_runner"
FACADE = "the facade"

RANKS = {
    "errors": 0,
    "graph": 1,
    "fingerprints": 2,
    "planning": 3,
    "recipes": 4,
    "provenance": 4,
    "storage": 5,
    "hooks": 6,
    "runners": 6,
    "training": 7,
    "watch": 7,
    "report": 7,
    FACADE: 8,
    "cli": 9,
}
"""Lower layers have lower numbers; a new package must be entered here."""

APART = frozenset({"recipes", "provenance"})
"""Neighbours of one rank that know nothing of each other."""

PURE = frozenset({"graph", "fingerprints", "planning"})
IMPURE = frozenset(
    (
        "asyncio",
        "builtins",
        "concurrent",
        "ctypes",
        "glob",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "queue",
        "random",
        "secrets",
        "select",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
    )
)

EXEMPT = {("fingerprint_runner.graph.schema", "fingerprint_runner.recipes.graph_file")}
"""Users expect the constructor `GraphSchema.from_file` on the class: one import for its sake."""


@dataclass(frozen=True)
class Import:
    """One import of a module of this package, or of another (`target` is then its dotted name)."""

    source: str
    target: str
    line: int
    for_types: bool = False


@cache
def sources() -> dict[str, tuple[Path, ast.Module]]:
    """Module name → file and tree, of everything that is installed."""
    found = {}
    for folder, package in ((ROOT / PACKAGE, PACKAGE), (ROOT / "cli", f"{PACKAGE}.cli")):
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = (path, ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return found


def imports_of(name: str, path: Path, tree: ast.Module, modules: frozenset[str]) -> Iterator[Import]:
    """All imports of a module: at the top, in functions, for types, and by `import_module` of a text."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, for_types = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending.extend((child, True) for child in node.body)
            pending.extend((child, for_types) for child in node.orelse)
            continue
        pending.extend((child, for_types) for child in ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, for_types)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(name, inner if inner in modules else base, node.lineno, for_types)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called.split(".")[-1] in ("import_module", "__import__") and isinstance(
                node.args[0].value, str
            ):
                yield Import(name, node.args[0].value, node.lineno, for_types)


@cache
def imports() -> tuple[Import, ...]:
    modules = frozenset(sources())
    return tuple(
        each for name, (path, tree) in sources().items() for each in imports_of(name, path, tree, modules)
    )


def layer(module: str) -> str:
    """The layer that a module belongs to."""
    return FACADE if module == PACKAGE else module.split(".")[1]


def is_own(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")


def upward(found: tuple[Import, ...]) -> list[str]:
    """The imports that don't go down."""
    wrong = []
    for each in found:
        if not is_own(each.target) or (each.source, each.target) in EXEMPT:
            continue
        here, there = layer(each.source), layer(each.target)
        if RANKS[there] > RANKS[here] or (here != there and {here, there} <= APART):
            wrong.append(f"{each.source}:{each.line} imports {each.target}")
    return wrong


def circles(found: tuple[Import, ...]) -> list[list[str]]:
    """The circles among imports that run, each as a path that ends where it starts; linear, iterative."""
    edges: dict[str, list[str]] = {}
    for each in found:
        if is_own(each.target) and not each.for_types and (each.source, each.target) not in EXEMPT:
            edges.setdefault(each.source, []).append(each.target)
    done: set[str] = set()
    found_circles: list[list[str]] = []
    for start in sorted(edges):
        path: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = []
        pending: str | None = start if start not in done else None
        while pending is not None or stack:
            if pending is not None:
                path.append(pending)
                stack.append((pending, iter(edges.get(pending, ()))))
            module, rest = stack[-1]
            pending = None
            for target in rest:
                if target in path:
                    circle = [*path[path.index(target) :], target]
                    if circle not in found_circles:  # an import at the top and one inside a function
                        found_circles.append(circle)
                elif target not in done:
                    pending = target
                    break
            else:
                done.add(module)
                path.pop()
                stack.pop()
    return found_circles


def test_every_package_has_a_rank() -> None:
    """A package that isn't in the order of layers is refused, so that the order stays whole."""
    assert {layer(name) for name in sources()} <= set(RANKS)


def test_imports_go_down() -> None:
    """No module imports one of a higher layer, or of the layer beside it that it mustn't know.

    Imports inside functions and for types count too.
    """
    assert upward(imports()) == []


def test_no_circles() -> None:
    """No module comes back to itself by the imports that run, those inside functions included."""
    assert [" -> ".join(circle) for circle in circles(imports())] == []


def test_exemptions_are_in_use() -> None:
    """An exemption that nothing needs any more is deleted."""
    assert {(each.source, each.target) for each in imports()} >= EXEMPT


def test_pure_layers_import_nothing_impure() -> None:
    """Graph, fingerprints and planning reach neither files, clock, environment, chance nor threads."""
    wrong = [
        f"{each.source}:{each.line} imports {each.target}"
        for each in imports()
        if layer(each.source) in PURE and each.target.partition(".")[0] in IMPURE and not each.for_types
    ]
    assert wrong == []


READING = frozenset(
    (
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "unlink",
        "mkdir",
        "rmdir",
        "touch",
        "rename",
        "symlink_to",
        "hardlink_to",
        "chmod",
        "iterdir",
        "rglob",
        "lstat",
    )
)
"""Methods that nothing but a path has."""

HARMLESS = frozenset(
    (
        "W_OK",
        "access",
        "close",
        "fsdecode",
        "fsencode",
        "fspath",
        "fstat",
        "geteuid",
        "getpid",
        "path",
        "readlink",
        "sep",
        "stat_result",
    )
)
"""What the store may take from `os` itself: what works on names, on descriptors that `files` opened, on
this process, or asks only whether something may be written."""


def asks_the_kernel(call: ast.Call) -> bool:
    """Whether what is opened is no file of the store but what the kernel says of this process."""
    where = call.args[0] if call.args else None
    return isinstance(where, ast.Constant) and str(where.value).startswith("/proc/self/")


def file_operations(name: str, tree: ast.Module, allowed: frozenset[str]) -> list[str]:
    """The places of a module that touch files without asking `files`."""
    wrong = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            if any(each.partition(".")[0] in ("shutil", "tempfile", "glob", "fcntl") for each in names):
                wrong.append(f"{name}:{node.lineno} imports {', '.join(names)}")
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                wrong.append(f"{name}:{node.lineno} imports from os")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr not in allowed:
                wrong.append(f"{name}:{node.lineno} uses os.{node.attr}")
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id == "open" and not asks_the_kernel(node):
                wrong.append(f"{name}:{node.lineno} calls open")
            elif isinstance(called, ast.Attribute) and called.attr in READING:
                owner = ast.unparse(called.value)
                if owner.rpartition(".")[2].lstrip("_") != "files":
                    wrong.append(f"{name}:{node.lineno} calls {owner}.{called.attr}")
    return wrong


def test_the_store_touches_files_in_one_module() -> None:
    """In `storage` only `files` does file operations, so that tests can fail each of them."""
    seam = f"{PACKAGE}.storage.files"
    wrong = []
    for name, (_, tree) in sources().items():
        if layer(name) == "storage" and name != seam:
            wrong += file_operations(name, tree, HARMLESS)
    assert wrong == []


def test_pure_layers_open_nothing() -> None:
    """Graph, fingerprints and planning may name paths and never follow one."""
    wrong = []
    for name, (_, tree) in sources().items():
        if layer(name) in PURE:
            wrong += file_operations(name, tree, frozenset())
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "text", "complaint"),
    [
        ("graph.a", "from fingerprint_runner.planning import b", "imports fingerprint_runner.planning"),
        ("graph.a", "import fingerprint_runner", "imports fingerprint_runner"),
        ("storage.a", "def f():\n    from fingerprint_runner.runners.b import c", "runners.b"),
        ("recipes.a", "from fingerprint_runner.provenance.b import c", "provenance.b"),
        ("storage.a", "if TYPE_CHECKING:\n    from fingerprint_runner.training.b import c", "training.b"),
        ("hooks.a", "import_module('fingerprint_runner.cli.b')", "cli.b"),
        ("training.a", "from ..cli import b", "fingerprint_runner.cli"),
    ],
)
def test_upward_imports_are_found(source: str, text: str, complaint: str) -> None:
    """Each form of an upward import is seen: the rule's own test."""
    name = f"{PACKAGE}.{source}"
    found = tuple(imports_of(name, Path("a.py"), ast.parse(text), frozenset()))
    assert len(upward(found)) == 1
    assert upward(found)[0].endswith(complaint)


def test_circles_are_found() -> None:
    """A circle of three is reported once, as a path; one through an import for types isn't."""
    a, b, c = (f"{PACKAGE}.graph.{letter}" for letter in "abc")
    ring = (Import(a, b, 1), Import(b, c, 1), Import(c, a, 1))
    assert circles(ring) == [[a, b, c, a]]
    assert circles((*ring[:2], Import(c, a, 1, for_types=True))) == []


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "import shutil",
        "os.replace(a, b)",
        "Path(a).write_bytes(b)",
        "path.unlink()",
        "from os import open",
    ],
)
def test_file_operations_are_found(text: str) -> None:
    """Each form of a file operation is seen; asking the one module isn't one."""
    assert len(file_operations("m", ast.parse(text), HARMLESS)) == 1
    assert (
        file_operations("m", ast.parse("files.touch(a); self._files.unlink(b); os.path.join(a, b)"), HARMLESS)
        == []
    )


HEAVY = ("diskcache", "rich", "numpy", "pandas", "sklearn", "watchdog", "msgspec", "importlib.metadata")


def loaded_by(statement: str) -> set[str]:
    """The heavy modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint(*({HEAVY!r} & sys.modules.keys()))"
    code = code.replace(repr(HEAVY), repr(set(HEAVY)))
    # Without site packages' start-up files, which may import anything; found by path instead.
    path = [str(ROOT), *(entry for entry in sys.path if entry)]
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def test_importing_the_package_is_light() -> None:
    """`import fingerprint_runner` loads nothing heavy."""
    assert loaded_by("import fingerprint_runner") == set()


def test_importing_the_command_is_light() -> None:
    """Each module of the command that is there loads nothing heavy, in a process of its own."""
    # The folder `cli` is installed as a part of the package; here it is found beside it.
    graft = f"import fingerprint_runner; fingerprint_runner.__path__.append({str(ROOT)!r})\n"
    for name in ("fingerprint_runner.cli", "fingerprint_runner.cli.entry"):
        if name in sources():
            assert loaded_by(f"{graft}import {name}") == set(), name
