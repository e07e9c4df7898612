"""`Run`: one run of a graph, from plan to report.

    Plan ─take─> NodeTask ─executor─> NodeOutcome ─publish─> NodeRecord ─fold─> RunReport

Invariants: nothing runs before everything was checked; what finished before a failure or an
interruption stays; a run that found nothing to do writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fingerprint_runner.errors import DamagedArtifact, NodeFailed, StorageError
from fingerprint_runner.fingerprints.record import NodeFailure, NodeRecord, RunNode, RunRecord
from fingerprint_runner.graph.component import Resource
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.runners.observing.nested import note_run
from fingerprint_runner.runners.report import NodeStatus, RunReport, TargetValues
from fingerprint_runner.runners.run_state import RunSetup, RunState
from fingerprint_runner.runners.scheduler import State
from fingerprint_runner.runners.world import PresentWorld

_EXPORT_TRIES = 2


class Run:
    """Carries out one run; `execute` is called once."""

    def __init__(self, setup: RunSetup) -> None:
        self._setup = setup
        self._hits: tuple[RunState, Plan, RunReport] | None = None
        """Of a run in which everything was a hit."""

    def execute(self) -> RunReport:
        """Plan, validate, run, publish, export, report.

        Raises:
            InvalidGraph: found before anything ran.
        """
        note_run()
        setup = self._setup
        started, clock = time.time(), time.perf_counter()
        plan = setup.planner.make_plan()
        state = RunState(setup, plan, setup.validate(plan))
        setup.observer.planned(plan)
        state.hooks.on_plan(plan)
        for name in plan.nodes:
            if setup.world.objects and (untold := setup.planner.untold(name)) is not None:
                state.warn(f"node {name!r} runs every time, since it can't be told what it runs: {untold}")
            state.tell_hit(name)
        interrupted = state.scheduler.has_work and not self._drive(state)
        if not interrupted:
            interrupted = not self._export(state)
        for damage in setup.storage.take_damage():
            state.warn(damage)
        report = self._report(state, time.perf_counter() - clock, interrupted)
        self._write_run(state, report, started)
        setup.world.save()
        state.hooks.on_run_end(report)
        hits = all(node.status is NodeStatus.HIT for node in report.nodes.values())
        if hits and report.ok and not report.warnings and not report.exported:
            self._hits = state, plan, report
        return report

    @property
    def world(self) -> PresentWorld:
        """The world that it looked at."""
        return self._setup.world

    @property
    def outcomes(self) -> Mapping[str, NodeRecord]:
        """Node → its record, for nodes whose value is known."""
        return self._setup.planner.outcomes

    @property
    def is_all_hits(self) -> bool:
        """Whether the run found nothing to do, and nothing to tell; known after `execute`."""
        return self._hits is not None

    def repeat(self, run_id: str) -> RunReport:
        """The same run again, of which all were hits, while nothing has changed that it looked at."""
        assert self._hits is not None
        state, plan, before = self._hits
        setup, clock = self._setup, time.perf_counter()
        state.progress.warnings.clear()
        setup.observer.planned(plan)
        state.hooks.on_plan(plan)
        for name in plan.nodes:
            state.tell_hit_again(before.nodes[name])
        report = replace(
            before,
            run_id=run_id,
            seconds=time.perf_counter() - clock,
            warnings=tuple(state.progress.warnings),
            values=before.values.again(),
        )
        state.hooks.on_run_end(report)
        return report

    def _drive(self, state: RunState) -> bool:
        """Run what must run; gives whether it came to an end without being interrupted."""
        # For weight: a no-op run loads neither executors nor what they import.
        from fingerprint_runner.runners.driver import Driver
        from fingerprint_runner.runners.scratch import Scratch

        storage = self._setup.storage
        hits = [record.fingerprint for record in self._setup.planner.outcomes.values()]
        with (
            storage.live_run(hits),
            Scratch(storage, lambda error: state.publisher.lost_store(str(error))) as scratch,
        ):
            driver = Driver(state, scratch)
            try:
                driver.drive()
                self._export_unpublished(state)
            except KeyboardInterrupt:
                state.scheduler.stop()
                return False
            finally:
                driver.close()
                state.publisher.flush()
        return True

    def _export_unpublished(self, state: RunState) -> None:
        """Export what lives as long as the run's private folders do."""
        nodes = self._setup.schema.nodes
        if any(nodes[name].export is not None for name in state.publisher.unpublished):
            from fingerprint_runner.runners.run_exports import RunExports

            RunExports(state).unpublished()

    def _export(self, state: RunState) -> bool:
        """Export what is to be; gives whether it came to an end without being interrupted."""
        if all(self._setup.schema.nodes[name].export is None for name in self._setup.planner.order):
            return True
        # For weight: a no-op run without exports needs none of it.
        from fingerprint_runner.runners.run_exports import RunExports

        exports = RunExports(state)
        for _ in range(_EXPORT_TRIES):
            again = exports.from_store()
            if not again or state.progress.failures:
                return True
            for name in again:
                state.lost(name)
            if not self._drive(state):
                return False
        exports.fail(exports.from_store())
        return True

    def _report(self, state: RunState, seconds: float, interrupted: bool) -> RunReport:
        planner = self._setup.planner
        targets, outcomes = planner.request.targets, planner.outcomes
        # What is idle at the end and has no outcome was never needed: nothing below wanted it.
        looked_at = [
            name
            for name in planner.order
            if state.scheduler.state(name) is not State.IDLE or name in outcomes
        ]

        def restore(name: str) -> Any:
            if name in state.progress.held:
                return state.progress.held[name]
            value, resource = outcomes[name].value, outcomes[name].resource
            if value is None or value.artifact is None:
                return Resource(name, "" if resource is None else resource.identity)
            try:
                with self._setup.world.importable():
                    return self._setup.storage.load_value(value.artifact)
            except DamagedArtifact:
                return self._setup.make_again(name)

        return RunReport(
            run_id=self._setup.run_id,
            seconds=seconds,
            nodes={name: state.node_report(name) for name in looked_at},
            targets=targets,
            failures=tuple(state.progress.failures),
            warnings=tuple(state.progress.warnings),
            exported=tuple(state.progress.exported),
            interrupted=interrupted,
            values=TargetValues(tuple(name for name in targets if name in outcomes), restore),
        )

    def _write_run(self, state: RunState, report: RunReport, started: float) -> None:
        """Leave the run record that the next run starts from; a run that changed nothing leaves none."""
        setup = self._setup
        unchanged = report.ok and not report.ran and setup.planner.same_as_last_run(report.targets)
        if not state.publisher.can_store or unchanged:
            return
        run = RunRecord(
            run_id=report.run_id,
            graph_id=setup.graph_id,
            started=started,
            seconds=report.seconds,
            ok=report.ok,
            targets=report.targets,
            nodes={
                name: RunNode(node.first_key, node.fingerprint, node.status.value, node.seconds, node.reasons)
                for name, node in report.nodes.items()
            },
            failures={failure.node: _as_stored(failure) for failure in report.failures},
        )
        try:
            setup.storage.put_run(run, setup.registered_name, setup.schema.nodes)
            setup.storage.flush()
        except StorageError as error:
            state.warn(f"the run's history isn't kept: {error}")


def _as_stored(failure: NodeFailed) -> NodeFailure:
    """A failure as the history keeps it."""
    return NodeFailure(f"{failure.error_type}: {failure.error_message}", failure.traceback, failure.log_tail)
