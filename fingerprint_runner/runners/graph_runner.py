"""`GraphRunner`: runs a schema against a store, again and again.

schema + request ──Planner──> Plan ──Run──> RunReport
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fingerprint_runner.errors import InvalidGraph, NoIdentity, Problem, nearest
from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.identity import identify
from fingerprint_runner.fingerprints.manifest import ConfigEntry
from fingerprint_runner.fingerprints.record import NodeRecord, ReasonKind
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.graph.order import reachable
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.graph.structure import structure_problems
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.planning.decide import Stale, UpToDate
from fingerprint_runner.planning.plan import Plan, PlannedNode, Request
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
from fingerprint_runner.runners.run import Run
from fingerprint_runner.runners.run_id import new_run_id
from fingerprint_runner.runners.run_state import RunSetup
from fingerprint_runner.runners.validation import placed
from fingerprint_runner.runners.world import PresentWorld
from fingerprint_runner.storage.model_storage import ModelStorage

if TYPE_CHECKING:
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
        **options: Any,
    ) -> GraphRunner:
        """Make a runner.

        Args:
            graph_schema: what to run.
            model_storage: where outcomes are kept.
            execution_context: handed to components and hooks.
            hooks: called in this order.
            options: of the runner; see `CachingGraphRunner`.

        Raises:
            InvalidGraph: the schema's wiring is wrong.
        """
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


@dataclass(frozen=True)
class Explanation:
    """Why one node is as it is.

    Attributes:
        plan: of the node and all it needs.
        planned: the node in that plan.
        baseline: the earlier record that it is compared with.
        notes: where reading its code couldn't follow and widened.
        places: `module:symbol` of a reason → file and line.
        component_place: file and line of the component; None where it isn't first-party source.
    """

    plan: Plan
    planned: PlannedNode
    baseline: NodeRecord | None
    notes: tuple[str, ...]
    places: Mapping[str, tuple[str, int]]
    component_place: tuple[str, int] | None


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
        """Why a node is as it is, with all that people want to see of it; changes nothing.

        Raises:
            InvalidGraph: there is no such node, or the graph is wrong.
        """
        world = self._world()
        values = self._input_values(inputs or {}, [node])
        planner = self._planner(world, values, [node], (), ())
        plan = planner.make_plan()
        world.save()
        planned = plan.nodes[node]
        reasons = [
            reason
            for each in plan.nodes.values()
            for reason in (
                each.decision.reasons
                if isinstance(each.decision, Stale)
                else each.decision.record.reasons
                if isinstance(each.decision, UpToDate)
                else ()
            )
        ]
        symbols = [
            reason.what for reason in reasons if reason.kind is ReasonKind.CODE_CHANGED and reason.what
        ]
        places = {symbol: found for symbol in symbols if (found := world.sources.place(symbol)) is not None}
        component = self._schema.nodes[node].component
        untold = world.untold(node, component)
        notes = world.notes(component) if untold is None else (untold,)
        place = world.sources.place(component)
        return Explanation(plan, planned, planner.baseline_record(node), notes, places, place)

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
            raise InvalidGraph([self._unknown_node(name) for name in unknown])
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
        if targets is None:
            return self._schema.target_names
        unknown = [name for name in targets if name not in self._schema.nodes]
        if unknown:
            raise InvalidGraph([self._unknown_node(name) for name in unknown])
        return tuple(dict.fromkeys(targets))

    def _unknown_node(self, name: str) -> Problem:
        close = nearest(name, self._schema.nodes)
        return Problem(
            "unknown-node",
            f"there is no node {name!r}",
            file=None if self._schema.origin is None else self._schema.origin.shown,
            hint=f"did you mean {close!r}?"
            if close
            else f"the graph's nodes: {_some(list(self._schema.nodes))}",
        )

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


def _some(names: Sequence[str], most: int = 20) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
