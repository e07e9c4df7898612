"""Graphs that predict: each run calls what the targets need, and nothing is fingerprinted or stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_project import forget_modules

from fingerprint_runner.errors import InvalidGraph, NodeFailed
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.runners.graph_runner import GraphRunner
from fingerprint_runner.storage.model_storage import open_storage

STEPS = """
from pathlib import Path

from fingerprint_runner import GraphComponent, OutputDirectory

MADE = []
CALLED = []


def tokens(text, lower=False):
    CALLED.append("tokens")
    return {"words": (text.lower() if lower else text).split(), "count": len(text.split())}


class Classifier(GraphComponent):
    @classmethod
    def create(cls, config, model_storage, resource, execution_context):
        MADE.append((execution_context.node_name, dict(config)))
        return cls(config)

    def __init__(self, config):
        self.config = config

    @staticmethod
    def get_default_config():
        return {"known": ["hello"], "label": "greet"}

    def run(self, words):
        CALLED.append("classify")
        return self.config["label"] if set(words) & set(self.config["known"]) else None


def answer(label, count, token):
    CALLED.append("answer")
    return f"{label} {count} {token}"


def broken(text):
    raise ValueError(f"can't take {text}")


def folder(text, out: OutputDirectory):
    pass
"""
NODES: dict[str, Any] = {
    "tokens": {"uses": "steps:tokens", "needs": ["text"], "config": {"lower": True}},
    "classify": {
        "uses": "steps:Classifier",
        "needs": {"words": "tokens[words]"},
        "config": {"known": ["hi"]},
        "eager": True,
    },
    "answer": {
        "uses": "steps:answer",
        "needs": {"label": "classify", "count": "tokens[count]"},
        "config": {"token": "${ANSWER_TOKEN}"},
        "secret": ["token"],
        "is_target": True,
    },
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project's folder, whose modules are forgotten afterwards."""
    (tmp_path / "steps.py").write_text(STEPS)
    monkeypatch.setenv("ANSWER_TOKEN", "t0p")
    yield tmp_path
    forget_modules(tmp_path)


def runner(folder: Path, nodes: dict[str, Any], hooks: Any = None) -> GraphRunner:
    """A runner without caching."""
    schema = GraphSchema.from_dict(
        {
            "version": 1,
            "inputs": {"text": {"type": "str"}, "spare": {"type": "int", "default": 1}},
            "nodes": nodes,
        }
    )
    storage = open_storage(folder / ".cache")
    return GraphRunner.create(schema, storage, ExecutionContext(schema), hooks, folder=folder, caching=False)


def steps() -> Any:
    """The project's module, as the runner imported it."""
    import sys

    return sys.modules["steps"]


def test_each_run_calls_what_the_targets_need(folder: Path) -> None:
    """In the graph's order, once a node; eager components are made once; no store comes of it."""
    found = runner(folder, NODES)
    assert isinstance(found, GraphRunner)
    assert steps().MADE == [("classify", {"known": ["hi"], "label": "greet"})]
    assert found.run({"text": "Hi you"}) == {"answer": "greet 2 t0p"}
    assert found.run({"text": "bye"}) == {"answer": "None 1 t0p"}
    assert steps().CALLED == ["tokens", "classify", "answer"] * 2
    assert len(steps().MADE) == 1
    assert found.run({"text": "x"}, targets=["tokens"]) == {"tokens": {"words": ["x"], "count": 1}}
    assert steps().CALLED[6:] == ["tokens"]
    assert not (folder / ".cache").exists()


def test_what_is_not_eager_is_made_for_each_run(folder: Path) -> None:
    """A component that keeps state doesn't carry it from one run to the next."""
    found = runner(folder, {**NODES, "classify": {**NODES["classify"], "eager": False}})
    assert steps().MADE == []
    found.run({"text": "hi"})
    found.run({"text": "hi"})
    assert len(steps().MADE) == 2


@pytest.mark.parametrize(
    ("inputs", "targets", "says"),
    [
        ({}, None, "the input 'text' (str) has no value"),
        ({"text": 3}, None, "the input 'text' must be"),
        ({"text": "x", "other": 1}, None, "'other'"),
        ({"text": "x"}, ["anwser"], "there is no node 'anwser'"),
    ],
)
def test_wrong_requests_are_refused(folder: Path, inputs: Any, targets: Any, says: str) -> None:
    """With the words of any other run, and before a node is called."""
    found = runner(folder, NODES)
    with pytest.raises(InvalidGraph) as refused:
        found.run(inputs, targets)
    assert says in str(refused.value)
    assert steps().CALLED == []


def test_a_failure_names_its_node(folder: Path) -> None:
    """With the user's traceback, without the engine's frames."""
    found = runner(folder, {"broken": {"uses": "steps:broken", "needs": ["text"]}})
    with pytest.raises(NodeFailed) as failed:
        found.run({"text": "this"})
    assert (failed.value.node, failed.value.error_message) == ("broken", "can't take this")
    assert "steps.py" in failed.value.traceback
    assert "prediction_runner" not in failed.value.traceback


def test_a_folder_needs_a_store(folder: Path) -> None:
    """A node that puts out a folder is refused when the runner is made."""
    with pytest.raises(InvalidGraph, match="puts out a folder"):
        runner(folder, {"folder": {"uses": "steps:folder", "needs": ["text"]}})


class Told(GraphNodeHook):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_before_node(
        self, node_name: str, execution_context: Any, config: Any, received_inputs: Any
    ) -> Any:
        self.told.append((node_name, execution_context.node_name, dict(received_inputs)))
        return {"node": node_name}

    def on_after_node(
        self, node_name: str, execution_context: Any, config: Any, output: Any, input_hook_data: Any
    ) -> None:
        self.told.append((input_hook_data["node"], output))


def test_hooks_are_called_around_each_node(folder: Path) -> None:
    """With the inputs and the output themselves; an exception in one fails the node as a hook's."""
    hook = Told()
    runner(folder, NODES, [hook]).run({"text": "hi"}, targets=["classify"])
    assert hook.told == [
        ("tokens", "tokens", {"text": "hi"}),
        ("tokens", {"words": ["hi"], "count": 1}),
        ("classify", "classify", {"words": ["hi"]}),
        ("classify", "greet"),
    ]

    class Raises(GraphNodeHook):
        def on_after_node(self, *arguments: Any) -> None:
            raise RuntimeError("no")

    with pytest.raises(NodeFailed) as failed:
        runner(folder, NODES, [Raises()]).run({"text": "hi"})
    assert (failed.value.kind, failed.value.node) == ("hook", "tokens")
