"""`Result`: what one run of a row found, as docs/benchmarks.json keeps it.

Invariants: a figure is only made from samples or from why there are none; the file holds every
row's latest run with the conditions of that run, and rows that weren't run stay as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.samples import Samples

FORMAT = 1


@dataclass(frozen=True)
class Figure:
    """One cell of a row's table.

    Attributes:
        who: the engine or reference: the table's line.
        what: what was measured: the table's column.
        unit: `s`, `us` (microseconds a node), `bytes`, `count`, `ratio`, or empty where nothing was.
        samples: in the order in which they were taken; empty where nothing was measured.
        cpu_s: median CPU seconds, where a whole process was timed.
        note: in place of a number, why there is none; beside one, what to know of it.
    """

    who: str
    what: str
    unit: str = ""
    samples: tuple[float, ...] = ()
    cpu_s: float | None = None
    note: str = ""

    @classmethod
    def of(
        cls,
        who: str,
        what: str,
        unit: str,
        samples: Samples,
        *,
        cpu_s: float | None = None,
        note: str = "",
    ) -> Figure:
        """From measurements."""
        return cls(who, what, unit, samples.values, cpu_s, note)

    @property
    def median(self) -> float | None:
        return Samples(self.samples).median if self.samples else None


@dataclass(frozen=True)
class Verdict:
    """A goal, and what a run found of it.

    Attributes:
        goal: in words, with its number.
        bound: the number.
        unit: as of `Figure`.
        samples: what was found; empty where it couldn't be measured.
        at_least: whether the figure must reach the bound instead of staying within it.
        note: why there is none, or what to know of it.
    """

    goal: str
    bound: float
    unit: str
    samples: tuple[float, ...] = ()
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None where nothing was measured."""
        if not self.samples:
            return None
        found = Samples(self.samples).median
        return found >= self.bound if self.at_least else found <= self.bound


@dataclass(frozen=True)
class Conditions:
    """Under what a row was measured.

    Attributes:
        date: such as `2026-11-23`.
        commit: of the checkout, with `+` where it had changes.
        machine: its kind in words.
        python: the version.
        versions: package → version of all that took part.
        runs: rounds asked for.
        quick: whether sizes and rounds were cut down.
        seconds: how long the row took.
    """

    date: str
    commit: str
    machine: str
    python: str
    versions: Mapping[str, str]
    runs: int
    quick: bool
    seconds: float


@dataclass(frozen=True)
class Result:
    """One row's outcome."""

    row: str
    figures: tuple[Figure, ...]
    verdicts: tuple[Verdict, ...]
    conditions: Conditions
    details: Mapping[str, Any] = field(default_factory=dict)


def read_results(path: Path) -> dict[str, Result]:
    """Row → its latest result; empty where there is no file."""
    if not path.exists():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["format"] != FORMAT:
        raise ValueError(f"{path} has format {stored['format']!r}, not {FORMAT}")
    return {name: _result(name, row) for name, row in stored["rows"].items()}


def write_results(path: Path, results: Iterable[Result], order: Iterable[str]) -> None:
    """Put results into a file beside those of other rows.

    Args:
        order: rows as the file lists them; what isn't among them stays, and comes last.
    """
    merged = read_results(path) | {result.row: result for result in results}
    rows = {name: _plain(merged[name]) for name in (*order, *merged) if name in merged}
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps({"format": FORMAT, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    new.replace(path)  # a run that is stopped just now leaves the results of those before


def _plain(result: Result) -> dict[str, Any]:
    plain = asdict(result)
    del plain["row"]
    for entry in (*plain["figures"], *plain["verdicts"]):
        entry["samples"] = [float(f"{value:.4g}") for value in entry["samples"]]
        if entry.get("cpu_s") is not None:
            entry["cpu_s"] = float(f"{entry['cpu_s']:.4g}")
    for figure in plain["figures"]:
        if figure["samples"]:
            samples = Samples(tuple(figure["samples"]))
            figure |= {"median": samples.median, "least": samples.least, "most": samples.most}
    return plain


def _result(name: str, row: Mapping[str, Any]) -> Result:
    known = ("who", "what", "unit", "samples", "cpu_s", "note")
    figures = [
        Figure(
            **{key: value for key, value in entry.items() if key in known}
            | {"samples": tuple(entry["samples"])}
        )
        for entry in row["figures"]
    ]
    verdicts = [Verdict(**{**entry, "samples": tuple(entry["samples"])}) for entry in row["verdicts"]]
    return Result(
        name, tuple(figures), tuple(verdicts), Conditions(**row["conditions"]), row.get("details", {})
    )
