"""`RunState`: what all parts of one run share: its setup, its progress, and what it tells.

Invariant: a node's end is told once, whoever finds it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec import structs

from fingerprint_runner.errors import NodeFailed
from fingerprint_runner.fingerprints.record import Reason
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.planning.decide import Stale, Undecided, UpToDate
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.planning.planner import Planner
from fingerprint_runner.runners.hook_calls import HookCalls
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.observing.reads import UndeclaredRead
from fingerprint_runner.runners.publisher import Publisher
from fingerprint_runner.runners.redecider import Redecider
from fingerprint_runner.runners.report import NodeReport
from fingerprint_runner.runners.run_fold import fold_node
from fingerprint_runner.runners.scheduler import Scheduler
from fingerprint_runner.runners.world import PresentWorld
from fingerprint_runner.storage.model_storage import ModelStorage

if TYPE_CHECKING:
    from fingerprint_runner.runners.executor import Executor, SinkFor

    ExecutorFactory = Callable[[ModelStorage, SinkFor], Executor]


@dataclass(frozen=True)
class RunSetup:
    """What a run works with; made by `GraphRunner`.

    Attributes:
        inputs: the values of the run's inputs by name.
        config_of: a node's config with secrets filled in.
        executor_factory: makes the executor; None for the serial one.
        validate: raises what only importing components shows to be wrong; gives merged configs.
        registered_name: how histories name the graph.
        strict: whether nodes fail that read what they don't declare, change their inputs in place, or draw
            random numbers without a seed.
        make_again: gives a target's value where the stored one turns out to be damaged (R11).
    """

    schema: GraphSchema
    context: ExecutionContext
    storage: ModelStorage
    world: PresentWorld
    planner: Planner
    inputs: Mapping[str, Any]
    config_of: Callable[[SchemaNode], Mapping[str, Any]]
    validate: Callable[[Plan], Mapping[str, Mapping[str, Any]]]
    executor_factory: ExecutorFactory | None
    hooks: Sequence[GraphNodeHook]
    observer: RunObserver
    run_id: str
    graph_id: str
    registered_name: str
    make_again: Callable[[str], Any]
    keep_going: bool = False
    strict: bool = False


@dataclass
class RunProgress:
    """What a run has come to so far, node by node."""

    undecided_at_start: frozenset[str] = frozenset()
    attempts: dict[str, int] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, tuple[Reason, ...]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    undeclared: dict[str, tuple[UndeclaredRead, ...]] = field(default_factory=dict)
    hits_told: set[str] = field(default_factory=set)
    failures: list[NodeFailed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    exported: list[str] = field(default_factory=list)
    hook_data: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)
    """Targets whose values are in no store."""


class RunState:
    """One run under way.

    Attributes:
        scheduler: which nodes run next.
        redecider: the latest decision of every node.
        publisher: makes outcomes visible.
        hooks: the user's hooks.
        merged: node → config merged over its defaults, for nodes whose hooks want it.
    """

    def __init__(self, setup: RunSetup, plan: Plan, merged: Mapping[str, Mapping[str, Any]]) -> None:
        self.setup = setup
        self.planner = setup.planner
        self.merged = merged
        decisions = {name: planned.decision for name, planned in plan.nodes.items()}
        self.progress = RunProgress(
            undecided_at_start=frozenset(
                name for name, decision in decisions.items() if isinstance(decision, Undecided)
            )
        )
        self.hooks = HookCalls(setup.hooks, setup.context, self.warn)
        self.publisher = Publisher(setup.planner, setup.world, setup.storage, self.warn)
        self.scheduler = Scheduler(
            list(plan.nodes),
            {name: setup.schema.parents_of(name) for name in plan.nodes},
            plan.request.targets,
            decisions,
            keep_going=setup.keep_going,
        )
        self.redecider = Redecider(plan, setup.planner, self.scheduler, self.tell_hit)

    def tell(self, name: str) -> None:
        """Tell of a node that ended."""
        self.setup.observer.finished(self.node_report(name))

    def tell_hit(self, name: str) -> None:
        """Tell, once, of a node that turned out to be up to date and won't run."""
        decision = self.scheduler.decision(name)
        told = self.progress.hits_told
        if not isinstance(decision, UpToDate) or self.scheduler.must_run(name) or name in told:
            return
        told.add(name)
        self.tell_hit_again(self.node_report(name))

    def tell_hit_again(self, report: NodeReport) -> None:
        """Tell of a hit, whether or not it was told of before."""
        if self.setup.hooks:
            config = dict(self.setup.schema.nodes[report.name].config)
            self.hooks.on_cache_hit(report.name, config, report.fingerprint or "", report.artifact)
        self.setup.observer.finished(report)

    def lost(self, name: str) -> None:
        """A node's artifact is needed and isn't there: the node counts as not kept and runs again (R11)."""
        decision = self.scheduler.decision(name)
        if not isinstance(decision, UpToDate) or decision.kept:
            self.warn(f"the stored output of node {name!r} is missing or damaged: it runs again")
        gone = UpToDate(self.planner.outcomes[name], kept=False)
        self.redecider.planned[name] = structs.replace(self.redecider.planned[name], decision=gone)
        self.scheduler.lost(name, gone)

    def warn(self, text: str) -> None:
        """Tell what people should know, and keep it for the report."""
        self.progress.warnings.append(text)
        self.setup.observer.warning(text)

    def reasons(self, name: str) -> tuple[Reason, ...]:
        """Why a node runs, or would."""
        decision = self.scheduler.decision(name)
        return self.progress.reasons.get(name, decision.reasons if isinstance(decision, Stale) else ())

    def node_report(self, name: str) -> NodeReport:
        """A node's line, as far as it has come."""
        return fold_node(
            self.redecider.planned[name],
            self.scheduler.state(name),
            self.planner.outcomes.get(name),
            seconds=self.progress.seconds.get(name, 0.0),
            was_undecided=name in self.progress.undecided_at_start,
            reasons=self.reasons(name),
            undeclared=self.progress.undeclared.get(name, ()),
        )
