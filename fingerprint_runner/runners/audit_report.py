"""`AuditReport`: which cached outputs come out the same when their nodes run again.

Invariant: `as_json` gives exactly the fields of the published contract, every one of them always.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fingerprint_runner.errors import NodeFailed
from fingerprint_runner.fingerprints.difference import Difference
from fingerprint_runner.fingerprints.record import Origin
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.report import failure_as_json, origin_as_json


class AuditStatus(enum.Enum):
    """What came of running a cached node again."""

    SAME = "same"
    DIFFERS = "differs"
    FAILED = "failed"
    NOT_AUDITED = "not-audited"


@dataclass(frozen=True)
class AuditedNode:
    """One node of an audit.

    Attributes:
        fingerprint, origin: of the record that it was compared with; None where it wasn't.
        seconds: how long its own code ran; 0 where it didn't.
        difference: the first place in which its output differs from the cached one.
        failure: how it failed when it ran again.
        why: why it wasn't audited.
    """

    name: str
    status: AuditStatus
    fingerprint: str | None = None
    origin: Origin | None = None
    seconds: float = 0.0
    difference: Difference | None = None
    failure: NodeFailed | None = None
    why: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The contract's fields of one node."""
        found = self.difference
        return {
            "status": self.status.value,
            "fingerprint": self.fingerprint,
            **origin_as_json(self.origin),
            "seconds": self.seconds,
            "difference": None
            if found is None
            else {"path": found.path, "kind": found.kind.value, "old": found.old, "new": found.new},
            "why": self.why,
        }


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        nodes: name → what came of it, parents before children.
        warnings: what people should know and can go on with.
    """

    seconds: float
    nodes: Mapping[str, AuditedNode]
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no node gave something else, or failed."""
        return not self.with_status(AuditStatus.DIFFERS) and not self.with_status(AuditStatus.FAILED)

    @property
    def counts(self) -> dict[str, int]:
        """Nodes by status, in the contract's order."""
        return {status.value.replace("-", "_"): len(self.with_status(status)) for status in AuditStatus}

    def with_status(self, status: AuditStatus) -> list[AuditedNode]:
        """The nodes to which this happened."""
        return [node for node in self.nodes.values() if node.status is status]

    def as_json(self) -> dict[str, Any]:
        """The contract's object for `fr audit --json`."""
        plain: dict[str, Any] = {
            "ok": self.ok,
            "seconds": self.seconds,
            "counts": self.counts,
            "nodes": {name: node.as_json() for name, node in self.nodes.items()},
        }
        failures = [node.failure for node in self.nodes.values() if node.failure is not None]
        if failures:
            plain["errors"] = [failure_as_json(failure) for failure in failures]
        return plain


class AuditObserver(RunObserver):
    """Base of what shows an audit while it goes on; of a run's calls it gets `started` and `warning`."""

    def auditing(self, names: Sequence[str], left_out: Sequence[str]) -> None:
        """Nodes are run again, in this order; others can't be audited."""

    def audited(self, node: AuditedNode) -> None:
        """A node was audited, or won't be."""
