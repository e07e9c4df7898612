"""`fr audit`: cached nodes run again, and the first difference is named."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_project import Fr, edit

SAME = "same"
HINT = "what differs is left to chance, or comes from what isn't declared: `files`, `env`, an input\n"


@pytest.fixture
def noted(fr: Fr) -> Fr:
    """`double` reads a file that it doesn't declare."""
    edit(fr.folder / "steps.py", "value * factor for", "value * factor + int(Path('note').read_text()) for")
    (fr.folder / "note").write_text("0")
    assert fr("run", "-q").returncode == 0
    return fr


def words(text: str) -> list[list[str]]:
    """The first words of each line, times left out."""
    return [line.split()[:2] for line in text.splitlines()]


def test_all_is_the_same(fr: Fr) -> None:
    """A line a node, then the counts; what nodes print goes to stderr."""
    done = fr("audit")
    assert done.returncode == 0
    assert words(done.stdout) == [
        [SAME, "numbers"],
        [SAME, "double"],
        [SAME, "total"],
        [SAME, "page"],
        ["4", "nodes:"],
    ]
    assert done.stdout.splitlines()[-1].startswith("4 nodes: 4 same in ")
    assert "from a child process" in done.stderr


def test_an_undeclared_input_is_found(noted: Fr) -> None:
    """The first node, the first place, and what a difference means; exit 1."""
    (noted.folder / "note").write_text("5")
    done = noted("audit")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[1].startswith("    differs  double   ") and lines[1].endswith("value[0]: 2 → 7")
    assert lines[2:4] == [
        f"not audited  {node:<7}  the audit stopped at the first difference" for node in ("total", "page")
    ]
    assert lines[4].startswith("4 nodes: 1 same, 1 differs, 2 not audited in ")
    assert done.stdout.endswith(HINT)
    done = noted("audit", "--keep-going")
    assert done.returncode == 1
    assert "4 nodes: 3 same, 1 differs in " in done.stdout


def test_quiet_shows_what_differs_alone(noted: Fr) -> None:
    """And nothing where all is well."""
    assert noted("audit", "-q").stdout == ""
    (noted.folder / "note").write_text("5")
    done = noted("audit", "-q")
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.endswith("value[0]: 2 → 7")


def test_nothing_is_left_of_an_audit(noted: Fr) -> None:
    """No run in the history, no export, no record."""
    (noted.folder / "note").write_text("5")
    (noted.folder / "out" / "page.txt").write_text("edited")
    before = noted.json("cache", "ls"), noted.json("history")
    noted("audit", "--keep-going")
    assert (noted.json("cache", "ls"), noted.json("history")) == before
    assert (noted.folder / "out" / "page.txt").read_text() == "edited"


def test_a_failing_node_is_shown_as_in_a_run(noted: Fr) -> None:
    """With its place in the graph file and the user's traceback; exit 1."""
    (noted.folder / "note").unlink()
    done = noted("audit", "double")
    assert done.returncode == 1
    assert "failed: fr.yml:9: node 'double' (steps:scale)" in done.stderr
    assert "FileNotFoundError" in done.stderr and "fingerprint_runner" not in done.stderr
    found = noted.json("audit", "double", status=1)
    assert found["errors"][0]["kind"] == "node" and found["nodes"]["double"]["status"] == "failed"


def test_what_cannot_be_audited_is_listed(fr: Fr) -> None:
    """With why. Without NODE that is no error; a NODE that can't be is exit 2."""
    edit(fr.folder / "steps.py", "value * factor", "factor * value")
    done = fr("audit")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:4] == [
        "not audited  double   it is stale",
        "not audited  total    it waits for double",
        "not audited  page     it waits for total",
    ]
    assert fr("audit", "numbers", "double").returncode == 2
    assert fr("audit", "numbers").returncode == 0


def test_json_is_one_object_with_every_node(noted: Fr) -> None:
    """Whatever nodes print; the difference as path, kind, old and new."""
    (noted.folder / "note").write_text("5")
    found = noted.json("audit", status=1)
    assert set(found) == {"ok", "seconds", "counts", "nodes"}
    assert found["counts"] == {"same": 1, "differs": 1, "failed": 0, "not_audited": 2}
    assert found["nodes"]["double"]["difference"] == {
        "path": "value[0]",
        "kind": "value",
        "old": "2",
        "new": "7",
    }


def test_what_was_accepted_wrongly_is_found(noted: Fr) -> None:
    """And it is said who accepted it."""
    edit(noted.folder / "steps.py", "value * factor +", "value * factor * 2 +")
    assert noted("accept", "double").returncode == 0
    done = noted("audit", "double")
    assert "value[0]: 2 → 4; its record was accepted by " in done.stdout


def test_set_and_input_say_which_outputs_are_audited(fr: Fr) -> None:
    """Those of the options' run, as far as there was one."""
    options = ["--set", "double.factor=3"]
    assert fr("audit", *options).stdout.splitlines()[1].startswith("not audited  double ")
    fr("run", "-q", *options)
    assert fr("audit", *options).stdout.splitlines()[-1].startswith("4 nodes: 4 same in ")


def test_wrong_calls(fr: Fr) -> None:
    """Unknown nodes and unset secrets: exit 2 before anything runs."""
    assert fr.json("audit", "nothing", status=2)["errors"][0]["kind"] == "unknown-node"
    assert fr.json("audit", "--nothing", status=2)["errors"][0]["kind"] == "usage"


def test_an_interrupted_audit(graph_of: Callable[[str], Fr]) -> None:
    """Exit 130, and nothing is left behind."""
    fr = graph_of("  a: {uses: 'steps:plain'}\n  slow: {uses: 'steps:wait', needs: {total: a}}\n")
    go = fr.folder / "go"
    go.write_text("")
    assert fr("run", "-q").returncode == 0
    go.unlink()
    process = fr.start("audit")
    assert process.stderr is not None
    while "waiting" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(Path(fr.folder / ".cache" / "fr" / "tmp").iterdir()) == []
    assert fr.json("plan")["counts"]["up_to_date"] == 2
