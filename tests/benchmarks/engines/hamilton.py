"""Hamilton: a module of functions named after nodes, and a driver with its cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.engines.protocol import WithoutPreparation
from benchmarks.graphs import Node, Project
from benchmarks.processes import Command

_MAIN = '''"""Execute the targets; the cache decides what runs."""

import hashlib
import importlib
import json
import sys
from pathlib import Path

from hamilton import driver

sys.setrecursionlimit(1_000_000)
with open("driver.json") as file:
    plan = json.load(file)
inputs = plan["inputs"]
for name, files in plan["files"].items():  # the cache sees inputs alone
    text = b"".join(Path(path).read_bytes() for path in files)
    inputs[name + "_stamp"] = hashlib.md5(text).hexdigest()
modules = [importlib.import_module(name) for name in plan["modules"]]
driver.Builder().with_modules(*modules).with_cache().build().execute(plan["targets"], inputs=inputs)
'''


class Hamilton(WithoutPreparation):
    """A script with a driver.

    Where the project's functions are named after the nodes and their parameters after what they
    need, its modules are handed to the driver as they are; else a module with one function a node
    is written, as Hamilton's graphs are.
    """

    name = "Hamilton"
    environment = "hamilton"

    def layout(self, project: Project) -> dict[str, str]:
        if all(_is_native(node) for node in project.nodes):
            return {**project.files, "main.py": _MAIN, "driver.json": _native_plan(project)}
        modules = sorted({node.module for node in project.nodes})
        text = "".join(f"import {module}\n\n" for module in modules) + "".join(
            "\n" + _function(node) for node in project.nodes
        )
        plan = _plan(["flow"], list(project.targets), {}, {})
        return {**project.files, "main.py": _MAIN, "flow.py": text, "driver.json": plan}

    def command(self, python: Path, folder: Path) -> Command:
        return Command((str(python), "main.py"), folder)


def _is_native(node: Node) -> bool:
    return node.function == node.name and all(parent == name for name, parent in node.needs.items())


def _native_plan(project: Project) -> str:
    inputs = {key: value for node in project.nodes for key, value in node.config.items()}
    files = {node.name: list(node.files) for node in project.nodes if node.files}
    modules = list(dict.fromkeys(node.module for node in project.nodes))
    return _plan(modules, [node.name for node in project.nodes], inputs, files)


def _plan(modules: list[str], targets: list[str], inputs: dict[str, Any], files: dict[str, list[str]]) -> str:
    return json.dumps({"modules": modules, "targets": targets, "inputs": inputs, "files": files}) + "\n"


def _function(node: Node) -> str:
    parameters = ", ".join(f"{parent}: int" for parent in dict.fromkeys(node.needs.values()))
    arguments = [f"{name}={parent}" for name, parent in node.needs.items()]
    arguments += [f"{name}={value!r}" for name, value in node.config.items()]
    call = f"{node.module}.{node.function}({', '.join(arguments)})"
    return f"def {node.name}({parameters}) -> int:\n    return {call}\n\n"
