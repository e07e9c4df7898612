"""What a node reads and doesn't declare is named, with the line to add, and counts for nothing."""

from __future__ import annotations

import os

import pytest
from run_project import Project


@pytest.fixture
def reading(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose working folder is its own, as with the command."""
    monkeypatch.chdir(project.folder)
    return project


def node(project: Project, code: str, **keys: object) -> None:
    project.write("steps.py", code)
    project.nodes = {"look": {"uses": "steps:look", **keys}}


def undeclared(project: Project) -> list[tuple[str, str]]:
    """Kind and name of what the node read and doesn't declare."""
    project.environ = dict(os.environ)
    return [(read.kind, read.name) for read in project.good().nodes["look"].undeclared]


READS_ALL = """\
import os
from pathlib import Path

def look():
    os.environ.get("FR_TEST_ITEM")
    for name in sorted(os.listdir("data")):
        Path("data", name).read_text()
    try:
        Path("missing.txt").read_text()
    except OSError:
        pass
"""


def test_reads_are_named_in_the_order_of_first_use(reading: Project) -> None:
    """Files, listings and variables, those too that aren't there; each with place and line to add."""
    node(reading, READS_ALL, files=["data/a.txt"], env=["FR_OTHER"])
    for name in "abc":
        reading.write(f"data/{name}.txt", name)
    found = reading.good().nodes["look"].undeclared
    assert [(read.what, read.place) for read in found] == [
        ("the variable FR_TEST_ITEM", "steps.py:5"),
        ("the names in data/", "steps.py:6"),
        ("the file data/b.txt", "steps.py:7"),
        ("the file data/c.txt", "steps.py:7"),
        ("the file missing.txt", "steps.py:9"),
    ]
    assert {read.hint for read in found} == {
        "env=('FR_OTHER', 'FR_TEST_ITEM')",
        "files=('data/a.txt', 'data', 'missing.txt')",
    }


def test_the_line_to_add_is_enough(reading: Project) -> None:
    """With what the report says declared, nothing is left to report."""
    node(reading, READS_ALL, files=["data", "missing.txt"], env=["FR_TEST_ITEM"])
    reading.write("data/a.txt", "a")
    assert undeclared(reading) == []


def test_undeclared_reads_do_not_count(reading: Project) -> None:
    """A file that was read and isn't declared may change: the node is a hit."""
    node(reading, "def look():\n    with open('a.txt') as file:\n        return file.read()\n")
    reading.write("a.txt", "old")
    assert undeclared(reading) == [("file", "a.txt")]
    reading.write("a.txt", "new")
    report = reading.good()
    assert (report.ran, report.values["look"], report.nodes["look"].undeclared) == ((), "old", ())


def test_what_a_module_reads_at_import_is_read_by_each_node_that_uses_it(reading: Project) -> None:
    """Also by the second node, which finds the module imported."""
    reading.write("a.txt", "1")
    reading.write("shared.py", "from pathlib import Path\n\nVALUE = Path('a.txt').read_text()\n")
    for name in ("one", "two"):
        reading.write(f"{name}.py", f"import shared\n\ndef look():\n    return '{name}' + shared.VALUE\n")
    reading.nodes = {name: {"uses": f"{name}:look", "is_target": True} for name in ("one", "two")}
    report = reading.good()
    for name in ("one", "two"):
        assert [(read.name, read.place) for read in report.nodes[name].undeclared] == [
            ("a.txt", "shared.py:3")
        ]


def test_what_a_module_read_at_import_is_read_again_when_it_changed(serial_project: Project) -> None:
    """A process that has the module with its old data doesn't run the node with it."""
    project = serial_project
    project.write("a.txt", "old")
    node(
        project,
        f"""\
        from pathlib import Path

        VALUE = Path({str(project.folder / "a.txt")!r}).read_text()

        def look():
            return VALUE
        """,
        files=["a.txt"],
    )
    assert project.good().values["look"] == "old"
    project.write("a.txt", "new")
    report = project.good()
    assert (report.ran, report.values["look"]) == (("look",), "new")


@pytest.mark.parametrize(
    "code",
    [
        "open('made.txt', 'w').close(); open('made.txt').close()",
        "os.makedirs('made/deep'); os.listdir('made')",
        "import tempfile; tempfile.mkdtemp(); tempfile.gettempdir()",
        "import json; open(json.__file__).close()",
        "import numpy; open(numpy.__file__).close()",
        "import zoneinfo; zoneinfo.ZoneInfo('UTC')",
        "import inspect, steps; inspect.getsource(steps)",
        "import subprocess; subprocess.run(['true'], check=True)",
        "import platform, locale; platform.platform(); locale.getlocale()",
        "os.environ['FR_TEST_SET'] = '1'; os.environ['FR_TEST_SET']; del os.environ['FR_TEST_SET']",
        "os.path.expanduser('~'); os.getcwd()",
        "import logging, warnings; logging.getLogger().warning('x'); warnings.warn('x')",
    ],
)
def test_reads_that_are_nobodys_input(reading: Project, code: str) -> None:
    """What the node made itself, packages, the standard library and its own affairs aren't reported."""
    node(reading, f"import os\nimport warnings\nwarnings.simplefilter('ignore')\n\ndef look():\n    {code}\n")
    assert undeclared(reading) == []


def test_an_input_of_type_path_is_declared_by_being_needed(
    reading: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What lies at the path, and below it, may be read."""
    given = tmp_path_factory.mktemp("given")
    (given / "a.txt").write_text("a")
    reading.inputs = {"where": {"type": "path"}}
    node(
        reading,
        "def look(where):\n    return [path.read_text() for path in where.iterdir()]\n",
        needs=["where"],
    )
    report = reading.good({"where": str(given)})
    assert (report.values["look"], report.nodes["look"].undeclared) == (["a"], ())


def test_its_resource_and_inputs_are_declared(reading: Project) -> None:
    """The folder that a node fills, and the folder of a parent, aren't reported."""
    reading.write(
        "steps.py",
        """\
        from pathlib import Path
        from fingerprint_runner import OutputDirectory

        def make(folder: OutputDirectory):
            (Path(folder) / "a.txt").write_text("a")
            (Path(folder) / "a.txt").read_text()

        def look(made: Path):
            return (made / "a.txt").read_text() + str(len(list(made.iterdir())))
        """,
    )
    reading.nodes = {
        "make": {"uses": "steps:make"},
        "look": {"uses": "steps:look", "needs": {"made": "make"}},
    }
    report = reading.good()
    assert report.values["look"] == "a1"
    assert [node.undeclared for node in report.nodes.values()] == [(), ()]


def test_a_secret_variable_is_declared(reading: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a secret takes its value from is in no report."""
    monkeypatch.setenv("FR_TEST_TOKEN", "hidden")
    node(
        reading,
        "import os\n\ndef look(token):\n    return len(os.environ['FR_TEST_TOKEN'])\n",
        config={"token": "${FR_TEST_TOKEN}"},
        secret=["token"],
    )
    assert undeclared(reading) == []


def test_the_environment_is_as_before(reading: Project) -> None:
    """What a node sets is gone or stays as it would without watching, and `os` is Python's own again."""
    node(reading, "import os\n\ndef look():\n    os.environ.get('HOME'); os.stat('.')\n", track="auto")
    data, stat = os.environ._data, os.stat  # type: ignore[attr-defined]
    undeclared(reading)
    assert os.environ._data is data  # type: ignore[attr-defined]
    assert os.stat is stat


def test_paths_of_any_kind(reading: Project) -> None:
    """Bytes, folders' descriptors, and objects that stand for a path, even such as no set takes."""
    node(
        reading,
        """\
        import os

        class Odd:
            __hash__ = None

            def __fspath__(self):
                return "c.txt"

        def look():
            descriptor = os.open(".", os.O_RDONLY)
            os.stat(descriptor)
            os.close(descriptor)
            return [open(name).read() for name in (b"a.txt", Odd())] + [os.path.exists(Odd())]
        """,
        track="auto",
    )
    for name in "ac":
        reading.write(f"{name}.txt", name)
    report = reading.good()
    assert report.values["look"] == ["a", "c", True]
    queries = reading.record(report, "look").manifest.code.answers
    assert [query.argument for query in queries if query.kind == "file"] == ["a.txt", "c.txt"]


def test_a_failing_node_reports_what_it_read(reading: Project) -> None:
    """A file that isn't declared may be why it fails."""
    node(reading, "def look():\n    open('missing.txt')\n")
    report = reading.run()
    assert [read.name for read in report.nodes["look"].undeclared] == ["missing.txt"]
