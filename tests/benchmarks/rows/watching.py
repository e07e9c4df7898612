"""From saving a file to the first line of the node that it makes stale, and planning again after an edit."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.bench import INSIDE, Bench, Outcome, Row
from benchmarks.engines.fr import Fr
from benchmarks.graphs import STEPS, Node, Project, layered
from benchmarks.processes import Command, clean_environ
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples

_WHAT = "save to the node's first line"

# The time is noted on the clock that all processes of a machine share.
_STEPS = '''"""A node, whose library takes its time."""

import time
from pathlib import Path

import slow_library

HERE = Path({folder!r})


def train():
    began = time.perf_counter()
    (HERE / "new").write_text(repr(began))
    (HERE / "new").rename(HERE / "began")
    return {number}
'''

_SLOW = '"""A library that takes three seconds to import."""\n\nimport time\n\ntime.sleep(3)\n'


def measure_watching(bench: Bench) -> Outcome:
    """There is no `fr run --watch` yet: what is measured is saving, and then `fr run -q`."""
    edits = min(bench.runs, bench.sized(10, 2))
    forked = _watch_and_fork(bench, edits)
    ours = _save_and_run(bench, edits)
    planned, again = _replanned(bench, bench.sized(10_000, 500), min(edits, 5))
    figures = [
        Figure.of("fr: save, then `fr run -q`", _WHAT, "s", ours),
        Figure.of("bare watch and fork", _WHAT, "s", forked),
        Figure.of("fr: planning", "time", "s", planned),
        Figure.of("fr: planning again after one edit", "time", "s", again),
    ]
    verdicts = [
        Verdict(
            "30 ms from save to the node's first line, whatever it imports (here a module that takes 3 s)",
            0.03,
            "s",
            ours.values,
            note="there is no `--watch` yet: this starts `fr run -q` anew",
        ),
        Verdict(
            "planning again after one edit: a hundredth of planning",
            0.01,
            "ratio",
            again.ratio_to(planned).values,
        ),
    ]
    return Outcome(figures, verdicts)


def _project(folder: Path, number: int) -> Project:
    text = _STEPS.format(folder=str(folder), number=number)
    files = {
        "training.py": text,
        "site-packages/slow_library.py": _SLOW,
    }
    return Project(files, (Node("train", "training:train"),))


def _save_and_run(bench: Bench, edits: int) -> Samples:
    workspace = bench.workspace(Fr(), "watch")
    workspace.write(_project(workspace.folder, 0))
    workspace.run()
    seconds = []
    for number in range(1, edits + 1):
        saved = time.perf_counter()
        workspace.write(_project(workspace.folder, number))
        workspace.run()
        seconds.append(float((workspace.folder / "began").read_text()) - saved)
    bench.say(f"save, then run: {Samples.of(seconds).median:.4g} s")
    workspace.remove()
    return Samples.of(seconds)


def _watch_and_fork(bench: Bench, edits: int) -> Samples:
    folder = bench.scratch / "forked"
    folder.mkdir()
    for path, text in _project(folder, 0).files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    argv = [
        str(bench.python("fr")),
        str(INSIDE / "watch_fork.py"),
        str(folder),
        "training",
        "train",
        "slow_library",
    ]
    environ = clean_environ() | {"PYTHONPATH": str(folder / "site-packages")}
    watcher = subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == "ready\n"
        seconds = [_forked(folder, number) for number in range(edits + 1)][1:]
    finally:
        watcher.kill()
        watcher.communicate()
    bench.say(f"watch and fork: {Samples.of(seconds).median:.4g} s")
    return Samples.of(seconds)


def _forked(folder: Path, number: int) -> float:
    """One edit of the watched file, as an editor saves it."""
    time.sleep(0.1)  # the child of the edit before is gone
    began = folder / "began"
    began.unlink(missing_ok=True)
    (folder / "training.new").write_text(_STEPS.format(folder=str(folder), number=number))
    saved = time.perf_counter()
    (folder / "training.new").rename(folder / "training.py")
    while not began.exists():
        if time.perf_counter() - saved > 10:
            raise TimeoutError("the watcher didn't start a child")
        time.sleep(0.001)
    return float(began.read_text()) - saved


def _replanned(bench: Bench, count: int, edits: int) -> tuple[Samples, Samples]:
    project = layered(count)
    first = replace(project.nodes[0], uses="first:seed")
    seed = STEPS[STEPS.index("def seed") : STEPS.index("def follow")].replace("    _note(number)\n", "")
    project = Project({**project.files, "first.py": seed}, (first, *project.nodes[1:]))
    workspace = bench.workspace(Fr(), "replan")
    workspace.write(project)
    workspace.run()
    argv = (str(bench.python("fr")), str(INSIDE / "replan.py"), str(edits))
    _, text = Command(argv, workspace.folder, bound_s=600).time_and_read()
    found = json.loads(text.splitlines()[-1])
    workspace.remove()
    planned, again = (Samples.of(pair[place] for pair in found) for place in (0, 1))
    bench.say(f"planning: {planned.median:.4g} s, again: {again.median:.4g} s")
    return planned, again


ROWS = (Row("watching", "Watching", measure_watching),)
