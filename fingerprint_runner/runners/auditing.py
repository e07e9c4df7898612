"""`Audit`: runs cached nodes again, each from its cached inputs, and compares what comes out.

    up-to-date node ──inputs from the store──> run_node ──scratch folder──> compared with the cached output

Invariants: nothing of the store changes, but for what its readers set aside as damaged; nothing is published
or exported, no hook is called and no run is remembered; a node whose sources or files changed while it ran is
said not to be audited, and never to differ.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fingerprint_runner.errors import DamagedArtifact, InvalidGraph
from fingerprint_runner.fingerprints.difference import Difference, DifferenceKind, tree_difference
from fingerprint_runner.fingerprints.record import NodeRecord, ValueRecord
from fingerprint_runner.fingerprints.value_difference import first_difference
from fingerprint_runner.graph.node import CacheMode
from fingerprint_runner.planning.decide import Undecided, UpToDate
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.runners.audit_report import AuditedNode, AuditObserver, AuditReport, AuditStatus
from fingerprint_runner.runners.driver import Driver
from fingerprint_runner.runners.outputs import value_store
from fingerprint_runner.runners.run_state import RunSetup, RunState
from fingerprint_runner.runners.scratch import Scratch
from fingerprint_runner.runners.task import NodeOutcome, OutcomeStatus
from fingerprint_runner.runners.validation import placed

STOPPED = "the audit stopped at the first difference"


class NotAudited(Exception):
    """Why what a node put out again can't be held against its cached output."""


class AuditDriver(Driver):
    """Runs one node at a time, outside of any run's order, and keeps nothing of it."""

    def again(self, name: str) -> NodeOutcome:
        """What comes of a cached node now; its output is in the scratch folder.

        Raises:
            NotAudited: its sources, files or inputs aren't what they were.
        """
        task = replace(self._task(name), keep=False)
        if not self._is_current(name):
            raise NotAudited("what it depends on changed after the audit began")
        self._executor.start(task)
        outcome = self._redaction(name).outcome(self._executor.finished()[1])
        if outcome.status is OutcomeStatus.INPUT_LOST:
            raise NotAudited(f"the cached output of {outcome.detail} is missing or damaged")
        changed: str | None = outcome.detail
        if outcome.status is not OutcomeStatus.SOURCE_CHANGED:
            changed = self._state.publisher.changed_since_planned(name, self._started[name], outcome)
        if changed is not None:
            raise NotAudited(f"{changed} changed while it ran")
        return outcome

    def _is_current(self, name: str) -> bool:
        """Whether a node that was made ready is still up to date by the record that the audit began with."""
        record = self._planner.outcomes[name]
        answers = record.manifest.code.answers
        return (
            self._started[name].first.first_key() == record.first_key
            and self._setup.world.answer(tuple(answers)).answers == answers
        )

    def without_secrets(self, name: str, found: Difference) -> Difference:
        """A difference that shows no secret of the node's."""
        text = self._redaction(name).text
        old, new = (None if each is None else text(each) for each in (found.old, found.new))
        return Difference(found.path, found.kind, old, new)


