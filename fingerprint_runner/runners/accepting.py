"""`Acceptance`: a person says that an edit changes nothing, and a node's last record stands for it.

    stale node ──baseline──> its output ─┐
         └──present manifest────────────>┴──> a record of origin `accepted` under the present fingerprint

Invariants: nothing runs, and no output is read or written; all nodes are checked before the first is
accepted; each is one publication, by the rules of any other (R14); what an accepted record depends on is all
that reading reaches from the present component, with what the last run discovered, so the next edit counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.fingerprints.manifest import Manifest, Query, TracePart, full_fingerprint
from fingerprint_runner.fingerprints.record import (
    NodeRecord,
    Origin,
    Reason,
    ReasonKind,
    Unnarrowed,
    UnnarrowedKind,
)
from fingerprint_runner.graph.node import CacheMode
from fingerprint_runner.planning.decide import Stale, Undecided, UpToDate
from fingerprint_runner.planning.plan import PlannedNode
from fingerprint_runner.planning.planner import Planner
from fingerprint_runner.runners.report import reason_as_json
from fingerprint_runner.runners.source_texts import source_texts
from fingerprint_runner.runners.validation import placed
from fingerprint_runner.runners.world import PresentWorld
from fingerprint_runner.storage.model_storage import ModelStorage
from fingerprint_runner.storage.publishing import Published

_READ_KINDS = frozenset({"closure", "symbol", "loading", "module", "live"})
"""Queries about first-party code."""
_NARROW_KINDS = _READ_KINDS - {"closure", "live"}

Publish = Callable[[NodeRecord], Published]


@dataclass(frozen=True)
class AcceptedNode:
    """One node whose last record was, or would be, taken as the one of its present fingerprint.

    Attributes:
        record: that holds for it now.
        kept: whether the store has its output.
        baseline: the record that was taken; None where there was no need: it is up to date once the nodes
            before it are accepted, or another process has published a record meanwhile.
    """

    name: str
    record: NodeRecord
    kept: bool
    baseline: NodeRecord | None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it was stale: what the person who accepts says makes no difference."""
        return () if self.baseline is None else self.record.reasons

    def as_json(self) -> dict[str, Any]:
        """The contract's fields of one node."""
        value, resource = self.record.value, self.record.resource
        return {
            "fingerprint": self.record.fingerprint,
            "first_key": self.record.first_key,
            "from": None if self.baseline is None else self.baseline.fingerprint,
            "value": None if value is None else value.identity,
            "resource": None if resource is None else resource.identity,
            "kept": self.kept,
            "reasons": [reason_as_json(reason) for reason in self.reasons],
        }


class Acceptance:
    """Accepts nodes of one graph as it is now.

    Args:
        new_planner: makes a planner whose targets are the nodes to accept.
        world: what the planner reads.
        storage: the store.
        user: who accepts.
        now: when, in seconds since the epoch.
    """

    def __init__(
        self,
        new_planner: Callable[[], Planner],
        world: PresentWorld,
        storage: ModelStorage,
        user: str | None,
        now: float,
    ) -> None:
        self._new_planner = new_planner
        self._world = world
        self._storage = storage
        self._origin = Origin("accepted", user, now)

    def accept(self, names: Sequence[str], *, dry_run: bool) -> list[AcceptedNode]:
        """Accept nodes, parents before children, each decided after those before it.

        Raises:
            InvalidGraph: some of them can't be accepted, with all that is in the way; nothing was.
            StorageError: the store can't be written; those before were accepted.
        """
        found, problems = self._pass(names, Published, first=True)
        if problems:
            raise InvalidGraph(problems)
        if dry_run:
            return found
        # What others have published meanwhile holds: a node may be up to date by now.
        accepted, _ = self._pass(names, self._publish, first=False)
        self._storage.flush()
        return accepted

    def _pass(
        self, names: Sequence[str], publish: Publish, *, first: bool
    ) -> tuple[list[AcceptedNode], list[Problem]]:
        planner = self._new_planner()
        planned = dict(planner.make_plan().nodes)
        needless = {name for name in names if first and isinstance(planned[name].decision, UpToDate)}
        accepted: list[AcceptedNode] = []
        problems: list[Problem] = []
        changed: set[str] = set()
        for name in planner.order:
            if not changed.isdisjoint(planner.schema.parents_of(name)):
                before = planner.outcomes.get(name)
                planned[name] = planner.decide_wave([name])[name]
                if planner.outcomes.get(name) is not before:
                    changed.add(name)
            if name not in names:
                continue
            decision = planned[name].decision
            if isinstance(decision, UpToDate) and name not in needless:
                accepted.append(AcceptedNode(name, decision.record, decision.kept, None))
                continue
            found = _obstacle(planner, planned, name) or _baseline(planner, name)
            if isinstance(found, Problem):
                problems.append(found)
                continue
            published = publish(self._record(planned[name], found))
            planner.outcomes[name] = published.record
            changed.add(name)
            kept = self._storage.is_kept(published.record)
            accepted.append(AcceptedNode(name, published.record, kept, found if published.inserted else None))
        return accepted, placed(planner.schema, problems)

    def _record(self, planned: PlannedNode, baseline: NodeRecord) -> NodeRecord:
        """The baseline's output under the present fingerprint."""
        present, decision = planned.present, planned.decision
        assert present is not None
        assert isinstance(decision, Stale)
        code = accepted_code(self._world, present, baseline.manifest)
        manifest = Manifest(present.first, code)
        return NodeRecord(
            fingerprint=manifest.fingerprint(),
            first_key=manifest.first.first_key(),
            trace=code.trace.name,
            node=planned.name,
            component=manifest.first.component,
            manifest=manifest,
            value=baseline.value,
            resource=baseline.resource,
            log_tail=baseline.log_tail,
            seconds=baseline.seconds,
            created=self._origin.time or 0.0,
            reasons=decision.reasons,
            origin=self._origin,
            dropped=baseline.dropped,
            unnarrowed=(Unnarrowed(UnnarrowedKind.ACCEPTED),) if manifest.first.version is None else (),
        )

    def _publish(self, record: NodeRecord) -> Published:
        return self._storage.publish(
            record,
            record.manifest.code.trace,
            fingerprint_under=lambda trace: full_fingerprint(
                record.first_key, self._world.answer(trace.queries).answers
            ),
            sources=source_texts(self._world, record.manifest.code),
        )


