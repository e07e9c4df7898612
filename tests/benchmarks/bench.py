"""`Bench`: what a row is handed to measure with, and `Row` itself.

Invariants: a row reaches the machine through its bench alone (environments, folders, sizes, rounds);
what it makes lies below the bench's scratch folder, which is removed when the row is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.engines.protocol import Engine
from benchmarks.environments import Environments
from benchmarks.processes import Command, CommandFailed, Timing
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples, in_turn
from benchmarks.workspace import Workspace

T = TypeVar("T")

INSIDE = Path(__file__).with_name("inside")


@dataclass
class Bench:
    """Environments, sizes and a scratch folder.

    Attributes:
        environments: where the engines are installed.
        scratch: an empty folder.
        runs: rounds that count.
        quick: whether sizes are cut down.
        used: environments that took part.
    """

    environments: Environments
    scratch: Path
    runs: int
    quick: bool
    used: set[str] = field(default_factory=set)

    def python(self, name: str) -> Path:
        """The Python of an environment."""
        self.used.add(name)
        return self.environments.python(name)

    def sized(self, full: T, quick: T) -> T:
        """One of two sizes."""
        return quick if self.quick else full

    def workspace(self, engine: Engine, name: str, bound_s: float = 600) -> Workspace:
        """An empty folder for an engine; `name` tells apart those of one row."""
        folder = self.scratch / "".join(each if each.isalnum() else "-" for each in f"{name}-{engine.name}")
        return Workspace(engine, self.python(engine.environment), folder, bound_s)

    def inside(self, environment: str, script: str, *arguments: str, bound_s: float = 600) -> Command:
        """A script of `inside/`, run in an environment, in the scratch folder."""
        argv = (str(self.python(environment)), str(INSIDE / script), *arguments)
        return Command(argv, self.scratch, bound_s=bound_s)

    def say(self, text: str) -> None:
        """Show progress."""
        print(f"  {text}", flush=True)

    def compare(
        self, commands: dict[str, Callable[[], Timing]], what: str, runs: int | None = None
    ) -> list[Figure]:
        """Time processes in turn; what fails gets a figure that says why.

        Args:
            commands: who → one timed run.
            what: the table's column.
        """
        failed: dict[str, str] = {}

        def guarded(who: str) -> Callable[[], Timing | None]:
            def measure() -> Timing | None:
                if who in failed:
                    return None
                try:
                    return commands[who]()
                except CommandFailed as error:
                    failed[who] = error.reason
                    self.say(f"{who}: {error.reason}")
                    return None

            return measure

        found = in_turn(
            {who: guarded(who) for who in commands},
            runs or self.runs,
            lambda timing: 0.0 if timing is None else timing.wall_s,
        )
        figures = []
        for who, timings in found.items():
            good = [timing for timing in timings if timing is not None]
            if who in failed or not good:
                figures.append(Figure(who, what, note=failed.get(who, "-")))
            else:
                wall = Samples.of(timing.wall_s for timing in good)
                cpu = Samples.of(timing.cpu_s for timing in good).median
                figures.append(Figure.of(who, what, "s", wall, cpu_s=cpu))
                self.say(f"{what}: {who} {wall.median:.4g} s")
        return figures


@dataclass(frozen=True)
class Outcome:
    """What a row found: the cells of its table, and its goals."""

    figures: list[Figure]
    verdicts: list[Verdict]
    details: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One row: a section of the page.

    Attributes:
        name: in results, markers and the command.
        title: in a few words.
        measure: takes the measurements.
    """

    name: str
    title: str
    measure: Callable[[Bench], Outcome]


def figure_of(figures: list[Figure], who: str, what: str | None = None) -> Figure | None:
    """The cell of someone, if it holds a number."""
    for figure in figures:
        if figure.who == who and what in (None, figure.what) and figure.samples:
            return figure
    return None


def ratio_verdict(
    goal: str, bound: float, ours: Figure | None, theirs: Figure | None, note: str = ""
) -> Verdict:
    """A goal that is a ratio of two figures, pair by pair."""
    if ours is None or theirs is None:
        return Verdict(goal, bound, "ratio", note=note or "one of the two has no figure")
    ratio = Samples(ours.samples).ratio_to(Samples(theirs.samples))
    return Verdict(goal, bound, "ratio", ratio.values, note=note)
