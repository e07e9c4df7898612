"""`Redecider`: decides nodes as the outcomes of their parents come in.

Invariants: a node is decided when its last unknown parent is known, and again whenever a parent's
identity turns out otherwise (R13); nodes that run or have run are left alone; a node with many
parents is gathered once, not once for each of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from fingerprint_runner.planning.decide import Undecided
from fingerprint_runner.planning.plan import Plan, PlannedNode
from fingerprint_runner.planning.planner import Planner
from fingerprint_runner.runners.scheduler import Scheduler, State


class Redecider:
    """Keeps one run's decisions true.

    Attributes:
        planned: node → its latest decision with all that belongs to it.
    """

    def __init__(
        self, plan: Plan, planner: Planner, scheduler: Scheduler, told: Callable[[str], None]
    ) -> None:
        self.planned: dict[str, PlannedNode] = dict(plan.nodes)
        self._planner = planner
        self._scheduler = scheduler
        self._told = told
        self._rank = {name: rank for rank, name in enumerate(plan.nodes)}
        self._unknown: dict[str, set[str]] = {}
        for name in plan.nodes:
            parents = planner.schema.parents_of(name)
            unknown = {parent for parent in parents if parent not in planner.outcomes}
            if unknown:
                self._unknown[name] = unknown

    def decide(self, name: str) -> None:
        """Decide one node, and what follows from it."""
        before = self._identity(name)
        self._decide(name)
        if self._identity(name) != before:
            self.outcome_known(name, self._scheduler.children(name))

    def outcome_known(self, name: str, children: Sequence[str]) -> None:
        """The outcome of `name` became known, or unknown again: decide what it lets decide."""
        waiting: list[tuple[int, str]] = []
        self._enqueue(waiting, name, children)
        last = None
        while waiting:
            _, child = heapq.heappop(waiting)
            if child == last:
                continue
            last = child
            before = self._identity(child)
            self._decide(child)
            if self._identity(child) != before:
                self._enqueue(waiting, child, self._scheduler.children(child))

    def _enqueue(self, waiting: list[tuple[int, str]], parent: str, children: Sequence[str]) -> None:
        known = parent in self._planner.outcomes
        for child in children:
            unknown = self._unknown.setdefault(child, set())
            if known:
                unknown.discard(parent)
            else:
                unknown.add(parent)
            if known and unknown and isinstance(self._scheduler.decision(child), Undecided):
                continue
            if self._scheduler.state(child) in (State.IDLE, State.READY):
                heapq.heappush(waiting, (self._rank[child], child))

    def _decide(self, name: str) -> None:
        planned = self._planner.decide_wave([name])[name]
        self.planned[name] = planned
        self._scheduler.decided(name, planned.decision)
        self._told(name)

    def _identity(self, name: str) -> str | None:
        record = self._planner.outcomes.get(name)
        return None if record is None else record.identity or "unstored"
