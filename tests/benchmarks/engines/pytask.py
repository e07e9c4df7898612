"""pytask: one task a node, which hands its value on as a pickle."""

from __future__ import annotations

from pathlib import Path

from benchmarks.engines.protocol import WithoutPreparation, graph_json, sources
from benchmarks.graphs import Project
from benchmarks.processes import Command

_REGISTER = """

# --- the tasks of this module ---
import json as _json
import sys as _sys
from pathlib import Path as _Path

from pytask import PickleNode as _PickleNode
from pytask import PythonNode as _PythonNode
from pytask import task as _task

_sys.setrecursionlimit(1_000_000)
_HERE = _Path(__file__).parent


def _pickle(name):
    return _PickleNode.from_path(_HERE / "out" / (name + ".pickle"))


def _inputs(node):
    inputs = {parameter: _pickle(parent) for parameter, parent in node["needs"].items()}
    for key, value in node["config"].items():
        inputs[key] = _PythonNode(name=node["name"] + "." + key, value=value, hash=True)
    files = [_HERE / path for path in node["files"] + %(watched)s]
    if files:
        inputs["watched"] = files
    return inputs


def _register(node, function):
    @_task(name=node["name"], kwargs=_inputs(node), produces=_pickle(node["name"]))
    def _run(**inputs):
        inputs.pop("watched", None)
        return function(**inputs)


for _node in _json.loads((_HERE / "graph.json").read_text()):
    if _node["uses"].startswith("%(module)s:"):
        _register(_node, globals()[_node["uses"].partition(":")[2]])
"""


class Pytask(WithoutPreparation):
    """`pytask`; the project's modules that hold nodes are task modules, which it watches by itself.

    Args:
        watch_all: whether every task is told to depend on all of the project's modules.
    """

    environment = "pytask"

    def __init__(self, *, watch_all: bool = False) -> None:
        self.watch_all = watch_all
        self.name = "pytask, all sources watched" if watch_all else "pytask"

    def layout(self, project: Project) -> dict[str, str]:
        holding = {node.module for node in project.nodes}
        watched = sources(project.files) if self.watch_all else []
        files = {
            "graph.json": graph_json(project),
            "out/.keep": "",
            "pyproject.toml": "[tool.pytask.ini_options]\n",
        }
        for path, text in project.files.items():
            module = path.removesuffix(".py")
            if module in holding:
                files[_task_path(module)] = text + _REGISTER % {
                    "module": module,
                    "watched": repr([_watched_path(each, holding) for each in watched]),
                }
            else:
                files[path] = text
        return files

    def command(self, python: Path, folder: Path) -> Command:
        argv = (str(python.with_name("pytask")), "--verbose", "0")
        return Command(argv, folder, {"PYTHONPATH": str(folder)})


def _task_path(module: str) -> str:
    return f"task_{module}.py"


def _watched_path(path: str, holding: set[str]) -> str:
    module = path.removesuffix(".py")
    return _task_path(module) if module in holding else path
