"""`fold_node`: one node's line in a run's report, from where it ended and what came of it."""

from __future__ import annotations

from fingerprint_runner.fingerprints.record import NodeRecord, Reason
from fingerprint_runner.planning.plan import PlannedNode
from fingerprint_runner.runners.observing.reads import UndeclaredRead
from fingerprint_runner.runners.report import NodeReport, NodeStatus
from fingerprint_runner.runners.scheduler import State

_STATUS_OF = {
    State.RAN: NodeStatus.RAN,
    State.FAILED: NodeStatus.FAILED,
    State.SKIPPED: NodeStatus.SKIPPED,
    State.CANCELLED: NodeStatus.CANCELLED,
    State.RUNNING: NodeStatus.CANCELLED,
}


def fold_node(
    planned: PlannedNode,
    state: State,
    record: NodeRecord | None,
    *,
    seconds: float,
    was_undecided: bool,
    reasons: tuple[Reason, ...],
    undeclared: tuple[UndeclaredRead, ...] = (),
) -> NodeReport:
    """Fold what is known of a node.

    Args:
        planned: its latest decision.
        state: where it ended; idle with a record is a hit.
        record: of its value, where it has one.
        seconds: how long its own code ran.
        was_undecided: whether it couldn't be decided when the run began.
        reasons: why it ran, or would have.
        undeclared: what it read without declaring it.
    """
    hit = NodeStatus.HIT if record is not None else NodeStatus.CANCELLED
    status = _STATUS_OF.get(state, hit)
    there = record if status in (NodeStatus.RAN, NodeStatus.HIT) else None
    value = None if there is None else there.value
    artifact = None if value is None else value.artifact
    resource = None if there is None else there.resource
    is_hit = status is NodeStatus.HIT
    return NodeReport(
        name=planned.name,
        status=status,
        fingerprint=None if there is None else there.fingerprint,
        first_key=planned.first_key,
        artifact=None if artifact is None else artifact.digest,
        value=None if value is None else value.identity,
        resource=None if resource is None else resource.identity,
        seconds=0.0 if is_hit else seconds,
        early_cutoff=is_hit and was_undecided,
        reasons=() if is_hit else reasons,
        undeclared=() if is_hit else undeclared,
    )
