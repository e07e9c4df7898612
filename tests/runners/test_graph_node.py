"""A node that is called directly: constructed, merged with its defaults, and hooked, as in a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import fingerprint_runner as fr
from fingerprint_runner.graph.component import ResourceStorage


class Scale(fr.GraphComponent):
    """Multiplies by a factor, and writes it down."""

    def __init__(self, factor: int, storage: ResourceStorage, resource: fr.Resource) -> None:
        self._factor, self._storage, self._resource = factor, storage, resource

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"factor": 2}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ResourceStorage,
        resource: fr.Resource,
        execution_context: fr.ExecutionContext,
    ) -> Scale:
        return cls(config["factor"], model_storage, resource)

    def run(self, number: int) -> int:
        with self._storage.write_to(self._resource) as folder:
            (folder / "factor.txt").write_text(str(self._factor))
        return number * self._factor


def plus(number: int, more: int) -> int:
    return number + more


class Notes(fr.GraphNodeHook):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def on_before_node(
        self,
        node_name: str,
        execution_context: object,
        config: dict[str, Any],
        received_inputs: dict[str, Any],
    ) -> dict[str, Any]:
        self.told.append(("before", node_name, config, received_inputs))
        return {"mine": 1}

    def on_after_node(
        self,
        node_name: str,
        execution_context: object,
        config: dict[str, Any],
        output: Any,
        input_hook_data: Any,
    ) -> None:
        self.told.append(("after", node_name, output, input_hook_data))


def node(tmp_path: Path, schema_node: fr.SchemaNode, hooks: list[fr.GraphNodeHook]) -> fr.GraphNode:
    context = fr.ExecutionContext(fr.GraphSchema({"scale": schema_node}))
    return fr.GraphNode.from_schema_node("scale", schema_node, fr.open_storage(tmp_path), context, hooks)


@pytest.mark.parametrize(("config", "expected"), [({}, 10), ({"factor": 3}, 15)])
def test_a_class_is_constructed_with_its_defaults(
    tmp_path: Path, config: dict[str, Any], expected: int
) -> None:
    """The graph's config lies over the component's defaults; the call gives name and output."""
    assert node(tmp_path, fr.SchemaNode(uses=Scale, config=config), [])(number=5) == ("scale", expected)
    assert list(tmp_path.iterdir()) == []


def test_a_function_gets_config_and_inputs_by_name(tmp_path: Path) -> None:
    """Both are keyword arguments of a plain function."""
    assert node(tmp_path, fr.SchemaNode(uses=plus, config={"more": 1}), [])(number=5) == ("scale", 6)


def test_hooks_are_called_around_the_node(tmp_path: Path) -> None:
    """What a hook gives before is what it receives after."""
    notes = Notes()
    node(tmp_path, fr.SchemaNode(uses=Scale), [notes])(number=1)
    assert notes.told == [
        ("before", "scale", {"factor": 2}, {"number": 1}),
        ("after", "scale", 2, {"mine": 1}),
    ]
