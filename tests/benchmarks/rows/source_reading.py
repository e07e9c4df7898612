"""How long it takes to read the source of a tree of modules, none of which is imported."""

from __future__ import annotations

import json

from benchmarks.bench import INSIDE, Bench, Outcome, Row, ratio_verdict
from benchmarks.processes import Command
from benchmarks.results import Figure
from benchmarks.samples import Samples


def measure_source_reading(bench: Bench) -> Outcome:
    """A generated first-party tree, of which one function reaches everything."""
    modules = bench.sized(500, 50)
    folder = bench.scratch / "tree"
    folder.mkdir()
    argv = (str(bench.python("fr")), str(INSIDE / "reading.py"), str(modules), str(min(bench.runs, 5)))
    _, text = Command(argv, folder, bound_s=600).time_and_read()
    figures = []
    for what, seconds in json.loads(text.splitlines()[-1]).items():
        samples = Samples.of(seconds)
        figures.append(Figure.of(what, f"{modules:,} modules", "s", samples))
        bench.say(f"{what}: {samples.median:.4g} s")
    again, least = (next(each for each in figures if each.who == who) for who in ("again", "stat alone"))
    return Outcome(figures, [ratio_verdict("again: 5 times looking at each file", 5, again, least)])


ROWS = (Row("source-reading", "Reading the source of a project", measure_source_reading),)
