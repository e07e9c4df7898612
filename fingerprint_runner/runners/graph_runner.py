"""`GraphRunner`: runs a schema against a store, again and again.

schema + request ──Planner──> Plan ──Run──> RunReport
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fingerprint_runner.errors import InvalidGraph, NoIdentity, Problem
from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.identity import identify
from fingerprint_runner.fingerprints.manifest import ConfigEntry, Query
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.graph.order import reachable
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.graph.structure import structure_problems
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.planning.plan import Plan, Request
from fingerprint_runner.planning.planner import Planner
from fingerprint_runner.planning.shown import shown
from fingerprint_runner.provenance.environment import resolve_secret
from fingerprint_runner.provenance.signatures import recorded_looks
from fingerprint_runner.provenance.standstill import Standstill, make_standstill
from fingerprint_runner.recipes.inputs import complete_inputs
from fingerprint_runner.runners.component_check import ComponentCheck
from fingerprint_runner.runners.idle_run import IdleRun
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.report import RunReport
from fingerprint_runner.runners.requests import unknown_node, wanted_targets
from fingerprint_runner.runners.run import Run
from fingerprint_runner.runners.run_id import new_run_id
from fingerprint_runner.runners.run_state import RunSetup
from fingerprint_runner.runners.validation import placed
from fingerprint_runner.runners.world import PresentWorld
from fingerprint_runner.storage.model_storage import ModelStorage

if TYPE_CHECKING:
    from fingerprint_runner.runners.accepting import AcceptedNode
    from fingerprint_runner.runners.audit_report import AuditObserver, AuditReport
    from fingerprint_runner.runners.explanation import Explanation
    from fingerprint_runner.runners.run_state import ExecutorFactory


class GraphRunner(ABC):
    """Runs a graph; `GraphRunner.create` gives the runner of this package.

    Attributes:
        report: of the latest `run`; None before.
    """

    report: RunReport | None = None

    @classmethod
    def create(
        cls,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: Sequence[GraphNodeHook] | None = None,
        *,
        caching: bool = True,
        **options: Any,
    ) -> GraphRunner:
        """Make a runner.

        Args:
            graph_schema: what to run.
            model_storage: where outcomes are kept.
            execution_context: handed to components and hooks.
            hooks: called in this order.
            caching: whether outcomes are kept; without it, as for predictions, nothing is fingerprinted or
                stored, and each run calls every node that the targets need.
            options: of the runner; see `CachingGraphRunner` and `PredictionRunner`.

        Raises:
            InvalidGraph: the schema's wiring is wrong.
        """
        if not caching:
            from fingerprint_runner.runners.prediction_runner import PredictionRunner

            GraphRunner.register(PredictionRunner)
            made = PredictionRunner(graph_schema, model_storage, execution_context, hooks, **options)
            return cast(GraphRunner, made)
        return CachingGraphRunner(graph_schema, model_storage, execution_context, hooks, **options)

    @abstractmethod
    def run(
        self, inputs: Mapping[str, Any] | None = None, targets: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Bring targets up to date.

        Args:
            inputs: values of the graph's inputs by name; declared defaults are filled in.
            targets: nodes to make; the schema's `target_names` by default.

        Returns:
            Target → its value; failed targets are left out (see `report`).
        """


