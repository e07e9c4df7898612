"""`RunReport`: what a run did, node by node; the fold of all outcomes.

Invariant: `as_json` gives exactly the fields of the published contract, every one of them always.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fingerprint_runner.errors import NodeFailed
from fingerprint_runner.fingerprints.record import Origin, Reason
from fingerprint_runner.planning.decide import Stale, Undecided, UpToDate
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.runners.observing.reads import UndeclaredRead


class NodeStatus(enum.Enum):
    """How a node ended in a run."""

    RAN = "ran"
    HIT = "hit"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class NodeReport:
    """One node of a run.

    Attributes:
        fingerprint: full; None until known.
        first_key: None only while a parent's identity is unknown.
        artifact: digest of the stored value.
        value: the value's identity.
        resource: identity of the resource directory.
        seconds: how long its own code ran; 0 for hits.
        early_cutoff: a hit that was undecided at the start.
        reasons: why it ran, or would have.
        undeclared: what it read in this run without declaring it, and what doesn't count for that; each
            thing once, in the order of first use.
    """

    name: str
    status: NodeStatus
    fingerprint: str | None = None
    first_key: str | None = None
    artifact: str | None = None
    value: str | None = None
    resource: str | None = None
    seconds: float = 0.0
    early_cutoff: bool = False
    reasons: tuple[Reason, ...] = ()
    undeclared: tuple[UndeclaredRead, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The contract's fields of one node."""
        return {
            "status": self.status.value,
            "fingerprint": self.fingerprint,
            "first_key": self.first_key,
            "artifact": self.artifact,
            "value": self.value,
            "resource": self.resource,
            "seconds": self.seconds,
            "early_cutoff": self.early_cutoff,
            "reasons": [reason_as_json(reason) for reason in self.reasons],
            "undeclared": [read.as_json() for read in self.undeclared],
        }


def reason_as_json(reason: Reason) -> dict[str, Any]:
    """The contract's fields of one reason."""
    return {"kind": reason.kind.value, "what": reason.what, "old": reason.old, "new": reason.new}


def origin_as_json(origin: Origin | None) -> dict[str, Any]:
    """How a record came to be, and who accepted it when; all null where there is no record."""
    if origin is None:
        return {"origin": None, "accepted_by": None, "accepted_at": None}
    return {"origin": origin.kind, "accepted_by": origin.user, "accepted_at": origin.time}


class TargetValues(Mapping[str, Any]):
    """Target → value; each is restored when first asked for and then kept."""

    def __init__(self, names: tuple[str, ...], restore: Callable[[str], Any]) -> None:
        self._names = names
        self._restore = restore
        self._restored: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._restored:
            self._restored[name] = self._restore(name)
        return self._restored[name]

    def again(self) -> TargetValues:
        """The same, with nothing restored yet: whoever gets it shares no value with others."""
        return TargetValues(self._names, self._restore)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class RunReport:
    """What a run did.

    Attributes:
        nodes: name → report, parents before children; nodes that the run never looked at are left out.
        targets: what was asked for.
        failures: of nodes whose own code raised, and of exports, in the order they happened.
        warnings: what people should know and can go on with.
        exported: paths that were written because they differed.
        interrupted: whether the run was stopped from outside.
        values: the targets' values, restored when asked for.
    """

    run_id: str
    seconds: float
    nodes: Mapping[str, NodeReport]
    targets: tuple[str, ...]
    failures: tuple[NodeFailed, ...] = ()
    warnings: tuple[str, ...] = ()
    exported: tuple[str, ...] = ()
    interrupted: bool = False
    values: TargetValues = field(
        default_factory=lambda: TargetValues((), lambda name: None), compare=False, repr=False
    )

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing was cut short."""
        return not self.failures and not self.interrupted

    @property
    def counts(self) -> dict[str, int]:
        """Nodes by status, in the contract's order."""
        counts = {status.value: 0 for status in NodeStatus}
        for node in self.nodes.values():
            counts[node.status.value] += 1
        return counts

    @property
    def ran(self) -> tuple[str, ...]:
        """Names of the nodes that ran."""
        return tuple(name for name, node in self.nodes.items() if node.status is NodeStatus.RAN)

    def as_json(self) -> dict[str, Any]:
        """The contract's object for `fr run --json`."""
        plain: dict[str, Any] = {
            "ok": self.ok,
            "run_id": self.run_id,
            "seconds": self.seconds,
            "counts": self.counts,
            "targets": {
                name: {"artifact": self.nodes[name].artifact if name in self.nodes else None}
                for name in self.targets
            },
            "nodes": {name: node.as_json() for name, node in self.nodes.items()},
        }
        if self.failures:
            plain["errors"] = [failure_as_json(failure) for failure in self.failures]
        return plain


def failure_as_json(failure: NodeFailed) -> dict[str, Any]:
    """The contract's error fields of a failed node."""
    file, _, line = (failure.place or "").rpartition(":")
    return {
        "kind": failure.kind,
        "message": f"{failure.error_type}: {failure.error_message}",
        "file": file or None,
        "line": int(line) if line.isdigit() else None,
        "node": failure.node,
        "key": None,
        "hint": None,
    }


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The contract's object for `fr plan --json`: as a run's, with a plan's statuses."""
    nodes = {}
    for name, planned in plan.nodes.items():
        decision = planned.decision
        record = decision.record if isinstance(decision, UpToDate) else None
        value = None if record is None else record.value
        node: dict[str, Any] = {
            "status": "up-to-date"
            if isinstance(decision, UpToDate)
            else "stale"
            if isinstance(decision, Stale)
            else "undecided",
            "fingerprint": planned.fingerprint,
            "first_key": planned.first_key,
            "artifact": None if value is None or value.artifact is None else value.artifact.digest,
            "value": None if value is None else value.identity,
            "resource": None if record is None or record.resource is None else record.resource.identity,
            "seconds": 0.0 if record is None else record.seconds,
            "early_cutoff": False,
            "reasons": [reason_as_json(reason) for reason in decision.reasons]
            if isinstance(decision, Stale)
            else [],
            "undeclared": [],
        }
        if isinstance(decision, UpToDate):
            node["kept"] = decision.kept
            node.update(origin_as_json(decision.record.origin))
        if isinstance(decision, Undecided):
            node["waiting_on"] = list(decision.waiting_on)
        nodes[name] = node
    counts = plan.counts
    return {
        "ok": True,
        "counts": {
            "up_to_date": counts.up_to_date,
            "stale": counts.stale,
            "undecided": counts.undecided,
        },
        "targets": {name: {"artifact": nodes[name]["artifact"]} for name in plan.request.targets},
        "nodes": nodes,
    }
