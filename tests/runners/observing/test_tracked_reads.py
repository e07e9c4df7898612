"""With `track: auto` what a node reads counts: never a wrong hit, and no needless run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from run_project import Project

READING = '''\
"""Ways to read, each told by name."""

import configparser
import csv
import glob
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path

AT_IMPORT = Path("imported.txt").read_text() if Path("imported.txt").exists() else None
FROM_ENVIRONMENT = os.environ.get("FR_TEST_IMPORTED")


def maybe(read, missing=None):
    try:
        return read()
    except (OSError, KeyError, configparser.Error):
        return missing


def ini():
    parser = configparser.ConfigParser()
    parser.read("settings.ini")
    return parser.get("main", "size", fallback=None)


def opened():
    with open("open.txt") as file:
        return file.read()


def rows():
    with open("rows.csv", newline="") as file:
        return list(csv.reader(file))


def copied():
    shutil.copyfile("source.txt", "copy.txt")
    return Path("copy.txt").read_text()


def by_descriptor():
    descriptor = os.open("raw.bin", os.O_RDONLY)
    try:
        return os.read(descriptor, 100).decode()
    finally:
        os.close(descriptor)


def sql():
    with sqlite3.connect("file:base.db?mode=ro", uri=True) as base:
        return base.execute("select * from numbers").fetchall()


WAYS = {
    "open": lambda: maybe(opened),
    "path": lambda: maybe(Path("deep/path.txt").read_text),
    "json": lambda: maybe(lambda: json.loads(Path("a.json").read_text())),
    "csv": lambda: maybe(rows),
    "ini": ini,
    "copied": lambda: maybe(copied),
    "descriptor": lambda: maybe(by_descriptor),
    "exists": lambda: os.path.exists("there"),
    "is_file": lambda: Path("deep/file").is_file(),
    "size": lambda: maybe(lambda: os.path.getsize("sized")),
    "access": lambda: os.access("accessed", os.R_OK),
    "listdir": lambda: maybe(lambda: sorted(os.listdir("listed"))),
    "glob": lambda: sorted(glob.glob("globbed/*.txt")),
    "rglob": lambda: sorted(str(path) for path in Path("tree").rglob("*.txt")),
    "walk": lambda: sorted(name for _, _, names in os.walk("walked") for name in names),
    "environ": lambda: maybe(lambda: os.environ["FR_TEST_ITEM"]),
    "getenv": lambda: os.getenv("FR_TEST_GOT", "default"),
    "in": lambda: "FR_TEST_ASKED" in os.environ,
    "computed": lambda: os.environ.get("FR_TEST_" + "computed".upper()),
    "environb": lambda: os.environb.get(b"FR_TEST_BYTES", b"").decode(),
    "at import": lambda: AT_IMPORT,
    "environment at import": lambda: FROM_ENVIRONMENT,
}


def look(ways):
    return {way: WAYS[way]() for way in ways}
'''


def write(name: str, text: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return edit


def delete(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink(missing_ok=True)


def setenv(name: str, value: str | None) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value

    return edit


FILES = {
    "open": "open.txt",
    "path": "deep/path.txt",
    "json": "a.json",
    "csv": "rows.csv",
    "ini": "settings.ini",
    "copied": "source.txt",
    "descriptor": "raw.bin",
    "exists": "there",
    "is_file": "deep/file",
    "size": "sized",
    "access": "accessed",
    "listdir": "listed/one.txt",
    "glob": "globbed/one.txt",
    "rglob": "tree/a/b/one.txt",
    "walk": "walked/a/one.txt",
    "at import": "imported.txt",
}
VARIABLES = {
    "environ": "FR_TEST_ITEM",
    "getenv": "FR_TEST_GOT",
    "in": "FR_TEST_ASKED",
    "computed": "FR_TEST_COMPUTED",
    "environb": "FR_TEST_BYTES",
    "environment at import": "FR_TEST_IMPORTED",
}
CONTENT = {"json": "[1]", "ini": "[main]\nsize = 1\n"}
OTHER = {"json": "[1, 2]", "ini": "[main]\nsize = 2\n"}


def appear(way: str) -> Callable[[Path], None]:
    if way in VARIABLES:
        return setenv(VARIABLES[way], "set")
    return write(FILES[way], CONTENT.get(way, "text"))


def change(way: str) -> Callable[[Path], None]:
    if way in VARIABLES:
        return setenv(VARIABLES[way], "set otherwise")
    return write(FILES[way], OTHER.get(way, "another text"))


def vanish(way: str) -> Callable[[Path], None]:
    return setenv(VARIABLES[way], None) if way in VARIABLES else delete(FILES[way])


@pytest.fixture
def tracked(serial_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose node reads what its config says, in the ways of `READING`."""
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(serial_project.folder)
    serial_project.write("reading.py", READING)
    return serial_project


