"""doit: one task a node; it is told of its inputs, and of the project's modules, as file dependencies."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.engines.protocol import WithoutPreparation, graph_json, sources
from benchmarks.graphs import Project
from benchmarks.processes import Command

_DODO = '''"""Tasks from graph.json."""

import importlib
import json
import pickle
from pathlib import Path

from doit.tools import config_changed

NODES = json.loads(Path("graph.json").read_text())
SOURCES = json.loads(Path("sources.json").read_text())
Path("out").mkdir(exist_ok=True)


def run(node):
    module, _, function = node["uses"].partition(":")
    arguments = dict(node["config"])
    for parameter, parent in node["needs"].items():
        arguments[parameter] = pickle.loads(Path(f"out/{parent}.pickle").read_bytes())
    value = getattr(importlib.import_module(module), function)(**arguments)
    Path(f"out/{node['name']}.pickle").write_bytes(pickle.dumps(value))


def task_node():
    for node in NODES:
        yield {
            "name": node["name"],
            "actions": [(run, [node])],
            "file_dep": SOURCES + node["files"] + [f"out/{name}.pickle" for name in node["needs"].values()],
            "targets": [f"out/{node['name']}.pickle"],
            "uptodate": [config_changed(node["config"])],
        }
'''


class Doit(WithoutPreparation):
    """`doit`, without its line for each task."""

    name = "doit"
    environment = "doit"

    def layout(self, project: Project) -> dict[str, str]:
        names = json.dumps(sources(project.files))
        return {**project.files, "graph.json": graph_json(project), "sources.json": names, "dodo.py": _DODO}

    def command(self, python: Path, folder: Path) -> Command:
        return Command((str(python.with_name("doit")), "run", "--reporter", "error-only"), folder)
