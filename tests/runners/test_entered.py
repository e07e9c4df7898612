"""Which functions a node entered: named by module, and what that narrows its trace to."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import CodeType, ModuleType

import pytest
from run_project import Project
from xxhash import _xxhash

from fingerprint_runner.fingerprints.manifest import Query
from fingerprint_runner.fingerprints.record import NodeRecord, Unnarrowed, UnnarrowedKind
from fingerprint_runner.runners import entered
from fingerprint_runner.runners.entered import function_name
from fingerprint_runner.runners.report import RunReport

monitored = pytest.mark.skipif(
    not hasattr(sys, "monitoring"), reason="Python tells what was entered since 3.12"
)

STEPS = """
    import functools
    import helpers

    def build(x):
        return x + 1

    TABLE = build(1)

    def run():
        return helpers.used(TABLE)

    def other():
        return helpers.unused(1)

    @functools.lru_cache
    def remembered():
        return helpers.unused(5)

    def first():
        return remembered()

    def second():
        return remembered() + 1

    def spawn():
        import subprocess
        subprocess.run(["true"], check=True)
        return helpers.used(1)

    def tells():
        import subprocess
        subprocess.run(["uname"], check=True)
        return helpers.used(1)

    def looks():
        return helpers.unused.__code__.co_consts

    def asks():
        import inspect
        return list(inspect.signature(helpers.used).parameters)

    def overloads():
        import typing
        return typing.overload(helpers.used) is not None

    def catches():
        try:
            return helpers.fails()
        except ValueError:
            return helpers.used(3)
"""
HELPERS = """
    def used(x):
        return x

    def unused(x):
        return x

    def fails():
        raise ValueError

    class Thing:
        size = 3

        def grow(self):
            return self.size + 1

        def shrink(self):
            return self.size - 1
"""


def functions(code: CodeType) -> dict[str, str | None]:
    """The name of every piece of code in a module, by its qualified name."""
    found: dict[str, str | None] = {code.co_qualname: function_name(code)}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found.update(functions(inner))
    return found


def test_code_belongs_to_a_function_or_method_of_its_module() -> None:
    """What is defined inside a function belongs to it; modules, class bodies and lambdas are no functions."""
    text = """
def f():
    def inner(): return lambda: 1
    class Local:
        def m(self): ...
    return [x for x in inner()], (y for y in [])
class C:
    size = [a for a in (1, 2)]
    key = lambda self: 1
    def m(self):
        def deep(): ...
    class D:
        def n(self): ...
g = lambda: 2
"""
    found = functions(compile(text, "module.py", "exec"))
    named = {name: known for name, known in found.items() if not name.endswith(("comp>", "expr>"))}
    assert named == {
        "<module>": None,
        "f": "f",
        "f.<locals>.inner": "f",
        "f.<locals>.inner.<locals>.<lambda>": "f",
        "f.<locals>.Local": "f",
        "f.<locals>.Local.m": "f",
        "C": None,
        "C.<lambda>": None,
        "C.m": "C.m",
        "C.m.<locals>.deep": "C.m",
        "C.D": None,
        "C.D.n": "C.n",
        "<lambda>": None,
    }


def queries(record: NodeRecord) -> set[Query]:
    return {query for query in record.manifest.code.answers if query.kind != "dist"}


def run(project: Project, *nodes: str, **more: object) -> RunReport:
    project.write("steps.py", STEPS)
    project.write("helpers.py", HELPERS)
    project.nodes = {name: {"uses": f"steps:{name}", **more} for name in nodes}
    return project.good()


@monitored
def test_a_trace_is_narrowed_to_what_ran(project: Project) -> None:
    """The functions that ran, and those that made what they read when it was imported; nothing else."""
    report = run(project, "run")
    assert queries(project.record(report, "run")) == {
        Query("loading", "steps"),
        Query("symbol", "helpers:used"),
        Query("symbol", "steps:build"),
        Query("symbol", "steps:run"),
    }


@monitored
@pytest.mark.parametrize(
    ("file", "old", "new", "runs"),
    [
        ("helpers.py", "def used(x):\n    return x", "def used(x):\n    return x * 2", True),
        ("helpers.py", "def unused(x):\n    return x", "def unused(x):\n    return x * 2", False),
        ("steps.py", "return x + 1", "return x + 2", True),
        ("steps.py", "helpers.unused(1)", "helpers.unused(2)", False),
    ],
)
def test_an_edit_reruns_what_it_can_have_shaped(
    project: Project, file: str, old: str, new: str, runs: bool
) -> None:
    """In one process and in a fresh one: an edit of what never ran costs no run."""
    run(project, "run")
    path = project.folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert project.runner(executor="fresh").plan().stale == (("run",) if runs else ())


@monitored
def test_what_an_earlier_node_may_have_left_counts(serial_project: Project) -> None:
    """A cached result is used without a call: the function that made it counts all the same."""
    report = run(serial_project, "first", "second")
    second = serial_project.record(report, "second")
    assert Query("symbol", "helpers:unused") in queries(second)


@monitored
def test_a_node_that_starts_processes_is_not_narrowed(project: Project) -> None:
    """What runs in another process isn't seen."""
    record = project.record(run(project, "spawn"), "spawn")
    assert queries(record) == {Query("closure", "steps:spawn")}
    assert record.unnarrowed == (Unnarrowed(UnnarrowedKind.PROCESS),)


