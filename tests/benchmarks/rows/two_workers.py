"""Independent jobs on two workers, beside the ideal."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.bench import Bench, Outcome, Row, figure_of
from benchmarks.engines.two_workers import ALL, ALONE, NINJA, OURS, SLEEP_S, Jobs
from benchmarks.processes import Timing
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples
from benchmarks.workspace import remove


def measure_two_workers(bench: Bench) -> Outcome:
    """Sleeps, which need no processor, and burns, which need a whole one each."""
    naps, burns = bench.sized((200, 50), (50, 10))
    runs = min(bench.runs, 5)
    slept = f"{naps} sleeps of 20 ms"
    burnt = f"{burns} burns"
    figures = bench.compare(
        {each.name: _run(bench, each, "nap", naps) for each in (*ALL, NINJA)}, slept, runs
    )
    figures += bench.compare(
        {each.name: _run(bench, each, "burn", burns) for each in (ALONE, *ALL)}, burnt, runs
    )
    alone = figure_of(figures, ALONE.name, burnt)
    ideal = Figure("the ideal", slept, "s", (naps * SLEEP_S / 2,))
    half = Samples(alone.samples).scaled(0.5) if alone else None
    figures = [ideal, *([Figure.of("the ideal", burnt, "s", half)] if half else []), *figures]
    verdicts = []
    for what in (slept, burnt):
        best, ours = figure_of(figures, "the ideal", what), figure_of(figures, OURS.name, what)
        ratios = tuple(each / best.median for each in ours.samples) if best and ours and best.median else ()
        note = "nodes run one after the other today"
        verdicts.append(Verdict(f"{what}: 1.05 times the ideal", 1.05, "ratio", ratios, note=note))
    return Outcome(figures, verdicts)


def _run(bench: Bench, jobs: Jobs, kind: str, count: int) -> Callable[[], Timing]:
    python = bench.python(jobs.environment)
    folder = bench.scratch / "jobs"

    def measure() -> Timing:
        remove(folder)
        for path, text in jobs.layout(kind, count).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return jobs.command(python, folder, kind, count).time()

    return measure


ROWS = (Row("two-workers", "Two workers", measure_two_workers),)
