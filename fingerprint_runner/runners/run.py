"""`Run`: one run of a graph: plan, validate, run what must run, publish, report.

    Plan ─take─> NodeTask ─executor─> NodeOutcome ─publish─> NodeRecord ─fold─> RunReport

Invariants: the coordinator touches no values (hooks that ask for them apart); nothing is published
that isn't what was planned (R12); what finished before a failure or an interruption stays.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fingerprint_runner.errors import NodeFailed, SourceChanged, StorageError
from fingerprint_runner.fingerprints.manifest import Manifest, TracePart, full_fingerprint
from fingerprint_runner.fingerprints.record import (
    NodeRecord,
    Origin,
    Reason,
    ReasonKind,
    RunNode,
    RunRecord,
)
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.node import CacheMode, SchemaNode
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.planning.decide import Stale, Undecided, UpToDate
from fingerprint_runner.planning.plan import Plan, PlannedNode
from fingerprint_runner.planning.planner import Planner, has_import_path
from fingerprint_runner.runners.executor import Executor, SinkFor
from fingerprint_runner.runners.exports import Exporter
from fingerprint_runner.runners.hook_calls import HookCalls, HookFailed
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.outputs import value_store
from fingerprint_runner.runners.report import NodeReport, NodeStatus, RunReport, TargetValues
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
        config_of: node → config with secrets filled in.
        resolve: node → problems that only importing shows are raised here, before anything runs.
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
class _Progress:
    """What a run has come to so far."""

    planned: dict[str, PlannedNode] = field(default_factory=dict)
    undecided_at_start: set[str] = field(default_factory=set)
    unknown_parents: dict[str, set[str]] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, tuple[Reason, ...]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    unpublished: set[str] = field(default_factory=set)
    hits_told: set[str] = field(default_factory=set)
    failures: list[NodeFailed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    exported: list[str] = field(default_factory=list)
    hook_data: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class Run:
    """Carries out one run; `execute` is called once."""

    def __init__(self, setup: RunSetup) -> None:
        self._setup = setup
        self._planner = setup.planner
        self._progress = _Progress()
        self._rank = {name: rank for rank, name in enumerate(setup.planner.order)}
        self._cleanup = ExitStack()
        self._scratch: Path | None = None
        self._executor: Executor | None = None
        self._hooks = HookCalls(setup.hooks, setup.context, self._warn)
        self._merged: Mapping[str, Mapping[str, Any]] = {}
        self._can_store = True
        self._held: dict[str, Any] = {}

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
                if self._executor is not None:
                    self._hold_unstored()
                    self._executor.close()
                self._flush()
            if not interrupted:
                self._export()
        report = self._report(time.perf_counter() - clock, interrupted)
        self._write_run(report, started)
        setup.world.save()
        self._hooks.on_run_end(report)
        return report

    def _hold_unstored(self) -> None:
        """Targets whose values are in no store are taken over before the run's folders go."""
        assert self._executor is not None
        for name in self._planner.request.targets:
            record = self._planner.outcomes.get(name)
            if record is None:
                continue
            if not record.storable:
                self._held[name] = self._executor.memory[name]
            elif name in self._progress.unpublished:
                self._held[name] = self._load_unpublished(name, record)

    def _load_unpublished(self, name: str, record: NodeRecord) -> Any:
        from fingerprint_runner.graph.component import Resource

        if record.value is None:
            return Resource(name, "" if record.resource is None else record.resource.identity)
        assert record.value.artifact is not None
        assert self._scratch is not None
        return value_store(self._setup.storage, self._scratch, kept=False).load_value(record.value.artifact)

    def _begin(self, plan: Plan) -> None:
        schema, progress = self._setup.schema, self._progress
        progress.planned = dict(plan.nodes)
        for name, planned in plan.nodes.items():
            if isinstance(planned.decision, Undecided):
                progress.undecided_at_start.add(name)
            unknown = {parent for parent in schema.parents_of(name) if parent not in self._planner.outcomes}
            if unknown:
                progress.unknown_parents[name] = unknown
        self._scheduler = Scheduler(
            list(plan.nodes),
            {name: schema.parents_of(name) for name in plan.nodes},
            plan.request.targets,
            {name: planned.decision for name, planned in plan.nodes.items()},
            keep_going=self._setup.keep_going,
        )
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

    def _start(self, name: str) -> None:
        setup = self._setup
        if self._executor is None:
            self._scratch = self._cleanup.enter_context(setup.storage.scratch())
            self._executor = setup.executor_factory(setup.storage, setup.observer.sink_for)
        decision = self._scheduler.decision(name)
        reasons = decision.reasons if isinstance(decision, Stale) else (Reason(ReasonKind.ARTIFACT_MISSING),)
        self._progress.reasons[name] = reasons
        if self._progress.attempts.get(name, 0) == 0:
            setup.observer.started(name, reasons)
        task = self._task(name)
        try:
            if self._hooks.around_nodes:
                inputs = self._hooks_inputs(task) if self._hooks.want_values else {}
                self._progress.hook_data[name] = self._hooks.before(name, self._merged_config(name), inputs)
        except HookFailed as failed:
            self._fail(name, NodeOutcome(OutcomeStatus.FAILED, error=failed.error), kind="hook")
            return
        self._executor.start(task)

    def _task(self, name: str) -> NodeTask:
        setup = self._setup
        node = setup.schema.nodes[name]
        present = self._progress.planned[name].present
        assert present is not None
        assert self._scratch is not None
        roots = [query.argument for query in present.code.answers if query.kind == "closure"]
        target = None if isinstance(node.uses, str) or has_import_path(node.component) else node.uses
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
            modules=setup.world.modules([*roots, node.component] if target is None else roots),
            resource=node.resource,
            target=target,
            keep=self._keeps(name),
        )

    def _keeps(self, name: str) -> bool:
        """Whether the node's output goes to the store; else it lives in the run's scratch folder."""
        node = self._setup.schema.nodes[name]
        return node.cache_mode not in (CacheMode.DISABLE, CacheMode.IGNORE) and has_import_path(
            node.component
        )

    def _input(self, source: str, key: str | None) -> TaskInput:
        if source not in self._setup.schema.nodes:
            return GivenInput(self._setup.inputs[source])
        record = self._planner.outcomes[source]
        if not record.storable:
            return MemoryInput(source, key, record.resource)
        return StoredInput(source, key, record.value, record.resource, kept=self._keeps(source))

    def _hooks_inputs(self, task: NodeTask) -> dict[str, Any]:
        from fingerprint_runner.runners.run_node import restore_input

        return {
            parameter: restore_input(source, task, self._setup.storage)
            for parameter, source in task.inputs.items()
        }

    def _merged_config(self, name: str) -> dict[str, Any]:
        merged = self._merged.get(name)
        return dict(self._setup.schema.nodes[name].config if merged is None else merged)

    def _take_in(self, name: str, outcome: NodeOutcome) -> None:
        self._progress.seconds[name] = outcome.seconds
        if outcome.status is OutcomeStatus.INPUT_LOST:
            self._lost(name, outcome.detail)
        elif outcome.status is OutcomeStatus.SOURCE_CHANGED:
            self._again(name, outcome.detail)
        elif outcome.status is not OutcomeStatus.DONE:
            self._fail(name, outcome)
        else:
            changed = self._changed_since_planned(name, outcome)
            if changed is not None:
                self._again(name, changed)
            else:
                self._done(name, outcome)

    def _changed_since_planned(self, name: str, outcome: NodeOutcome) -> str | None:
        """The first file or module that isn't what the plan said (R12); None if all are."""
        world = self._setup.world
        node = self._setup.schema.nodes[name]
        present = self._progress.planned[name].present
        assert present is not None
        try:
            if node.files:
                world.file_digests.refresh()
                now = world.files(node.files)
                for path in sorted({*now, *present.first.files}):
                    if now.get(path) != present.first.files.get(path):
                        return path
            roots = [q.argument for q in (*present.code.answers, *outcome.discovered) if q.kind == "closure"]
            for module, text in world.modules(roots).items():
                if outcome.discovered_text.get(module, text) != text:
                    return module
            if outcome.spawned:
                planned = {query: present.code.answers[query] for query in present.code.answers}
                world.refresh()
                if dict(world.answer(tuple(planned)).answers) != planned:
                    return "a source file"
        except SourceChanged as error:
            return error.what
        return None

    def _done(self, name: str, outcome: NodeOutcome) -> None:
        record, code = self._record(name, outcome)
        try:
            if self._hooks.around_nodes:
                output = self._hook_output(record) if self._hooks.want_values else None
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
        record = self._publish(name, record, code)
        self._planner.outcomes[name] = record
        changed = known is not None and known.identity != record.identity
        again = self._scheduler.ran(name, changed=changed)
        self._progress.hits_told.discard(name)
        self._setup.observer.finished(self._node_report(name))
        self._decide_again(name, again)

    def _record(self, name: str, outcome: NodeOutcome) -> tuple[NodeRecord, TracePart]:
        world = self._setup.world
        planned = self._progress.planned[name]
        present = planned.present
        assert present is not None
        answers = dict(present.code.answers)
        symbols = dict(present.code.symbols)
        extra = world.answer(outcome.discovered)
        answers.update(extra.answers)
        symbols.update(extra.symbols)
        packages = {
            package for query in outcome.discovered for package in world.closure(query.argument).packages
        }
        answers.update(world.package_answers({*packages, *outcome.packages}))
        code = TracePart(answers, symbols)
        manifest = Manifest(present.first, code)
        return (
            NodeRecord(
                fingerprint=manifest.fingerprint(),
                first_key=manifest.first.first_key(),
                trace=code.trace.name,
                node=name,
                component=manifest.first.component,
                manifest=manifest,
                value=outcome.value,
                resource=outcome.resource,
                storable=outcome.storable,
                log_tail=outcome.log_tail,
                seconds=outcome.seconds,
                created=time.time(),
                reasons=self._progress.reasons[name],
                origin=Origin("ran"),
            ),
            code,
        )

    def _publish(self, name: str, record: NodeRecord, code: TracePart) -> NodeRecord:
        """Make the outcome visible to others; gives the record that holds (R14)."""
        mode = self._setup.schema.nodes[name].cache_mode
        if not self._publishable(name) or not self._can_store:
            self._progress.unpublished.add(name)
            return record
        replaces = mode is CacheMode.RECOMPUTE or name in self._planner.request.forced
        try:
            published = self._setup.storage.publish(
                record,
                code.trace,
                replace=replaces,
                fingerprint_under=lambda trace: full_fingerprint(
                    record.first_key, self._setup.world.answer(trace.queries).answers
                ),
            )
        except StorageError as error:
            self._can_store = False
            self._warn(f"results aren't being kept: {error}")
            return record
        if published.nondeterministic and mode is not CacheMode.RECOMPUTE:
            self._warn(
                f"node {name!r} is nondeterministic: the same fingerprint gave two different values; "
                "seed its randomness, or set `cache: recompute` if it reads something from outside"
            )
        return published.record

    def _publishable(self, name: str) -> bool:
        """Whether a record may be found by others: it is kept, and all its parents have identities."""
        parents = self._setup.schema.parents_of(name)
        return self._keeps(name) and all(self._planner.outcomes[parent].storable for parent in parents)

    def _hook_output(self, record: NodeRecord) -> Any:
        from fingerprint_runner.graph.component import Resource

        if record.value is None or record.value.artifact is None:
            return None if record.resource is None else Resource(record.node, record.resource.identity)
        assert self._scratch is not None
        store = value_store(self._setup.storage, self._scratch, kept=self._keeps(record.node))
        return store.load_value(record.value.artifact)

    def _decide_again(self, name: str, children: Sequence[str]) -> None:
        """Decide what the outcome of `name` lets decide, and what follows from that."""
        waiting: list[tuple[int, str]] = []

        def enqueue(parent: str, names: Sequence[str]) -> None:
            for child in names:
                unknown = self._progress.unknown_parents.get(child)
                if unknown is not None:
                    if parent in self._planner.outcomes:
                        unknown.discard(parent)
                    else:
                        unknown.add(parent)
                    if unknown and isinstance(self._scheduler.decision(child), Undecided):
                        continue
                elif parent not in self._planner.outcomes:
                    self._progress.unknown_parents[child] = {parent}
                if self._scheduler.state(child) in (State.IDLE, State.READY):
                    heapq.heappush(waiting, (self._rank[child], child))

        enqueue(name, children)
        last = None
        while waiting:
            _, child = heapq.heappop(waiting)
            if child == last:
                continue
            last = child
            before = self._planner.outcomes.get(child)
            self._decide(child)
            after = self._planner.outcomes.get(child)
            if (before and before.identity) != (after and after.identity):
                enqueue(child, self._scheduler.children(child))

    def _decide(self, name: str) -> None:
        planned = self._planner.decide_wave([name])[name]
        self._progress.planned[name] = planned
        self._scheduler.decided(name, planned.decision)
        self._tell_hit(name)

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
        self._decide(name)
        if name in self._planner.outcomes:
            self._decide_again(name, self._scheduler.children(name))

    def _lost(self, name: str, parent: str) -> None:
        """A parent's artifact is gone: the parent counts as not kept and runs again (R11)."""
        self._warn(f"the stored output of node {parent!r} is missing or damaged: it runs again")
        record = self._planner.outcomes[parent]
        self._scheduler.give_back(name)
        self._scheduler.lost(parent, UpToDate(record, kept=False))
        planned = self._progress.planned[parent]
        self._progress.planned[parent] = replace(planned, decision=UpToDate(record, kept=False))

    def _fail(self, name: str, outcome: NodeOutcome, kind: str = "node") -> None:
        setup = self._setup
        assert outcome.error is not None
        line, _ = setup.schema.origin.place("nodes", name) if setup.schema.origin else (None, None)
        place = None if setup.schema.origin is None else f"{setup.schema.origin.shown}:{line}"
        failure = NodeFailed(
            name,
            setup.schema.nodes[name].component,
            error_type=outcome.error.type,
            error_message=outcome.error.message,
            traceback=outcome.error.traceback,
            log_tail=outcome.log_tail,
            place=place,
            kind=kind,
        )
        self._progress.failures.append(failure)
        self._planner.outcomes.pop(name, None)
        self._scheduler.failed(name)
        self._hooks.on_node_error(name, failure)
        setup.observer.finished(self._node_report(name))

    def _tell_hit(self, name: str) -> None:
        """Tell of a node that turned out to be up to date and won't run."""
        decision = self._scheduler.decision(name)
        if not isinstance(decision, UpToDate) or self._scheduler.must_run(name):
            return
        if name in self._progress.hits_told:
            return
        self._progress.hits_told.add(name)
        record = decision.record
        artifact = (
            None if record.value is None or record.value.artifact is None else record.value.artifact.digest
        )
        config = dict(self._setup.schema.nodes[name].config)
        self._hooks.on_cache_hit(name, config, record.fingerprint, artifact)
        self._setup.observer.finished(self._node_report(name))

    def _warn(self, text: str) -> None:
        self._progress.warnings.append(text)
        self._setup.observer.warning(text)

    def _flush(self) -> None:
        try:
            self._setup.storage.flush()
        except StorageError as error:
            self._warn(f"results aren't being kept: {error}")

    def _export(self) -> None:
        setup = self._setup
        exporter = Exporter(setup.world.folder, setup.storage, setup.world.file_digests, setup.storage.memo)
        for name in self._planner.order:
            to = setup.schema.nodes[name].export
            record = self._planner.outcomes.get(name)
            if to is None or record is None or not (record.storable and self._kept(name, record)):
                continue
            for path in exporter.export(name, record, to):
                self._progress.exported.append(path)
                setup.observer.exported(path)

    def _kept(self, name: str, record: NodeRecord) -> bool:
        return name not in self._progress.unpublished and self._setup.storage.is_kept(record)

    def _report(self, seconds: float, interrupted: bool) -> RunReport:
        targets = self._planner.request.targets
        return RunReport(
            run_id=self._setup.run_id,
            seconds=seconds,
            nodes={name: self._node_report(name) for name in self._planner.order if self._needed(name)},
            targets=targets,
            failures=tuple(self._progress.failures),
            warnings=tuple(self._progress.warnings),
            exported=tuple(self._progress.exported),
            interrupted=interrupted,
            values=TargetValues(
                tuple(name for name in targets if name in self._planner.outcomes), self._restore_target
            ),
        )

    def _node_report(self, name: str) -> NodeReport:
        record = self._planner.outcomes.get(name)
        value = None if record is None else record.value
        planned = self._progress.planned[name]
        status = self._status(name)
        shown = record if status in (NodeStatus.RAN, NodeStatus.HIT) else None
        return NodeReport(
            name=name,
            status=status,
            fingerprint=None if shown is None else shown.fingerprint,
            first_key=planned.first_key,
            artifact=None
            if shown is None or value is None or value.artifact is None
            else value.artifact.digest,
            value=None if shown is None or value is None else value.identity,
            resource=None if shown is None or shown.resource is None else shown.resource.identity,
            seconds=self._progress.seconds.get(name, 0.0) if status is not NodeStatus.HIT else 0.0,
            early_cutoff=status is NodeStatus.HIT and name in self._progress.undecided_at_start,
            reasons=() if status is NodeStatus.HIT else self._reasons(name),
        )

    def _reasons(self, name: str) -> tuple[Reason, ...]:
        decision = self._scheduler.decision(name)
        return self._progress.reasons.get(name, decision.reasons if isinstance(decision, Stale) else ())

    def _status(self, name: str) -> NodeStatus:
        states = {
            State.RAN: NodeStatus.RAN,
            State.FAILED: NodeStatus.FAILED,
            State.SKIPPED: NodeStatus.SKIPPED,
            State.CANCELLED: NodeStatus.CANCELLED,
            State.RUNNING: NodeStatus.CANCELLED,
        }
        state = self._scheduler.state(name)
        if state in states:
            return states[state]
        # What is still idle at the end and not up to date was not needed: nothing below wanted it.
        return NodeStatus.HIT if name in self._planner.outcomes else NodeStatus.CANCELLED

    def _needed(self, name: str) -> bool:
        return self._scheduler.state(name) is not State.IDLE or name in self._planner.outcomes

    def _restore_target(self, name: str) -> Any:
        from fingerprint_runner.graph.component import Resource

        record = self._planner.outcomes[name]
        if name in self._held:
            return self._held[name]
        if record.value is None:
            return Resource(name, "" if record.resource is None else record.resource.identity)
        assert record.value.artifact is not None
        return self._setup.storage.load_value(record.value.artifact)

    def _write_run(self, report: RunReport, started: float) -> None:
        """Leave the run record that the next run starts from; a run that changed nothing leaves none."""
        setup = self._setup
        if not self._can_store or (
            report.ok and not report.ran and self._planner.same_as_last_run(report.targets)
        ):
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
