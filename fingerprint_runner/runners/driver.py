"""`Driver`: runs the nodes that must run, one outcome after the other.

    take ─> NodeTask ─executor─> NodeOutcome ─publish─> NodeRecord ─> decide the children again

Invariants: nothing is published that isn't what was planned (R12); the coordinator touches no values
but for hooks that ask for them. Only loaded when something runs: a no-op needs none of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fingerprint_runner.errors import NodeFailed
from fingerprint_runner.fingerprints.manifest import Manifest, Query
from fingerprint_runner.fingerprints.record import NodeRecord, Reason, ReasonKind
from fingerprint_runner.graph.component import Resource
from fingerprint_runner.planning.decide import Stale
from fingerprint_runner.provenance.environment import secret_texts
from fingerprint_runner.runners import loaded_modules
from fingerprint_runner.runners.capture import Sink
from fingerprint_runner.runners.checked_import import loaded_otherwise
from fingerprint_runner.runners.executor import Executor, SerialExecutor
from fingerprint_runner.runners.hook_calls import HookFailed
from fingerprint_runner.runners.observing.policy import read_policy
from fingerprint_runner.runners.outputs import value_store
from fingerprint_runner.runners.redaction import Redaction
from fingerprint_runner.runners.run_node import InputLost, restore_input
from fingerprint_runner.runners.run_state import RunState
from fingerprint_runner.runners.scratch import Scratch
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

MAX_ATTEMPTS = 3
"""How often a node is planned again because its sources or files changed under it."""


class Driver:
    """Drives one run's scheduler and executor.

    Args:
        state: the run.
        scratch: its private folders.
    """

    def __init__(self, state: RunState, scratch: Scratch) -> None:
        setup = state.setup
        factory = setup.executor_factory or SerialExecutor
        self._state = state
        self._setup = setup
        self._planner = state.planner
        self._progress = state.progress
        self._scheduler = state.scheduler
        self._scratch = scratch
        self._executor: Executor = factory(setup.storage, self._sink_for)
        self._redactions: dict[str, Redaction] = {}
        self._started: dict[str, Manifest] = {}
        """Node → what it was started for."""

    def drive(self) -> None:
        """Start what can start, take in what is done, until nothing is left."""
        while True:
            while len(self._scheduler.running) < self._executor.slots and (name := self._scheduler.take()):
                self._start(name)
            if not self._scheduler.running:
                return
            task, outcome = self._executor.finished()
            self._take_in(task.node, outcome)

    def close(self) -> None:
        """Take over targets whose values are in no store, and end the executor."""
        for name in self._planner.request.targets:
            record = self._planner.outcomes.get(name)
            if record is not None and not record.storable:
                self._progress.held[name] = self._executor.memory.get(name)
            elif record is not None and name in self._state.publisher.unpublished:
                self._progress.held[name] = self._load(record, self._state.publisher.places.get(name))
        self._executor.close()

    # --- starting -------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        setup = self._setup
        decision = self._scheduler.decision(name)
        missing = (Reason(ReasonKind.ARTIFACT_MISSING),)
        self._progress.reasons[name] = decision.reasons if isinstance(decision, Stale) else missing
        if name not in self._progress.attempts and name not in self._progress.retries:
            setup.observer.started(name, self._progress.reasons[name])
        task = self._task(name)
        try:
            if self._state.hooks.around_nodes:
                inputs = self._inputs_for_hooks(task) if self._state.hooks.want_values else {}
                self._progress.hook_data[name] = self._state.hooks.before(
                    name, self._merged_config(name), inputs
                )
        except InputLost as lost:
            self._lost(name, lost.node)
            return
        except HookFailed as failed:
            self._fail(name, NodeOutcome(OutcomeStatus.FAILED, error=failed.error), kind="hook")
            return
        if self._has_changed_in_memory(name):
            self._again(name, task.component)
            return
        self._executor.start(task)

    def _task(self, name: str) -> NodeTask:
        setup = self._setup
        node = setup.schema.nodes[name]
        # As of now: while it runs, another node may have the source read again.
        present = self._state.redecider.planned[name].present or self._planner.present(name)
        self._started[name] = present
        target = setup.world.objects.get(name)
        roots = [query.argument for query in present.code.answers if query.kind == "closure"]
        modules = setup.world.modules([*roots, node.component] if target is None else roots)
        if target is not None:
            self._withhold_if_loaded_otherwise(name, modules)
        reads = read_policy(setup.schema, name, setup.inputs, strict=setup.strict)
        return NodeTask(
            node=name,
            component=node.component,
            fn=node.fn,
            constructor_name=node.constructor_name,
            config=setup.config_of(node),
            inputs={parameter: self._input(need.name, need.key) for parameter, need in node.parents.items()},
            context=setup.context,
            storage=setup.storage.location,
            scratch=self._scratch.folder,
            spare=self._scratch.spare,
            folder=setup.world.folder,
            search_path=setup.world.search_path,
            modules=modules,
            resource=node.resource,
            target=target,
            keep=self._state.publisher.keeps(name),
            fresh=name in self._progress.attempts
            or reads.track
            or reads.strict
            or self._is_disturbed(modules),
            reads=reads,
        )

    def _withhold_if_loaded_otherwise(self, name: str, modules: Mapping[str, str]) -> None:
        """A component that is only in memory runs with the modules that this process has (R12)."""
        module = loaded_otherwise(modules, self._setup.world.locator)
        if module is not None:
            self._state.publisher.withheld.add(name)
            self._state.warn(
                f"node {name!r} runs with what this process has loaded of module {module!r}, which need not "
                "be what its file says now: the result isn't kept; restart this program"
            )

    def _has_changed_in_memory(self, name: str) -> bool:
        """Whether a component that is only in memory, or what it refers to, isn't what was planned."""
        planned = self._started[name].code.answers.get(Query("live", name))
        return planned is not None and self._setup.world.live_now(name).digest != planned

    def _is_disturbed(self, modules: Mapping[str, str]) -> bool:
        """Whether this process has loaded, for other nodes, a module that changed something at import.

        In a process of its own the node would load no more than its own modules, and may give
        something else.
        """
        for module in loaded_modules.loaded():
            if module not in modules:
                reach = self._setup.world.sources.reach(module)
                if reach.anything or not reach.modules.isdisjoint(modules):
                    return True
        return False

    def _input(self, source: str, key: str | None) -> TaskInput:
        if source not in self._setup.schema.nodes:
            return GivenInput(self._setup.inputs[source])
        record = self._planner.outcomes[source]
        place = self._state.publisher.places.get(source)
        if not record.storable:
            return MemoryInput(source, key, record.resource, place)
        return StoredInput(source, key, record.value, record.resource, place)

    def _inputs_for_hooks(self, task: NodeTask) -> dict[str, Any]:
        storage = self._setup.storage
        with self._setup.world.importable():
            return {name: restore_input(source, storage) for name, source in task.inputs.items()}

    def _merged_config(self, name: str) -> dict[str, Any]:
        return dict(self._state.merged.get(name, self._setup.schema.nodes[name].config))

    # --- taking in ------------------------------------------------------------------------------------

    def _redaction(self, name: str) -> Redaction:
        if name not in self._redactions:
            node, environ = self._setup.schema.nodes[name], self._setup.world.environ
            secrets = [
                text for key in node.secret for text in secret_texts(str(node.config.get(key, "")), environ)
            ]
            self._redactions[name] = Redaction(secrets)
        return self._redactions[name]

    def _sink_for(self, name: str) -> Sink | None:
        return self._redaction(name).sink(self._setup.observer.sink_for(name))

    def _take_in(self, name: str, outcome: NodeOutcome) -> None:
        outcome = self._redaction(name).outcome(outcome)
        self._progress.seconds[name] = outcome.seconds
        self._progress.undeclared[name] = outcome.reads.undeclared
        if outcome.status is OutcomeStatus.INPUT_LOST:
            self._lost(name, outcome.detail)
        elif outcome.status is OutcomeStatus.SOURCE_CHANGED:
            self._again(name, outcome.detail)
        elif outcome.status is not OutcomeStatus.DONE:
            if not self._moved(name, outcome) and not self._retried(name, outcome):
                self._fail(name, outcome)
        else:
            present = self._started[name]
            changed = self._state.publisher.changed_since_planned(name, present, outcome)
            if changed is None:
                self._done(
                    name,
                    self._state.publisher.record(name, present, outcome, self._state.reasons(name)),
                    outcome,
                )
            else:
                self._again(name, changed)

    def _done(self, name: str, record: NodeRecord, outcome: NodeOutcome) -> None:
        try:
            if self._state.hooks.around_nodes:
                output = self._load(record, outcome.place) if self._state.hooks.want_values else None
                data = self._progress.hook_data.pop(name, [])
                self._state.hooks.after(name, self._merged_config(name), output, data)
        except HookFailed as failed:
            self._fail(name, replace(outcome, error=failed.error), kind="hook")
            return
        if outcome.not_storable is not None:
            self._state.warn(
                f"node {name!r}: its output can't be stored and is handed on in memory: "
                f"{outcome.not_storable}; it and what needs it run again every time"
            )
        if outcome.reads.untold:
            self._state.warn(
                f"node {name!r} tracks what it reads, but for {', '.join(outcome.reads.untold)}: "
                "that doesn't count; declare what matters of it"
            )
        if outcome.store_error is not None:
            self._state.publisher.lost_store(outcome.store_error)
        known = self._planner.outcomes.get(name)
        held = self._planner.outcomes[name] = self._state.publisher.publish(name, record, outcome.place)
        changed = known is not None and known.identity != held.identity
        if not self._state.publisher.can_store:
            self._scratch.move()
        children = self._scheduler.ran(name, changed=changed)
        self._progress.hits_told.discard(name)
        self._state.tell(name)
        self._state.redecider.outcome_known(name, children)

    def _again(self, name: str, what: str) -> None:
        """Plan and run a node again, since `what` changed under it (R12)."""
        attempts = self._progress.attempts[name] = self._progress.attempts.get(name, 0) + 1
        if attempts > MAX_ATTEMPTS:
            message = f"{what} changed while the node ran, {attempts} times in a row; nothing was kept of it"
            error = NodeError("SourceChanged", message)
            self._fail(name, NodeOutcome(OutcomeStatus.FAILED, error=error))
            return
        self._state.warn(f"{what} changed after node {name!r} was planned: it is planned and run again")
        self._setup.world.refresh()
        self._scheduler.give_back(name)
        self._state.redecider.decide(name)

    def _retried(self, name: str, outcome: NodeOutcome) -> bool:
        """Start a failed node once more, from nothing, if its `retries` allow it."""
        allowed = self._setup.schema.nodes[name].retries
        failed = self._progress.retries[name] = self._progress.retries.get(name, 0) + 1
        if failed > allowed or outcome.refused:
            return False
        assert outcome.error is not None
        error = f"{outcome.error.type}: {outcome.error.message}"
        self._state.warn(f"node {name!r} failed with {error}; it is tried again ({failed} of {allowed})")
        self._scheduler.give_back(name)
        return True

    def _moved(self, name: str, outcome: NodeOutcome) -> bool:
        """Start a node again in the spare folder, if it failed since the scratch folder can't be written."""
        if outcome.store_error is None or self._scratch.folder == self._scratch.spare:
            return False
        self._state.publisher.lost_store(outcome.store_error)
        self._scratch.move()
        self._scheduler.give_back(name)
        return True

    def _lost(self, name: str, parent: str) -> None:
        """A parent's artifact is gone: the node waits until the parent has run again (R11)."""
        self._scheduler.give_back(name)
        self._state.lost(parent)

    def failure(self, name: str, outcome: NodeOutcome, kind: str = "node") -> NodeFailed:
        """A failed node as it is reported."""
        assert outcome.error is not None
        origin = self._setup.schema.origin
        line = None if origin is None else origin.place("nodes", name)[0]
        return NodeFailed(
            name,
            self._setup.schema.nodes[name].component,
            error_type=outcome.error.type,
            error_message=outcome.error.message,
            traceback=outcome.error.traceback,
            log_tail=outcome.log_tail,
            place=None if origin is None else f"{origin.shown}:{line}",
            kind=kind,
        )

    def _fail(self, name: str, outcome: NodeOutcome, kind: str = "node") -> None:
        failure = self.failure(name, outcome, kind)
        self._progress.failures.append(failure)
        self._planner.outcomes.pop(name, None)
        self._scheduler.failed(name)
        self._state.hooks.on_node_error(name, failure)
        self._state.tell(name)

    def _load(self, record: NodeRecord, place: Path | None) -> Any:
        """The value of a record of this run, whichever store it is in; None for one kept in memory."""
        if record.value is None or record.value.artifact is None:
            return None if record.resource is None else Resource(record.node, record.resource.identity)
        with self._setup.world.importable():
            return value_store(self._setup.storage, place).load_value(record.value.artifact)
