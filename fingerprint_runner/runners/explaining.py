"""`Explainer`: finds out why nodes are as they are, from a plan, the store and the sources.

    stale node ──its baseline──> what differs ──parent──> its record then and now ──> what differs, and so on
    up-to-date node ──its record's reasons──> the same, as far as the store knows

Invariants: changes nothing; what the store doesn't know any more is left out and no error; each node is
looked at once, and the walk is iterative; only loaded by those who explain.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from fingerprint_runner.fingerprints.record import NodeRecord, Reason, ReasonKind, RunRecord
from fingerprint_runner.graph.node import parse_need
from fingerprint_runner.planning.decide import Stale, Undecided, UpToDate
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.planning.planner import Planner
from fingerprint_runner.planning.reasons import Baseline, differences
from fingerprint_runner.provenance.symbol_text import ModuleText, SymbolLines, symbol_diff
from fingerprint_runner.runners.explanation import ExplainedNode, ExplainedReason
from fingerprint_runner.runners.source_texts import module_text
from fingerprint_runner.runners.world import PresentWorld
from fingerprint_runner.storage.model_storage import ModelStorage

RUNS = 100
"""So many runs of the graph are looked through for earlier records."""
_NOTHING_DIFFERS = (Reason(ReasonKind.ARTIFACT_MISSING),)


class History:
    """The records that a graph's latest runs left, node by node.

    Args:
        storage: where they are.
        graph_id: by which histories know the graph.
    """

    def __init__(self, storage: ModelStorage, graph_id: str) -> None:
        self._storage = storage
        self._unread = islice(storage.runs(graph_id), RUNS)
        self._runs: list[RunRecord] = []

    def find(self, node: str, meant: Callable[[NodeRecord], bool]) -> NodeRecord | None:
        """A node's latest record that is meant; None where the runs know of none."""
        seen = set()
        for run in self._newest_first():
            line = run.nodes.get(node)
            if line is None or line.fingerprint is None or line.fingerprint in seen:
                continue
            seen.add(line.fingerprint)
            record = self._storage.records([line.fingerprint]).get(line.fingerprint)
            if record is not None and meant(record):
                return record
        return None

    def _newest_first(self) -> Iterator[RunRecord]:
        """The runs, each read when it is first come to."""
        yield from self._runs
        for run in self._unread:
            self._runs.append(run)
            yield run


class Texts:
    """The texts that symbols are looked up in, now and at the time of a record.

    Args:
        storage: has those of records.
        world: has those of now.
    """

    def __init__(self, storage: ModelStorage, world: PresentWorld) -> None:
        self._storage = storage
        self._world = world
        self._read: dict[tuple[str, str | None], ModuleText | None] = {}

    def lines(self, what: str, record: NodeRecord | None) -> SymbolLines | None:
        """A symbol's lines at the time of a record, or now; None where there are none."""
        module, _, name = what.partition(":")
        text = self._text(module, record)
        return None if text is None else text.symbol(name)

    def knows(self, what: str, record: NodeRecord | None) -> bool:
        """Whether there is a text to look the symbol up in."""
        return self._text(what.partition(":")[0], record) is not None

    def place(self, what: str) -> tuple[str, int] | None:
        """File and line of a symbol as it is now."""
        place = self._world.sources.place(what)
        found = None if place is None or "." not in what.partition(":")[2] else self.lines(what, None)
        return place if place is None or found is None else (place[0], found.first)

    def _text(self, module: str, record: NodeRecord | None) -> ModuleText | None:
        digest = None if record is None else self._storage.texts.of(record.fingerprint).get(module, "")
        key = (module, digest)
        if key not in self._read:
            if digest is None:
                content = module_text(self._world, module)
            else:
                content = self._storage.texts.text(digest) if digest else None
            self._read[key] = None if content is None else ModuleText(module, content)
        return self._read[key]