@monitored
def test_a_tool_that_tells_about_the_machine_runs_nobodys_code(project: Project) -> None:
    """Libraries ask how many cores there are before they start threads."""
    report = run(project, "tells")
    assert {query.kind for query in queries(project.record(report, "tells"))} == {"loading", "symbol"}


@monitored
def test_an_extension_module_has_no_functions_to_enter(project: Project) -> None:
    """It counts by its bytes, and a module that loads one is narrowed all the same."""
    shutil.copy(_xxhash.__file__, project.folder)
    # Under a package: the name at the top is taken.
    project.write("native/__init__.py", "from native._xxhash import xxh32_intdigest")
    shutil.move(project.folder / Path(_xxhash.__file__).name, project.folder / "native")
    project.write("steps.py", "import native\n\ndef run():\n    return native.xxh32_intdigest(b'')")
    project.nodes = {"run": {"uses": "steps:run"}}
    report = project.good()
    assert {query.kind for query in queries(project.record(report, "run"))} == {"loading", "symbol"}
    with next((project.folder / "native").glob("*.so")).open("ab") as file:
        file.write(b"\0")
    assert project.runner(executor="fresh").plan().stale == ("run",)


@monitored
@pytest.mark.parametrize(
    ("node", "kinds", "why"),
    [
        ("looks", {"closure"}, (Unnarrowed(UnnarrowedKind.CODE_EXAMINED, "helpers:unused"),)),
        ("asks", {"loading", "symbol"}, ()),
        ("overloads", {"loading", "symbol"}, ()),
    ],
)
def test_a_function_whose_code_is_examined_may_be_used_unseen(
    project: Project, node: str, kinds: set[str], why: tuple[Unnarrowed, ...]
) -> None:
    """As by what pickles, compiles or compares functions; asking for a signature is no such thing."""
    record = project.record(run(project, node), node)
    assert {query.kind for query in queries(record)} == kinds
    assert record.unnarrowed == why


@monitored
def test_what_examined_a_function_may_still_use_it(serial_project: Project) -> None:
    """An earlier node's look may have left something compiled that a later node runs."""
    report = run(serial_project, "looks", "other", "run")
    assert {query.kind for query in queries(serial_project.record(report, "other"))} == {"closure"}
    assert Query("symbol", "steps:run") in queries(serial_project.record(report, "run"))


@monitored
def test_a_function_that_fails_was_entered(project: Project) -> None:
    """However it ended, it ran."""
    report = run(project, "catches")
    assert Query("symbol", "helpers:fails") in queries(project.record(report, "catches"))


