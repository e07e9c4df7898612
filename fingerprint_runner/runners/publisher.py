"""`Publisher`: turns outcomes into records, and makes them visible to others.

Invariants: an outcome is published under what was planned and is still so (R12), or not at all; what
isn't published is known by name, so that nobody looks for it in the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fingerprint_runner.errors import SourceChanged, StorageError
from fingerprint_runner.fingerprints.manifest import Manifest, Query, TracePart, full_fingerprint
from fingerprint_runner.fingerprints.record import NodeRecord, Origin, Reason, Unnarrowed, UnnarrowedKind
from fingerprint_runner.graph.node import CacheMode, SchemaNode
from fingerprint_runner.planning.planner import Planner
from fingerprint_runner.provenance.files import ABSENT
from fingerprint_runner.provenance.glance import FOLDER
from fingerprint_runner.provenance.narrowed import Ran
from fingerprint_runner.runners.world import PresentWorld
from fingerprint_runner.storage.model_storage import ModelStorage

if TYPE_CHECKING:
    from fingerprint_runner.provenance.files import Look
    from fingerprint_runner.runners.observing.reads import NodeReads
    from fingerprint_runner.runners.task import NodeOutcome


@dataclass(frozen=True)
class Narrowing:
    """What a trace is narrowed to, or why it isn't; neither where no code counts."""

    ran: Ran | None = None
    unnarrowed: tuple[Unnarrowed, ...] = ()


