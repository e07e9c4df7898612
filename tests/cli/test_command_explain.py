"""`fr explain`: what changed, as people read it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from command_project import Fr, edit
from fingerprint_runner.cli.why import WhyLines

from fingerprint_runner.fingerprints.record import Reason, ReasonKind
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.planning.decide import Stale, Undecided
from fingerprint_runner.planning.plan import Plan, PlannedNode, Request
from fingerprint_runner.runners.explanation import ExplainedNode, ExplainedReason, Explanation


def explained(fr: Fr, *arguments: str) -> list[str]:
    done = fr("explain", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_changed_function_is_shown_line_by_line(fr: Fr) -> None:
    """Its name, file and line, then old against new."""
    edit(fr.folder / "steps.py", "return sum(values)", "return sum(values) + 0")
    lines = explained(fr, "total")
    assert lines[:6] == [
        "total is stale:",
        "  code steps:total changed (steps.py:24)",
        "     def total(values):",
        '         subprocess.run(["echo", "from a child process"], check=True)',
        "    -    return sum(values)",
        "    +    return sum(values) + 0",
    ]
    assert lines[6].startswith("  compared with the run of ")


def test_long_changes_are_cut_unless_all_is_wanted(fr: Fr) -> None:
    """The first lines, and how many more there are."""
    edit(
        fr.folder / "steps.py", "    return sum(values)", "    values = list(values)\n" * 30 + "    return 1"
    )
    lines = explained(fr, "total")
    assert lines[14] == "    … and 22 more lines; -v shows all"
    assert lines[15].startswith("  compared with the run of ")
    assert sum("+    values = list(values)" in line for line in explained(fr, "total", "-v")) == 30


def test_long_values_are_shown_below_each_other(graph_of: Callable[[str], Fr]) -> None:
    """What doesn't fit on a line is shown whole, old and new."""
    old, new = [*range(30)], [*range(29), 99]
    fr = graph_of(f"  a: {{uses: 'steps:scale', config: {{values: {old}, factor: 1}}}}\n")
    assert fr("run", "-q").returncode == 0
    edit(fr.folder / "fr.yml", "28, 29", "28, 99")
    lines = explained(fr, "a")
    assert lines[1].startswith("  config values: [0, 1, 2") and "…" in lines[1]
    assert lines[2:4] == [f"    -{old}", f"    +{new}"]


def test_parents_are_explained_below_the_reason_that_names_them(fr: Fr) -> None:
    """A chain of nodes with one reason each is one line; what was told is told once."""
    edit(fr.folder / "fr.yml", "factor: 2", "factor: 3")
    assert fr("run", "-q").returncode == 0
    assert explained(fr, "page")[2:] == [
        "    parent total changed ← double",
        "      config factor: 2 → 3",
    ]


def test_a_node_that_several_need_is_told_once(graph_of: Callable[[str], Fr]) -> None:
    """The second time it is named alone."""
    fr = graph_of(
        "  a: {uses: 'steps:numbers', config: {limit: 3}}\n"
        "  left: {uses: 'steps:scale', needs: {values: a}, config: {factor: 1}}\n"
        "  right: {uses: 'steps:scale', needs: {values: a}, config: {factor: 2}}\n"
        "  pair: {uses: 'steps:pair', needs: [left, right, a]}\n"
    )
    with (fr.folder / "steps.py").open("a") as file:
        file.write("\n\ndef pair(left, right, a):\n    return left, right, a\n")
    fr("run", "-q")
    edit(fr.folder / "fr.yml", "limit: 3", "limit: 4")
    edit(fr.folder / "fr.yml", "factor: 2", "factor: 5")
    fr("run", "-q")
    assert explained(fr, "pair")[2:] == [
        "    parent a changed",
        "      config limit: 3 → 4",
        "    parent left changed",
        "      parent a changed (as said above)",
        "    parent right changed",
        "      config factor: 2 → 5",
        "      parent a changed (as said above)",
    ]


def test_all_explains_what_is_stale_and_what_waits_for_it(fr: Fr) -> None:
    """Roots of the change first, then who waits for whom, then the counts."""
    assert explained(fr, "--all") == ["4 nodes: 4 up to date, 0 stale, 0 undecided"]
    edit(fr.folder / "steps.py", "value * factor", "factor * value")
    edit(fr.folder / "fr.yml", "title: Sum", "title: New")
    assert explained(fr, "--all") == [
        "double is stale:",
        "  code steps:scale changed (steps.py:19)",
        "     def scale(values, factor):",
        '         os.write(1, b"written to descriptor 1\\n")',
        "    -    return [value * factor for value in values]",
        "    +    return [factor * value for value in values]",
        "total is undecided: waits for double",
        "page is undecided: waits for total",
        "4 nodes: 1 up to date, 1 stale, 2 undecided",
    ]
    assert explained(fr, "--all", "numbers") == ["1 node: 1 up to date, 0 stale, 0 undecided"]


