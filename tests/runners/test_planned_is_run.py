"""What was planned is what ran (R12): no edit, at whatever moment, leaves a wrong record.

Each test edits a file at one moment of a run and then asks, in a process that has seen nothing,
for the same graph: a hit must have the value that the files stand for.
"""

from __future__ import annotations

import importlib
import os
import py_compile
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from run_project import Project

from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.runners import loaded_modules
from fingerprint_runner.runners.observer import RunObserver

OLD = "def make():\n    return 'old'\n"
NEW = "def make():\n    return 'new'\n"


class EditOnce(RunObserver):
    """Edits a file when the plan is made, or when a node starts."""

    def __init__(self, edit: Callable[[], object], when: str) -> None:
        self._edit = edit
        self._when = when

    def planned(self, plan: Plan) -> None:
        if self._when == "planned":
            self._edit()

    def started(self, node: str, reasons: object) -> None:
        if self._when == node:
            self._edit()


def make_graph(project: Project, source: str = OLD, **node: object) -> None:
    """One node `a` that gives what `steps.py` says, and a child that copies it."""
    project.write("steps.py", source)
    project.write("copying.py", "def copy(value):\n    return [value]\n")
    project.nodes = {
        "a": {"uses": "steps:make", **node},
        "b": {"uses": "copying:copy", "needs": {"value": "a"}},
    }
    project.write("fr.yml", str({"version": 1, "nodes": project.nodes}).replace("'", '"'))


def assert_hit_elsewhere(project: Project, value: object) -> None:
    """A new process finds everything up to date, with the value that the files stand for."""
    assert project.run_elsewhere() == f"[] {{'b': {[value]!r}}}"


@pytest.mark.parametrize("when", ["planned", "a"])
def test_edit_between_planning_and_importing(project: Project, when: str) -> None:
    """A source edited after it was planned is planned and run again."""
    make_graph(project)
    observer = EditOnce(lambda: project.write("steps.py", NEW), when)
    report = project.good(observer=observer)
    assert report.values["b"] == ["new"]
    assert_hit_elsewhere(project, "new")
    project.write("steps.py", OLD)
    assert project.run_elsewhere() == "['a', 'b'] {'b': ['old']}"


def test_helper_edited_between_planning_and_importing(project: Project) -> None:
    """The same for a module that the component's module imports."""
    make_graph(project, "from values import VALUE\n\ndef make():\n    return VALUE\n")
    project.write("values.py", "VALUE = 'old'\n")
    observer = EditOnce(lambda: project.write("values.py", "VALUE = 'new'\n"), "planned")
    assert project.good(observer=observer).values["b"] == ["new"]
    assert_hit_elsewhere(project, "new")


def test_changed_import_that_the_node_catches(project: Project) -> None:
    """User code that catches every exception of its imports can't hide that a source changed."""
    source = """
    try:
        from values import VALUE
    except Exception:
        VALUE = 'nothing'

    def make():
        return VALUE
    """
    make_graph(project, source)
    project.write("values.py", "VALUE = 'old'\n")
    observer = EditOnce(lambda: project.write("values.py", "VALUE = 'new'\n"), "planned")
    assert project.good(observer=observer).values["b"] == ["new"]
    assert_hit_elsewhere(project, "new")


def test_changed_import_caught_before_another_node(project: Project) -> None:
    """A module that came out wrong because its import was refused is used by no other node."""
    source = """
    try:
        from values import VALUE
    except Exception:
        VALUE = 'nothing'

    def make():
        return VALUE

    def other():
        return VALUE
    """
    make_graph(project, source)
    project.nodes["c"] = {"uses": "steps:other"}
    project.write("values.py", "VALUE = 'old'\n")
    observer = EditOnce(lambda: project.write("values.py", "VALUE = 'new'\n"), "planned")
    report = project.good(targets=["b", "c"], observer=observer)
    assert dict(report.values) == {"b": ["new"], "c": "new"}


def test_edit_after_the_engine_imported(serial_project: Project) -> None:
    """A module that this process loaded for an earlier run isn't used once its file has changed."""
    project = serial_project
    make_graph(project)
    assert project.good().values["b"] == ["old"]
    assert "steps" in sys.modules
    project.write("steps.py", NEW)
    report = project.good()
    assert report.values["b"] == ["new"]
    assert report.ran == ("a", "b")
    assert_hit_elsewhere(project, "new")
    project.write("steps.py", OLD)
    assert project.good().ran == ()