@monitored
def test_a_class_that_comes_in_counts_with_what_ran_of_it(project: Project) -> None:
    """A consumer's trace holds the class of its input, and the methods that it called."""
    project.write(
        "steps.py",
        """
        from helpers import Thing

        def make():
            return Thing()

        def use(thing):
            return thing.grow()
        """,
    )
    project.write("helpers.py", HELPERS)
    project.nodes = {
        "make": {"uses": "steps:make"},
        "use": {"uses": "steps:use", "needs": {"thing": "make"}},
    }
    record = project.record(project.good(), "use")
    assert {Query("symbol", "helpers:Thing"), Query("symbol", "helpers:Thing.grow")} <= queries(record)
    assert Query("symbol", "helpers:Thing.shrink") not in queries(record)
    text = (project.folder / "helpers.py").read_text()
    (project.folder / "helpers.py").write_text(text.replace("self.size - 1", "self.size - 2"))
    assert project.runner().plan().stale == ()
    (project.folder / "helpers.py").write_text(text.replace("size = 3", "size = 4"))
    assert project.runner().plan().stale == ("make",)


LOADED = "def run():\n    return 1\n\nMADE = run()\n"


def load(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A new module in place of any other of that name, not executed yet."""
    path.write_text(LOADED)
    spec = importlib.util.spec_from_file_location("loaded_twice", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "loaded_twice", module)
    return module


@monitored
def test_what_an_import_runs_is_not_the_nodes_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that the node enters after an import did, or after an earlier node did, ran for it, too."""
    path = tmp_path / "loaded_twice.py"
    module = load(path, monkeypatch)

    def seen(calls: int, loads: bool) -> tuple[frozenset[str], bool]:
        with entered.recording() as record:
            if loads:
                with entered.importing(module, str(path)):
                    exec(compile(LOADED, str(path), "exec"), module.__dict__)
            for _ in range(calls):
                module.run()
        found = entered.entered(record, {"loaded_twice"})
        assert found.unseen == ()
        return found.ran, "loaded_twice:run" in found.ever

    ran = frozenset({"loaded_twice:run"})
    assert seen(0, True) == (frozenset(), True)
    assert seen(1, True) == (ran, True)
    assert seen(1, False) == (ran, True)
    assert seen(0, False) == (frozenset(), True)


@monitored
def test_what_was_imported_without_a_watch_is_not_narrowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that something else has loaded, or loads in its place, may have run anything."""
    path = tmp_path / "loaded_twice.py"
    with entered.recording() as record:
        module = load(path, monkeypatch)
        with entered.importing(module, str(path)):
            exec(compile(LOADED, str(path), "exec"), module.__dict__)
    assert entered.entered(record, {"loaded_twice"}).unseen == ()
    load(path, monkeypatch)
    unseen = entered.entered(record, {"loaded_twice"}).unseen
    assert unseen == (Unnarrowed(UnnarrowedKind.LOADED_BEFORE, "loaded_twice"),)


@monitored
def test_no_event_is_asked_for_while_no_node_runs(serial_project: Project) -> None:
    """Outside of nodes, the user's own code isn't slowed down."""
    run(serial_project, "run")
    tool = entered._tool
    assert tool is not None
    assert sys.monitoring.get_events(tool) == 0  # type: ignore[attr-defined]


@monitored
def test_without_a_free_tool_nothing_is_narrowed(
    serial_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debuggers and profilers may have taken every place."""
    monkeypatch.setattr(entered, "_is_ready", lambda: False)
    record = serial_project.record(run(serial_project, "run"), "run")
    assert queries(record) == {Query("closure", "steps:run")}
    assert record.unnarrowed == (Unnarrowed(UnnarrowedKind.MONITORING),)


@pytest.mark.skipif(hasattr(sys, "monitoring"), reason="of Python 3.11")
def test_an_older_python_counts_all_that_can_run(project: Project) -> None:
    """Python 3.11 doesn't tell what was entered."""
    record = project.record(run(project, "run"), "run")
    assert queries(record) == {Query("closure", "steps:run")}
    assert record.unnarrowed == (Unnarrowed(UnnarrowedKind.PYTHON, "3.11"),)
