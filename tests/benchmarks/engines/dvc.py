"""dvc: one stage a node; it is told of its inputs, its config, and the project's modules as dependencies."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.engines.protocol import RUN_NODE, node_files, sources
from benchmarks.graphs import Node, Project
from benchmarks.processes import Command


class Dvc:
    """`dvc repro`, in a project without version control."""

    name = "dvc"
    environment = "dvc"

    def layout(self, project: Project) -> dict[str, str]:
        modules = sources(project.files)
        stages = {node.name: _stage(node, modules) for node in project.nodes}
        # JSON is YAML, and quicker to write.
        text = json.dumps({"stages": stages}, indent=1) + "\n"
        return {
            **project.files,
            **node_files(project),
            "run_node.py": RUN_NODE,
            "dvc.yaml": text,
            "out/.keep": "",
        }

    def command(self, python: Path, folder: Path) -> Command:
        return Command((str(python.with_name("dvc")), "repro", "-q"), folder, _environ(python, folder))

    def first(self, python: Path, folder: Path) -> list[Command]:
        dvc, environ = str(python.with_name("dvc")), _environ(python, folder)
        return [
            Command((dvc, "init", "-q", "--no-scm"), folder, environ),
            Command((dvc, "config", "core.analytics", "false"), folder, environ),
        ]


def _stage(node: Node, modules: list[str]) -> dict[str, object]:
    inputs = [f"out/{parent}.pickle" for parent in dict.fromkeys(node.needs.values())]
    return {
        "cmd": f"python run_node.py {node.name}",
        "deps": [*modules, f"nodes/{node.name}.json", *node.files, *inputs],
        "outs": [f"out/{node.name}.pickle"],
    }


def _environ(python: Path, folder: Path) -> dict[str, str]:
    path = f"{python.parent}:/usr/bin:/bin"
    return {"PATH": path, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / ".site-cache")}
