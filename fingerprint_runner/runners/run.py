"""`Run`: one run of a graph, from plan to report.

    Plan ─take─> NodeTask ─executor─> NodeOutcome ─publish─> NodeRecord ─fold─> RunReport

Invariants: the coordinator touches no values (hooks that ask for them apart); nothing is published
that isn't what was planned (R12); what finished before a failure or an interruption stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fingerprint_runner.errors import NodeFailed, StorageError
from fingerprint_runner.fingerprints.record import NodeRecord, Reason, ReasonKind, RunNode, RunRecord
from fingerprint_runner.graph.component import Resource
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.planning.decide import Stale, UpToDate
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.planning.planner import Planner, has_import_path
from fingerprint_runner.runners.executor import Executor, SinkFor
from fingerprint_runner.runners.exports import Exporter
from fingerprint_runner.runners.hook_calls import HookCalls, HookFailed
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.outputs import value_store
from fingerprint_runner.runners.publisher import Publisher
from fingerprint_runner.runners.redecider import Redecider
from fingerprint_runner.runners.report import NodeReport, RunReport, TargetValues
from fingerprint_runner.runners.run_fold import fold_node
from fingerprint_runner.runners.run_node import restore_input
from fingerprint_runner.runners.scheduler import Scheduler, State
from fingerprint_runner.runners.task import (
    GivenInput,
    MemoryInput,
    NodeError,
    NodeOutcome,
    NodeTask,
    OutcomeStatus,
    StoredInput,
    TaskInput,
)
from fingerprint_runner.runners.world import PresentWorld
from fingerprint_runner.storage.model_storage import ModelStorage

MAX_ATTEMPTS = 3
"""How often a node is planned again because its sources or files changed under it."""

ExecutorFactory = Callable[[ModelStorage, SinkFor], Executor]


@dataclass(frozen=True)
class RunSetup:
    """What a run works with; made by `GraphRunner`.

    Attributes:
        inputs: the values of the run's inputs by name.
        config_of: a node's config with secrets filled in.
        validate: raises what only importing components shows to be wrong; gives merged configs.
        registered_name: how histories name the graph.
    """

    schema: GraphSchema
    context: ExecutionContext
    storage: ModelStorage
    world: PresentWorld
    planner: Planner
    inputs: Mapping[str, Any]
    config_of: Callable[[SchemaNode], Mapping[str, Any]]
    validate: Callable[[Plan], Mapping[str, Mapping[str, Any]]]
    executor_factory: ExecutorFactory
    hooks: Sequence[GraphNodeHook]
    observer: RunObserver
    run_id: str
    graph_id: str
    registered_name: str
    keep_going: bool = False


@dataclass
class RunProgress:
    """What a run has come to so far, node by node."""

    undecided_at_start: frozenset[str] = frozenset()
    attempts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, tuple[Reason, ...]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    hits_told: set[str] = field(default_factory=set)
    failures: list[NodeFailed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    exported: list[str] = field(default_factory=list)
    hook_data: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)
    """Targets whose values are in no store."""


class Run:
    """Carries out one run; `execute` is called once."""

    _redecider: Redecider
    _scheduler: Scheduler

    def __init__(self, setup: RunSetup) -> None:
        self._setup = setup
        self._planner = setup.planner
        self._progress = RunProgress()
        self._cleanup = ExitStack()
        self._scratch: Path | None = None
        self._executor: Executor | None = None
        self._merged: Mapping[str, Mapping[str, Any]] = {}
        self._hooks = HookCalls(setup.hooks, setup.context, self._warn)
        self._publisher = Publisher(setup.planner, setup.world, setup.storage, self._warn)

    def execute(self) -> RunReport:
        """Plan, validate, run, publish, export, report.

        Raises:
            InvalidGraph: found before anything ran.
        """
        setup = self._setup
        started, clock = time.time(), time.perf_counter()
        plan = self._planner.make_plan()
        self._merged = setup.validate(plan)
        setup.observer.planned(plan)
        self._hooks.on_plan(plan)
        interrupted = False
        with self._cleanup:
            self._begin(plan)
            try:
                self._drive()
            except KeyboardInterrupt:
                interrupted = True
                self._scheduler.stop()
            finally:
                self._close_executor()
                self._publisher.flush()
            if not interrupted:
                self._export()
        report = self._report(time.perf_counter() - clock, interrupted)
        self._write_run(report, started)
        setup.world.save()
        self._hooks.on_run_end(report)
        return report

    def _begin(self, plan: Plan) -> None:
        decisions = {name: planned.decision for name, planned in plan.nodes.items()}
        self._progress.undecided_at_start = frozenset(
            name for name, decision in decisions.items() if not isinstance(decision, Stale | UpToDate)
        )
        self._scheduler = Scheduler(
            list(plan.nodes),
            {name: self._setup.schema.parents_of(name) for name in plan.nodes},
            plan.request.targets,
            decisions,
            keep_going=self._setup.keep_going,
        )
        self._redecider = Redecider(plan, self._planner, self._scheduler, self._tell_hit)
        for name in plan.nodes:
            self._tell_hit(name)

    def _drive(self) -> None:
        """Start what can start, take in what is done, until nothing is left."""
        while True:
            while len(self._scheduler.running) < self._slots and (name := self._scheduler.take()):
                self._start(name)
            if not self._scheduler.running:
                return
            assert self._executor is not None
            task, outcome = self._executor.finished()
            self._take_in(task.node, outcome)

    @property
    def _slots(self) -> int:
        return 1 if self._executor is None else self._executor.slots

    # --- starting -------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        setup = self._setup
        if self._executor is None:
            self._scratch = self._cleanup.enter_context(setup.storage.scratch())
            self._executor = setup.executor_factory(setup.storage, setup.observer.sink_for)
        decision = self._scheduler.decision(name)
        missing = (Reason(ReasonKind.ARTIFACT_MISSING),)
        self._progress.reasons[name] = decision.reasons if isinstance(decision, Stale) else missing
        if name not in self._progress.attempts:
            setup.observer.started(name, self._progress.reasons[name])
        task = self._task(name)
        try:
            if self._hooks.around_nodes:
                inputs = self._inputs_for_hooks(task) if self._hooks.want_values else {}
                self._progress.hook_data[name] = self._hooks.before(name, self._merged_config(name), inputs)
        except HookFailed as failed:
            self._fail(name, NodeOutcome(OutcomeStatus.FAILED, error=failed.error), kind="hook")
            return
        self._executor.start(task)

    def _task(self, name: str) -> NodeTask:
        setup = self._setup
        node = setup.schema.nodes[name]
        present = self._redecider.planned[name].present
        assert present is not None
        assert self._scratch is not None
        named = isinstance(node.uses, str) or has_import_path(node.component)
        roots = [query.argument for query in present.code.answers if query.kind == "closure"]
        return NodeTask(
            node=name,
            component=node.component,
            fn=node.fn,
            constructor_name=node.constructor_name,
            config=setup.config_of(node),
            inputs={parameter: self._input(need.name, need.key) for parameter, need in node.parents.items()},
            context=setup.context,
            storage=setup.storage.location,
            scratch=self._scratch,
            folder=setup.world.folder,
            search_path=setup.world.search_path,
            modules=setup.world.modules([*roots, node.component] if named else roots),
            resource=node.resource,
            target=None if isinstance(node.uses, str) or named else node.uses,
            keep=self._publisher.keeps(name),
        )

    def _input(self, source: str, key: str | None) -> TaskInput:
        if source not in self._setup.schema.nodes:
            return GivenInput(self._setup.inputs[source])
        record = self._planner.outcomes[source]
        if not record.storable:
            return MemoryInput(source, key, record.resource)
        return StoredInput(source, key, record.value, record.resource, kept=self._publisher.keeps(source))

    def _inputs_for_hooks(self, task: NodeTask) -> dict[str, Any]:
        storage = self._setup.storage
        return {name: restore_input(source, task, storage) for name, source in task.inputs.items()}

    def _merged_config(self, name: str) -> dict[str, Any]:
        return dict(self._merged.get(name, self._setup.schema.nodes[name].config))

    # --- taking in ------------------------------------------------------------------------------------

    def _take_in(self, name: str, outcome: NodeOutcome) -> None:
        self._progress.seconds[name] = outcome.seconds
        if outcome.status is OutcomeStatus.INPUT_LOST:
            self._lost(name, outcome.detail)
        elif outcome.status is OutcomeStatus.SOURCE_CHANGED:
            self._again(name, outcome.detail)
        elif outcome.status is not OutcomeStatus.DONE:
            self._fail(name, outcome)
        else:
            present = self._redecider.planned[name].present
            assert present is not None
            changed = self._publisher.changed_since_planned(name, present, outcome)
            if changed is None:
                self._done(name, self._publisher.record(name, present, outcome, self._reasons(name)), outcome)
            else:
                self._again(name, changed)

    def _done(self, name: str, record: NodeRecord, outcome: NodeOutcome) -> None:
        try:
            if self._hooks.around_nodes:
                output = self._load(record) if self._hooks.want_values else None
                data = self._progress.hook_data.pop(name, [])
                self._hooks.after(name, self._merged_config(name), output, data)
        except HookFailed as failed:
            self._fail(name, replace(outcome, error=failed.error), kind="hook")
            return
        if outcome.not_storable is not None:
            self._warn(
                f"node {name!r}: its output can't be stored and is handed on in memory: "
                f"{outcome.not_storable}; it and what needs it run again every time"
            )
        known = self._planner.outcomes.get(name)
        held = self._planner.outcomes[name] = self._publisher.publish(name, record)
        changed = known is not None and known.identity != held.identity
        children = self._scheduler.ran(name, changed=changed)
        self._progress.hits_told.discard(name)
        self._tell(name)
        self._redecider.outcome_known(name, children)

    def _again(self, name: str, what: str) -> None:
        """Plan and run a node again, since `what` changed under it (R12)."""
        attempts = self._progress.attempts[name] = self._progress.attempts.get(name, 0) + 1
        if attempts > MAX_ATTEMPTS:
            message = f"{what} changed while the node ran, {attempts} times in a row; nothing was kept of it"
            error = NodeError("SourceChanged", message)
            self._fail(name, NodeOutcome(OutcomeStatus.FAILED, error=error))
            return
        self._warn(f"{what} changed after node {name!r} was planned: it is planned and run again")
        self._setup.world.refresh()
        self._scheduler.give_back(name)
        self._redecider.decide(name)

    def _lost(self, name: str, parent: str) -> None:
        """A parent's artifact is gone: the parent counts as not kept and runs again (R11)."""
        self._warn(f"the stored output of node {parent!r} is missing or damaged: it runs again")
        gone = UpToDate(self._planner.outcomes[parent], kept=False)
        planned = self._redecider.planned[parent]
        self._redecider.planned[parent] = replace(planned, decision=gone)
        self._scheduler.give_back(name)
        self._scheduler.lost(parent, gone)

    def _fail(self, name: str, outcome: NodeOutcome, kind: str = "node") -> None:
        assert outcome.error is not None
        origin = self._setup.schema.origin
        line = None if origin is None else origin.place("nodes", name)[0]
        failure = NodeFailed(
            name,
            self._setup.schema.nodes[name].component,
            error_type=outcome.error.type,
            error_message=outcome.error.message,
            traceback=outcome.error.traceback,
            log_tail=outcome.log_tail,
            place=None if origin is None else f"{origin.shown}:{line}",
            kind=kind,
        )
        self._progress.failures.append(failure)
        self._planner.outcomes.pop(name, None)
        self._scheduler.failed(name)
        self._hooks.on_node_error(name, failure)
        self._tell(name)

    # --- telling --------------------------------------------------------------------------------------

    def _tell(self, name: str) -> None:
        self._setup.observer.finished(self._node_report(name))

    def _tell_hit(self, name: str) -> None:
        """Tell, once, of a node that turned out to be up to date and won't run."""
        decision = self._scheduler.decision(name)
        told = self._progress.hits_told
        if not isinstance(decision, UpToDate) or self._scheduler.must_run(name) or name in told:
            return
        told.add(name)
        value = decision.record.value
        artifact = None if value is None or value.artifact is None else value.artifact.digest
        config = dict(self._setup.schema.nodes[name].config)
        self._hooks.on_cache_hit(name, config, decision.record.fingerprint, artifact)
        self._tell(name)

    def _warn(self, text: str) -> None:
        self._progress.warnings.append(text)
        self._setup.observer.warning(text)

    def _reasons(self, name: str) -> tuple[Reason, ...]:
        decision = self._scheduler.decision(name)
        return self._progress.reasons.get(name, decision.reasons if isinstance(decision, Stale) else ())

    # --- ending ---------------------------------------------------------------------------------------

    def _close_executor(self) -> None:
        if self._executor is None:
            return
        for name in self._planner.request.targets:
            record = self._planner.outcomes.get(name)
            if record is not None and not record.storable:
                self._progress.held[name] = self._executor.memory.get(name)
            elif record is not None and name in self._publisher.unpublished:
                self._progress.held[name] = self._load(record)
        self._executor.close()

    def _export(self) -> None:
        setup = self._setup
        exporter = Exporter(setup.world.folder, setup.storage, setup.world.file_digests, setup.storage.memo)
        for name in self._planner.order:
            to = setup.schema.nodes[name].export
            record = self._planner.outcomes.get(name)
            if to is None or record is None or not self._in_store(name, record):
                continue
            for path in exporter.export(name, record, to):
                self._progress.exported.append(path)
                setup.observer.exported(path)

    def _in_store(self, name: str, record: NodeRecord) -> bool:
        return name not in self._publisher.unpublished and self._setup.storage.is_kept(record)

    def _load(self, record: NodeRecord) -> Any:
        """The value of a record of this run, whichever store it is in; None for one kept in memory."""
        if record.value is None or record.value.artifact is None:
            return None if record.resource is None else Resource(record.node, record.resource.identity)
        if self._scratch is None:
            return self._setup.storage.load_value(record.value.artifact)
        store = value_store(self._setup.storage, self._scratch, kept=self._publisher.keeps(record.node))
        return store.load_value(record.value.artifact)

    def _restore_target(self, name: str) -> Any:
        if name in self._progress.held:
            return self._progress.held[name]
        record = self._planner.outcomes[name]
        if record.value is None or record.value.artifact is None:
            return Resource(name, "" if record.resource is None else record.resource.identity)
        return self._setup.storage.load_value(record.value.artifact)

    def _report(self, seconds: float, interrupted: bool) -> RunReport:
        targets = self._planner.request.targets
        outcomes = self._planner.outcomes
        looked_at = [
            name
            for name in self._planner.order
            if self._scheduler.state(name) is not State.IDLE or name in outcomes
        ]
        return RunReport(
            run_id=self._setup.run_id,
            seconds=seconds,
            nodes={name: self._node_report(name) for name in looked_at},
            targets=targets,
            failures=tuple(self._progress.failures),
            warnings=tuple(self._progress.warnings),
            exported=tuple(self._progress.exported),
            interrupted=interrupted,
            values=TargetValues(tuple(name for name in targets if name in outcomes), self._restore_target),
        )

    def _node_report(self, name: str) -> NodeReport:
        return fold_node(
            self._redecider.planned[name],
            self._scheduler.state(name),
            self._planner.outcomes.get(name),
            seconds=self._progress.seconds.get(name, 0.0),
            was_undecided=name in self._progress.undecided_at_start,
            reasons=self._reasons(name),
        )

    def _write_run(self, report: RunReport, started: float) -> None:
        """Leave the run record that the next run starts from; a run that changed nothing leaves none."""
        setup = self._setup
        unchanged = report.ok and not report.ran and self._planner.same_as_last_run(report.targets)
        if not self._publisher.can_store or unchanged:
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
        )
        try:
            setup.storage.put_run(run, setup.registered_name)
        except StorageError as error:
            self._warn(f"the run's history isn't kept: {error}")
