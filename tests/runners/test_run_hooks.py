"""Hooks: when they are called, with what, and what an exception in each means."""

from __future__ import annotations

from typing import Any

import pytest
from run_project import Project

from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.runners.report import NodeStatus

STEPS = """
    from fingerprint_runner import GraphComponent

    def make(size):
        return list(range(size))

    class Total(GraphComponent):
        @classmethod
        def create(cls, config, model_storage, resource, execution_context):
            made = cls()
            made.config = config
            return made

        @staticmethod
        def get_default_config():
            return {"start": 1, "deep": {"a": 1, "b": 2}}

        def run(self, values):
            return sum(values) + self.config["start"]
"""


def make_graph(project: Project, size: int = 3000) -> None:
    project.write("steps.py", STEPS)
    project.nodes = {
        "make": {"uses": "steps:make", "config": {"size": size}},
        "total": {"uses": "steps:Total", "needs": {"values": "make"}, "config": {"deep": {"b": 3}}},
    }


class Recorder(GraphNodeHook):
    """Writes down every call; raises in the one it is told to."""

    def __init__(
        self, name: str = "", fails_in: str = "", calls: list[tuple[Any, ...]] | None = None
    ) -> None:
        self.name = name
        self.fails_in = fails_in
        self.calls = [] if calls is None else calls

    def _call(self, what: str, *details: Any) -> None:
        self.calls.append((self.name, what, *details) if self.name else (what, *details))
        if what == self.fails_in:
            raise RuntimeError(f"hook failed in {what}")

    def on_before_node(
        self, node_name: str, execution_context: Any, config: Any, received_inputs: Any
    ) -> dict[str, Any]:
        assert execution_context.node_name == node_name
        self._call("before", node_name, config, received_inputs)
        return {"of": self.name, "node": node_name}

    def on_after_node(
        self, node_name: str, execution_context: Any, config: Any, output: Any, input_hook_data: Any
    ) -> None:
        assert input_hook_data == {"of": self.name, "node": node_name}
        self._call("after", node_name, output)

    def on_cache_hit(
        self, node_name: str, execution_context: Any, config: Any, fingerprint: Any, artifact: Any
    ) -> None:
        self._call("hit", node_name, config, len(fingerprint), artifact is not None)

    def on_node_error(self, node_name: str, execution_context: Any, error: Any) -> None:
        self._call("error", node_name, error.kind)

    def on_plan(self, plan: Any) -> None:
        self._call("plan", plan.stale)

    def on_run_end(self, report: Any) -> None:
        self._call("end", report.ok)


def test_order_and_arguments(project: Project) -> None:
    """Hooks see the plan, each node before and after with merged config and values, and the end."""
    make_graph(project, size=3)
    hook = Recorder()
    project.good(hooks=[hook])
    merged = {"start": 1, "deep": {"a": 1, "b": 3}}
    assert hook.calls == [
        ("plan", ("make",)),
        ("before", "make", {"size": 3}, {}),
        ("after", "make", [0, 1, 2]),
        ("before", "total", merged, {"values": [0, 1, 2]}),
        ("after", "total", 4),
        ("end", True),
    ]


def test_hits_are_told(project: Project) -> None:
    """For a node that is up to date there is one call, with the config as written."""
    make_graph(project, size=3)
    project.good()
    hook = Recorder()
    project.good(hooks=[hook])
    assert hook.calls == [
        ("plan", ()),
        ("hit", "make", {"size": 3}, 32, True),
        ("hit", "total", {"deep": {"b": 3}}, 32, True),
        ("end", True),
    ]


def test_several_hooks_in_order(project: Project) -> None:
    """Hooks are called in the order given, each with its own data."""
    make_graph(project, size=3)
    calls: list[tuple[Any, ...]] = []
    project.good(hooks=[Recorder("one", calls=calls), Recorder("two", calls=calls)], targets=["make"])
    assert [call[:2] for call in calls] == [
        (name, what) for what in ("plan", "before", "after", "end") for name in ("one", "two")
    ]


def test_hook_that_wants_no_values(project: Project) -> None:
    """Nothing is restored for a hook that doesn't want values."""
    make_graph(project, size=3)
    hook = Recorder()
    hook.wants_values = False
    project.good(hooks=[hook])
    assert ("after", "total", None) in hook.calls
    assert [call[3] for call in hook.calls if call[0] == "before"] == [{}, {}]


@pytest.mark.parametrize("where", ["before", "after"])
def test_exception_around_a_node(project: Project, where: str) -> None:
    """An exception before or after a node fails it with kind `hook`, and nothing is published."""
    make_graph(project, size=3)
    hook = Recorder(fails_in=where)
    report = project.run(hooks=[hook])
    (failure,) = report.failures
    assert (failure.node, failure.kind) == ("make", "hook")
    assert f"hook failed in {where}" in failure.error_message
    assert ("error", "make", "hook") in hook.calls
    assert hook.calls[-1] == ("end", False)
    assert project.good().ran == ("make", "total")


@pytest.mark.parametrize("where", ["plan", "hit", "end"])
def test_exception_elsewhere(project: Project, where: str) -> None:
    """An exception in another hook is a warning."""
    make_graph(project, size=3)
    project.good(targets=["make"])
    observed: list[str] = []
    from fingerprint_runner.runners.observer import RunObserver

    class Warned(RunObserver):
        def warning(self, text: str) -> None:
            observed.append(text)

    report = project.good(hooks=[Recorder(fails_in=where)], observer=Warned())
    assert report.values["total"] == 4
    assert any(f"hook failed in {where}" in text for text in observed)


def test_hooks_change_nothing(project: Project) -> None:
    """What a hook does to the config, inputs and outputs that it is shown reaches nobody."""
    make_graph(project, size=3)

    class Spoiler(GraphNodeHook):
        def on_before_node(
            self, node_name: str, execution_context: Any, config: Any, received_inputs: Any
        ) -> dict[str, Any]:
            config.clear()
            for value in received_inputs.values():
                value.clear()
            return {}

        def on_after_node(
            self, node_name: str, execution_context: Any, config: Any, output: Any, input_hook_data: Any
        ) -> None:
            if isinstance(output, list):
                output.clear()

    assert project.good(hooks=[Spoiler()]).values["total"] == 4
    assert project.good().ran == ()


def test_damaged_input_of_a_hook(project: Project) -> None:
    """A hook that asks for values gets them even where an input has to be made again."""
    make_graph(project)
    blob = project.blob(project.good(), "make")
    blob.chmod(0o600)
    blob.write_bytes(bytes(len(blob.read_bytes())))
    project.nodes["total"]["config"] = {"start": 5}
    hook = Recorder()
    report = project.good(hooks=[hook])
    assert report.values["total"] == sum(range(3000)) + 5
    assert report.nodes["make"].status is NodeStatus.RAN


def test_failure_is_told_once(project: Project) -> None:
    """A failing node is told once, with its own kind."""
    project.write("steps.py", "def make():\n    raise ValueError('no')\n")
    project.nodes = {"make": {"uses": "steps:make"}}
    hook = Recorder()
    project.run(hooks=[hook])
    assert [call for call in hook.calls if call[0] == "error"] == [("error", "make", "node")]
