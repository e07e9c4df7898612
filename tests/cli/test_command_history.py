"""`fr history`: what each run did, and what went wrong in it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from command_project import Fr, edit


@pytest.fixture
def lived(fr: Fr) -> Fr:
    """The small project, run once, with an edit, and with a failure."""
    edit(fr.folder / "fr.yml", "factor: 2", "factor: 3")
    assert fr("run", "-q").returncode == 0
    edit(fr.folder / "steps.py", 'f"{title}: {total}\\n"', 'f"{title}: {total}\\n" + nothing')
    assert fr("run", "-q").returncode == 1
    return fr


def test_runs_are_listed_the_latest_first(lived: Fr) -> None:
    """Each with id, age, counts and outcome."""
    lines = lived("history").stdout.splitlines()
    assert lines[0].split() == ["run", "when", "took", "ran", "hit", "outcome", "targets"]
    assert [" ".join(line.partition(" s  ")[2].split()) for line in lines[1:]] == [
        "0 3 failed: page page, total",
        "3 1 ok page, total",
        "4 0 ok page, total",
    ]


def test_a_run_that_found_nothing_to_do_leaves_no_trace(fr: Fr) -> None:
    """The history is of what happened."""
    assert fr("run", "-q").returncode == 0
    assert fr.json("history")["count"] == 1


def test_json_is_exact(lived: Fr) -> None:
    """All runs, with times as numbers and the names of what ran and failed."""
    found = lived.json("history")
    assert found["count"] == 3
    last = found["runs"][0]
    assert set(last) == {
        "run_id",
        "graph",
        "started",
        "seconds",
        "ok",
        "interrupted",
        "targets",
        "counts",
        "ran",
        "failed",
    }
    assert (last["graph"], last["ok"], last["interrupted"]) == ("small", False, False)
    assert (last["ran"], last["failed"]) == ([], ["page"])
    assert last["counts"] == {"ran": 0, "hit": 3, "failed": 1, "skipped": 0, "cancelled": 0}


def test_one_run_is_shown_with_reasons_and_failures(lived: Fr) -> None:
    """By its id, its beginning, or `last`; a failure with its traceback."""
    runs = lived.json("history")["runs"]
    shown = lived("history", runs[1]["run_id"]).stdout
    assert re.search(r"ran  double   \d\.\d\d s  config factor: 2 → 3", shown)
    failed = lived("history", "last").stdout
    assert "failed: page: NameError: name 'nothing' is not defined" in failed
    assert "Traceback (most recent call last):" in failed
    found = lived.json("history", runs[0]["run_id"])["run"]
    assert found["failures"]["page"]["error"] == "NameError: name 'nothing' is not defined"
    assert found["nodes"]["page"]["status"] == "failed"
    assert found["nodes"]["total"]["status"] == "hit"


def test_runs_of_a_node(lived: Fr) -> None:
    """Those in which it ran or failed; a misspelt node is refused."""
    assert [run["ran"] for run in lived.json("history", "--node", "double")["runs"]] == [
        ["double", "total", "page"],
        ["numbers", "double", "total", "page"],
    ]
    assert len(lived.json("history", "--node", "page", "-n", "1")["runs"]) == 1
    assert (
        lived.json("history", "--node", "doubel", status=2)["errors"][0]["hint"] == "did you mean 'double'?"
    )


def test_other_graphs_of_the_cache(lived: Fr) -> None:
    """A graph sees its own runs, and all with `--all-graphs`."""
    (lived.folder / "other.yml").write_text("version: 1\nname: other\nnodes: {a: {uses: 'steps:text'}}\n")
    assert lived("run", "-q", "-f", "other.yml").returncode == 0
    assert lived.json("history")["count"] == 3
    assert [run["graph"] for run in lived.json("history", "--all-graphs")["runs"]][:2] == ["other", "small"]


def test_an_interrupted_run_says_so(graph_of: Callable[[str], Fr]) -> None:
    """Neither ok nor failed."""
    import signal

    fr = graph_of("  slow: {uses: 'steps:wait', config: {total: 1}}\n")
    running = fr.start("run")
    assert running.stderr is not None
    for line in running.stderr:
        if "waiting" in line:
            break
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    found = fr.json("history")["runs"][0]
    assert (found["interrupted"], found["counts"]["cancelled"]) == (True, 1)
    assert " interrupted " in fr("history").stdout


@pytest.mark.parametrize("text", ["2000", "nothing"])
def test_a_run_that_there_is_not(lived: Fr, text: str) -> None:
    """It says where to look."""
    done = lived("history", text)
    assert done.returncode == 2
    assert f"there is no run '{text}'" in done.stderr and "`fr history` lists the runs" in done.stderr


def test_no_runs(new_fr: Fr) -> None:
    """Nothing ran, nothing is made, and that is no error."""
    assert new_fr("history").stdout == "there are no runs yet\n"
    assert new_fr.json("history") == {"ok": True, "count": 0, "runs": []}
    assert not (new_fr.folder / ".cache").exists()