def use(project: Project, *ways: str) -> None:
    project.nodes = {"look": {"uses": "reading:look", "config": {"ways": list(ways)}, "track": "auto"}}


def ran(project: Project) -> tuple[bool, object]:
    """Whether a run runs the node, and what the node gives."""
    project.environ = dict(os.environ)
    report = project.good()
    return "look" in report.ran, report.values["look"]


def truth(project: Project, *ways: str) -> object:
    """What the node's function gives in a process of its own, without any engine."""
    script = f"import reading; print(repr(reading.look({list(ways)!r})))"
    done = subprocess.run(
        [sys.executable, "-B", "-c", script], cwd=project.folder, capture_output=True, text=True, check=True
    )
    return eval(done.stdout)


@pytest.mark.parametrize("way", [*FILES, *VARIABLES])
def test_each_way_to_read(tracked: Project, way: str) -> None:
    """Something that appears, changes and goes away runs the node again; what stays doesn't."""
    use(tracked, way)
    values = []
    for edit in (lambda folder: None, appear(way), change(way), vanish(way)):
        edit(tracked.folder)
        value = ran(tracked)[1]
        assert value == truth(tracked, way)
        assert ran(tracked) == (False, value)
        values.append(value)
    assert values[1] not in (values[0], values[3])


@pytest.mark.parametrize("seed", range(2))
def test_random_edits_give_what_a_clean_run_gives(tracked: Project, seed: int) -> None:
    """Whatever is edited and undone, a run gives what the function itself gives."""
    chance = random.Random(seed)
    ways = sorted({*FILES, *VARIABLES})
    used = chance.sample(ways, 8)
    use(tracked, *used)
    for _ in range(10):
        for _ in range(chance.randint(0, 2)):
            chance.choice([appear, change, vanish])(chance.choice(ways))(tracked.folder)
        assert ran(tracked)[1] == truth(tracked, *used)


def test_going_back_runs_nothing(tracked: Project) -> None:
    """A file that is as it was, like a variable, leads to the record of that time."""
    use(tracked, "open", "environ")
    appear("open")(tracked.folder)
    assert ran(tracked)[0]
    change("open")(tracked.folder)
    setenv("FR_TEST_ITEM", "set")(tracked.folder)
    assert ran(tracked)[0]
    appear("open")(tracked.folder)
    setenv("FR_TEST_ITEM", None)(tracked.folder)
    assert ran(tracked) == (False, {"open": "text", "environ": None})


def test_what_it_does_not_read_counts_for_nothing(tracked: Project) -> None:
    """Other files of the folder and other variables run nothing."""
    use(tracked, "open", "getenv")
    assert ran(tracked)[0]
    for way in ("json", "environ", "listdir"):
        appear(way)(tracked.folder)
    assert not ran(tracked)[0]


def test_the_reason_names_the_file_and_the_variable(tracked: Project) -> None:
    """A rerun says which of them changed."""
    use(tracked, "open", "environ")
    ran(tracked)
    appear("open")(tracked.folder)
    setenv("FR_TEST_ITEM", "set")(tracked.folder)
    tracked.environ = dict(os.environ)
    reasons = tracked.good().nodes["look"].reasons
    assert {(reason.kind.value, reason.what) for reason in reasons} == {
        ("file-changed", "open.txt"),
        ("env-changed", "FR_TEST_ITEM"),
    }


