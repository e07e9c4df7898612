"""Random edits in a real package: how many of thirty components run again."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.bench import INSIDE, Bench, Outcome, Row
from benchmarks.edits.estimators import copy_package, estimators_project
from benchmarks.edits.function_edits import FunctionEdit, random_edits
from benchmarks.edits.import_closure import ImportGraph
from benchmarks.engines.fr import Fr
from benchmarks.graphs import Node
from benchmarks.processes import Command, CommandFailed
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples
from benchmarks.workspace import Workspace

_SEED = 11
Chosen = dict[int, set[str]]
"""Number of an edit → the components that a method runs again."""


def measure_package_edits(bench: Bench) -> Outcome:
    """Thirty estimators are fitted; then functions of scikit-learn are edited, one at a time."""
    project = estimators_project()
    nodes = project.nodes[:: bench.sized(1, 6)]
    workspace = bench.workspace(Fr(), "estimators")
    workspace.write(type(project)(project.files, nodes))
    package = _package(bench)
    modules = copy_package(package, workspace.folder / "sklearn")
    workspace.run()
    bench.say(f"{len(nodes)} components fitted, over {len(modules)} modules")
    edits = random_edits(modules, bench.sized(200, 4), _SEED)
    executed = {node.name: _executed(bench, workspace, node) for node in nodes}
    truth: Chosen = {
        number: {name for name, ran in executed.items() if _place(workspace, edit) in ran}
        for number, edit in enumerate(edits)
    }
    entered: Chosen = {
        number: {name for name, ran in executed.items() if ran.get(_place(workspace, edit), False)}
        for number, edit in enumerate(edits)
    }
    methods: dict[str, Chosen] = {
        "fr": _planned(bench, workspace, edits),
        "hash of the whole package": {number: {node.name for node in nodes} for number in truth},
        "hash of the modules that it imports": _by_imports(workspace, nodes, edits),
        "hash of the component's own function": {number: set() for number in truth},
        "functions that ran (traced)": truth,
    }
    figures = [
        figure for who, chosen in methods.items() for figure in _figures(who, chosen, entered, len(nodes))
    ]
    ours = tuple(float(len(chosen)) for chosen in methods["fr"].values())
    mean = (sum(ours) / len(ours),)
    verdict = Verdict("3 of 30 components, on Python 3.12 and later", 3, "count", mean, note="on average")
    details = {
        "modules": len(modules),
        "edits": [f"{_place(workspace, edit)[0]}:{edit.name}" for edit in edits],
    }
    return Outcome(figures, [verdict], details)


def _package(bench: Bench) -> Path:
    script = "import sklearn, pathlib; print(pathlib.Path(sklearn.__file__).parent)"
    _, text = Command((str(bench.python("fr")), "-c", script), bench.scratch).time_and_read()
    return Path(text.strip())


def _executed(bench: Bench, workspace: Workspace, node: Node) -> dict[tuple[str, int], bool]:
    """Function that ran, by file and line → whether it was entered otherwise than by importing."""
    argv = (str(bench.python("fr")), str(INSIDE / "executed.py"), node.module, "sklearn")
    _, text = Command(argv, workspace.folder).time_and_read()
    return {(path, line): own for path, line, own in json.loads(text.splitlines()[-1])}


def _place(workspace: Workspace, edit: FunctionEdit) -> tuple[str, int]:
    return str(edit.path.relative_to(workspace.folder / "sklearn")), edit.first_line


def _planned(bench: Bench, workspace: Workspace, edits: list[FunctionEdit]) -> Chosen:
    argv = (str(bench.python("fr").with_name("fr")), "plan", "--json")
    found: Chosen = {}
    for number, edit in enumerate(edits):
        before = edit.path.read_bytes()
        edit.path.write_text(edit.text, encoding="utf-8")
        try:
            _, text = Command(argv, workspace.folder, bound_s=300).time_and_read()
            plan = json.loads(text[text.index("{") :])
            found[number] = {name for name, node in plan["nodes"].items() if node["status"] != "up-to-date"}
        except CommandFailed as error:
            raise RuntimeError(f"planning after the edit of {edit.path}:{edit.name}") from error
        finally:
            edit.path.write_bytes(before)
        bench.say(f"{_place(workspace, edit)[0]}:{edit.name}: {len(found[number])} of the components")
    return found


def _by_imports(workspace: Workspace, nodes: tuple[Node, ...], edits: list[FunctionEdit]) -> Chosen:
    graph = ImportGraph(workspace.folder)
    closures = {node.name: graph.closure(node.module) for node in nodes}
    return {
        number: {name for name, files in closures.items() if edit.path in files}
        for number, edit in enumerate(edits)
    }


def _figures(who: str, chosen: Chosen, entered: Chosen, count: int) -> list[Figure]:
    ran = Samples.of(float(len(chosen[number])) for number in entered)
    mean = sum(ran.values) / len(ran.values)
    missed = sum(len(entered[number] - chosen[number]) for number in entered)
    return [
        Figure(who, f"of {count} components, on average", "count", (mean,)),
        Figure(who, "median", "count", (ran.median,)),
        Figure(who, "most", "count", (ran.most,)),
        Figure(who, "called the edited function and were left alone", "count", (float(missed),)),
    ]


ROWS = (Row("package-edits", "A random edit in a real package", measure_package_edits),)
