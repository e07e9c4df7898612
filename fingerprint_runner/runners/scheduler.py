"""`Scheduler`: which nodes run next: a pure state machine that every executor is driven by.

A node is *wanted* if it is a target or a wanted child can't be decided or run without it. A wanted
stale node must run; its parents' values are *demanded*, so a parent whose record isn't kept runs
first (R13). Nothing else ever runs: what lies above a hit isn't looked at.

    IDLE ──demand──> READY ──start──> RUNNING ──finish──> RAN
      │                                  ├──fail──> FAILED ──> children SKIPPED
      └──(up to date, or not needed)     └──return (parent lost, source changed) ──> IDLE

Invariants: no I/O, clock or threads; every state changes in `_enter` alone; total work is linear in
nodes plus needs plus decisions taken.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Mapping, Sequence

from fingerprint_runner.planning.decide import Decision, Stale, Undecided, UpToDate


class State(enum.Enum):
    """Where a node is in this run."""

    IDLE = "idle"
    READY = "ready"
    RUNNING = "running"
    RAN = "ran"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


_ENDED = frozenset({State.RAN, State.FAILED, State.SKIPPED, State.CANCELLED})


class Scheduler:
    """Drives one run.

    Args:
        order: the nodes, parents before children.
        parents: node → the nodes it needs.
        targets: nodes whose values are wanted.
        decisions: what planning decided.
        keep_going: whether nodes that don't depend on a failed one still run.
    """

    def __init__(
        self,
        order: Sequence[str],
        parents: Mapping[str, Sequence[str]],
        targets: Sequence[str],
        decisions: Mapping[str, Decision],
        *,
        keep_going: bool = False,
    ) -> None:
        self._rank = {name: rank for rank, name in enumerate(order)}
        self._parents = parents
        self._children: dict[str, list[str]] = {name: [] for name in order}
        for name in order:
            for parent in parents[name]:
                self._children[parent].append(name)
        self._decisions = dict(decisions)
        self._keep_going = keep_going
        self._states = dict.fromkeys(order, State.IDLE)
        self._wanted: set[str] = set()
        self._demanded: set[str] = set()
        self._stopping = False
        self._ready: list[tuple[int, str]] = []  # a heap; entries of nodes no longer READY are passed over
        self._running: set[str] = set()
        # Node → how many of its parents were found available in a row: each is looked at once,
        # so that a node with 100,000 parents costs 100,000 and not its square.
        self._available_parents = dict.fromkeys(order, 0)
        self._demand(targets, wanted_only=False)

    def state(self, name: str) -> State:
        """Where a node is."""
        return self._states[name]

    def decision(self, name: str) -> Decision:
        """The node's latest decision."""
        return self._decisions[name]

    @property
    def has_work(self) -> bool:
        """Whether any node is ready to start."""
        return any(self._states[name] is State.READY for _, name in self._ready)

    @property
    def running(self) -> frozenset[str]:
        """Nodes that are under way."""
        return frozenset(self._running)

    def take(self) -> str | None:
        """The next node to start, in the plan's order; it counts as running from here on."""
        while self._ready and not self._stopping:
            _, name = heapq.heappop(self._ready)
            if self._states[name] is State.READY:
                self._enter(name, State.RUNNING)
                return name
        return None

    def ran(self, name: str, *, changed: bool = False) -> list[str]:
        """A node is done.

        Args:
            changed: it gave another identity than it was known by (R13): children that already ran
                are opened again.

        Returns:
            The children to decide (again), in the plan's order.
        """
        self._enter(name, State.RAN)
        open_children = []
        for child in self._children[name]:
            if changed and self._states[child] is State.RAN:
                self._enter(child, State.IDLE)
            if self._states[child] in (State.IDLE, State.READY):
                open_children.append(child)
                self._consider(child)
        return open_children

    def decided(self, name: str, decision: Decision) -> None:
        """A node was decided (again), since a parent's outcome is known."""
        self._decisions[name] = decision
        self._forget_availability(name)
        if name in self._wanted:
            self._demand([name], wanted_only=name not in self._demanded)
        for child in self._children[name]:
            self._consider(child)

    def children(self, name: str) -> Sequence[str]:
        """The nodes that need this one."""
        return self._children[name]

    def failed(self, name: str) -> None:
        """A node failed: what depends on it is skipped; the rest goes on only with `keep_going`."""
        self._enter(name, State.FAILED)
        waiting = list(self._children[name])
        while waiting:
            child = waiting.pop()
            if self._states[child] in (State.IDLE, State.READY) and self._must_run_or_undecided(child):
                self._enter(child, State.SKIPPED)
                waiting.extend(self._children[child])
        if not self._keep_going:
            self.stop()

    def give_back(self, name: str) -> None:
        """A started node has to be planned and started again."""
        self._enter(name, State.IDLE)
        self._consider(name)

    def lost(self, name: str, decision: Decision) -> None:
        """A hit's artifact turned out to be gone: it runs if it is demanded."""
        if self._states[name] in _ENDED:
            self._enter(name, State.IDLE)
        self._decisions[name] = decision
        self._forget_availability(name)
        self._demand([name], wanted_only=False)

    def stop(self) -> None:
        """Start nothing more; what would have run is cancelled."""
        self._stopping = True
        for name in list(self._states):
            if self._states[name] in (State.IDLE, State.READY) and self._must_run_or_undecided(name):
                self._enter(name, State.CANCELLED)

    def must_run(self, name: str) -> bool:
        """Whether the node runs in this run, as far as is known now."""
        if name not in self._wanted:
            return False
        decision = self._decisions[name]
        if isinstance(decision, UpToDate):
            return not decision.kept and name in self._demanded
        return isinstance(decision, Stale)

    def needed(self, name: str) -> bool:
        """Whether the run looked at the node at all: wanted, or decided from its record."""
        return name in self._wanted or isinstance(self._decisions[name], UpToDate)

    def _must_run_or_undecided(self, name: str) -> bool:
        return self.must_run(name) or (name in self._wanted and isinstance(self._decisions[name], Undecided))

    def _demand(self, names: Sequence[str], *, wanted_only: bool) -> None:
        """Mark nodes as wanted (and their values as demanded), and all that follows from it."""
        waiting = [(name, not wanted_only) for name in names]
        while waiting:
            name, value_too = waiting.pop()
            self._wanted.add(name)
            if value_too:
                self._demanded.add(name)
            decision = self._decisions[name]
            if isinstance(decision, Undecided):
                waiting.extend(
                    (parent, False) for parent in decision.waiting_on if parent not in self._wanted
                )
            elif self.must_run(name):
                waiting.extend(
                    (parent, True) for parent in self._parents[name] if parent not in self._demanded
                )
            self._consider(name)

    def _consider(self, name: str) -> None:
        """Make a node ready if it must run and every parent's value is there; else not ready."""
        if self._states[name] not in (State.IDLE, State.READY):
            return
        runs = self.must_run(name) and self._parents_available(name)
        self._enter(name, State.READY if runs else State.IDLE)

    def _parents_available(self, name: str) -> bool:
        parents = self._parents[name]
        found = self._available_parents[name]
        while found < len(parents) and self._available(parents[found]):
            found += 1
        self._available_parents[name] = found
        return found == len(parents)

    def _forget_availability(self, name: str) -> None:
        """A node's value may not be there any more: its children look at their parents anew."""
        if not self._available(name):
            for child in self._children[name]:
                self._available_parents[child] = 0

    def _available(self, name: str) -> bool:
        if self._states[name] is State.RAN:
            return True
        decision = self._decisions[name]
        return isinstance(decision, UpToDate) and decision.kept

    def _enter(self, name: str, state: State) -> None:
        if state is State.READY and self._states[name] is not State.READY:
            heapq.heappush(self._ready, (self._rank[name], name))
        if state is State.RUNNING:
            self._running.add(name)
        else:
            self._running.discard(name)
        self._states[name] = state