class Audit:
    """Carries out one audit; `execute` is called once.

    Args:
        setup: as of a run, without hooks; its planner's targets are what may be audited.
        observer: sees the audit go on.
    """

    def __init__(self, setup: RunSetup, observer: AuditObserver) -> None:
        self._setup = setup
        self._observer = observer
        self._found: dict[str, AuditedNode] = {}

    def execute(self, names: Sequence[str] | None, *, keep_going: bool) -> AuditReport:
        """Run cached nodes again and compare.

        Args:
            names: nodes to audit; None for all that the targets need.
            keep_going: go on after a node that differs or fails.

        Raises:
            InvalidGraph: a secret isn't set; nothing ran.
        """
        began = time.perf_counter()
        plan = self._setup.planner.make_plan()
        chosen = [name for name in plan.nodes if names is None or name in names]
        obstacles = {name: why for name in chosen if (why := self._obstacle(plan, name)) is not None}
        audited = [name for name in chosen if name not in obstacles]
        self._check_secrets(audited)
        state = RunState(self._setup, plan, {})
        self._observer.auditing(audited, list(obstacles))
        if audited:
            self._run(state, audited, keep_going)
        for name, why in obstacles.items():
            self._tell(AuditedNode(name, AuditStatus.NOT_AUDITED, why=why))
        for damage in self._setup.storage.take_damage():
            state.warn(damage)
        self._setup.world.save()
        in_order = {name: self._found[name] for name in chosen}
        return AuditReport(time.perf_counter() - began, in_order, tuple(state.progress.warnings))

    def _obstacle(self, plan: Plan, name: str) -> str | None:
        """Why a node can't be audited; None where it can."""
        node, decision = self._setup.schema.nodes[name], plan.nodes[name].decision
        if node.cache_mode is not CacheMode.DEFAULT:
            return f"it runs whenever it is needed (cache: {node.cache_mode.value})"
        untold = self._setup.planner.untold(name)
        if untold is not None:
            return f"it runs whenever it is needed: {untold}"
        if isinstance(decision, Undecided):
            return f"it waits for {', '.join(sorted(decision.waiting_on))}"
        if not isinstance(decision, UpToDate):
            return "it is stale"
        if not decision.kept:
            return "its cached output isn't kept"
        for parent in self._setup.schema.parents_of(name):
            record = self._setup.planner.outcomes.get(parent)
            if record is None or not self._setup.storage.is_kept(record):
                return f"what it needs of {parent} isn't kept"
        return None

    def _check_secrets(self, names: Sequence[str]) -> None:
        problems = []
        for name in names:
            try:
                self._setup.config_of(self._setup.schema.nodes[name])
            except InvalidGraph as error:
                problems += [replace(problem, node=name) for problem in error.problems]
        if problems:
            raise InvalidGraph(placed(self._setup.schema, problems))

    def _run(self, state: RunState, names: Sequence[str], keep_going: bool) -> None:
        storage = self._setup.storage
        used = [record.fingerprint for record in self._setup.planner.outcomes.values()]
        # Nothing is kept, so a store that can't be written is no matter.
        with storage.live_run(used), Scratch(storage, lambda error: None) as scratch:
            driver = AuditDriver(state, scratch)
            try:
                for place, name in enumerate(names):
                    self._observer.started(name, ())
                    found = self._audit(driver, name)
                    self._tell(found)
                    if not keep_going and found.status in (AuditStatus.DIFFERS, AuditStatus.FAILED):
                        for left in names[place + 1 :]:
                            self._tell(AuditedNode(left, AuditStatus.NOT_AUDITED, why=STOPPED))
                        return
            finally:
                driver.close()

    def _tell(self, node: AuditedNode) -> None:
        self._found[node.name] = node
        self._observer.audited(node)

    def _audit(self, driver: AuditDriver, name: str) -> AuditedNode:
        record = self._setup.planner.outcomes[name]
        node = AuditedNode(name, AuditStatus.SAME, record.fingerprint, record.origin)
        place: Path | None = None
        try:
            outcome = driver.again(name)
            place, node = outcome.place, replace(node, seconds=outcome.seconds)
            if outcome.status is not OutcomeStatus.DONE:
                return replace(node, status=AuditStatus.FAILED, failure=driver.failure(name, outcome))
            found = self._difference(record, outcome)
        except NotAudited as error:
            return AuditedNode(name, AuditStatus.NOT_AUDITED, why=str(error))
        finally:
            # What one node put out isn't needed for the next, which takes its inputs from the store.
            if place is not None:
                shutil.rmtree(place, ignore_errors=True)
        if found is None:
            return node
        return replace(node, status=AuditStatus.DIFFERS, difference=driver.without_secrets(name, found))

    # --- comparing ------------------------------------------------------------------------------------

    def _difference(self, record: NodeRecord, outcome: NodeOutcome) -> Difference | None:
        """The first place in which an output differs from the cached one: in its value, or in its folder."""
        if not outcome.storable:
            return Difference("value", DifferenceKind.BYTES, None, outcome.not_storable)
        old, new = record.value, outcome.value
        if old is None or new is None:
            if old is not new:
                return Difference("value", DifferenceKind.ADDED if old is None else DifferenceKind.MISSING)
        elif old.identity != new.identity:
            return self._value_difference(old, new, outcome.place)
        return tree_difference(record.resource, outcome.resource)

    def _value_difference(self, old: ValueRecord, new: ValueRecord, place: Path | None) -> Difference:
        by_bytes = Difference("value", DifferenceKind.BYTES)
        if old.artifact is None or new.artifact is None:
            return by_bytes
        again = value_store(self._setup.storage, place)
        with self._setup.world.importable():
            try:
                before = self._setup.storage.load_value(old.artifact)
                found = first_difference(before, again.load_value(new.artifact))
            except DamagedArtifact as error:
                raise NotAudited(f"its cached output is {error.damage}") from error
            except Exception:  # The value's own code, which unpickling and comparing call.
                return by_bytes
        return found or by_bytes
