"""`Planner`: gathers the evidence for each node and has `decide` answer.

The planner walks the graph in waves: a wave is every node whose parents are decided, so that the
store is asked once a wave. What it asks of the world and of the store are the protocols below;
neither imports user code, and planning writes nothing.

Invariants: each node is gathered once for each set of parents' outcomes; cost is linear in nodes,
needs and answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from fingerprint_runner.fingerprints.identity import identify
from fingerprint_runner.fingerprints.manifest import (
    TRACKED,
    ConfigEntry,
    FirstPart,
    Manifest,
    ParentEntry,
    Query,
    Trace,
    TracePart,
    full_fingerprint,
)
from fingerprint_runner.fingerprints.record import NodeRecord, Reason, ReasonKind, RunNode, RunRecord
from fingerprint_runner.graph.node import CacheMode, Need, SchemaNode
from fingerprint_runner.graph.order import topological_order
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.planning.decide import Decision, Evidence, Stale, UpToDate, decide
from fingerprint_runner.planning.plan import Plan, PlannedNode, Request
from fingerprint_runner.planning.reasons import Baseline
from fingerprint_runner.planning.shown import shown

ABSENT = "absent"
_NOT_CACHEABLE = Reason(ReasonKind.NOT_CACHEABLE)


class World(Protocol):
    """Source, packages, files and environment as they stand now; answers are remembered for one plan."""

    @property
    def python(self) -> str:
        """Such as `3.11`."""
        ...

    def is_plain_function(self, component: str) -> bool:
        """Whether source shows the component to be one plain `def`, which can't see its node's name."""
        ...

    def is_class(self, component: str) -> bool:
        """Whether source shows the component to be a class."""
        ...

    def node_code(self, name: str, component: str, further: Sequence[str], *, pinned: bool) -> TracePart:
        """The unnarrowed trace of a node, answered: `closure` of each root and `dist` of what they import.

        Args:
            name: of the node; of one whose component is only in memory `live` is a query.
            component: its component.
            further: roots beside it.
            pinned: the node has a `version`: packages only.
        """
        ...

    def untold(self, name: str, component: str) -> str | None:
        """Why it can't be told what code a node runs, which then always runs; None where it can."""
        ...

    def answer(self, queries: Sequence[Query]) -> TracePart:
        """What these queries answer now."""
        ...

    def files(self, patterns: Sequence[str]) -> Mapping[str, str]:
        """Relative path → digest of what a node's `files` name."""
        ...

    def environment(self, names: Sequence[str]) -> Mapping[str, str]:
        """Variable → digest of its value."""
        ...

    def addon(self, node_name: str) -> str | None:
        """What the component's `fingerprint_addon` says."""
        ...


class Lookups(Protocol):
    """What planning asks of the store."""

    def traces(self, first_keys: Iterable[str]) -> Mapping[str, tuple[Trace, ...]]:
        """First key → its traces, oldest first."""
        ...

    def records(self, fingerprints: Iterable[str]) -> Mapping[str, NodeRecord]:
        """Fingerprint → record, for those that there are."""
        ...

    def code_symbols(self, record: NodeRecord) -> Mapping[str, str]:
        """The code part of a record's manifest, symbol by symbol."""
        ...

    def newest(self, node: str, component: str) -> NodeRecord | None:
        """The newest record of this node name and component."""
        ...

    def is_kept(self, record: NodeRecord) -> bool:
        """Whether the store still has the record's artifacts."""
        ...


