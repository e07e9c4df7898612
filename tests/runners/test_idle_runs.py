"""A runner that is asked for the same again, and finds nothing changed, says the same again."""

from __future__ import annotations

from typing import Any

import pytest
from run_project import Project

from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.runners.graph_runner import CachingGraphRunner
from fingerprint_runner.runners.report import NodeStatus

STEPS = """
    from pathlib import Path

    def load(limit):
        return [len(Path("data.txt").read_text()), limit]

    def double(values):
        return [2 * value for value in values]
"""


class Told(GraphNodeHook):
    """Writes down which hits it is told of."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.plans = self.ends = 0

    def on_plan(self, plan: Any) -> None:
        self.plans += 1

    def on_cache_hit(self, node_name: str, *rest: Any) -> None:
        self.hits.append(node_name)

    def on_run_end(self, report: Any) -> None:
        self.ends += 1


@pytest.fixture
def small(serial_project: Project) -> Project:
    """Two nodes with a file, a variable and an input; run once."""
    project = serial_project
    project.write("steps.py", STEPS)
    project.write("data.txt", "abc")
    project.inputs = {"limit": {"type": "int", "default": 3}}
    project.environ = {"REGION": "north"}
    project.nodes = {
        "load": {"uses": "steps:load", "needs": ["limit"], "files": ["data.txt"], "env": ["REGION"]},
        "double": {"uses": "steps:double", "needs": {"values": "load"}},
    }
    project.good()
    return project


def until_idle(runner: CachingGraphRunner) -> None:
    """Run until the files are old enough for their times to be trusted."""
    for _ in range(1000):
        runner.execute()
        if runner.standstill is not None:
            return
    raise AssertionError("the run never stood still")


def planner_calls(runner: CachingGraphRunner, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes, from here on, whenever the runner plans."""
    calls: list[str] = []
    plain = CachingGraphRunner._planner

    def noting(self: CachingGraphRunner, *arguments: Any) -> Any:
        calls.append("planned")
        return plain(self, *arguments)

    monkeypatch.setattr(CachingGraphRunner, "_planner", noting)
    return calls


def test_the_same_is_told_again_without_planning(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Report, hooks and values are those of any run of hits; nobody shares a value with another run."""
    hook = Told()
    runner = small.runner([hook])
    until_idle(runner)
    calls = planner_calls(runner, monkeypatch)
    before = runner.report
    told = len(hook.hits)
    first, second = runner.execute(), runner.execute()
    assert calls == []
    assert before is not None
    assert len({each.run_id for each in (first, second, before)}) == 3
    assert [each.status for each in first.nodes.values()] == [NodeStatus.HIT, NodeStatus.HIT]
    assert first.nodes == before.nodes
    assert hook.hits[told:] == ["load", "double", "load", "double"]
    assert (hook.plans, hook.ends) == (len(hook.hits) // 2, len(hook.hits) // 2)
    first.values["double"].append("changed")
    assert second.values["double"] == [6, 6]
    assert runner.run() == {"double": [6, 6]}


def _edit_source(project: Project) -> None:
    project.write("steps.py", STEPS.replace("2 * value", "3 * value"))


def _edit_data(project: Project) -> None:
    project.write("data.txt", "abcd")


def _edit_variable(project: Project) -> None:
    project.environ["REGION"] = "south"


@pytest.mark.parametrize(
    ("change", "ran"),
    [(_edit_source, ("double",)), (_edit_data, ("load", "double")), (_edit_variable, ("load",))],
)
def test_what_changes_ends_it(small: Project, change: Any, ran: tuple[str, ...]) -> None:
    """A source, a file or a variable: the next run sees it and runs what depends on it."""
    runner = small.runner()
    until_idle(runner)
    change(small)
    assert runner.execute().ran == ran
    until_idle(runner)


def test_another_request_is_run(small: Project) -> None:
    """Other targets and other inputs aren't answered by what was asked before; forcing never is."""
    runner = small.runner()
    until_idle(runner)
    assert set(runner.execute(targets=["load"]).nodes) == {"load"}
    assert runner.execute({"limit": 4}).ran == ("load", "double")
    until_idle(runner)
    assert runner.execute(force=["double"]).ran == ("double",)


def test_what_asks_the_component_each_time_never_stands_still(small: Project) -> None:
    """A `fingerprint_addon` may say something else at any time."""
    small.write(
        "steps.py",
        STEPS
        + """
    from fingerprint_runner import GraphComponent

    class Asked(GraphComponent):
        @classmethod
        def create(cls, config, model_storage, resource, execution_context):
            return cls()

        @classmethod
        def fingerprint_addon(cls, config):
            return "same"

        def run(self, values):
            return values
    """,
    )
    small.nodes["asked"] = {"uses": "steps:Asked", "needs": {"values": "double"}}
    runner = small.runner()
    for _ in range(5):
        runner.execute()
        assert runner.standstill is None
    assert runner.report is not None
    assert runner.report.ran == ()


def test_a_node_that_always_runs_never_stands_still(small: Project) -> None:
    """`cache: recompute` runs whenever it is asked for."""
    small.nodes["double"]["cache"] = "recompute"
    runner = small.runner()
    for _ in range(3):
        assert runner.execute().ran == ("double",)
        assert runner.standstill is None
