"""`Engine`: what a row asks of an engine, ours or another.

Invariants: a layout is made from the project alone, so that two layouts differ exactly where the
project does; a command brings all targets up to date and prints as little as the engine lets it;
each engine is used as its own documentation says, by its quickest documented way; where an engine
walks graphs by recursion, the files that it reads lift Python's limit of 1,000, as its user could.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from benchmarks.graphs import Project
from benchmarks.processes import Command


class Engine(Protocol):
    """An engine that brings a project up to date in a process of its own."""

    @property
    def name(self) -> str:
        """As tables show it."""

    @property
    def environment(self) -> str:
        """Whose pins it needs: `pins/NAME.txt`."""

    def layout(self, project: Project) -> dict[str, str]:
        """Path → text of all that the engine needs to read; `{folder}` in it is the project's folder."""

    def command(self, python: Path, folder: Path) -> Command:
        """What a user types to bring the targets up to date.

        Args:
            python: of the engine's environment; its commands lie beside it.
            folder: where the layout was written.
        """

    def first(self, python: Path, folder: Path) -> list[Command]:
        """What must be run once in a new folder, such as `dvc init`."""


class WithoutPreparation:
    """An engine that can start in any folder."""

    def first(self, python: Path, folder: Path) -> list[Command]:
        return []


def graph_json(project: Project) -> str:
    """The graph for engines whose graph is made by a program: one line a node, in order."""
    lines = [
        json.dumps(
            {
                "name": node.name,
                "uses": node.uses,
                "needs": dict(node.needs),
                "config": dict(node.config),
                "files": list(node.files),
            }
        )
        for node in project.nodes
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def sources(files: Mapping[str, str]) -> list[str]:
    """The project's own modules, for engines that are told of files."""
    return sorted(path for path in files if path.endswith(".py") and not path.startswith("site-packages/"))


RUN_NODE = '''"""Run one node: its inputs are pickles in out/, and so is its output."""

import importlib
import json
import pickle
import sys

name = sys.argv[1]
with open("nodes/" + name + ".json") as file:
    node = json.load(file)
module, _, function = node["uses"].partition(":")
arguments = dict(node["config"])
for parameter, parent in node["needs"].items():
    with open(f"out/{parent}.pickle", "rb") as file:
        arguments[parameter] = pickle.load(file)
value = getattr(importlib.import_module(module), function)(**arguments)
with open(f"out/{name}.pickle", "wb") as file:
    pickle.dump(value, file)
'''
"""For engines whose nodes are commands."""


def node_files(project: Project) -> dict[str, str]:
    """`nodes/NAME.json` for `RUN_NODE`: one file a node, so that an edit touches one."""
    return {
        f"nodes/{node.name}.json": json.dumps(
            {"uses": node.uses, "needs": dict(node.needs), "config": dict(node.config)}, sort_keys=True
        )
        for node in project.nodes
    }
