"""The bare loop of `inside/bare_loop.py`: the least that deciding can cost in Python."""

from __future__ import annotations

from pathlib import Path

from benchmarks.engines.protocol import WithoutPreparation, graph_json
from benchmarks.graphs import Project
from benchmarks.processes import Command

LOOP = Path(__file__).parents[1] / "inside" / "bare_loop.py"


class Bare(WithoutPreparation):
    """A script of 60 lines; it shares our environment, for xxhash."""

    name = "bare loop"
    environment = "fr"

    def layout(self, project: Project) -> dict[str, str]:
        return {**project.files, "graph.json": graph_json(project)}

    def command(self, python: Path, folder: Path) -> Command:
        return Command((str(python), str(LOOP)), folder)
