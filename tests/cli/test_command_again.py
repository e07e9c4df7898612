"""`fr run` when nothing has changed: answered from what the last call looked at, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command_project import COMMAND, Fr

STEPS = """
import os
from pathlib import Path

import helpers
from fingerprint_runner import OutputDirectory

try:
    import extra
except ImportError:
    extra = None


def load(limit):
    texts = [path.read_text() for path in sorted(Path("data").glob("*.txt"))]
    return [len(text) for text in texts][:limit] + [0] * 2000


def total(values, factor=1):
    return helpers.add(values) * factor


def tracked():
    import os
    return [os.environ.get("TRACKED"), sorted(os.listdir("tracked")), Path("tracked/there").exists()]


def page(total, folder: OutputDirectory):
    (Path(folder) / "page.txt").write_text(str(total) * 5000)
"""
GRAPH = {
    "version": 1,
    "inputs": {"limit": {"type": "int", "default": 3}},
    "nodes": {
        "load": {"uses": "steps:load", "needs": ["limit"], "files": ["data/*.txt"], "env": ["REGION"]},
        "total": {"uses": "steps:total", "needs": {"values": "load"}, "config": {"factor": 2}},
        "tracked": {"uses": "steps:tracked", "track": "auto"},
        "page": {"uses": "steps:page", "needs": ["total"], "export": "out/"},
    },
    "targets": ["page", "load", "tracked"],
}


class Project(Fr):
    """A project whose no-op runs look at everything that a run can look at."""

    def answered(self, *arguments: str) -> bool:
        """Run; whether the call was answered without the command itself being loaded."""
        done = self("run", *arguments)
        assert done.returncode == 0, done.stderr
        return "click" not in _imports(done.stderr)

    def until_answered(self, *arguments: str) -> None:
        """Run until the files are old enough for their times to be trusted."""
        assert any(self.answered(*arguments) for _ in range(30))


def _imports(text: str) -> set[str]:
    """What `PYTHONPROFILEIMPORTTIME` says was imported."""
    return {line.rpartition("|")[2].strip() for line in text.splitlines() if line.startswith("import time:")}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Run once."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "tracked").mkdir()
    (folder / "data" / "a.txt").write_text("one")
    (folder / "steps.py").write_text(STEPS)
    (folder / "helpers.py").write_text("def add(values):\n    return sum(values)\n")
    (folder / "fr.json").write_text(json.dumps(GRAPH))
    fr = Project(folder, {"REGION": "north", "PYTHONPROFILEIMPORTTIME": "1"})
    assert fr("run").returncode == 0
    return fr


def test_what_is_answered_is_what_was_printed(project: Project) -> None:
    """The same lines and the same object as from the command itself, with an id and seconds of its own."""
    plain = project("run")
    as_object = json.loads(project("run", "--json").stdout)
    project.until_answered()
    project.until_answered("--json")
    project.until_answered("-q")
    again = project("run")
    assert _without_seconds(again.stdout) == _without_seconds(plain.stdout)
    assert "4 nodes: 4 hit in" in again.stdout
    assert project("run", "-q").stdout == ""
    found = json.loads(project("run", "--json").stdout)
    assert found["run_id"] != as_object["run_id"]
    assert isinstance(found["seconds"], float)
    different = ("run_id", "seconds")
    assert {key: found[key] for key in found if key not in different} == {
        key: as_object[key] for key in as_object if key not in different
    }


def _without_seconds(text: str) -> str:
    return text.rpartition(" in ")[0]


def _append(name: str, text: str) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        with (project.folder / name).open("a") as file:
            file.write(text)

    return change


def _write(name: str, text: str = "x = 1\n") -> Callable[[Project], None]:
    return lambda project: (project.folder / name).write_text(text) and None


def _set(name: str, value: str) -> Callable[[Project], None]:
    return lambda project: project.environ.update({name: value})


def _same_size_and_mtime(project: Project) -> None:
    file = project.folder / "data" / "a.txt"
    status = file.stat()
    file.write_text("two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def _drop_artifact(project: Project) -> None:
    shutil.rmtree(project.folder / ".cache" / "fr" / "blobs")


def _shorten_artifact(project: Project) -> None:
    for blob in (project.folder / ".cache" / "fr" / "blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o600)
            os.truncate(blob, 3)


def _remove_a_record(project: Project) -> None:
    done = subprocess.run(
        [*COMMAND, "cache", "clear", "--yes"], cwd=project.folder, env=project.environ, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def _move(project: Project) -> None:
    moved = project.folder.with_name("moved")
    project.folder.rename(moved)
    project.folder = moved


def _install(project: Project) -> None:
    site = project.folder.parent / "site"
    site.mkdir()
    project.environ["PYTHONPATH"] = str(site)


CHANGES: list[tuple[str, Callable[[Project], None]]] = [
    ("the graph file", _append("fr.json", "\n")),
    ("a second graph file", _write("fr.yaml")),
    ("a source", _append("steps.py", "# a comment\n")),
    ("a helper", _append("helpers.py", "x = 1\n")),
    ("a module that wasn't there", _write("extra.py")),
    ("a module in the way of the standard library", _write("pathlib.py", "raise ImportError\n")),
    ("a declared file", _append("data/a.txt", "!")),
    ("a declared file, keeping size and time", _same_size_and_mtime),
    ("a file that a pattern matches", _write("data/b.txt")),
    ("a declared variable", _set("REGION", "south")),
    ("a file in a tracked folder", _write("tracked/new.txt")),
    ("a tracked variable", _set("TRACKED", "yes")),
    ("an export", _append("out/page.txt", "!")),
    ("an export that is gone", lambda project: (project.folder / "out" / "page.txt").unlink()),
    ("the search path", _install),
    ("another terminal", _set("TERM", "dumb")),
    ("an artifact that is gone", _drop_artifact),
    ("an artifact of another size", _shorten_artifact),
    ("a store that was cleared", _remove_a_record),
    ("another folder", _move),
]


@pytest.mark.parametrize(("what", "change"), CHANGES, ids=[what for what, _ in CHANGES])
def test_whatever_a_no_op_verifies_is_looked_at(
    project: Project, what: str, change: Callable[[Project], None]
) -> None:
    """Each thing that a no-op run rests on sends the call to the command when it is not as it was."""
    project.until_answered()
    change(project)
    done = project("run")
    assert "click" in _imports(done.stderr)


@pytest.mark.parametrize(
    "arguments", [["--input", "limit=2"], ["--set", "total.factor=3"], ["total"], ["-v"]]
)
def test_another_call_is_another_call(project: Project, arguments: list[str]) -> None:
    """Inputs, `--set`, targets and options are answered for themselves alone."""
    project.until_answered()
    assert not project.answered(*arguments)
    project.until_answered(*arguments)
    project.until_answered()


def test_forcing_is_never_answered(project: Project) -> None:
    """What must run runs, however often it is asked for."""
    project.until_answered()
    for _ in range(3):
        assert not project.answered("--force", "total")


def test_results_that_others_add_change_nothing(project: Project) -> None:
    """When another run has written to the store and removed nothing, the call is answered all the same."""
    project.until_answered()
    assert not project.answered("load", "--input", "limit=1")
    assert project.answered()


def test_a_store_that_others_may_write_answers_nothing(project: Project) -> None:
    """What could have been planted isn't read."""
    project.until_answered()
    (project.folder / ".cache" / "fr" / "memo").chmod(0o777)
    done = project("run")
    assert "click" in _imports(done.stderr)