def test_edit_after_the_caller_imported(serial_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that the calling program imported before it was edited isn't what runs."""
    project = serial_project
    make_graph(project)
    monkeypatch.syspath_prepend(project.folder)
    importlib.invalidate_caches()
    assert importlib.import_module("steps").make() == "old"
    project.write("steps.py", NEW)
    assert project.good().values["b"] == ["new"]
    assert_hit_elsewhere(project, "new")


def test_same_text_in_another_folder(tmp_path: Path, serial_project: Project) -> None:
    """A module of the same text that this process loaded from another folder isn't this graph's."""
    text = """
    from pathlib import Path

    def make():
        return (Path(__file__).parent / "data.txt").read_text()
    """
    for name in ("one", "two"):
        project = Project(tmp_path / name)
        make_graph(project, text, files=["data.txt"])
        project.write("data.txt", name)
        assert project.good().values["b"] == [name]


def test_data_file_edited_while_the_node_runs(project: Project) -> None:
    """A declared file that changes under the node makes it run again with what it is then."""
    source = """
    from pathlib import Path

    def make():
        text = Path("data.txt").read_text()
        if text == "old":
            Path("data.txt").write_text("new")
        return text
    """
    make_graph(project, source, files=["data.txt"])
    project.write("data.txt", "old")
    report = project.good()
    assert report.values["b"] == ["new"]
    assert any("data.txt" in warning for warning in report.warnings)
    assert_hit_elsewhere(project, "new")


def test_file_that_always_changes(project: Project) -> None:
    """A node whose file changes every time fails after three more attempts, and nothing is kept."""
    source = """
    from pathlib import Path

    def make():
        count = int(Path("data.txt").read_text())
        Path("data.txt").write_text(str(count + 1))
        return count
    """
    make_graph(project, source, files=["data.txt"])
    project.write("data.txt", "0")
    report = project.run()
    assert [failure.node for failure in report.failures] == ["a"]
    assert "data.txt" in report.failures[0].error_message
    assert (project.folder / "data.txt").read_text() == "4"
    assert report.values == {}
    assert project.run().nodes["a"].reasons[0].kind.value == "never-run"


def test_source_edited_while_a_subprocess_runs(project: Project) -> None:
    """Where a node starts a subprocess, its sources are compared once more before publishing."""
    source = """
    import subprocess, sys
    from values import VALUE
    from pathlib import Path

    def make():
        Path("values.py").write_text("VALUE = 'new'\\n")
        return subprocess.run(
            [sys.executable, "-c", "import values; print(values.VALUE)"], capture_output=True, text=True
        ).stdout.strip() + VALUE
    """
    make_graph(project, source)
    project.write("values.py", "VALUE = 'old'\n")
    assert project.good().values["b"] == ["newnew"]
    assert_hit_elsewhere(project, "newnew")


@pytest.mark.parametrize("imported_by", ["engine", "caller"])
def test_stale_bytecode(project: Project, imported_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytecode of another text with the same size and time is never what runs."""
    make_graph(project)
    source = project.folder / "steps.py"
    os.utime(source, ns=(1_600_000_000_000_000_000, 1_600_000_000_000_000_000))
    py_compile.compile(str(source))
    source.write_text(NEW)
    os.utime(source, ns=(1_600_000_000_000_000_000, 1_600_000_000_000_000_000))
    if imported_by == "caller":
        monkeypatch.syspath_prepend(project.folder)
        importlib.invalidate_caches()
        assert importlib.import_module("steps").make() == "old"
    assert project.good().values["b"] == ["new"]
    assert_hit_elsewhere(project, "new")


COMPUTED = (
    "import importlib\n\ndef make():\n    return importlib.import_module(''.join(['plug', 'in'])).VALUE\n"
)


def test_computed_import_counts(project: Project) -> None:
    """A module that only running can find is part of the trace: editing it reruns, going back doesn't."""
    make_graph(project, COMPUTED)
    project.write("plugin.py", "VALUE = 'old'\n")
    assert project.good().values["b"] == ["old"]
    project.write("plugin.py", "VALUE = 'new'\n")
    assert project.good().values["b"] == ["new"]
    assert_hit_elsewhere(project, "new")
    project.write("plugin.py", "VALUE = 'old'\n")
    assert project.good().ran == ()
    assert_hit_elsewhere(project, "old")


def test_computed_import_of_a_loaded_module(serial_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that the calling program has loaded counts when a node asks for it by a computed name."""
    project = serial_project
    make_graph(project, COMPUTED)
    project.write("plugin.py", "VALUE = 'old'\n")
    monkeypatch.syspath_prepend(project.folder)
    importlib.invalidate_caches()
    importlib.import_module("plugin")
    assert project.good().values["b"] == ["old"]
    project.write("plugin.py", "VALUE = 'new'\n")
    assert project.run_elsewhere() == "['a', 'b'] {'b': ['new']}"


@pytest.mark.parametrize(
    "source",
    [
        COMPUTED.replace("def make", "def first():\n    return make()\n\ndef make"),
        """
        from importlib import import_module

        def first():
            return make()

        def make():
            return import_module(''.join(['plug', 'in'])).VALUE
        """,
        """
        import importlib
        VALUE = importlib.import_module(''.join(['plug', 'in'])).VALUE

        def first():
            return VALUE

        def make():
            return VALUE
        """,
        """
        import functools, importlib

        @functools.cache
        def plugin():
            return importlib.import_module(''.join(['plug', 'in']))

        def first():
            return plugin().VALUE

        def make():
            return plugin().VALUE
        """,
    ],
    ids=["each-call", "from-import", "at-import", "cached"],
)
def test_computed_import_counts_for_every_node(project: Project, source: str) -> None:
    """What one node of a process has loaded by a computed name counts for the next one too."""
    make_graph(project, source)
    project.nodes["a"]["needs"] = {}
    project.write("plugin.py", "VALUE = 'old'\n")
    project.nodes["first"] = {"uses": "steps:first"}
    project.good(targets=["first"])
    assert project.good().values["b"] == ["old"]
    project.write("plugin.py", "VALUE = 'new'\n")
    assert project.run_elsewhere() == "['a', 'b'] {'b': ['new']}"


def test_both_nodes_of_one_run_count_a_computed_import(project: Project) -> None:
    """In one run too: the second node has the same trace as it would have alone."""
    source = """
    import functools, importlib

    @functools.cache
    def plugin():
        return importlib.import_module(''.join(['plug', 'in']))

    def first():
        return 1

    def make():
        return plugin().VALUE

    def other():
        return plugin().VALUE
    """
    make_graph(project, source)
    project.nodes["c"] = {"uses": "steps:other"}
    project.nodes["d"] = {"uses": "steps:first"}
    project.write("plugin.py", "VALUE = 'old'\n")
    targets = ["b", "c", "d"]
    project.good(targets=targets)
    project.write("plugin.py", "VALUE = 'new'\n")
    report = project.good(targets=targets)
    assert dict(report.values) == {"b": ["new"], "c": "new", "d": 1}
    assert set(report.ran) == {"a", "b", "c"}


def test_data_files_of_a_first_party_package(project: Project) -> None:
    """A package reads its own files by `importlib.resources` and `pkgutil`, as outside of a run."""
    project.write("pack/__init__.py", "")
    project.write("pack/words.txt", "one two")
    project.write(
        "pack/reading.py",
        """
        import importlib.resources
        import inspect
        import pkgutil


        def read():
            text = importlib.resources.files("pack").joinpath("words.txt").read_text()
            return [text, pkgutil.get_data("pack", "words.txt"), inspect.getsource(read)[:11]]
        """,
    )
    project.nodes = {"words": {"uses": "pack.reading:read"}}
    assert project.run().values["words"] == ["one two", b"one two", "def read():"]


def test_components_given_as_objects_of_a_touched_module(
    serial_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions of a module that this program loaded, from a file touched since it started, still run."""
    from fingerprint_runner.graph.node import SchemaNode
    from fingerprint_runner.graph.schema import GraphSchema

    serial_project.write(
        "touched_steps.py", "def one():\n    return 1\n\n\ndef more(one):\n    return one + 1\n"
    )
    monkeypatch.syspath_prepend(str(serial_project.folder))
    steps = importlib.import_module("touched_steps")
    try:
        schema = GraphSchema(
            {"one": SchemaNode(uses=steps.one), "more": SchemaNode(needs={"one": "one"}, uses=steps.more)}
        )
        assert serial_project.runner(schema=schema).run() == {"more": 2}
    finally:
        del sys.modules["touched_steps"]


@pytest.mark.parametrize("patch", ["shared.FACTOR = 10", "import decimal\ndecimal.getcontext().prec = 3"])
def test_what_another_nodes_module_changes_at_import(project: Project, patch: str) -> None:
    """A node gives what it would give alone, though a node before it loaded a module that patches."""
    project.write("shared.py", "import decimal\nFACTOR = 1\n")
    project.write("patching.py", f"import shared\n{patch}\n\n\ndef first():\n    return shared.FACTOR\n")
    project.write(
        "plain.py",
        "import decimal\nimport shared\n\n\ndef second(first):\n"
        "    return [shared.FACTOR, str(decimal.Decimal(1) / 3)]\n",
    )
    project.nodes = {
        "first": {"uses": "patching:first"},
        "second": {"uses": "plain:second", "needs": {"first": "first"}},
    }
    assert project.run().values["second"] == [1, "0.3333333333333333333333333333"]


@pytest.mark.parametrize("ask", ["importlib.import_module(name)", "__import__(name)"])
def test_a_computed_import_that_was_absent_appears(project: Project, ask: str) -> None:
    """A module asked for by a computed name, and not there, makes its node run once it is there."""
    project.write(
        "steps.py",
        f"""
        import importlib


        def make():
            name = "plug" + "_in"
            try:
                return {ask}.VALUE
            except ImportError:
                return "none"
        """,
    )
    project.nodes = {"make": {"uses": "steps:make"}}
    assert project.run().values["make"] == "none"
    assert project.run().ran == ()
    project.write("plug_in.py", "VALUE = 'there'\n")
    assert project.run().values["make"] == "there"
    (project.folder / "plug_in.py").unlink()
    again = project.run()
    assert (again.ran, again.values["make"]) == ((), "none")


LIB = "LIB = os.path.join(os.path.dirname(__file__), 'lib')"


@pytest.fixture
def without_strays() -> Iterator[None]:
    """What a test leaves in this process must not send the nodes of all later tests to others."""
    yield
    sys.modules.pop("inlib", None)
    loaded_modules._has_strays = False


@pytest.mark.usefixtures("without_strays")
@pytest.mark.parametrize(
    "load",
    [
        "sys.path.insert(0, LIB)\nimport inlib\nVALUE = inlib.VALUE",
        "VALUE = runpy.run_path(os.path.join(LIB, 'inlib.py'))['VALUE']",
    ],
)
def test_what_such_code_takes_out_of_modules_counts(project: Project, load: str) -> None:
    """It isn't read, so all of the modules that the node may use counts."""
    project.write("lib/inlib.py", "import tables\nVALUE = tables.SIZE\n")
    project.write("tables.py", "SIZE = 1\nOTHER = 1\n")
    project.write(
        "steps.py",
        f"import os\nimport runpy\nimport sys\nimport tables\n{LIB}\n{load}\n\n\n"
        "def one():\n    return VALUE, tables.OTHER\n",
    )
    project.nodes = {"one": {"uses": "steps:one"}}
    assert project.run().values["one"] == (1, 1)
    project.write("tables.py", "SIZE = 2\nOTHER = 1\n")
    assert project.run().values["one"] == (2, 1)


@pytest.mark.usefixtures("without_strays")
@pytest.mark.parametrize(
    "load",
    [
        "sys.path.insert(0, LIB)\nimport inlib\nVALUE = inlib.VALUE",
        "VALUE = runpy.run_path(os.path.join(LIB, 'inlib.py'))['VALUE']",
    ],
)
def test_code_that_no_search_path_explains(project: Project, load: str) -> None:
    """Code from a folder that the node's module adds to `sys.path`, or runs by path, counts for each user."""
    project.write("lib/inlib.py", "VALUE = 1\n")
    project.write("loads.py", f"import os\nimport runpy\nimport sys\n{LIB}\n{load}\n")
    project.write("steps.py", "import loads\n\n\ndef one():\n    return loads.VALUE\n")
    project.write("more.py", "import loads\n\n\ndef two(one):\n    return [one, loads.VALUE]\n")
    project.nodes = {"one": {"uses": "steps:one"}, "two": {"uses": "more:two", "needs": {"one": "one"}}}
    assert project.run().values["two"] == [1, 1]
    assert project.run().ran == ()
    project.write("lib/inlib.py", "VALUE = 2\n")
    again = project.run()
    assert (again.ran, again.values["two"]) == (("one", "two"), [2, 2])