class CachingGraphRunner(GraphRunner):
    """Runs only what is stale, and keeps what it made.

    Args:
        executor_factory: makes the executor of each run; serial by default.
        observer: sees the run go on.
        environ: the environment variables that nodes may declare.
        folder: what relative paths are relative to where the schema has no file.
    """

    def __init__(
        self,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: Sequence[GraphNodeHook] | None = None,
        *,
        executor_factory: ExecutorFactory | None = None,
        observer: RunObserver | None = None,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        problems = placed(graph_schema, structure_problems(graph_schema))
        if problems:
            raise InvalidGraph(problems)
        self._schema = graph_schema
        self._storage = model_storage
        self._context = execution_context
        self._hooks = tuple(hooks or ())
        self._executor_factory = executor_factory
        self._observer = observer or RunObserver()
        self._environ = os.environ if environ is None else environ
        origin = graph_schema.origin
        self._idle: IdleRun | None = None
        self._folder = (folder or (Path.cwd() if origin is None else origin.folder)).resolve()

    def run(
        self, inputs: Mapping[str, Any] | None = None, targets: Sequence[str] | None = None
    ) -> dict[str, Any]:
        report = self.execute(inputs, targets)
        if report.failures:
            raise report.failures[0]
        if report.interrupted:
            raise KeyboardInterrupt
        return dict(report.values)

    def execute(
        self,
        inputs: Mapping[str, Any] | None = None,
        targets: Sequence[str] | None = None,
        *,
        force: Sequence[str] = (),
        force_from: Sequence[str] = (),
        keep_going: bool = False,
        strict: bool = False,
    ) -> RunReport:
        """As `run`, but gives the whole report and raises for no node's failure.

        Args:
            force: nodes to run whatever the store holds.
            force_from: nodes to run, with all that depend on them.
            keep_going: whether nodes that don't depend on a failed one still run.
            strict: whether a node fails that reads what it doesn't declare, changes what it was given in
                place, or draws random numbers without a seed, as far as that can be told. Nodes that run
                are judged, each in a process of its own; hits aren't.

        Raises:
            InvalidGraph: found before anything ran.
        """
        given, wanted = inputs or {}, self._targets(targets)
        if force or force_from or strict:
            self._idle = None
            self.report, _ = self._run(given, wanted, force, force_from, keep_going, strict)
        elif self._idle is not None and self._idle.answers(
            self._asked(given, wanted), self._environ, self._storage
        ):
            self.report = self._idle.run.repeat(new_run_id())
        else:
            self.report = self._run_and_look(given, wanted, keep_going)
        return self.report

    @property
    def standstill(self) -> Standstill | None:
        """All that the latest run looked at, if it found nothing to do: while that is so, the next won't."""
        return None if self._idle is None else self._idle.standstill

    def _run_and_look(self, inputs: Mapping[str, Any], targets: Sequence[str], keep_going: bool) -> RunReport:
        """Run, and keep what was looked at if nothing was to be done."""
        storage = self._storage
        self._idle = None
        with recorded_looks() as looks:
            since, table, generation = time.time_ns(), storage.table_looks(), storage.generation()
            report, run = self._run(inputs, targets, keep_going=keep_going)
        world, outcomes = run.world, run.outcomes
        if run.is_all_hits and generation is not None and not world.addons and not world.objects:
            standstill = make_standstill(
                looks,
                world.variables,
                [each for name in targets for each in storage.artifact_files(outcomes[name])],
                table if table == storage.table_looks() else None,
                generation,
                since,
            )
            if standstill is not None:
                self._idle = IdleRun(self._asked(inputs, targets), standstill, run)
        return report

    def _asked(self, inputs: Mapping[str, Any], targets: Sequence[str]) -> tuple[Any, ...]:
        """What a run is asked for: equal for the same targets and equal inputs."""
        values = self._input_values(inputs, targets)
        identities = [
            (name, str(Path.cwd() / value) if self._is_path(name) else _identity_of_input(name, value))
            for name, value in sorted(values.items())
        ]
        return (tuple(targets), *identities)

    def _is_path(self, name: str) -> bool:
        declaration = self._schema.inputs.get(name)
        return declaration is not None and declaration.type == "path"

    def _run(
        self,
        inputs: Mapping[str, Any],
        targets: Sequence[str],
        force: Sequence[str] = (),
        force_from: Sequence[str] = (),
        keep_going: bool = False,
        strict: bool = False,
    ) -> tuple[RunReport, Run]:
        world = self._world()
        values = self._input_values(inputs, targets)
        planner = self._planner(world, values, targets, force, force_from)
        check = ComponentCheck(self._schema, planner.order, world, self._storage.memo)

        def make_again(name: str) -> Any:
            report, _ = self._run(inputs, [name])
            if report.failures:
                raise report.failures[0]
            return report.values[name]

        run = Run(
            RunSetup(
                schema=self._schema,
                context=self._context,
                storage=self._storage,
                world=world,
                planner=planner,
                inputs=values,
                config_of=self._config_of,
                validate=lambda plan: check.before_run(plan, wants_config=self._wants_config()),
                executor_factory=self._executor_factory,
                hooks=self._hooks,
                observer=self._observer,
                run_id=new_run_id(),
                graph_id=self.graph_id,
                registered_name=self._registered_name,
                make_again=make_again,
                keep_going=keep_going,
                strict=strict,
            )
        )
        return run.execute(), run

    def plan(
        self,
        inputs: Mapping[str, Any] | None = None,
        targets: Sequence[str] | None = None,
        *,
        force: Sequence[str] = (),
        force_from: Sequence[str] = (),
    ) -> Plan:
        """What a run would do; makes no store and no record.

        Raises:
            InvalidGraph: the graph, its components or the inputs are wrong.
        """
        world = self._world()
        values = self._input_values(inputs or {}, targets)
        plan = self._planner(world, values, targets, force, force_from).make_plan()
        world.save()
        return plan

    def explain(self, node: str, inputs: Mapping[str, Any] | None = None) -> Explanation:
        """Why a node is as it is, and in turn why what it needs is; changes nothing.

        Args:
            node: the node.
            inputs: as of `run`.

        Returns:
            Why it is stale or, where it is up to date, why it last ran, with the lines of code that changed
            and the reasons of its parents, as far as the store knows them.

        Raises:
            InvalidGraph: there is no such node, or the graph is wrong.
        """
        world = self._world()
        planner = self._planner(world, self._input_values(inputs or {}, [node]), [node], (), ())
        explanation = self._explained(world, planner, lambda plan: [node])
        component = self._schema.nodes[node].component
        record = explanation.record(node)
        queries = [Query("closure", component)]
        if record is not None and record.component == component:
            queries = list(record.manifest.code.answers)
        untold = world.untold(node, component)
        notes = world.notes(queries) if untold is None else (untold,)
        return replace(explanation, notes=notes, component_place=world.sources.place(component))

    def explain_all(
        self, inputs: Mapping[str, Any] | None = None, targets: Sequence[str] | None = None
    ) -> Explanation:
        """Why each node that the targets need and that isn't up to date is so; changes nothing.

        Args:
            inputs, targets: as of `run`.

        Returns:
            Of stale nodes first, parents before children, then of undecided ones.

        Raises:
            InvalidGraph: the graph, its components or the inputs are wrong.
        """
        from fingerprint_runner.runners.explaining import stale_and_undecided

        world = self._world()
        planner = self._planner(world, self._input_values(inputs or {}, targets), targets, (), ())
        return self._explained(world, planner, stale_and_undecided)

    def _explained(
        self, world: PresentWorld, planner: Planner, asked: Callable[[Plan], Sequence[str]]
    ) -> Explanation:
        # For weight: only those who explain need it.
        from fingerprint_runner.runners.explaining import Explainer
        from fingerprint_runner.runners.explanation import Explanation

        plan = planner.make_plan()
        world.save()
        names = tuple(asked(plan))
        explainer = Explainer(plan, planner, self._storage, world, self.graph_id)
        return Explanation(plan, names, explainer.explain(names))

    def accept(
        self,
        nodes: Sequence[str],
        inputs: Mapping[str, Any] | None = None,
        *,
        user: str | None = None,
        dry_run: bool = False,
    ) -> list[AcceptedNode]:
        """Take stale nodes' last records as those of their present fingerprints; runs nothing.

        Args:
            nodes: in any order; a child may be accepted with its parent, after which it is decided.
            inputs: as of `run`.
            user: who says that what changed makes no difference; stands in the records.
            dry_run: only look what would be accepted.

        Returns:
            What was accepted, or would be, parents before children.

        Raises:
            InvalidGraph: a node can't be accepted, or the graph is wrong; nothing was accepted.
            StorageError: the store can't be written; those before were accepted.
        """
        # For weight: only those who accept need it.
        from fingerprint_runner.runners.accepting import Acceptance

        world = self._world()
        values = self._input_values(inputs or {}, nodes)
        acceptance = Acceptance(
            lambda: self._planner(world, values, nodes, (), ()), world, self._storage, user, time.time()
        )
        accepted = acceptance.accept(nodes, dry_run=dry_run)
        world.save()
        return accepted

    def audit(
        self,
        nodes: Sequence[str] | None = None,
        inputs: Mapping[str, Any] | None = None,
        targets: Sequence[str] | None = None,
        *,
        keep_going: bool = False,
        observer: AuditObserver | None = None,
    ) -> AuditReport:
        """Run cached nodes again, each from its cached inputs, and compare what comes out.

        Nothing is published or exported, hooks aren't called, and no run is remembered.

        Args:
            nodes: what to audit; all that the targets need by default.
            inputs, targets: as of `run`.
            keep_going: go on after a node that differs or fails.
            observer: sees the audit go on.

        Returns:
            What came of each node. Those that aren't up to date, or whose outputs or inputs aren't kept,
            weren't audited.

        Raises:
            InvalidGraph: there is no such node, or the graph is wrong; nothing ran.
            StorageError: the store has no room for a scratch folder.
        """
        # For weight: only those who audit need it.
        from fingerprint_runner.runners.audit_report import AuditObserver
        from fingerprint_runner.runners.auditing import Audit

        world = self._world()
        wanted = targets if nodes is None else nodes
        values = self._input_values(inputs or {}, wanted)
        observer = observer or AuditObserver()
        setup = RunSetup(
            schema=self._schema,
            context=self._context,
            storage=self._storage,
            world=world,
            planner=self._planner(world, values, wanted, (), ()),
            inputs=values,
            config_of=self._config_of,
            validate=lambda plan: {},
            executor_factory=self._executor_factory,
            hooks=(),
            observer=observer,
            run_id=new_run_id(),
            graph_id=self.graph_id,
            registered_name=self._registered_name,
            make_again=lambda name: None,
        )
        return Audit(setup, observer).execute(nodes, keep_going=keep_going)

    def validate(self, targets: Sequence[str] | None = None) -> list[Problem]:
        """All problems of the graph's components, importing them in a worker process."""
        world = self._world()
        names = self._cone(self._targets(targets))
        return ComponentCheck(self._schema, names, world, self._storage.memo).all_problems()

    @property
    def graph_id(self) -> str:
        """By which histories know this graph; in no fingerprint."""
        return graph_id_of(self._schema, self._context.name)

    @property
    def _registered_name(self) -> str:
        origin = self._schema.origin
        return self.graph_id if origin is None else str(origin.file.resolve())

    def _world(self) -> PresentWorld:
        self._storage.forget()
        objects = {
            name: node.uses for name, node in self._schema.nodes.items() if not isinstance(node.uses, str)
        }
        if objects:
            # For weight: most graphs name their components.
            from fingerprint_runner.provenance.live_code import is_of_no_module

            objects = {name: uses for name, uses in objects.items() if is_of_no_module(uses)}
        return PresentWorld(self._folder, self._storage.memo, self._environ, objects)

    def _planner(
        self,
        world: PresentWorld,
        values: Mapping[str, Any],
        targets: Sequence[str] | None,
        force: Sequence[str],
        force_from: Sequence[str],
    ) -> Planner:
        wanted = self._targets(targets)
        unknown = [name for name in (*force, *force_from) if name not in self._schema.nodes]
        if unknown:
            raise InvalidGraph([unknown_node(self._schema, name) for name in unknown])
        forced = frozenset((*force, *self._below(force_from)))
        request = Request(wanted, self._input_entries(values, world), forced)
        check = ComponentCheck(self._schema, self._cone(wanted), world, self._storage.memo)
        check.before_plan()
        last = self._storage.last_run(self.graph_id)
        return Planner(
            self._schema,
            request,
            world,
            self._storage,
            last,
            lambda: self._storage.last_lines(self.graph_id),
        )

    def _targets(self, targets: Sequence[str] | None) -> tuple[str, ...]:
        return wanted_targets(self._schema, targets)

    def _cone(self, targets: Sequence[str]) -> list[str]:
        keep = reachable(targets, self._schema.parents_of)
        return [name for name in self._schema.nodes if name in keep]

    def _below(self, names: Sequence[str]) -> set[str]:
        if not names:
            return set()
        children: dict[str, list[str]] = {name: [] for name in self._schema.nodes}
        for name in self._schema.nodes:
            for parent in self._schema.parents_of(name):
                children[parent].append(name)
        return reachable(names, children.__getitem__)

    def _input_values(self, given: Mapping[str, Any], targets: Sequence[str] | None) -> dict[str, Any]:
        return complete_inputs(self._schema, given, self._targets(targets))

    def _input_entries(self, values: Mapping[str, Any], world: PresentWorld) -> dict[str, ConfigEntry]:
        entries = {}
        for name in sorted(values):
            value = values[name]
            if self._is_path(name):
                # A path counts by its content: where it lies is in no key (R3).
                entries[name] = ConfigEntry(world.file_digests.content_identity(value), str(value))
                continue
            entries[name] = ConfigEntry(_identity_of_input(name, value), shown(value))
        return entries

    def _config_of(self, node: SchemaNode) -> Mapping[str, Any]:
        if not node.secret:
            return node.config
        return {
            key: resolve_secret(value, self._environ) if key in node.secret else value
            for key, value in node.config.items()
        }

    def _wants_config(self) -> bool:
        return any(
            getattr(type(hook), method) is not getattr(GraphNodeHook, method)
            for hook in self._hooks
            for method in ("on_before_node", "on_after_node")
        )


def _identity_of_input(name: str, value: Any) -> str:
    try:
        return identify(value, path=f"inputs.{name}").identity
    except NoIdentity as error:
        raise InvalidGraph.single(
            "no-identity", str(error), hint="give plain data, or a value with a fingerprint() method"
        ) from error


def graph_id_of(schema: GraphSchema, name: str | None = None) -> str:
    """By which histories know a graph: its name, else its file's path, else a digest of its node names.

    Args:
        schema: the graph.
        name: goes over the schema's own.
    """
    if name or schema.name:
        return str(name or schema.name)
    return digest(sorted(schema.nodes)) if schema.origin is None else str(schema.origin.file.resolve())