def test_json_of_all_has_no_node_and_each_explained_one(fr: Fr) -> None:
    """One object, with the lines that changed."""
    edit(fr.folder / "steps.py", "BASE = 1", "BASE = 2")
    found = fr.json("explain", "--all")
    assert (found["node"], found["last"], found["asked"][0]) == (None, None, "numbers")
    assert [node["status"] for node in found["explained"].values()] == ["stale", *["undecided"] * 3]
    (reason,) = found["explained"]["numbers"]["reasons"]
    assert (reason["what"], reason["diff"], reason["line"]) == ("steps:BASE", ["-BASE = 1", "+BASE = 2"], 11)
    assert reason["file"].endswith("steps.py")


def test_where_and_why_more_counts_than_need_be_is_said(fr: Fr) -> None:
    """Code that reading can't follow, by file and line; and of a node that started a process, that it did."""
    edit(fr.folder / "steps.py", "return sum(values)", 'return eval("sum(values)")')
    assert fr("run", "-q").returncode == 0
    lines = explained(fr, "total")
    at = lines.index("reading its code couldn't follow everything, so more counts than need be:")
    assert lines[at + 1] == "  steps.py:26: eval(...): the whole module counts"
    why = lines[at + 2 :]
    if hasattr(sys, "monitoring"):
        assert why == [SINCE, "  it started a process"]
    else:
        assert why == []
        assert f"{SINCE}\n  Python 3.11 can't tell" in fr("explain", "total", "-v").stdout


SINCE = "all functions that it could run count, and not only those that ran, since:"


def test_one_node_or_all_must_be_asked_for(fr: Fr) -> None:
    """Neither none nor two."""
    assert "missing argument 'NODE'" in fr("explain").stderr
    done = fr("explain", "total", "page")
    assert (done.returncode, done.stdout) == (2, "")
    assert "explain takes one NODE" in done.stderr


def test_lines_are_coloured_on_a_terminal_alone(fr: Fr) -> None:
    """Green for what came and red for what went; none in a pipe."""
    edit(fr.folder / "steps.py", "BASE = 1", "BASE = 2")
    assert "\x1b" not in fr("explain", "numbers").stdout
    shown = in_a_terminal(fr, "explain", "numbers")
    assert "\x1b[31m    -BASE = 1\x1b[0m" in shown and "\x1b[32m    +BASE = 2\x1b[0m" in shown


def in_a_terminal(fr: Fr, *arguments: str) -> str:
    """What a command shows on a terminal."""
    import os
    import pty
    import subprocess

    from command_project import COMMAND

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=fr.folder, env=fr.environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # Linux says so that the other end is closed.
        pass
    os.close(ours)
    assert process.wait() == 0
    return shown.decode().replace("\r\n", "\n")


def _explanation(nodes: dict[str, ExplainedNode], asked: list[str]) -> Explanation:
    schema = GraphSchema.from_dict(
        {"version": 1, "nodes": {name: {"uses": "steps:total", "needs": {}} for name in asked}}
    )
    planned = {name: node.planned for name, node in nodes.items()}
    return Explanation(Plan(schema, Request(tuple(asked)), planned), tuple(asked), nodes)


def _chain(length: int, branching: bool) -> Explanation:
    """Each node changed because the next did; where branching, by a config, too."""
    config = ExplainedReason(Reason(ReasonKind.CONFIG_CHANGED, "x", 1, 2))
    nodes = {}
    for number in range(length):
        parent = f"n{number + 1}"
        changed = ExplainedReason(Reason(ReasonKind.PARENT_CHANGED, parent, "a", "b"), parent=parent)
        reasons: tuple[Any, ...] = (changed, config) if branching else (changed,)
        planned = PlannedNode(f"n{number}", Stale(tuple(each.reason for each in reasons)))
        nodes[f"n{number}"] = ExplainedNode(planned, reasons if number + 1 < length else (config,))
    return _explanation(nodes, ["n0"])


def test_a_chain_of_a_hundred_thousand_nodes_is_one_line() -> None:
    """The first and the last of them, and how many there are between."""
    lines = list(WhyLines(_chain(100_000, False), False).of("n0"))
    assert lines[1:] == [
        "  parent n1 changed ← n2 ← n3 ← n4 ← n5 ← … 99,993 more … ← n99999",
        "    config x: 1 → 2",
    ]


@pytest.mark.parametrize("verbose", [False, True])
def test_nesting_is_no_limit(verbose: bool) -> None:
    """A thousand levels, each with a reason of its own."""
    lines = list(WhyLines(_chain(1000, True), verbose).of("n0"))
    assert len(lines) == 2000


def test_many_nodes_are_cut_unless_all_are_wanted() -> None:
    """Sixty, and how many more there are."""
    names = [f"n{number}" for number in range(100)]
    nodes = {name: ExplainedNode(PlannedNode(name, Undecided(("n0",))), waiting_on=("n0",)) for name in names}
    explanation = _explanation(nodes, names)
    lines = list(WhyLines(explanation, False).of_all())
    assert len(lines) == 62 and lines[60] == "… and 40 more nodes; -v lists them all"
    assert len(list(WhyLines(explanation, True).of_all())) == 101
