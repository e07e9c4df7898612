"""Inside one process: a second run of the same runner, and graphs that predict."""

from __future__ import annotations

import json

from benchmarks.bench import INSIDE, Bench, Outcome, Row, figure_of
from benchmarks.engines.bare import Bare
from benchmarks.engines.fr import Fr
from benchmarks.engines.hamilton import Hamilton
from benchmarks.engines.joblib_memory import JoblibMemory
from benchmarks.engines.protocol import Engine
from benchmarks.graphs import layered
from benchmarks.processes import Command, CommandFailed
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples

_AGAIN: tuple[tuple[Engine, str], ...] = (
    (Fr(), "fr"),
    (Bare(), "bare"),
    (JoblibMemory(), "joblib"),
    (Hamilton(), "hamilton"),
)

# (who, script's name, environment)
_PREDICTING = (
    ("fr, without caching", "fr_uncached", "fr"),
    ("fr, run() with an input seen before", "fr_same", "fr"),
    ("fr, run() with another input", "fr_new", "fr"),
    ("Hamilton, without cache", "hamilton", "hamilton"),
    ("dask, synchronous", "dask", "dask"),
)


def measure_second_run(bench: Bench) -> Outcome:
    """The layered graph, all up to date, brought up to date again by the object that just did so."""
    figures: list[Figure] = []
    sizes = bench.sized((1_000, 10_000), (100, 1_000))
    for count in sizes:
        project = layered(count)
        for engine, name in _AGAIN:
            workspace = bench.workspace(engine, f"again-{count}")
            workspace.write(project)
            argv = (
                str(bench.python(engine.environment)),
                str(INSIDE / "again.py"),
                name,
                str(min(bench.runs, 5)),
            )
            what = f"{count:,} nodes, a node"
            try:
                _, text = Command(argv, workspace.folder, bound_s=600).time_and_read()
                samples = Samples.of(json.loads(text.splitlines()[-1])).scaled(1e6 / count)
                figures.append(Figure.of(engine.name, what, "us", samples))
                bench.say(f"{what}: {engine.name} {samples.median:.4g} µs")
            except CommandFailed as error:
                figures.append(Figure(engine.name, what, note=error.reason))
                bench.say(f"{what}: {engine.name} {error.reason}")
            workspace.remove()
    ours = figure_of(figures, "fr", f"{sizes[-1]:,} nodes, a node")
    verdict = Verdict(f"{sizes[-1]:,} nodes: 5 µs a node", 5, "us", ours.samples if ours else ())
    return Outcome(figures, [verdict])


def measure_prediction(bench: Bench) -> Outcome:
    """A chain of trivial nodes, asked with an input; what a node costs beyond calling its function."""
    figures: list[Figure] = []
    nodes = 20
    what = "a node, above calling it"
    for who, name, environment in _PREDICTING:
        command = bench.inside(environment, "predict.py", name, str(nodes), str(5 * bench.runs))
        _, text = command.time_and_read()
        pairs = json.loads(text.splitlines()[-1])
        above = Samples.of(max(0.0, engine - plain) * 1e6 / nodes for engine, plain in pairs)
        figures.append(Figure.of(who, what, "us", above))
        bench.say(f"{who}: {above.median:.4g} µs")
        if name == "fr_uncached":
            plain_s = Samples.of(plain * 1e6 / nodes for _, plain in pairs)
            figures.append(Figure.of("calling the function", "a node", "us", plain_s))
    ours = figure_of(figures, _PREDICTING[0][0], what)
    verdict = Verdict(
        "2 µs above calling the function",
        2,
        "us",
        ours.samples if ours else (),
    )
    return Outcome(figures, [verdict])


ROWS = (
    Row("second-run", "A second run in the same process", measure_second_run),
    Row("prediction", "Graphs that predict", measure_prediction),
)