def test_values_of_variables_are_nowhere_in_the_store(
    tracked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tracked variable is kept as a digest."""
    tracked.write("reading.py", "import os\n\ndef look(ways):\n    return len(os.environ['FR_TEST_ITEM'])\n")
    monkeypatch.setenv("FR_TEST_ITEM", "a text that nobody should see")
    use(tracked)
    assert ran(tracked) == (True, 29)
    for path in (tracked.folder / ".cache").rglob("*"):
        assert not path.is_file() or b"nobody should see" not in path.read_bytes()


def test_turning_tracking_on_runs_the_node_once(tracked: Project) -> None:
    """Of a record that was made without tracking, nobody knows what it read."""
    use(tracked, "open")
    tracked.nodes["look"]["track"] = "report"
    appear("open")(tracked.folder)
    assert ran(tracked)[0]
    change("open")(tracked.folder)
    assert ran(tracked) == (False, {"open": "text"})
    use(tracked, "open")
    report = tracked.good()
    assert [(reason.kind.value, reason.what) for reason in report.nodes["look"].reasons] == [
        ("component-changed", "track")
    ]
    assert ran(tracked) == (False, {"open": "another text"})


def node(project: Project, code: str) -> None:
    project.write("reading.py", code)
    project.nodes = {"look": {"uses": "reading:look", "track": "auto"}}


def test_what_the_node_makes_itself_is_no_dependency(tracked: Project) -> None:
    """Folders and files that it makes, looks for before, and reads afterwards, count for nothing."""
    node(
        tracked,
        """\
        import os, shutil, tempfile
        from pathlib import Path

        def look():
            os.makedirs("out/deep", exist_ok=True)
            if not Path("out/deep/made.txt").exists():
                Path("out/deep/made.txt").write_text("made")
            os.replace("out/deep/made.txt", "out/moved.txt")
            shutil.copytree("out", "twin")
            Path("twin/moved.txt").write_text("again")
            with tempfile.NamedTemporaryFile("w+") as file:
                file.write("temporary")
                file.flush()
                found = Path(file.name).read_text()
            return [Path("out/moved.txt").read_text(), sorted(os.listdir("twin")), found]
        """,
    )
    report = tracked.good()
    assert report.warnings == ()
    record = tracked.record(report, "look")
    assert [query.argument for query in record.manifest.code.answers if query.kind in ("file", "env")] == []
    assert not ran(tracked)[0]


def test_its_own_source_and_packages_count_as_code_alone(tracked: Project) -> None:
    """Reading modules, packages and the standard library makes no file a dependency."""
    node(
        tracked,
        """\
        import inspect, json, linecache, os, traceback
        from importlib import metadata
        from pathlib import Path

        import numpy
        import other

        def look():
            Path(json.__file__).read_text()
            Path(numpy.__file__).read_text()
            linecache.getline(__file__, 1)
            try:
                other.fail()
            except ValueError:
                traceback.format_exc()
            return [metadata.version("numpy"), os.path.realpath(__file__) != ""]
        """,
    )
    tracked.write("other.py", "def fail():\n    raise ValueError\n")
    report = tracked.good()
    record = tracked.record(report, "look")
    assert [query.argument for query in record.manifest.code.answers if query.kind in ("file", "env")] == []


def test_a_helper_that_another_library_calls_back(tracked: Project) -> None:
    """What a package opens for the node is the node's: here pandas, a thread, and a pool of threads."""
    node(
        tracked,
        """\
        import threading
        from concurrent.futures import ThreadPoolExecutor
        from pathlib import Path

        import pandas

        def look():
            frame = pandas.read_csv("a.csv")
            found = []
            thread = threading.Thread(target=lambda: found.append(Path("b.txt").read_text()))
            thread.start()
            thread.join()
            with ThreadPoolExecutor(2) as pool:
                found += pool.map(lambda name: Path(name).read_text(), ["c.txt"])
            return [frame["x"].tolist(), *found]
        """,
    )
    for name, text in (("a.csv", "x\n1\n"), ("b.txt", "b"), ("c.txt", "c")):
        tracked.write(name, text)
    assert ran(tracked) == (True, [[1], "b", "c"])
    assert not ran(tracked)[0]
    for name, text in (("a.csv", "x\n2\n"), ("b.txt", "B"), ("c.txt", "C")):
        tracked.write(name, text)
        assert ran(tracked)[0], name


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import subprocess; subprocess.run(['true'])", "what a process that it started reads"),
        ("import os; dict(os.environ)", "the whole environment (reading.py:2)"),
        ("import socket\n    try: socket.create_connection(('192.0.2.1', 9), 0.01)\n    except OSError: pass",
         "a network connection"),
    ],
)  # fmt: skip
def test_what_cannot_be_tracked_is_said(tracked: Project, code: str, what: str) -> None:
    """Reads that can't be seen are named in a warning, since they don't count."""
    node(tracked, f"def look():\n    {code}\n    return 1\n")
    tracked.environ = dict(os.environ)
    assert [warning for warning in tracked.good().warnings if what in warning]


def test_a_file_that_changes_while_the_node_runs(tracked: Project) -> None:
    """The node is planned and run again when a file isn't any more what it read (R12)."""
    node(
        tracked,
        """\
        import subprocess
        from pathlib import Path

        def look():
            text = Path("data.txt").read_text()
            if text == "first":
                # As another program would: the node itself writes nothing.
                subprocess.run(["sh", "-c", "printf second > data.txt"], check=True)
            return text
        """,
    )
    tracked.write("data.txt", "first")
    report = tracked.good()
    assert report.values["look"] == "second"
    assert any("data.txt changed" in warning for warning in report.warnings)
    assert not ran(tracked)[0]


def test_files_outside_the_folder_are_reported(
    tracked: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """They have no name that means the same on another machine (R3): the report says what to do."""
    outside = Path.home() / "fr-test-outside.txt"
    node(tracked, f"from pathlib import Path\n\ndef look():\n    return Path({str(outside)!r}).exists()\n")
    report = tracked.good()
    assert [(read.name, "input of type path" in read.hint) for read in report.nodes["look"].undeclared] == [
        (str(outside), True)
    ]
