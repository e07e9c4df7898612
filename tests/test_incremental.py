"""An incremental run gives what a clean run gives, and runs exactly what has to run.

A state machine edits a small project on disk and runs it, each time in a process that has seen nothing
of it, with the cache it has kept so far. What the values must be is computed here, in a few lines that
know the project and nothing of the engine; what must run is a model too: a node runs exactly if what can
reach it was never recorded before.

`FR_TEST_FULL=1` makes 10,000 edits and undos, else a tenth of that.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

FULL = os.environ.get("FR_TEST_FULL") == "1"


@dataclass(frozen=True)
class Project:
    """All that a person may edit. Each field is a number that chooses among a few texts or values."""

    numbers: int = 0
    spaces: int = 0
    limit: int = 6
    label: int = 0
    factor: int = 2
    power: int = 1
    offset: int = 0
    step: int = 0
    unused: int = 0
    default_bias: int = 0
    load_body: int = 0
    scale_body: int = 0
    shift_body: int = 0
    helper_body: int = 0
    base_body: int = 0
    model_body: int = 0
    report_body: int = 0
    wiring: str = "scaled"
    layout: int = 0


# --- the project as text ------------------------------------------------------------------------------

NUMBERS = ([2, 3, 4, 5, 6, 7, 8], [2, 3, 4, 5, 10, 7, 8], [2, 9, 4, 5, 6, 7, 8], [1, 1, 2, 2])
LABELS = ("one", "two", "three")
# Bodies 0 and 1 differ in text and agree in value; 2 gives other values.
LOAD = (
    "[int(part) for part in text.split()][:limit]",
    "[int(part) for part in text.split()[:limit]]",
    "[int(part) + 2 for part in text.split()][:limit]",
)
SCALE = (
    "[value * factor + helpers.OFFSET for value in values]",
    "[helpers.OFFSET + factor * value for value in values]",
    "[value * factor - helpers.OFFSET for value in values]",
)
SHIFT = ("[shift_by(value) for value in values]", "list(map(shift_by, values))", "[shift_by(sum(values))]")
SHIFT_BY = ("value + STEP", "STEP + value", "value - STEP")
BASE = ("sum(values)", "sum(value for value in values)", "max(values, default=0)")
MODEL = ("total ** power + bias", "bias + total ** power", "total * power - bias")
REPORT = (
    "[model, label['total'], len(other)]",
    "[model] + [label['total'], len(other)]",
    "[model, label['length'], 0]",
)


def files_of(project: Project) -> dict[str, str]:
    """Every file of the project, by its path."""
    numbers = (" " if project.spaces else "\n").join(map(str, NUMBERS[project.numbers]))
    return {
        "fr.yml": graph_file(project),
        "data/numbers.txt": numbers + "\n" * project.spaces,
        "loading.py": laid_out(
            project.layout,
            ["from pathlib import Path"],
            [
                (
                    "def load(limit):",
                    [
                        "text = Path('data/numbers.txt').read_text()",
                        f"found = {LOAD[project.load_body]}",
                        "even, odd = [n for n in found if n % 2 == 0], [n for n in found if n % 2]",
                        "return {'even': even, 'odd': odd}",
                    ],
                )
            ],
        ),
        "constants.py": f"OFFSET = {project.offset}\nSTEP = {project.step}\nUNUSED = {project.unused}\n",
        "helpers.py": laid_out(
            project.layout,
            [
                "from constants import OFFSET, STEP, UNUSED",
                "from fingerprint_runner import GraphComponent",
                f"DEFAULT_BIAS = {project.default_bias}",
            ],
            [
                ("def shift_by(value):", [f"return {SHIFT_BY[project.helper_body]}"]),
                ("def never_called(value):", [f"return {project.unused}"]),
                (
                    "class Base(GraphComponent):",
                    ["def total(self, values):", f"    return {BASE[project.base_body]}"],
                ),
            ],
        ),
        "steps.py": laid_out(
            project.layout,
            ["import os", "import helpers", "from helpers import shift_by"],
            [
                ("def scale(values, factor):", [f"return {SCALE[project.scale_body]}"]),
                ("def shift(values):", [f"return {SHIFT[project.shift_body]}"]),
                (
                    "def label(values):",
                    ["return {'length': len(os.environ['FR_TEST_LABEL']), 'total': sum(values)}"],
                ),
            ],
        ),
        "model.py": laid_out(
            project.layout,
            ["import helpers"],
            [
                (
                    "class Summer(helpers.Base):",
                    [
                        "def __init__(self, config):",
                        "    self.config = config",
                        "@classmethod",
                        "def create(cls, config, model_storage, resource, execution_context):",
                        "    return cls(config)",
                        "@staticmethod",
                        "def get_default_config():",
                        "    return {'bias': helpers.DEFAULT_BIAS, 'power': 1}",
                        "def train(self, values):",
                        "    power, bias = self.config['power'], self.config['bias']",
                        "    total = self.total(values)",
                        f"    return {MODEL[project.model_body]}",
                    ],
                ),
                ("def report(model, label, other):", [f"return {REPORT[project.report_body]}"]),
            ],
        ),
    }


def laid_out(layout: int, heading: list[str], blocks: list[tuple[str, list[str]]]) -> str:
    """A module's text in one of five layouts that mean the same."""
    lines = list(heading)
    if layout == 1:
        lines = ["# What this module does.", "", *(f"{line}  # needed below" for line in heading)]
    if layout == 2:
        lines = ['"""What this module does."""', "", *heading]
    for first, body in reversed(blocks) if layout == 3 else blocks:
        lines += ["", ""] if layout != 4 else []
        lines.append(first)
        if layout == 1:
            lines.append("    # How it is done.")
        if layout == 2:
            lines.append('    """How it is done."""')
        indent = "  " if layout == 4 else "    "
        lines += [indent + line for line in body]
    return "\n".join(lines) + "\n"