class Planner:
    """Decides the nodes of one request; a running scheduler goes on asking it as outcomes come in.

    Args:
        last_run: of the graph, if there was one.
        last_lines: gives node → its line in the last run of the graph in which it came to an outcome; called
            when a node is first compared with what it was before.

    Attributes:
        schema, request: what is planned.
        order: the nodes that the targets need, parents before children.
        outcomes: node → the record of its value, for nodes whose value is known.
    """

    def __init__(
        self,
        schema: GraphSchema,
        request: Request,
        world: World,
        lookups: Lookups,
        last_run: RunRecord | None = None,
        last_lines: Callable[[], Mapping[str, RunNode]] = dict,
    ) -> None:
        self.schema = schema
        self.request = request
        self.order = topological_order(request.targets, schema.parents_of)
        self.outcomes: dict[str, NodeRecord] = {}
        # Nodes whose last output couldn't be stored: what needs them can't be decided from records.
        self._not_cacheable: set[str] = set()
        self._world = world
        self._lookups = lookups
        self._last_run = last_run
        self._load_last_lines = last_lines
        self._last_lines: Mapping[str, RunNode] | None = None
        self._parents: dict[str, Mapping[str, Need]] = {
            name: schema.nodes[name].parents for name in self.order
        }

    def make_plan(self) -> Plan:
        """Decide every node, in waves."""
        planned: dict[str, PlannedNode] = {}
        children: dict[str, list[str]] = {name: [] for name in self.order}
        missing: dict[str, int] = {}
        for name in self.order:
            parents = self.schema.parents_of(name)
            missing[name] = len(parents)
            for parent in parents:
                children[parent].append(name)
        wave = [name for name in self.order if missing[name] == 0]
        while wave:
            planned.update(self.decide_wave(wave))
            following = []
            for name in wave:
                for child in children[name]:
                    missing[child] -= 1
                    if missing[child] == 0:
                        following.append(child)
            wave = following
        return Plan(self.schema, self.request, {name: planned[name] for name in self.order})

    def decide_wave(self, names: Sequence[str]) -> dict[str, PlannedNode]:
        """Decide nodes whose parents are decided; up-to-date ones enter `outcomes`."""
        known = [name for name in names if not self._waiting_on(name)]
        first_parts = {name: self._first_part(name) for name in known}
        first_keys = {name: first.first_key() for name, first in first_parts.items()}
        found = self._find_records(first_keys)
        planned = {}
        for name in names:
            record = found.get(name)
            kept = record is not None and self._lookups.is_kept(record)
            # What a hit's code is now has been told by its trace's answers.
            runs = record is None or name in self.request.forced
            present = Manifest(first_parts[name], self._code(name)) if name in known and runs else None
            evidence = Evidence(
                forced=name in self.request.forced,
                always_runs=self.schema.nodes[name].cache_mode is not CacheMode.DEFAULT
                or self.untold(name) is not None,
                unrecorded_parents=self._unrecorded_parents(name),
                waiting_on=self._waiting_on(name),
                record=record,
                kept=kept,
                present=present,
                baseline=None if name not in first_parts or record is not None else self._baseline(name),
            )
            decision = decide(evidence)
            planned[name] = self._planned(name, decision, first_keys.get(name), present)
        return planned

    def same_as_last_run(self, targets: Sequence[str]) -> bool:
        """Whether the last run had these targets and every known outcome: then it needs no new record."""
        last = self._last_run
        if last is None or not last.ok or last.targets != tuple(targets):
            return False
        return all(
            name in last.nodes and last.nodes[name].fingerprint == record.fingerprint
            for name, record in self.outcomes.items()
        )

    def _planned(
        self, name: str, decision: Decision, first_key: str | None, present: Manifest | None
    ) -> PlannedNode:
        self.outcomes.pop(name, None)
        self._not_cacheable.discard(name)
        if isinstance(decision, UpToDate):
            self.outcomes[name] = decision.record
            return PlannedNode(name, decision, first_key, decision.record.fingerprint, present)
        if isinstance(decision, Stale) and _NOT_CACHEABLE in decision.reasons:
            self._not_cacheable.add(name)
        return PlannedNode(name, decision, first_key, None, present)

    def _find_records(self, first_keys: Mapping[str, str]) -> dict[str, NodeRecord]:
        """Node → the record that holds: a kept one of the oldest matching trace, else the oldest (R14)."""
        traces = self._lookups.traces(first_keys.values())
        candidates: dict[str, list[str]] = {}
        for name, first_key in first_keys.items():
            candidates[name] = [
                full_fingerprint(first_key, self._world.answer(trace.queries).answers)
                for trace in traces.get(first_key, ())
                if self.takes(name, trace)
            ]
        records = self._lookups.records([fp for fps in candidates.values() for fp in fps])
        found = {}
        for name, fingerprints in candidates.items():
            there = [records[fp] for fp in fingerprints if fp in records]
            if len(there) > 1:
                there = [record for record in there if self._lookups.is_kept(record)] or there
            if there:
                found[name] = there[0]
        return found

    def untold(self, name: str) -> str | None:
        """Why it can't be told what code a node runs; None where it can, or where its `version` says it."""
        node = self.schema.nodes[name]
        return None if node.version is not None else self._world.untold(name, node.component)

    def takes(self, name: str, trace: Trace) -> bool:
        """Whether a trace may lead to a node's record: where reads are tracked, one that has them."""
        return self.schema.nodes[name].track != "auto" or TRACKED in trace.queries

    def _counted_parents(self, name: str) -> Iterable[tuple[str, Need]]:
        """Parameter and need of the parents that are nodes and in the key (`ignore`d ones aren't)."""
        for parameter, need in self._parents[name].items():
            node = self.schema.nodes.get(need.name)
            if node is not None and node.cache_mode is not CacheMode.IGNORE:
                yield parameter, need

    def _waiting_on(self, name: str) -> tuple[str, ...]:
        names = (need.name for _, need in self._counted_parents(name))
        return tuple(dict.fromkeys(parent for parent in names if parent not in self.outcomes))

    def _unrecorded_parents(self, name: str) -> tuple[str, ...]:
        names = (need.name for _, need in self._counted_parents(name))
        return tuple(dict.fromkeys(parent for parent in names if self._is_unrecorded(parent)))

    def _is_unrecorded(self, name: str) -> bool:
        outcome = self.outcomes.get(name)
        return name in self._not_cacheable if outcome is None else not outcome.storable

    def present(self, name: str) -> Manifest:
        """A node's manifest as it stands now; its parents' outcomes are known."""
        return Manifest(self._first_part(name), self._code(name))

    def _first_part(self, name: str) -> FirstPart:
        node = self.schema.nodes[name]
        component = node.component
        parents = {
            parameter: ParentEntry(str(need), self.outcomes[need.name].identity_of(need.key) or ABSENT)
            for parameter, need in self._counted_parents(name)
        }
        is_class = isinstance(node.uses, type) or self._world.is_class(component)
        return FirstPart(
            component=component,
            python=self._world.python,
            fn=node.fn if is_class else "",
            constructor_name=node.constructor_name if is_class else "",
            version=node.version,
            node=None if self._world.is_plain_function(component) else name,
            config=config_entries(node),
            files=self._world.files(node.files) if node.files else {},
            env=self._world.environment(node.env) if node.env else {},
            addon=self._world.addon(name),
            inputs={
                parameter: self.request.inputs[need.name]
                for parameter, need in self._parents[name].items()
                if need.name in self.request.inputs
            },
            parents=parents,
            resource=None
            if node.resource is None
            else f"{node.resource.name}:{node.resource.output_fingerprint}",
        )

    def _code(self, name: str) -> TracePart:
        """The unnarrowed trace of a node, answered: what it would run, as far as reading tells."""
        node = self.schema.nodes[name]
        further = [
            root
            for _, need in self._counted_parents(name)
            for root in self.outcomes[need.name].symbols_of(need.key)
        ]
        code = self._world.node_code(name, node.component, further, pinned=node.version is not None)
        if node.track == "auto":
            code = TracePart({**code.answers, TRACKED: TRACKED.argument}, code.symbols)
        return code

    def baseline_record(self, name: str) -> NodeRecord | None:
        """The node's record in the graph's last run that has one, else the newest of name and component."""
        if self._last_lines is None:
            self._last_lines = self._load_last_lines()
        line = self._last_lines.get(name)
        if line is not None and line.fingerprint is not None:
            record = self._lookups.records([line.fingerprint]).get(line.fingerprint)
            if record is not None:
                return record
        return self._lookups.newest(name, self.schema.nodes[name].component)

    def _baseline(self, name: str) -> Baseline | None:
        record = self.baseline_record(name)
        if record is None:
            return None
        stored = record.manifest
        symbols = self._lookups.code_symbols(record)
        now = self._world.answer(tuple(sorted(stored.code.answers)))
        return Baseline(
            Manifest(stored.first, TracePart(stored.code.answers, symbols)), now.symbols, now.answers
        )


def config_entries(node: SchemaNode) -> dict[str, ConfigEntry]:
    """Config key → entry, without what `ignore_config` and `secret` leave out, sorted by key.

    Raises:
        NoIdentity: a value has no fingerprint; the path starts with `config.`.
    """
    left_out = {*node.ignore_config, *node.secret}
    return {
        key: ConfigEntry(identify(node.config[key], path=f"config.{key}").identity, shown(node.config[key]))
        for key in sorted(node.config)
        if key not in left_out
    }