class Publisher:
    """Publishes the outcomes of one run.

    Attributes:
        unpublished: nodes whose outcome is this run's alone.
        withheld: nodes whose outcome must be, since they run other code than was planned.
        places: node → the cache folder of its output, where that isn't in the run's own store.
        can_store: whether the store can be written, as far as is known.
    """

    def __init__(
        self, planner: Planner, world: PresentWorld, storage: ModelStorage, warn: Callable[[str], None]
    ) -> None:
        self.unpublished: set[str] = set()
        self.withheld: set[str] = set()
        self.places: dict[str, Path] = {}
        self.can_store = True
        self._planner = planner
        self._world = world
        self._storage = storage
        self._warn = warn

    def keeps(self, name: str) -> bool:
        """Whether the node's output goes to the store; else it lives in the run's scratch folder."""
        node = self._node(name)
        return (
            self.can_store
            and node.cache_mode not in (CacheMode.DISABLE, CacheMode.IGNORE)
            and name not in self.withheld
            and self._planner.untold(name) is None
        )

    def changed_since_planned(self, name: str, present: Manifest, outcome: NodeOutcome) -> str | None:
        """The first file or module that isn't what was planned (R12); None if all are."""
        try:
            return (
                self._changed_file(name, present)
                or self._changed_module(present, outcome)
                or self._changed_read(outcome.reads)
                or (self._changed_source(present) if outcome.spawned else None)
            )
        except SourceChanged as error:
            return error.what

    def _changed_file(self, name: str, present: Manifest) -> str | None:
        patterns = self._node(name).files
        if not patterns:
            return None
        now, planned = self._world.files(patterns), present.first.files
        return next((path for path in sorted({*now, *planned}) if now.get(path) != planned.get(path)), None)

    def _changed_module(self, present: Manifest, outcome: NodeOutcome) -> str | None:
        """A discovered module whose text now isn't the one that ran."""
        roots = [query.argument for query in outcome.discovered if query.kind == "closure"]
        for module, text in self._world.modules(roots).items():
            if outcome.discovered_text.get(module, text) != text:
                return module
        for path, digest in outcome.discovered_files.items():
            if self._answer(Query("file", path)) != digest:
                return path
        return None

    def _changed_read(self, reads: NodeReads) -> str | None:
        """The first tracked read that isn't now, or wasn't for the plan, what the node saw."""
        for name, look in reads.files.items():
            now = self._world.file_now(name)
            if self._answer(Query("file", name)) != now or not self._is_as_seen(name, look, now):
                return name
        for name, digest in reads.env.items():
            if self._answer(Query("env", name)) != digest:
                return f"the environment variable {name}"
        return None

    def _is_as_seen(self, name: str, look: Look, now: str) -> bool:
        if look.digest in (ABSENT, FOLDER) or name.endswith("/"):
            return look.digest == now
        return not self._world.file_digests.changed_since({str(self._world.folder / name): look})

    def _answer(self, query: Query) -> str:
        return self._world.answer([query]).answers[query]

    def _changed_source(self, present: Manifest) -> str | None:
        """A subprocess may have read sources at any time: they are compared once more."""
        self._world.refresh()
        now = self._world.answer(tuple(present.code.answers)).answers
        return next(
            (query.argument for query in sorted(now) if now[query] != present.code.answers[query]), None
        )

    def record(
        self, name: str, present: Manifest, outcome: NodeOutcome, reasons: tuple[Reason, ...]
    ) -> NodeRecord:
        """The record of an outcome, under the fingerprint of what it turned out to depend on (R15)."""
        code, unnarrowed = self._code(present, outcome)
        manifest = Manifest(present.first, code)
        return NodeRecord(
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
            reasons=reasons,
            origin=Origin("ran"),
            unnarrowed=unnarrowed,
        )

    def _code(self, present: Manifest, outcome: NodeOutcome) -> tuple[TracePart, tuple[Unnarrowed, ...]]:
        """What the run turned out to depend on: narrowed to what ran, else with why not (R15)."""
        roots = [query.argument for query in present.code.answers if query.kind == "closure"]
        unpickled = [symbol for symbol in outcome.unpickled if symbol not in present.code.symbols]
        found = (*outcome.discovered, *(Query("closure", symbol) for symbol in unpickled))
        packages = {
            package
            for query in found
            if query.kind == "closure"
            for package in self._world.closure(query.argument).packages
        }
        further = self._world.package_answers({*packages, *outcome.packages})
        # What is only in memory is read there as a whole.
        in_memory = any(query.kind == "live" for query in present.code.answers)
        narrowed = self._narrowed([*roots, *unpickled], outcome) if roots and not in_memory else Narrowing()
        if narrowed.ran is not None:
            kept = [query for query in (*present.code.answers, *found) if query.kind != "closure"]
            part = self._world.answer([*narrowed.ran.queries, *kept])
        else:
            known = self._world.answer(found)
            part = TracePart(
                {**present.code.answers, **known.answers}, {**present.code.symbols, **known.symbols}
            )
        return TracePart({**part.answers, **further}, part.symbols), narrowed.unnarrowed

    def _narrowed(self, roots: list[str], outcome: NodeOutcome) -> Narrowing:
        """The narrowed trace of a run, unless what ran isn't all that may have shaped it."""
        entered = outcome.entered
        if entered is None:
            return Narrowing()
        unseen = [*entered.unseen, *([Unnarrowed(UnnarrowedKind.PROCESS)] if outcome.spawned else [])]
        if unseen:
            return Narrowing(unnarrowed=tuple(unseen))
        modules = sorted(
            query.argument.partition(":")[0] for query in outcome.discovered if query.kind == "closure"
        )
        begun = Ran((roots[0].partition(":")[0],), tuple(modules), tuple(sorted({*roots, *entered.ran})))
        narrowed = self._world.sources.narrow(begun, entered.ran | entered.ever, entered.examined)
        if narrowed.opaque:
            return Narrowing(unnarrowed=tuple(map(_opaque, narrowed.opaque)))
        return Narrowing(replace(begun, symbols=tuple(sorted({*begun.symbols, *narrowed.entered}))))

    def publish(self, name: str, record: NodeRecord, place: Path | None) -> NodeRecord:
        """Make an outcome visible to others; gives the record that holds (R14).

        Args:
            name: the node.
            record: of the outcome.
            place: see `NodeOutcome`.
        """
        if place is None:
            self.places.pop(name, None)
        else:
            self.places[name] = place
        if place is not None or not self._publishable(name):
            self.unpublished.add(name)
            return record
        # For weight: a run that publishes nothing needs no texts.
        from fingerprint_runner.runners.source_texts import source_texts

        recomputes = self._node(name).cache_mode is CacheMode.RECOMPUTE
        try:
            published = self._storage.publish(
                record,
                record.manifest.code.trace,
                replace=recomputes or name in self._planner.request.forced,
                fingerprint_under=lambda trace: (
                    full_fingerprint(record.first_key, self._world.answer(trace.queries).answers)
                    if self._planner.takes(name, trace)
                    else None
                ),
                sources=source_texts(self._world, record.manifest.code),
            )
        except StorageError as error:
            self.lost_store(str(error))
            self.unpublished.add(name)
            return record
        self.unpublished.discard(name)
        if published.nondeterministic and not recomputes:
            self._warn(
                f"node {name!r} is nondeterministic: the same fingerprint gave two different values; "
                "seed its randomness, or set `cache: recompute` if it reads something from outside"
            )
        return published.record

    def lost_store(self, reason: str) -> None:
        """The store can't be written: said once, and nothing more goes there."""
        if self.can_store:
            self.can_store = False
            self._warn(f"results aren't being kept from here on: {reason}")

    def flush(self) -> None:
        """Have all that was published on the disk."""
        try:
            self._storage.flush()
        except StorageError as error:
            if self.can_store:
                self._warn(f"a power cut may undo what was kept of this run: {error}")

    def _publishable(self, name: str) -> bool:
        """Whether a record may be found by others: it is kept, and all its parents have identities."""
        parents = self._planner.schema.parents_of(name)
        return self.keeps(name) and all(self._planner.outcomes[parent].storable for parent in parents)

    def _node(self, name: str) -> SchemaNode:
        return self._planner.schema.nodes[name]


def _opaque(what: str) -> Unnarrowed:
    """What a search found that may use functions without entering them: a package, or the function itself."""
    return Unnarrowed(UnnarrowedKind.CODE_EXAMINED if ":" in what else UnnarrowedKind.UNSEEN_CALLS, what)