def graph_file(project: Project) -> str:
    """The graph, with a comment that moves its lines in some layouts."""
    heading = "# A graph.\n\n" if project.layout else ""
    return (
        heading
        + f"""\
version: 1
targets: [report]
inputs: {{limit: {{type: int}}}}
nodes:
  numbers:
    uses: loading:load
    files: [data/numbers.txt]
    needs: [limit]
  scaled:
    uses: steps:scale
    needs: {{values: "numbers[even]"}}
    config: {{factor: {project.factor}}}
  shifted:
    uses: steps:shift
    needs: {{values: "numbers[odd]"}}
  labelled:
    uses: steps:label
    needs: {{values: scaled}}
    env: [FR_TEST_LABEL]
  model:
    uses: model:Summer
    fn: train
    needs: {{values: {project.wiring}}}
    config: {{power: {project.power}}}
  report:
    uses: model:report
    needs: {{model: model, label: labelled, other: shifted}}
"""
    )


# --- what must come out, and what must run --------------------------------------------------------------

NEEDS = {
    "numbers": (),
    "scaled": ("numbers",),
    "shifted": ("numbers",),
    "labelled": ("scaled",),
    "model": ("scaled", "shifted"),
    "report": ("model", "labelled", "shifted"),
}


def values_of(project: Project) -> dict[str, Any]:
    """What each node puts out: the clean run, without the engine."""
    limit, offset, step = project.limit, project.offset, project.step
    found = NUMBERS[project.numbers][:limit]
    if project.load_body == 2:
        found = [number + 2 for number in found]
    even, odd = [n for n in found if n % 2 == 0], [n for n in found if n % 2]
    scaled = [n * project.factor + (-offset if project.scale_body == 2 else offset) for n in even]

    def shift_by(value: int) -> int:
        return value - step if project.helper_body == 2 else value + step

    shifted = [shift_by(sum(odd))] if project.shift_body == 2 else [shift_by(n) for n in odd]
    labelled = {"length": len(LABELS[project.label]), "total": sum(scaled)}
    values = scaled if project.wiring == "scaled" else shifted
    total = max(values, default=0) if project.base_body == 2 else sum(values)
    bias, power = project.default_bias, project.power
    model = total * power - bias if project.model_body == 2 else total**power + bias
    report = (
        [model, labelled["length"], 0] if project.report_body == 2 else [model, sum(scaled), len(shifted)]
    )
    return {
        "numbers": {"even": even, "odd": odd},
        "scaled": scaled,
        "shifted": shifted,
        "labelled": labelled,
        "model": model,
        "report": report,
    }


def relevant(project: Project, values: Mapping[str, Any]) -> dict[str, Hashable]:
    """For each node, all that can reach it: nothing else may make it run."""
    even, odd = tuple(values["numbers"]["even"]), tuple(values["numbers"]["odd"])
    scaled, shifted = tuple(values["scaled"]), tuple(values["shifted"])
    labelled = tuple(values["labelled"].items())
    wired = scaled if project.wiring == "scaled" else shifted
    return {
        "numbers": (project.numbers, project.spaces, project.limit, project.load_body),
        "scaled": (even, project.factor, project.offset, project.scale_body),
        "shifted": (odd, project.step, project.shift_body, project.helper_body),
        "labelled": (scaled, project.label),
        "model": (wired, project.power, project.default_bias, project.base_body, project.model_body),
        "report": (values["model"], labelled, shifted, project.report_body),
    }


