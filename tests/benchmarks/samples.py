"""`Samples`: repeated measurements of one thing, and their ratio to those of another.

Invariants: values stand in the order in which they were taken, so that the ratio of two is pair by
pair; the first round, which only warms up, is not among them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_SLOW_S = 3.0
_VERY_SLOW_S = 15.0


@dataclass(frozen=True)
class Samples:
    """Measurements of one thing, in the order in which they were taken; at least one."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Samples:
        """From any iterable of numbers."""
        return cls(tuple(values))

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def most(self) -> float:
        return max(self.values)

    def scaled(self, factor: float) -> Samples:
        """Each measurement times a factor."""
        return Samples(tuple(value * factor for value in self.values))

    def ratio_to(self, other: Samples) -> Samples:
        """Pair by pair; where one was measured more often, its surplus is left out."""
        return Samples(tuple(a / b for a, b in zip(self.values, other.values, strict=False)))


def in_turn(
    things: Mapping[str, Callable[[], T]], runs: int, seconds_of: Callable[[T], float]
) -> dict[str, list[T]]:
    """Measure several things in turn: A B C A B C ….

    The first round only warms up, except for what takes so long that a start no longer shows.

    Args:
        things: name → one measurement.
        runs: how many rounds count; slow things are measured in fewer of them.
        seconds_of: how long a measurement took.
    """
    found: dict[str, list[T]] = {}
    rounds: dict[str, int] = {}
    for name, measure in things.items():
        first = measure()
        seconds = seconds_of(first)
        found[name] = [first] if seconds >= _VERY_SLOW_S else []
        rounds[name] = counted_rounds(seconds, runs) - len(found[name])
    for number in range(runs):
        for name, measure in things.items():
            if number < rounds[name]:
                found[name].append(measure())
    return found


def counted_rounds(seconds: float, runs: int) -> int:
    """In how many rounds a thing is measured that takes so long: all, at most 3, or 1."""
    if seconds >= _VERY_SLOW_S:
        return 1
    return min(runs, 3) if seconds >= _SLOW_S else runs