def test_a_damaged_memo_answers_nothing(project: Project) -> None:
    """Every bit of it is under a checksum."""
    project.until_answered()
    for memo in (project.folder / ".cache" / "fr" / "memo").glob("again-*"):
        content = bytearray(memo.read_bytes())
        content[len(content) // 2] ^= 1
        memo.write_bytes(content)
    assert not project.answered()
    project.until_answered()


def test_few_calls_are_kept(project: Project) -> None:
    """A loop over values leaves a bounded number of memos."""
    project.until_answered()
    for factor in range(20):
        project("run", "-q", "--set", f"total.factor={factor}")
        project("run", "-q", "--set", f"total.factor={factor}")
    assert len(list((project.folder / ".cache" / "fr" / "memo").glob("again-*"))) <= 16


def test_a_graph_file_in_a_nearer_folder_wins(project: Project) -> None:
    """A call from below looks for the file on the way up, each time."""
    below = project.folder / "below"
    below.mkdir()
    fr = Project(below, {"REGION": "north", "PYTHONPROFILEIMPORTTIME": "1"})
    fr.until_answered()
    (below / "fr.yml").write_text("version: 1\nnodes:\n  one: {uses: 'one:one'}\n")
    (below / "one.py").write_text("def one():\n    return 1\n")
    assert "1 node: 1 ran" in fr("run").stdout


def test_a_no_op_opens_no_table(project: Project) -> None:
    """While nobody wrote to the store, SQLite isn't even imported."""
    project.until_answered()
    imported = _imports(project("run").stderr)
    assert not {"sqlite3", "diskcache", "dataclasses", "rich", "msgspec"} & imported


def test_a_replaced_row_counts(project: Project) -> None:
    """The store's generation is asked for once its table has been written to."""
    project.until_answered()
    with sqlite3.connect(project.folder / ".cache" / "fr" / "records" / "cache.db") as table:
        table.execute("UPDATE Cache SET value = CAST('other' AS BLOB) WHERE key = 'generation'")
    table.close()
    assert not project.answered()