def cone(targets: list[str], wiring: str) -> set[str]:
    """The targets and all that they need."""
    found: set[str] = set()
    waiting = list(targets)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting.extend((wiring,) if name == "model" else NEEDS[name])
    return found


# --- the machine ----------------------------------------------------------------------------------------

EDITS = {
    "numbers": st.integers(0, len(NUMBERS) - 1),
    "spaces": st.integers(0, 1),
    "limit": st.sampled_from([2, 6, 7]),
    "label": st.integers(0, len(LABELS) - 1),
    "factor": st.integers(1, 3),
    "power": st.integers(1, 2),
    "offset": st.integers(0, 2),
    "step": st.integers(0, 2),
    "unused": st.integers(0, 9),
    "default_bias": st.integers(0, 1),
    "wiring": st.sampled_from(["scaled", "shifted"]),
    "layout": st.integers(0, 4),
    **{
        f"{part}_body": st.integers(0, 2)
        for part in ("load", "scale", "shift", "helper", "base", "model", "report")
    },
}
EDIT = st.one_of([st.tuples(st.just(name), values) for name, values in sorted(EDITS.items())])
TARGETS = st.sampled_from([["report"], ["report"], ["report"], ["model"], ["labelled", "shifted"]])


class EditAndRun(RuleBasedStateMachine):
    """Edits, runs, goes back; the cache is kept all along."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="fr-test-"))
        self.project = Project()
        self.written: dict[str, str] = {}
        self.history = [self.project]
        self.recorded: dict[str, set[Hashable]] = {name: set() for name in NEEDS}

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize()
    def first_run(self) -> None:
        """A first run runs everything."""
        self.run_and_compare(["report"])

    @rule(edits=st.lists(EDIT, min_size=1, max_size=3), wanted=TARGETS)
    def edit(self, edits: list[tuple[str, Any]], wanted: list[str]) -> None:
        """A few edits, then a run."""
        self.project = replace(self.project, **dict(edits))
        self.history.append(self.project)
        self.run_and_compare(wanted)

    @precondition(lambda self: len(self.history) > 1)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        """Back to an earlier state of the whole folder."""
        self.project = data.draw(st.sampled_from(self.history))
        self.run_and_compare(["report"])

    @rule()
    def nothing(self) -> None:
        """A run after no edit."""
        self.run_and_compare(["report"])

    def run_and_compare(self, targets: list[str]) -> None:
        self._write()
        answer = run_in_fresh_process(self.folder, self.project, targets)
        values = values_of(self.project)
        assert answer["values"] == {name: values[name] for name in targets}
        keys = relevant(self.project, values)
        looked_at = cone(targets, self.project.wiring)
        expected = {name for name in looked_at if keys[name] not in self.recorded[name]}
        ran = {name for name, (status, _) in answer["nodes"].items() if status == "ran"}
        assert ran == expected
        assert {name for name, (status, _) in answer["nodes"].items() if status == "hit"} == looked_at - ran
        assert all(reasons for status, reasons in answer["nodes"].values() if status == "ran")
        for name in looked_at:
            self.recorded[name].add(keys[name])

    def _write(self) -> None:
        """Write the files that differ, as an editor would; the others keep their times."""
        for path, text in files_of(self.project).items():
            if self.written.get(path) != text:
                file = self.folder / path
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
                self.written[path] = text


@functools.cache
def _server() -> subprocess.Popen[str]:
    """Forks a process for each run; ends with this one."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("incremental_server.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.close()
    server.wait(60)
    server.stdout.close()


def run_in_fresh_process(folder: Path, project: Project, targets: list[str]) -> dict[str, Any]:
    """Run the graph in a process that has seen nothing of any project before."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    request = {
        "folder": str(folder),
        "targets": targets,
        "inputs": {"limit": project.limit},
        "environ": {"FR_TEST_LABEL": LABELS[project.label]},
    }
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    answer: dict[str, Any] = json.loads(server.stdout.readline())
    assert "error" not in answer, answer["error"]
    return answer


EditAndRun.TestCase.settings = settings(
    max_examples=1000 if FULL else 100,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
# A failing history is made as short as can be, which takes minutes.
TestIncremental = pytest.mark.timeout(3600 if FULL else 600)(EditAndRun.TestCase)
