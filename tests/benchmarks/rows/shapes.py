"""Graphs of other shapes, at growing sizes: does every node go on costing the same?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.bench import Bench, Outcome, Row, figure_of
from benchmarks.engines.bare import Bare
from benchmarks.engines.doit import Doit
from benchmarks.engines.fr import Fr
from benchmarks.engines.hamilton import Hamilton
from benchmarks.engines.joblib_memory import JoblibMemory
from benchmarks.engines.ninja import Ninja
from benchmarks.engines.protocol import Engine
from benchmarks.engines.pytask import Pytask
from benchmarks.engines.redun import Redun
from benchmarks.engines.snakemake import Snakemake
from benchmarks.graphs import Project, chain, fan, ladder
from benchmarks.processes import CommandFailed
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples

_ENGINES: tuple[Engine, ...] = (
    Fr(),
    Ninja(),
    Bare(),
    Doit(),
    JoblibMemory(),
    Hamilton(),
    Redun(),
    Snakemake(),
    Pytask(),
)
_OURS_BOUND_S = 1_200.0
_BOUND_S = 240.0
# Others aren't given a size that would take longer than this, growing as the number of nodes.
_PATIENCE_S = 120.0
_MOST_GROWTH = 1.5


@dataclass(frozen=True)
class _Shape:
    name: str
    make: Callable[[int], Project]
    full: tuple[int, ...]
    quick: tuple[int, ...]


_LADDER = _Shape("ladder", ladder, (20, 200, 2_000), (10, 50))
_CHAIN = _Shape("chain", chain, (1_000, 20_000, 200_000), (100, 1_000))
_FAN = _Shape("fan", fan, (1_000, 10_000, 100_000), (100, 1_000))


@dataclass
class _Past:
    """What an engine did on the smaller graphs of a shape: seconds a node, and whether it is out."""

    node_s: float = 0.0
    out: bool = False
    figures: list[Figure] = field(default_factory=list)


def measure_ladder(bench: Bench) -> Outcome:
    """Rungs of two nodes that both need both of the rung before."""
    return _shape(bench, _LADDER)


def measure_chain(bench: Bench) -> Outcome:
    """Each node needs the one before."""
    return _shape(bench, _CHAIN)


def measure_fan(bench: Bench) -> Outcome:
    """All nodes need the same one."""
    return _shape(bench, _FAN)


def _shape(bench: Bench, shape: _Shape) -> Outcome:
    """Each engine at growing sizes, until it fails or would take too long."""
    sizes = bench.sized(shape.full, shape.quick)
    past = {engine.name: _Past() for engine in _ENGINES}
    for size in sizes:
        project = shape.make(size)
        for engine in _ENGINES:
            if not past[engine.name].out:
                _measure(bench, engine, project, f"{size:,}", past[engine.name])
    order = {engine.name: place for place, engine in enumerate(_ENGINES)}
    figures = [figure for each in past.values() for figure in each.figures]
    figures.sort(key=lambda figure: (order[figure.who.partition(",")[0]], figure.who))
    return Outcome(figures, [_growth(shape, sizes, figures)])


def _measure(bench: Bench, engine: Engine, project: Project, what: str, past: _Past) -> None:
    """A cold run, and one with nothing to do."""
    expected = past.node_s * len(project.nodes)
    ours = engine.name == "fr"
    if not ours and expected > _PATIENCE_S:
        past.figures.append(Figure(engine.name, what, note=f"not tried: over {expected:,.0f} s"))
        past.out = True
        return
    workspace = bench.workspace(engine, what, _OURS_BOUND_S if ours else _BOUND_S)
    try:
        workspace.write(project)
        cold = workspace.run()
        past.figures.append(Figure(engine.name, what, "s", (cold.wall_s,), cold.cpu_s))
        idle = [workspace.run() for _ in range(1 if cold.wall_s > 15 else min(3, bench.runs))]
        wall = Samples.of(timing.wall_s for timing in idle)
        past.figures.append(Figure.of(f"{engine.name}, nothing to do", what, "s", wall))
        past.node_s = cold.wall_s / len(project.nodes)
        bench.say(f"{what}: {engine.name} {cold.wall_s:.4g} s, nothing to do {wall.median:.4g} s")
    except CommandFailed as error:
        past.figures.append(Figure(engine.name, what, note=error.reason))
        past.out = True
        bench.say(f"{what}: {engine.name} {error.reason}")
    workspace.remove()


def _growth(shape: _Shape, sizes: tuple[int, ...], figures: list[Figure]) -> Verdict:
    """How much more a node costs in the largest graph than in the one before."""
    before, largest = sizes[-2:]
    goal = (
        f"{shape.name} of {largest:,}, cold: linear; a node costs at most {_MOST_GROWTH} times "
        f"what it costs at {before:,}"
    )
    small = figure_of(figures, "fr", f"{before:,}")
    large = figure_of(figures, "fr", f"{largest:,}")
    if small is None or large is None:
        return Verdict(goal, _MOST_GROWTH, "ratio", note="fails")
    nodes = len(shape.make(largest).nodes) / len(shape.make(before).nodes)
    return Verdict(goal, _MOST_GROWTH, "ratio", (large.samples[0] / small.samples[0] / nodes,))


ROWS = (
    Row("ladder", "Any shape: a ladder", measure_ladder),
    Row("chain", "Any shape: a chain", measure_chain),
    Row("fan", "Any shape: a fan", measure_fan),
)
