"""ninja: one edge a node, whose command writes its number; the reference for having nothing to do."""

from __future__ import annotations

from pathlib import Path

from benchmarks.engines.protocol import WithoutPreparation
from benchmarks.graphs import Project
from benchmarks.processes import Command

# The journal is written as the Python steps write it. An output is written only where it differs, so that
# `restat` can stop below it; all by what the shell has built in, since one shell a node is slow enough.
_RULE = """rule step
  command = [ -z "$$JOURNAL" ] || echo n$number >> "$$JOURNAL"; $
      if [ -f $out ] && read old < $out && [ "$$old" = $number ]; then :; $
      else echo $number > $out; fi # $spare
  restat = 1
"""


class Ninja(WithoutPreparation):
    """`ninja --quiet` on one core; a node's command is a shell that doesn't compute its value."""

    name = "ninja"
    environment = "ninja"

    def layout(self, project: Project) -> dict[str, str]:
        edges = []
        for node in project.nodes:
            inputs = " ".join(f"out/{parent}" for parent in dict.fromkeys(node.needs.values()))
            edges.append(
                f"build out/{node.name}: step {inputs}\n"
                f"  number = {node.config.get('number', 0)}\n"
                f"  spare = {node.config.get('spare', 0)}\n"
            )
        return {"build.ninja": _RULE + "".join(edges)}

    def command(self, python: Path, folder: Path) -> Command:
        return Command((str(python.with_name("ninja")), "--quiet", "-j1"), folder)
