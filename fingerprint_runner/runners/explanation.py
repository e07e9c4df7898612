"""`Explanation`: why nodes are as they are, and in turn why what they need is, up to what a person changed.

Invariant: a value; each node is explained once, whoever needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fingerprint_runner.fingerprints.record import NodeRecord, Reason
from fingerprint_runner.planning.decide import Stale, UpToDate
from fingerprint_runner.planning.plan import Plan, PlannedNode
from fingerprint_runner.runners.report import origin_as_json, plan_as_json, reason_as_json


@dataclass(frozen=True)
class ExplainedReason:
    """One reason, with what there is to see of it.

    Attributes:
        place: file and line, as they are now, of a changed symbol; None where it isn't first-party source.
        diff: lines of a changed symbol, old against new, that begin with a blank, `-` or `+`; `…` stands for
            lines that are left out. Empty where the store doesn't know the old text.
        parent: the node that changed, where it is explained in turn.
    """

    reason: Reason
    place: tuple[str, int] | None = None
    diff: tuple[str, ...] = ()
    parent: str | None = None


@dataclass(frozen=True)
class ExplainedNode:
    """Why one node is stale, or ran last, or changed for those that need it.

    Attributes:
        planned: the node in the plan.
        reasons: of a stale node why it is; of one that is up to date why it last ran or, where another
            node needs it, what made it differ from what that node last saw. Empty for undecided ones.
        waiting_on: of an undecided node, the parents that must finish first.
        baseline: the earlier record that the node was compared with; None where that isn't known.
    """

    planned: PlannedNode
    reasons: tuple[ExplainedReason, ...] = ()
    waiting_on: tuple[str, ...] = ()
    baseline: NodeRecord | None = None


@dataclass(frozen=True)
class Explanation:
    """Why some nodes are as they are.

    Attributes:
        plan: of the nodes and all that they need.
        asked: the nodes that are to be explained, in the order to show them.
        nodes: name → why; the asked ones first, then those that lead to them, nearest first.
        notes: where reading the code of a single asked node couldn't follow and widened: of its record's
            trace or, where it has no record, of all that its component can reach.
        component_place: file and line of a single asked node's component; None where it isn't first-party
            source.
    """

    plan: Plan
    asked: tuple[str, ...]
    nodes: Mapping[str, ExplainedNode]
    notes: tuple[str, ...] = ()
    component_place: tuple[str, int] | None = None

    def record(self, name: str) -> NodeRecord | None:
        """What a node's value is, or was: the record that it is up to date by, else its baseline."""
        explained = self.nodes[name]
        decision = explained.planned.decision
        return decision.record if isinstance(decision, UpToDate) else explained.baseline


def explanation_as_json(explanation: Explanation, node: str | None) -> dict[str, Any]:
    """The contract's object for `fr explain --json`.

    Args:
        node: the one node that was asked for; None where all are explained.
    """
    last = None if node is None else explanation.record(node)
    return {
        **plan_as_json(explanation.plan),
        "node": node,
        "last": None
        if last is None
        else {
            "created": last.created,
            "seconds": last.seconds,
            "fingerprint": last.fingerprint,
            "reasons": [reason_as_json(reason) for reason in last.reasons],
            **origin_as_json(last.origin),
        },
        "widened": list(explanation.notes),
        "narrowed": None if last is None else is_narrowed(last),
        "not_narrowed": []
        if last is None
        else [{"kind": each.kind.value, "what": each.what} for each in last.unnarrowed],
        "asked": list(explanation.asked),
        "explained": {name: _node_as_json(found) for name, found in explanation.nodes.items()},
    }


def is_narrowed(record: NodeRecord) -> bool | None:
    """Whether a record's trace is narrowed to the functions that ran; None where it asks for no code."""
    kinds = {query.kind for query in record.manifest.code.answers}
    if "loading" in kinds:
        return True
    return False if "closure" in kinds else None


def _node_as_json(found: ExplainedNode) -> dict[str, Any]:
    decision = found.planned.decision
    return {
        "status": "stale"
        if isinstance(decision, Stale)
        else "up-to-date"
        if isinstance(decision, UpToDate)
        else "undecided",
        "reasons": [
            {
                **reason_as_json(each.reason),
                "file": None if each.place is None else each.place[0],
                "line": None if each.place is None else each.place[1],
                "diff": list(each.diff),
                "parent": each.parent,
            }
            for each in found.reasons
        ],
        "waiting_on": list(found.waiting_on),
        "compared_with": None
        if found.baseline is None
        else {"fingerprint": found.baseline.fingerprint, "created": found.baseline.created},
    }
