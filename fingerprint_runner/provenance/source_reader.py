"""`SourceReader`: what first-party code says, read as text and never imported (R4, R5).

Invariants: nothing of the user's is imported or run; answers are of one moment, which ends with
`refresh()`; a remembered answer is used only if every file, and every folder in which something could
have appeared, is as it was; then no table is loaded and no text parsed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.provenance.answer_memo import AnswerMemo
from fingerprint_runner.provenance.closure import Closure, ImportReach
from fingerprint_runner.provenance.component import ComponentSource, component_from_plain
from fingerprint_runner.provenance.locate import Locator, absolute_entry
from fingerprint_runner.provenance.memo import Memo
from fingerprint_runner.provenance.narrowed import Narrowed, Ran
from fingerprint_runner.provenance.sources import Sources

if TYPE_CHECKING:
    from fingerprint_runner.provenance.closure_search import ClosureFinder

_NarrowAnswer = tuple[Mapping[tuple[str, str], str], Mapping[str, str], tuple[str, ...]]
"""Answers, parts and notes of a narrowed trace."""


class SourceReader:
    """Answers questions about first-party source, as it is when each file is first looked at.

    Args:
        locator: says where modules are and whose they are.
        memo: keeps answers and tables between runs; call `save` to write them.
        clock: nanoseconds since the epoch.
    """

    def __init__(self, locator: Locator, memo: Memo, clock: Callable[[], int] = time.time_ns) -> None:
        self._sources = Sources(locator, memo, clock)
        self._answers = AnswerMemo(
            memo, self._sources, [absolute_entry(entry) for entry in locator.search_path]
        )
        self._finder: ClosureFinder | None = None
        self._closures: dict[str, Closure] = {}
        self._narrow_answers: dict[Ran, _NarrowAnswer] = {}
        self._components: dict[str, ComponentSource] = {}
        self._reaches: dict[str, ImportReach] = {}

    def refresh(self) -> None:
        """Forget what was seen, so that the next answers are of the present."""
        self._sources.refresh()
        self._answers.refresh()
        self._finder = None
        self._closures.clear()
        self._narrow_answers.clear()
        self._components.clear()
        self._reaches.clear()

    def _cold(self) -> ClosureFinder:
        if self._finder is None:
            # For weight: a no-op plan answers from the memo and never searches.
            from fingerprint_runner.provenance.closure_search import ClosureFinder

            self._finder = ClosureFinder(self._sources)
        return self._finder

    def closure(self, root: str) -> Closure:
        """All that can run, or shape what runs, when a symbol is used.

        Args:
            root: `module:qualname`, or `module:*` for a whole module and what it loads.

        Returns:
            The closure; of a root that isn't there, one whose digest says so.

        Raises:
            InvalidGraph: kind `syntax-error`, if a file that it loads can't be parsed.
            SourceChanged: a file went away, or kept changing, while it was read.
        """
        found = self._closures.get(root)
        if found is None:
            data = self._answers.answer("closure " + root)
            if data is not None:
                found = Closure(*data)
            else:
                search = self._cold().find(root)
                found = search.closure
                listed = self._listed(search.listed)
                plain = (
                    found.root,
                    found.digest,
                    dict(found.parts),
                    dict(found.modules),
                    found.packages,
                    found.notes,
                )
                self._answers.put("closure " + root, plain, search.consulted, listed)
            self._closures[root] = found
        return found

    def narrowed(self, ran: Ran) -> Mapping[tuple[str, str], str]:
        """What the queries of a narrowed trace answer: (kind, argument) → answer.

        Raises:
            InvalidGraph, SourceChanged: as of `closure`.
        """
        return self._narrow(ran)[0]

    def narrowed_parts(self, ran: Ran) -> Mapping[str, str]:
        """The ingredients of these answers, under names that a person understands."""
        return self._narrow(ran)[1]

    def narrowed_notes(self, ran: Ran) -> tuple[str, ...]:
        """Where reading couldn't follow, for these answers."""
        return self._narrow(ran)[2]

    def _narrow(self, ran: Ran) -> _NarrowAnswer:
        found = self._narrow_answers.get(ran)
        if found is None:
            key = "narrow " + digest([ran.loading, ran.modules, ran.symbols])
            data = self._answers.answer(key)
            if data is not None:
                answers = {(kind, argument): answer for kind, argument, answer in data[0]}
                found = (answers, data[1], data[2])
            else:
                from fingerprint_runner.provenance.narrow_search import NarrowSearch, narrowed_answers

                search = NarrowSearch(self._cold(), ran, ran.symbols).run()
                answers = narrowed_answers(search.narrowed, ran)
                found = (answers, dict(search.narrowed.parts), search.narrowed.notes)
                plain = ([(*key, answer) for key, answer in answers.items()], found[1], found[2])
                self._answers.put(key, plain, search.consulted, self._listed(search.listed))
            self._narrow_answers[ran] = found
        return found

    def narrow(self, ran: Ran, entered: Collection[str], examined: Collection[str] = ()) -> Narrowed:
        """What could have shaped a run.

        Args:
            ran: what it started from.
            entered: functions and methods that may have run: those that are reached count with their bodies.
            examined: functions and methods that may be used without being entered.
        """
        from fingerprint_runner.provenance.narrow_search import NarrowSearch

        return NarrowSearch(self._cold(), ran, entered, examined).run().narrowed

    def _listed(self, modules: Iterable[str]) -> list[str]:
        return [folder for module in modules for folder in self._sources.listed_folders(module)]

    def component(self, uses: str) -> ComponentSource:
        """What source shows of a component, for checking a graph without importing it.

        Args:
            uses: `module:attribute`.

        Raises:
            InvalidGraph: kind `syntax-error`, if its file, or one on the way, can't be parsed.
        """
        found = self._components.get(uses)
        if found is None:
            data = self._answers.answer("component " + uses)
            if data is not None:
                found = component_from_plain(data)
            else:
                # For weight: it walks trees.
                from fingerprint_runner.provenance.component_source import ComponentReader

                reader = ComponentReader(self._sources, self._cold().links)
                found = reader.read(uses)
                self._answers.put("component " + uses, found.as_plain(), reader.consulted)
            self._components[uses] = found
        return found

    def reach(self, module: str) -> ImportReach:
        """What importing a first-party module may change outside of it.

        Args:
            module: its full name; of one that isn't first-party source, nothing is known to change.
        """
        found = self._reaches.get(module)
        if found is None:
            data = self._answers.answer("reach " + module)
            if data is not None:
                found = ImportReach(data[0], frozenset(data[1]))
            else:
                found, consulted = self._cold().reach(module)
                self._answers.put("reach " + module, (found.anything, sorted(found.modules)), consulted)
            self._reaches[module] = found
        return found

    def place(self, symbol: str) -> tuple[str, int] | None:
        """File and line of `module:symbol`, for messages; None where it isn't first-party source."""
        module, _, name = symbol.partition(":")
        table = self._sources.table(module)
        if table is None:
            return None
        indices = table.by_name.get(name.partition(".")[0], ())
        return (table.path, table.units[indices[-1]].line if indices else 1)

    def module_digest(self, module: str) -> str | None:
        """xxh3-128 of the bytes of a first-party module's file; None for every other."""
        where = self._sources.located(module)
        if where.kind != "first-party" or where.path is None:
            return None
        return self._sources.file_digest(module)

    def save(self) -> None:
        """Write what was learnt to the memo."""
        self._answers.save()
        self._sources.save()
