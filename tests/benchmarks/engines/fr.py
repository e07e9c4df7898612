"""fr: this engine, by its command, from a wheel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.engines.protocol import WithoutPreparation
from benchmarks.graphs import Project
from benchmarks.processes import Command


class Fr(WithoutPreparation):
    """`fr run -q` on a graph file in JSON, as a program writes it."""

    name = "fr"
    environment = "fr"

    def layout(self, project: Project) -> dict[str, str]:
        nodes: dict[str, dict[str, Any]] = {}
        for node in project.nodes:
            entry: dict[str, Any] = {"uses": node.uses}
            if node.needs:
                entry["needs"] = dict(node.needs)
            if node.config:
                entry["config"] = dict(node.config)
            if node.files:
                entry["files"] = list(node.files)
            nodes[node.name] = entry
        return {**project.files, "fr.json": json.dumps({"version": 1, "nodes": nodes}, indent=1) + "\n"}

    def command(self, python: Path, folder: Path) -> Command:
        return Command((str(python.with_name("fr")), "run", "-q"), folder)
