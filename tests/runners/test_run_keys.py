"""What is in a node's key and what isn't: secrets, pinned versions, ignored config, environment, paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_project import Project

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.fingerprints.record import ReasonKind

SECRET = "correct-horse-battery-staple"


def everything_in(folder: Path) -> bytes:
    """All bytes of all files below a folder, and their names."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"\n".join([*(str(path).encode() for path in files), *(path.read_bytes() for path in files)])


def test_secret_is_nowhere(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """A secret's value reaches the node and is in no key, record, memo, report or output."""
    project.write("steps.py", "def make(token, size):\n    return [len(token), size]\n")
    project.environ = {"TOKEN": SECRET}
    project.nodes = {
        "make": {"uses": "steps:make", "config": {"token": "${TOKEN}", "size": 1}, "secret": ["token"]}
    }
    report = project.good()
    assert report.values["make"] == [len(SECRET), 1]
    captured = capfd.readouterr()
    seen = (
        everything_in(project.folder).decode("latin-1") + str(report.as_json()) + captured.out + captured.err
    )
    assert SECRET not in seen
    project.environ = {"TOKEN": "another"}
    assert project.good().ran == ()


@pytest.mark.parametrize("how", ["print", "raise"])
def test_secret_that_a_node_lets_out(project: Project, how: str) -> None:
    """A node that prints its secret, or raises with it, doesn't bring it into records or messages."""
    body = "print('using', token)" if how == "print" else "raise ValueError('refused: ' + token)"
    project.write("steps.py", f"def make(token):\n    {body}\n    return 1\n")
    project.environ = {"TOKEN": SECRET}
    project.nodes = {"make": {"uses": "steps:make", "config": {"token": "${TOKEN}"}, "secret": ["token"]}}
    report = project.run()
    assert report.ok is (how == "print")
    shown = "".join(f"{e} {e.error_message} {e.traceback} {e.log_tail}" for e in report.failures)
    assert SECRET not in everything_in(project.folder).decode("latin-1") + shown + str(report.as_json())


def test_version_pins_the_code(project: Project) -> None:
    """With a `version` code doesn't count, and another version does."""
    project.write("steps.py", "def make():\n    return 1\n")
    project.nodes = {"make": {"uses": "steps:make", "version": "1"}}
    project.good()
    project.write("steps.py", "def make():\n    return 2\n")
    report = project.good()
    assert report.ran == ()
    assert report.values["make"] == 1
    project.nodes["make"]["version"] = "2"
    report = project.good()
    assert report.values["make"] == 2
    assert [reason.kind for reason in report.nodes["make"].reasons] == [ReasonKind.COMPONENT_CHANGED]


def test_ignored_config(project: Project) -> None:
    """Config keys in `ignore_config` reach the node and don't count."""
    project.write("steps.py", "def make(size, jobs):\n    return [size, jobs]\n")
    node = {"uses": "steps:make", "config": {"size": 1, "jobs": 1}, "ignore_config": ["jobs"]}
    project.nodes = {"make": node}
    project.good()
    node["config"] = {"size": 1, "jobs": 8}
    assert project.good().ran == ()
    node["config"] = {"size": 2, "jobs": 8}
    report = project.good()
    assert report.values["make"] == [2, 8]
    assert [(reason.kind, reason.what) for reason in report.nodes["make"].reasons] == [
        (ReasonKind.CONFIG_CHANGED, "size")
    ]


def test_environment_counts_by_digest(project: Project) -> None:
    """A declared variable counts, set or not; its value is in no file of the cache."""
    project.write("steps.py", "def make():\n    return 1\n")
    project.nodes = {"make": {"uses": "steps:make", "env": ["FR_TEST_LANG"]}}
    project.good()
    for value, ran in ((SECRET, ("make",)), (SECRET, ()), ("", ("make",))):
        project.environ = {"FR_TEST_LANG": value, "FR_TEST_OTHER": value * 2}
        assert project.good().ran == ran
    assert SECRET not in everything_in(project.folder / ".cache").decode("latin-1")


def test_path_input_counts_by_content(project: Project) -> None:
    """An input of type path counts by what the file holds, wherever it lies."""
    project.write(
        "steps.py", "from pathlib import Path\n\ndef make(table):\n    return Path(table).read_text()\n"
    )
    project.inputs = {"table": {"type": "path"}}
    project.nodes = {"make": {"uses": "steps:make", "needs": ["table"]}}
    one, other = project.write("one.txt", "text"), project.write("deep/other.txt", "text")
    assert project.good({"table": str(one)}).values["make"] == "text"
    assert project.good({"table": str(other)}).ran == ()
    project.write("deep/other.txt", "more")
    assert project.good({"table": str(other)}).values["make"] == "more"


def test_inputs_count(project: Project) -> None:
    """Inputs count by type and value; going back to an earlier one runs nothing."""
    project.write("steps.py", "def make(limit):\n    return repr(limit)\n")
    project.inputs = {"limit": {"type": "json", "default": 1}}
    project.nodes = {"make": {"uses": "steps:make", "needs": ["limit"]}}
    for value in (1, True, 1.0, "1", [1]):
        assert project.good({"limit": value}).values["make"] == repr(value)
    assert project.good({"limit": True}).ran == ()
    assert project.good().values["make"] == "1"


def test_unset_secret_stops_before_anything_runs(project: Project) -> None:
    """A secret whose variable isn't set is an error of the graph: nothing runs."""
    project.write("steps.py", "def first():\n    return 1\n\ndef make(value, token):\n    return 1\n")
    project.nodes = {
        "first": {"uses": "steps:first"},
        "make": {
            "uses": "steps:make",
            "needs": {"value": "first"},
            "config": {"token": "${FR_TEST_UNSET}"},
            "secret": ["token"],
        },
    }
    with pytest.raises(InvalidGraph, match="FR_TEST_UNSET"):
        project.run()
    project.environ = {"FR_TEST_UNSET": "set"}
    assert project.good().ran == ("first", "make")