def accepted_code(world: PresentWorld, present: Manifest, baseline: Manifest) -> TracePart:
    """The code part of an accepted record: what the next edit must be compared with.

    Args:
        present: the node's manifest, with all that reading reaches from its component and inputs.
        baseline: of the record that is taken, whose run also discovered names by running.

    Returns:
        All these questions, answered now. What that run narrowed down isn't taken over: a run of the present
        code might come by other functions.
    """
    queries = set(present.code.answers)
    for query in baseline.code.answers:
        if query.kind == "module":
            queries.add(Query("closure", f"{query.argument}:*"))
        elif query.kind not in _NARROW_KINDS:
            queries.add(query)
    if present.first.version is not None:
        queries = {query for query in queries if query.kind not in _READ_KINDS}
    elif present.first.component != baseline.first.component:
        queries.discard(Query("closure", baseline.first.component))
    return world.answer(sorted(queries))


def _obstacle(planner: Planner, planned: Mapping[str, PlannedNode], name: str) -> Problem | None:
    """Why a node's decision leaves nothing to accept; None where it doesn't."""
    node, decision = planner.schema.nodes[name], planned[name].decision
    if node.cache_mode is not CacheMode.DEFAULT:
        mode = node.cache_mode.value
        return _refused(
            name,
            f"runs whenever it is needed (cache: {mode}), so no record stands for it",
            f"take `cache: {mode}` away, or `fr run {name}`",
        )
    untold = planner.untold(name)
    if untold is not None:
        message = f"runs whenever it is needed, since it can't be told what code it runs: {untold}"
        return _refused(name, message, "move it to a module")
    if isinstance(decision, UpToDate):
        hint = "there is nothing to accept"
        return _refused(
            name,
            "is up to date already",
            hint if decision.kept else f"{hint}; `fr run {name}` makes its output again, which isn't kept",
        )
    if isinstance(decision, Undecided):
        return _refused(
            name,
            f"is undecided: it depends on what comes of {', '.join(sorted(decision.waiting_on))}",
            f"`fr run {name}` decides it; to accept what is stale above it, too: "
            f"`fr accept {' '.join(_stale_above(planned, decision))} {name}`",
        )
    for reason in decision.reasons:
        if reason.kind is ReasonKind.NOT_CACHEABLE:
            what = "its output" if reason.what is None else f"the output of {reason.what!r}"
            message = f"can't be taken from a record: {what} can't be stored"
            return _refused(name, message, f"`fr run {name}` runs it, as every time")
    return None


def _stale_above(planned: Mapping[str, PlannedNode], decision: Undecided) -> list[str]:
    """The stale nodes that an undecided one waits for, in the graph's order."""
    waiting = list(decision.waiting_on)
    seen = set(waiting)
    while waiting:
        above = planned[waiting.pop()].decision
        further = (
            [name for name in above.waiting_on if name not in seen] if isinstance(above, Undecided) else []
        )
        seen.update(further)
        waiting.extend(further)
    return [name for name, node in planned.items() if name in seen and isinstance(node.decision, Stale)]


def _baseline(planner: Planner, name: str) -> NodeRecord | Problem:
    """The record to take, or why there is none."""
    baseline = planner.baseline_record(name)
    if baseline is None:
        return _refused(name, "has never run, so there is no record to take", f"`fr run {name}`")
    if not baseline.storable:
        message = "can't be taken from its last record: its output couldn't be stored"
        return _refused(name, message, f"`fr run {name}` runs it, as every time")
    return baseline


def _refused(name: str, message: str, hint: str) -> Problem:
    return Problem("not-acceptable", f"{name!r} {message}", node=name, hint=hint)


def current_user() -> str:
    """Who runs this process: their login name, else their number."""
    import getpass
    import os

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}"