class Explainer:
    """Explains the nodes of one plan.

    Args:
        plan, planner: made of the present.
        storage, world: what the plan was made from.
        graph_id: by which histories know the graph.
    """

    def __init__(
        self, plan: Plan, planner: Planner, storage: ModelStorage, world: PresentWorld, graph_id: str
    ) -> None:
        self._plan = plan
        self._planner = planner
        self._history = History(storage, graph_id)
        self._texts = Texts(storage, world)
        self._found: dict[str, ExplainedNode] = {}
        self._waiting: deque[tuple[str, Callable[[], ExplainedNode]]] = deque()
        self._queued: set[str] = set()

    def explain(self, names: Sequence[str]) -> dict[str, ExplainedNode]:
        """Why these nodes are as they are, and then all that leads to them, nearest first."""
        for name in names:
            self._enqueue(name, lambda name=name: self._asked(name))  # type: ignore[misc]
        while self._waiting:
            name, explained = self._waiting.popleft()
            self._found[name] = explained()
        return self._found

    def _enqueue(self, name: str, explained: Callable[[], ExplainedNode]) -> None:
        if name not in self._queued:
            self._queued.add(name)
            self._waiting.append((name, explained))

    # --- one node -------------------------------------------------------------------------------------

    def _asked(self, name: str) -> ExplainedNode:
        """A node by its own decision."""
        planned = self._plan.nodes[name]
        decision = planned.decision
        if isinstance(decision, Undecided):
            for parent in decision.waiting_on:
                self._enqueue(parent, lambda parent=parent: self._asked(parent))  # type: ignore[misc]
            baseline = self._planner.baseline_record(name)
            return ExplainedNode(planned, waiting_on=decision.waiting_on, baseline=baseline)
        if isinstance(decision, Stale):
            baseline = self._planner.baseline_record(name)
            reasons = self._reasons(name, decision.reasons, baseline, None)
            return ExplainedNode(planned, reasons, baseline=baseline)
        assert isinstance(decision, UpToDate)
        return self._past(name, decision.record)

    def _past(self, name: str, record: NodeRecord) -> ExplainedNode:
        """A node by why its record was made."""
        reasons = self._reasons(name, record.reasons, None, record)
        return ExplainedNode(self._plan.nodes[name], reasons)

    def _compared(self, name: str, old: NodeRecord, new: NodeRecord) -> ExplainedNode:
        """A node by what made it put out something else than it did under an older record."""
        baseline = Baseline(old.manifest, new.manifest.code.symbols, new.manifest.code.answers)
        found = differences(baseline, new.manifest)
        if found == _NOTHING_DIFFERS:
            return self._past(name, new)
        if old.trace != new.trace:
            found = tuple(reason for reason in found if self._is_told_by_both(reason, old, new))
            if not found:
                return self._past(name, new)
        reasons = self._reasons(name, found, old, new)
        return ExplainedNode(self._plan.nodes[name], reasons, baseline=old)

    def _is_told_by_both(self, reason: Reason, old: NodeRecord, new: NodeRecord) -> bool:
        """Whether two records of different traces tell of a change, and not only of different questions.

        What only one of them asked about didn't change for that. And of a function that ran in one of them
        alone the other has the signature, so the two say different things of the same text.
        """
        if reason.kind not in (ReasonKind.CODE_CHANGED, ReasonKind.PACKAGE_CHANGED):
            return True
        if reason.old is None or reason.new is None:
            return False
        what = str(reason.what)
        if reason.kind is ReasonKind.PACKAGE_CHANGED or not self._texts.knows(what, old):
            return True
        before, after = self._texts.lines(what, old), self._texts.lines(what, new)
        return before is None or after is None or before.lines != after.lines

    # --- one reason -----------------------------------------------------------------------------------

    def _reasons(
        self, name: str, reasons: Sequence[Reason], old: NodeRecord | None, new: NodeRecord | None
    ) -> tuple[ExplainedReason, ...]:
        """Reasons of a node with what there is to see of them.

        Args:
            old: the record that the node was compared with; None where it has to be found.
            new: the record whose reasons they are; None for the present.
        """
        explained = []
        for reason in reasons:
            if reason.kind is ReasonKind.CODE_CHANGED and reason.what is not None:
                explained.append(self._code(name, reason, reason.what, old, new))
            elif reason.kind is ReasonKind.PARENT_CHANGED and reason.what is not None:
                explained.append(self._parent(reason, reason.what, new))
            else:
                explained.append(ExplainedReason(reason))
        return tuple(explained)

    def _code(
        self, name: str, reason: Reason, what: str, old: NodeRecord | None, new: NodeRecord | None
    ) -> ExplainedReason:
        found = ExplainedReason(reason, self._texts.place(what))
        if old is None and new is not None:
            old = self._history.find(
                name,
                lambda record: (
                    record.created < new.created and record.manifest.code.symbols.get(what) == reason.old
                ),
            )
        if old is None or not self._texts.knows(what, old) or not self._texts.knows(what, new):
            return found
        return replace(found, diff=symbol_diff(self._texts.lines(what, old), self._texts.lines(what, new)))

    def _parent(self, reason: Reason, what: str, child: NodeRecord | None) -> ExplainedReason:
        """A parent that changed: what it was when the child was made before, and what it is now."""
        need = parse_need(what)
        if need is None or need.name not in self._plan.nodes:
            return ExplainedReason(reason)
        name, key = need.name, need.key
        new = self._record_with(name, key, reason.new, child)
        if new is None:
            return ExplainedReason(reason)
        old = self._record_with(name, key, reason.old, child)
        if old is None:
            self._enqueue(name, lambda: self._past(name, new))
        else:
            self._enqueue(name, lambda: self._compared(name, old, new))
        return ExplainedReason(reason, parent=name)

    def _record_with(
        self, name: str, key: str | None, identity: str | None, child: NodeRecord | None
    ) -> NodeRecord | None:
        """The latest record of a node that put this out, no younger than a child that was made from it."""
        if identity is None:
            return None

        def meant(record: NodeRecord) -> bool:
            in_time = child is None or record.created <= child.created
            return in_time and record.identity_of(key) == identity

        present = self._planner.outcomes.get(name)
        if present is not None and meant(present):
            return present
        return self._history.find(name, meant)


def stale_and_undecided(plan: Plan) -> list[str]:
    """The nodes that aren't up to date: those that are stale first, since they lead to the others."""
    undecided = [name for name, node in plan.nodes.items() if isinstance(node.decision, Undecided)]
    return [*plan.stale, *undecided]
