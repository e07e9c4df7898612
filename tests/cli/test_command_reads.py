"""Undeclared reads, `--strict` and `track: auto`, in real processes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from command_project import Fr

STEPS = """\
import os
from pathlib import Path


def load():
    return Path("data.csv").read_text().split()


def report(rows):
    title = os.environ.get("TITLE", "Rows")
    if Path("footer.txt").exists():
        title += Path("footer.txt").read_text()
    return f"{title}: {len(rows)}"
"""
GRAPH = """\
version: 1
nodes:
  load:
    uses: steps:load
    {load}
  report:
    uses: steps:report
    needs: {{rows: load}}
    {report}
"""


@pytest.fixture
def undeclared(tmp_path: Path) -> Fr:
    """A project whose two nodes declare nothing of what they read."""
    write_graph(tmp_path)
    (tmp_path / "steps.py").write_text(STEPS)
    (tmp_path / "data.csv").write_text("1 2 3")
    return Fr(tmp_path, {"TITLE": None})


def write_graph(folder: Path, load: str = "", report: str = "") -> None:
    text = GRAPH.format(load=load, report=report)
    (folder / "fr.yml").write_text("\n".join(line for line in text.splitlines() if line.strip()) + "\n")


def ran(fr: Fr) -> list[str]:
    nodes = fr.json("run")["nodes"]
    return sorted(name for name, node in nodes.items() if node["status"] == "ran")


def test_a_run_shows_the_line_to_add(undeclared: Fr) -> None:
    """Under the node's own line; a hit says nothing."""
    done = undeclared("run")
    assert done.returncode == 0
    assert re.sub(r"\d+\.\d\d s", "N s", done.stdout) == (
        "    start  load    never run before\n"
        "      ran  load    N s\n"
        "    reads  load    the file data.csv (steps.py:6)\n"
        "                   which it doesn't declare: add `files: [data.csv]`\n"
        "    start  report  never run before\n"
        "      ran  report  N s\n"
        "    reads  report  the variable TITLE (steps.py:10)\n"
        "                   which it doesn't declare: add `env: [TITLE]`\n"
        "2 nodes: 2 ran in N s\n"
    )
    assert "reads" not in undeclared("run").stdout
    assert "reads" not in undeclared("run", "--force", "load", "-q").stdout


def test_json_names_each_read(undeclared: Fr) -> None:
    """Kind, name, hint and place; of hits, and in plans, there are none."""
    assert undeclared.json("run")["nodes"]["load"]["undeclared"] == [
        {"kind": "file", "name": "data.csv", "hint": "files: [data.csv]", "place": "steps.py:6"}
    ]
    for command in ("run", "plan"):
        assert undeclared.json(command)["nodes"]["load"]["undeclared"] == []


def test_what_the_report_says_makes_the_report_go_away(undeclared: Fr) -> None:
    """With the lines added, the graph passes `--strict`."""
    assert undeclared("run", "--strict").returncode == 1
    write_graph(undeclared.folder, load="files: [data.csv]", report="env: [TITLE]")
    done = undeclared("run", "--strict")
    assert (done.returncode, "reads" in done.stdout) == (0, False)


def test_strict_fails_the_node(undeclared: Fr) -> None:
    """Exit status 1; the message has the node, the file, the place and what to do; nothing is kept."""
    done = undeclared("run", "--strict")
    assert done.returncode == 1
    assert "node 'load' (steps:load)\nUndeclaredRead: it reads what it doesn't declare\n" in done.stderr
    assert "  the file data.csv (steps.py:6)" in done.stderr
    assert "  hint: add `files: [data.csv]`" in done.stderr
    assert "Traceback" not in done.stderr
    assert undeclared.json("plan")["counts"] == {"up_to_date": 0, "stale": 1, "undecided": 1}


def test_tracked_reads_count(undeclared: Fr) -> None:
    """A file, a variable and a file that wasn't there run the node again when they change."""
    write_graph(undeclared.folder, load="track: auto", report="track: auto")
    assert ran(undeclared) == ["load", "report"]
    assert ran(undeclared) == []
    (undeclared.folder / "data.csv").write_text("1 2 3 4")
    assert ran(undeclared) == ["load", "report"]
    undeclared.environ["TITLE"] = "Lines"
    assert ran(undeclared) == ["report"]
    (undeclared.folder / "footer.txt").write_text("!")
    assert undeclared("explain", "report").stdout.splitlines()[:2] == [
        "report is stale:",
        "  file footer.txt is new",
    ]
    assert ran(undeclared) == ["report"]
    assert undeclared("get", "report").stdout.strip() == "Lines!: 4"
    assert ran(undeclared) == []


def test_a_plan_needs_no_run_to_see_a_tracked_change(undeclared: Fr) -> None:
    """`fr plan` names the file; with it as it was, everything is up to date."""
    write_graph(undeclared.folder, load="track: auto", report="track: auto")
    ran(undeclared)
    (undeclared.folder / "data.csv").write_text("4")
    reasons = undeclared.json("plan")["nodes"]["load"]["reasons"]
    assert [(reason["kind"], reason["what"]) for reason in reasons] == [("file-changed", "data.csv")]
    (undeclared.folder / "data.csv").write_text("1 2 3")
    assert undeclared.json("plan")["counts"]["up_to_date"] == 2


def test_the_same_graph_in_another_folder(undeclared: Fr, tmp_path: Path) -> None:
    """Tracked files are named relative to the graph: a copied project finds its records."""
    write_graph(undeclared.folder, load="track: auto", report="track: auto")
    ran(undeclared)
    copy = tmp_path.parent / f"{tmp_path.name}-copy"
    shutil.copytree(undeclared.folder, copy)
    assert ran(Fr(copy, {"TITLE": None})) == []
