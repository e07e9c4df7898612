"""Deciding and running graphs of trivial nodes: nothing to do, one edit, cold, and again in process.

The graph is layered: 10 wide, each node needs two of the layer before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.bench import Bench, Outcome, Row, figure_of, ratio_verdict
from benchmarks.engines.bare import Bare
from benchmarks.engines.doit import Doit
from benchmarks.engines.dvc import Dvc
from benchmarks.engines.fr import Fr
from benchmarks.engines.hamilton import Hamilton
from benchmarks.engines.joblib_memory import JoblibMemory
from benchmarks.engines.ninja import Ninja
from benchmarks.engines.protocol import Engine
from benchmarks.engines.pytask import Pytask
from benchmarks.engines.redun import Redun
from benchmarks.engines.snakemake import Snakemake
from benchmarks.graphs import Project, layered
from benchmarks.processes import CommandFailed, Timing
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples, counted_rounds
from benchmarks.workspace import Workspace

_BOUND_S = 900.0
_OURS = Fr()
_NINJA = Ninja()


@dataclass(frozen=True)
class _Reach:
    """An engine, and the largest graph that it is given; more would only measure patience."""

    engine: Engine
    most: int
    most_cold: int = field(default=1_000)


_ENGINES = (
    _Reach(_OURS, 100_000),
    _Reach(_NINJA, 100_000),
    _Reach(Bare(), 100_000),
    _Reach(Doit(), 10_000),
    _Reach(JoblibMemory(), 10_000),
    _Reach(Hamilton(), 10_000),
    _Reach(Redun(), 10_000),
    _Reach(Snakemake(), 1_000),
    _Reach(Pytask(), 1_000),
    _Reach(Dvc(), 100, 100),
)


def measure_nothing_to_do(bench: Bench) -> Outcome:
    """A whole process that finds everything up to date, at growing sizes."""
    figures: list[Figure] = []
    verdicts: list[Verdict] = []
    failed: set[str] = set()
    for count in bench.sized((100, 1_000, 10_000, 100_000), (100, 300)):
        column = f"{count:,} nodes"
        found = _nothing_to_do(bench, count, column, failed)
        figures += found
        ours, theirs = figure_of(found, _OURS.name), figure_of(found, _NINJA.name)
        if count == 10_000:
            verdicts.append(
                ratio_verdict("10,000 nodes: 1.5 times ninja on the same graph", 1.5, ours, theirs)
            )
        if count == 100_000:
            verdicts.append(ratio_verdict("100,000 nodes: no slower than ninja", 1.0, ours, theirs))
    return Outcome(figures, verdicts)


def _nothing_to_do(bench: Bench, count: int, column: str, failed: set[str]) -> list[Figure]:
    project = layered(count)
    ready: dict[str, Workspace] = {}
    figures = []
    for reach in _ENGINES:
        if count > reach.most or reach.engine.name in failed:
            continue
        workspace = bench.workspace(reach.engine, f"nothing-{count}", _BOUND_S)
        try:
            workspace.write(project)
            workspace.run()
            ready[reach.engine.name] = workspace
        except CommandFailed as error:
            failed.add(reach.engine.name)
            figures.append(Figure(reach.engine.name, column, note=error.reason))
            bench.say(f"{column}: {reach.engine.name} cold: {error.reason}")
            workspace.remove()
    runs = min(bench.runs, 10 if count < 100_000 else 3)
    figures += bench.compare({name: each.run for name, each in ready.items()}, column, runs)
    for workspace in ready.values():
        workspace.remove()
    return figures


def measure_same_output(bench: Bench) -> Outcome:
    """One node's config is edited, and its output stays the same; beside a run with nothing to do."""
    count = bench.sized(1_000, 100)
    figures: list[Figure] = []
    verdicts: list[Verdict] = []
    for reach in _ENGINES:
        project = layered(min(count, reach.most))
        workspace = bench.workspace(reach.engine, "edit", _BOUND_S)
        name = reach.engine.name + (f", {len(project.nodes)} nodes" if len(project.nodes) < count else "")
        try:
            figures += _edited(bench, workspace, project, name)
        except CommandFailed as error:
            figures.append(Figure(name, "nodes that ran", note=error.reason))
        workspace.remove()
    ours = [figure for figure in figures if figure.who == _OURS.name]
    ran, ratio = ours[0], ours[-1]
    verdicts.append(Verdict(f"{count:,} nodes: one node runs", 1, "count", ran.samples))
    verdicts.append(Verdict("the time of a run with nothing to do, and a tenth", 1.1, "ratio", ratio.samples))
    return Outcome(figures, verdicts)


def _edited(bench: Bench, workspace: Workspace, project: Project, name: str) -> list[Figure]:
    workspace.write(project)
    workspace.run()
    warm = workspace.run()
    edit = iter(range(1, 1_000_000))

    def apply() -> None:
        workspace.write(project.with_config("n0", spare=next(edit)))

    apply()
    ran = workspace.run_and_list()
    idle: list[Timing] = []
    edited: list[Timing] = []
    for _ in range(counted_rounds(warm.wall_s, min(bench.runs, 10))):
        idle.append(workspace.run())
        apply()
        edited.append(workspace.run())
    before = Samples.of(timing.wall_s for timing in idle)
    after = Samples.of(timing.wall_s for timing in edited)
    bench.say(f"{name}: {len(ran)} ran, {after.median:.4g} s, nothing to do {before.median:.4g} s")
    return [
        Figure(name, "nodes that ran", "count", (float(len(ran)),)),
        Figure.of(name, "nothing to do", "s", before, cpu_s=Samples.of(each.cpu_s for each in idle).median),
        Figure.of(name, "after the edit", "s", after, cpu_s=Samples.of(each.cpu_s for each in edited).median),
        Figure.of(name, "ratio", "ratio", after.ratio_to(before)),
    ]


def measure_cold(bench: Bench) -> Outcome:
    """Everything runs, in a new folder; results last when the process ends."""
    count = bench.sized(1_000, 100)
    commands: dict[str, Callable[[], Timing]] = {}
    sizes: dict[str, int] = {}
    for reach in _ENGINES:
        project = layered(min(count, reach.most_cold))
        name = reach.engine.name + (f", {len(project.nodes)} nodes" if len(project.nodes) < count else "")
        sizes[name] = len(project.nodes)
        commands[name] = _cold(bench, reach.engine, project)
    whole = bench.compare(commands, "whole process", min(bench.runs, 5))
    figures = []
    for figure in whole:
        figures.append(figure)
        if figure.samples:
            each = Samples(figure.samples).scaled(1e6 / sizes[figure.who])
            figures.append(Figure.of(figure.who, "a node", "us", each))
    ours = figure_of(figures, _OURS.name, "a node")
    verdict = Verdict(f"{count:,} trivial nodes: 100 µs a node", 100, "us", ours.samples if ours else ())
    return Outcome(figures, [verdict])


def _cold(bench: Bench, engine: Engine, project: Project) -> Callable[[], Timing]:
    def measure() -> Timing:
        workspace = bench.workspace(engine, "cold", _BOUND_S)
        workspace.write(project)
        try:
            return workspace.run()
        finally:
            workspace.remove()

    return measure


ROWS = (
    Row("nothing-to-do", "A run that finds nothing to do, by size", measure_nothing_to_do),
    Row("same-output", "An edit whose output stays the same", measure_same_output),
    Row("cold", "A cold run", measure_cold),
)
