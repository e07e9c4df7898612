"""`Plan`: a decision for every node that the requested targets need.

Invariant: a plan is a value: what reads it changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from fingerprint_runner.fingerprints.manifest import ConfigEntry, Manifest
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.planning.decide import Decision, Stale, Undecided, UpToDate


class Request(Struct, frozen=True):
    """What a run or plan is asked for.

    Attributes:
        targets: nodes whose values are wanted, in the order asked for.
        inputs: name of a run's input → its identity, and its value as people may see it.
        forced: nodes to run whatever the store holds.
    """

    targets: tuple[str, ...]
    inputs: Mapping[str, ConfigEntry] = field(default_factory=dict)
    forced: frozenset[str] = frozenset()


class PlannedNode(Struct, frozen=True):
    """One node of a plan.

    Attributes:
        decision: see `decide`.
        first_key: None while a parent's identity is unknown.
        fingerprint: the full one; None until it is known.
        present: the manifest as it stands now, of what is stale; None of hits, whose code isn't read again,
            and while a parent's identity is unknown.
    """

    name: str
    decision: Decision
    first_key: str | None = None
    fingerprint: str | None = None
    present: Manifest | None = None


class PlanCounts(Struct, frozen=True):
    """How many nodes are in each state."""

    up_to_date: int
    stale: int
    undecided: int


class Plan(Struct, frozen=True):
    """A decision for every node that the targets need.

    Attributes:
        schema: the whole graph.
        request: what was asked for.
        nodes: name → planned node, parents before children.
    """

    schema: GraphSchema
    request: Request
    nodes: Mapping[str, PlannedNode]

    @property
    def counts(self) -> PlanCounts:
        """Nodes by state."""
        decisions = [planned.decision for planned in self.nodes.values()]
        return PlanCounts(
            up_to_date=sum(isinstance(decision, UpToDate) for decision in decisions),
            stale=sum(isinstance(decision, Stale) for decision in decisions),
            undecided=sum(isinstance(decision, Undecided) for decision in decisions),
        )

    @property
    def stale(self) -> tuple[str, ...]:
        """Names of the nodes that must run if they are needed, parents before children."""
        return tuple(name for name, node in self.nodes.items() if isinstance(node.decision, Stale))
