"""redun: each function of the project as a task, and a workflow that calls them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from benchmarks.engines.protocol import WithoutPreparation, graph_json
from benchmarks.graphs import Project
from benchmarks.processes import Command

_HEAD = '''"""The workflow. Shallow checking looks a whole call up; a task that changed is still seen."""

import hashlib
import importlib
import json
import sys
from pathlib import Path

from redun import task

redun_namespace = "graph"
sys.setrecursionlimit(1_000_000)
NODES = json.loads(Path("graph.json").read_text())
TASKS = {}
for uses in dict.fromkeys(node["uses"] for node in NODES):
    module, _, function = uses.partition(":")
    found = getattr(importlib.import_module(module), function)
    TASKS[uses] = task(name=function, namespace="graph")(found)


def call(node, values):
    arguments = dict(node["config"])
    if node["files"]:  # a task sees its arguments alone
        text = b"".join(Path(path).read_bytes() for path in node["files"])
        arguments[node["name"] + "_stamp"] = hashlib.md5(text).hexdigest()
    arguments |= {name: values[parent] for name, parent in node["needs"].items()}
    return TASKS[node["uses"]](**arguments)

'''

_FREE = """
@task(check_valid="shallow")
def main(stamp: str):
    values = {}
    for node in NODES:
        values[node["name"]] = call(node, values)
    needed = {parent for node in NODES for parent in node["needs"].values()}
    return {name: value for name, value in values.items() if name not in needed}
"""

# An expression is expanded along every path that leads to it; a task for each layer keeps that linear.
_BY_LAYER = """
@task(check_valid="shallow")
def layer(nodes, values):
    return {node["name"]: call(node, values) for node in nodes}


@task(check_valid="shallow")
def main(stamp: str):
    depths = {}
    layers = []
    for node in NODES:
        above = [depths[parent] for parent in node["needs"].values()]
        depth = depths[node["name"]] = 1 + max(above, default=-1)
        if depth == len(layers):
            layers.append([])
        layers[depth].append(node)
    values = {}
    for nodes in layers:
        values = layer(nodes, values)
    return values
"""


_LARGE_VALUES = """[backend]
db_uri = sqlite:///redun.db
value_store_path = values
max_value_size = 1000000000000
"""


class Redun(WithoutPreparation):
    """`redun run`; the digest of the graph is an argument of the workflow, so that an edit of it is seen.

    Args:
        large_values: whether values are kept in files, as its documentation says of large ones.
    """

    name = "redun"
    environment = "redun"

    def __init__(self, *, large_values: bool = False) -> None:
        self._large_values = large_values

    def layout(self, project: Project) -> dict[str, str]:
        flow = _HEAD + (_BY_LAYER if _in_layers(project) else _FREE)
        files = {**project.files, "graph.json": graph_json(project), "flow.py": flow}
        return {**files, ".redun/redun.ini": _LARGE_VALUES} if self._large_values else files

    def command(self, python: Path, folder: Path) -> Command:
        text = (folder / "graph.json").read_bytes()
        for node in json.loads(text):
            for path in node["files"]:
                text += (folder / path).read_bytes()
        stamp = hashlib.md5(text).hexdigest()
        return Command((str(python.with_name("redun")), "run", "flow.py", "main", "--stamp", stamp), folder)


def _in_layers(project: Project) -> bool:
    """Whether each node needs nodes of the layer before alone."""
    depths: dict[str, int] = {}
    for node in project.nodes:
        above = {depths[parent] for parent in node.needs.values()}
        if len(above) > 1:
            return False
        depths[node.name] = 1 + max(above, default=-1)
    return True
