"""How long commands take to start, and a run that finds nothing to do in a graph that imports much."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench import Bench, Outcome, Row, figure_of, ratio_verdict
from benchmarks.environments import CHECKOUT
from benchmarks.processes import Command, Timing

CLICK = 'python -c "import click"'

# (who, environment, program, arguments): the quickest thing that each command line offers.
_STARTS = [
    ("ninja --version", "ninja", "ninja", ("--version",)),
    ("doit list", "doit", "doit", ("list",)),
    ("pytask --help", "pytask", "pytask", ("--help",)),
    ("dvc --version", "dvc", "dvc", ("--version",)),
    ("snakemake --version", "snakemake", "snakemake", ("--version",)),
    ("redun --help", "redun", "redun", ("--help",)),
    ("import hamilton.driver", "hamilton", "python", ("-c", "import hamilton.driver")),
    ("import joblib", "joblib", "python", ("-c", "import joblib")),
    ("import dask", "dask", "python", ("-c", "import dask")),
]


def measure_starts(bench: Bench) -> Outcome:
    """`fr --help` and `fr --version` against the least that a command with options costs."""
    folder = bench.scratch
    (folder / "dodo.py").write_text("def task_nothing():\n    return {'actions': []}\n")
    python = bench.python("fr")
    commands: dict[str, Callable[[], Timing]] = {
        "python -c pass": Command((str(python), "-c", "pass"), folder).time,
        CLICK: Command((str(python), "-c", "import click"), folder).time,
        "fr --help": Command((str(python.with_name("fr")), "--help"), folder).time,
        "fr --version": Command((str(python.with_name("fr")), "--version"), folder).time,
    }
    for who, environment, program, arguments in _STARTS:
        argv = (str(bench.python(environment).with_name(program)), *arguments)
        commands[who] = Command(argv, folder).time
    figures = bench.compare(commands, "whole process")
    click = figure_of(figures, CLICK)
    verdicts = [
        ratio_verdict(f"`{who}`: 1.15 times `{CLICK}`", 1.15, figure_of(figures, who), click)
        for who in ("fr --help", "fr --version")
    ]
    return Outcome(figures, verdicts)


def measure_digits(bench: Bench) -> Outcome:
    """`fr run -q` on the digits example, everything up to date."""
    project = bench.scratch / "digits"
    shutil.copytree(
        CHECKOUT / "docs/examples/digits",
        project,
        ignore=shutil.ignore_patterns(".cache", "reports", "__pycache__"),
    )
    python = bench.python("fr")
    run = Command((str(python.with_name("fr")), "run", "-q"), project)
    run.time()
    figures = bench.compare(
        {
            "fr run -q": run.time,
            CLICK: Command((str(python), "-c", "import click"), project).time,
            "importing the nodes' modules": _importing(python, project).time,
        },
        "nothing to do",
    )
    goal = f"no slower than `{CLICK}`"
    verdict = ratio_verdict(goal, 1.0, figure_of(figures, "fr run -q"), figure_of(figures, CLICK))
    return Outcome(figures, [verdict])


def _importing(python: Path, project: Path) -> Command:
    """What any engine pays that imports the modules of its nodes: no engine at all."""
    modules = ", ".join(sorted(path.stem for path in project.glob("*.py")))
    return Command((str(python), "-c", f"import {modules}"), project)


ROWS = (
    Row("starting", "Starting", measure_starts),
    Row("digits", "A run that finds nothing to do, in a graph that imports scikit-learn", measure_digits),
)
