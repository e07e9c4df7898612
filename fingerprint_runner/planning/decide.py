"""`decide`: whether one node is up to date, stale or undecided, from values alone.

Deciding is written once: `fr plan`, `fr explain` and the running scheduler all come here. The
questions are asked in this order, and the first that answers ends it:

1. forced?                            stale: forced
2. does it run whenever needed?       stale: always-runs
3. has a parent's value no record?    stale: not-cacheable
4. is a parent's identity unknown?    undecided
5. is there a record for a trace?     up to date, kept or not (stale: not-cacheable if it holds no value)
6. otherwise                          stale: what differs from the baseline, or never-run

Invariants: no I/O, clock or environment; a stale decision has at least one reason.
"""

from __future__ import annotations

from msgspec import Struct

from fingerprint_runner.fingerprints.manifest import Manifest
from fingerprint_runner.fingerprints.record import NodeRecord, Reason, ReasonKind
from fingerprint_runner.planning.reasons import Baseline, differences


class Evidence(Struct, frozen=True):
    """All that deciding one node looks at.

    Attributes:
        forced: the user asks for a rerun.
        always_runs: its cache mode is not the default.
        unrecorded_parents: parents whose values are handed on in memory, without identity.
        waiting_on: parents whose identity isn't known yet.
        record: the record of the first trace that has one, in the order of lookups (R14).
        kept: whether that record's artifacts are in the store.
        present: the manifest as it would be published now; None while waiting on parents.
        baseline: what to compare with to say why; None if there is nothing.
    """

    forced: bool = False
    always_runs: bool = False
    unrecorded_parents: tuple[str, ...] = ()
    waiting_on: tuple[str, ...] = ()
    record: NodeRecord | None = None
    kept: bool = False
    present: Manifest | None = None
    baseline: Baseline | None = None


class UpToDate(Struct, frozen=True):
    """The record says what the node's value is; `kept` whether the store still has it."""

    record: NodeRecord
    kept: bool


class Stale(Struct, frozen=True):
    """The node must run if it is needed."""

    reasons: tuple[Reason, ...]


class Undecided(Struct, frozen=True):
    """These parents must finish first; the node may still turn out up to date."""

    waiting_on: tuple[str, ...]


Decision = UpToDate | Stale | Undecided


def decide(evidence: Evidence) -> Decision:
    """Answer for one node, by the questions in the module's docstring."""
    if evidence.forced:
        return Stale((Reason(ReasonKind.FORCED),))
    if evidence.always_runs:
        return Stale((Reason(ReasonKind.ALWAYS_RUNS),))
    if evidence.unrecorded_parents:
        return Stale(tuple(Reason(ReasonKind.NOT_CACHEABLE, what) for what in evidence.unrecorded_parents))
    if evidence.waiting_on:
        return Undecided(evidence.waiting_on)
    if evidence.record is not None:
        if not evidence.record.storable:
            return Stale((Reason(ReasonKind.NOT_CACHEABLE),))
        return UpToDate(evidence.record, evidence.kept)
    return Stale(differences(evidence.baseline, evidence.present))
