"""snakemake: one rule for each number of inputs, with the nodes as wildcards."""

from __future__ import annotations

from pathlib import Path

from benchmarks.engines.protocol import RUN_NODE, WithoutPreparation, graph_json, node_files
from benchmarks.graphs import Project
from benchmarks.processes import Command

_SNAKEFILE = """import json
import sys

sys.setrecursionlimit(1_000_000)
NODES = {node["name"]: node for node in json.load(open("graph.json"))}
NEEDED = {parent for node in NODES.values() for parent in node["needs"].values()}


def inputs_of(wildcards):
    parents = NODES[wildcards.name]["needs"].values()
    return ["run_node.py", f"nodes/{wildcards.name}.json"] + [f"out/{parent}.pickle" for parent in parents]


rule all:
    input: [f"out/{name}.pickle" for name in NODES if name not in NEEDED]


rule node:
    input: inputs_of
    output: "out/{name}.pickle"
    shell: "python run_node.py {wildcards.name}"
"""


class Snakemake(WithoutPreparation):
    """`snakemake` on one core, without its log on the screen."""

    name = "snakemake"
    environment = "snakemake"

    def layout(self, project: Project) -> dict[str, str]:
        return {
            **project.files,
            **node_files(project),
            "graph.json": graph_json(project),
            "run_node.py": RUN_NODE,
            "Snakefile": _SNAKEFILE,
        }

    def command(self, python: Path, folder: Path) -> Command:
        argv = (str(python.with_name("snakemake")), "--cores", "1", "--quiet", "all")
        environ = {"PATH": f"{python.parent}:/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / ".xdg")}
        return Command(argv, folder, environ)
