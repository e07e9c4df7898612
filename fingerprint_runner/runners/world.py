"""`PresentWorld`: what planning asks of source, packages, files and environment, answered from this machine.

Answers are remembered for one plan; `refresh` forgets them. Imports no user code.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.manifest import TRACKED, Query, TracePart
from fingerprint_runner.graph.node import has_import_path
from fingerprint_runner.provenance.closure import Closure
from fingerprint_runner.provenance.component import ComponentSource
from fingerprint_runner.provenance.distributions import MODULE_PREFIX, Distributions
from fingerprint_runner.provenance.environment import environment_digests, python_tag
from fingerprint_runner.provenance.files import FileDigests
from fingerprint_runner.provenance.glance import FOLDER, listing_digest
from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.memo import Memo
from fingerprint_runner.provenance.narrowed import Ran
from fingerprint_runner.provenance.source_reader import SourceReader

if TYPE_CHECKING:
    from fingerprint_runner.provenance.live_code import LiveCode

ABSENT = "absent"


class PresentWorld:
    """The world as it is now, for one plan and the run that follows.

    Args:
        folder: what relative paths of the graph are relative to; comes first on the search path.
        memo: remembers readings between processes.
        environ: the environment variables.
        objects: node → its component, for components that no module has under their name.
    """

    def __init__(
        self,
        folder: Path,
        memo: Memo,
        environ: Mapping[str, str],
        objects: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self.folder = folder
        self.environ = environ
        self.objects = dict(objects or {})
        self.search_path = search_path(folder)
        self.python = python_tag()
        self.locator = Locator(self.search_path)
        self.sources = SourceReader(self.locator, memo)
        self.file_digests = FileDigests(memo)
        self.distributions = Distributions(self.search_path, memo)
        self.addons: dict[str, str | None] = {}
        self.variables: dict[str, str] = {}
        """Environment variable → digest of its value, for those that were asked for."""
        self._code: dict[tuple[tuple[str, ...], bool], TracePart] = {}
        self._answers: dict[Query, str] = {}
        self._live: dict[str, LiveCode] = {}

    def component(self, component: str) -> ComponentSource:
        """What source tells about a component."""
        return self.sources.component(component)

    def is_plain_function(self, component: str) -> bool:
        return self.component(component).plain

    def is_class(self, component: str) -> bool:
        return self.component(component).kind in ("class", "third-party", "unreadable")

    def static_code(self, roots: Sequence[str], *, pinned: bool) -> TracePart:
        key = (tuple(roots), pinned)
        if key not in self._code:
            self._code[key] = self._read_code(roots, pinned)
        return self._code[key]

    def node_code(self, name: str, component: str, further: Sequence[str], *, pinned: bool) -> TracePart:
        live = self.live(name)
        roots = [component] if live is None else live.roots
        code = self.static_code(tuple(dict.fromkeys([*roots, *further])), pinned=pinned)
        if live is None:
            return code
        answers = {**code.answers, **self.package_answers(live.packages)}
        if pinned:
            return TracePart(answers, code.symbols)
        return TracePart({**answers, Query("live", name): live.digest}, {**code.symbols, **live.parts})

    def live(self, name: str) -> LiveCode | None:
        """What a component that is only in memory runs; None of a node whose component can be imported."""
        if name not in self.objects:
            return None
        if name not in self._live:
            self._live[name] = self.live_now(name)
        return self._live[name]

    def live_now(self, name: str) -> LiveCode:
        """As `live`, read anew."""
        # For weight: most graphs name their components.
        from fingerprint_runner.provenance.live_code import live_code

        return live_code(self.objects[name], lambda module: self.locator.locate(module).kind)

    def untold(self, name: str, component: str) -> str | None:
        live = self.live(name)
        if live is not None:
            return live.untold
        return None if has_import_path(component) else f"{component} can't be imported by its name"

    def _read_code(self, roots: Sequence[str], pinned: bool) -> TracePart:
        answers: dict[Query, str] = {}
        symbols: dict[str, str] = {}
        packages: set[str] = set()
        for root in roots:
            closure = self.sources.closure(root)
            packages.update(closure.packages)
            if not pinned:
                answers[Query("closure", root)] = closure.digest
                symbols.update(closure.parts)
        answers.update(self.package_answers(packages))
        return TracePart(answers, symbols)

    def package_answers(self, top_names: Iterable[str]) -> dict[Query, str]:
        """`dist` queries and answers for these top-level modules and all that they require."""
        names = {name for top in top_names for name in self.distributions.query_names(top)}
        distributions = [name for name in sorted(names) if not name.startswith(MODULE_PREFIX)]
        found = self.distributions.with_requirements(distributions)
        return {Query("dist", name): self._answer(Query("dist", name)) for name in sorted({*names, *found})}

    def answer(self, queries: Sequence[Query]) -> TracePart:
        symbols: dict[str, str] = {}
        answers = {}
        ran = Ran.of(queries)
        narrowed = {} if ran is None else self.sources.narrowed(ran)
        for query in queries:
            joint = narrowed.get((query.kind, query.argument))
            answers[query] = self._answer(query) if joint is None else joint
            if query.kind == "closure":
                symbols.update(self.sources.closure(query.argument).parts)
            elif query.kind == "live" and (live := self.live(query.argument)) is not None:
                symbols.update(live.parts)
        if ran is not None:
            symbols.update(self.sources.narrowed_parts(ran))
        return TracePart(answers, symbols)

    def _answer(self, query: Query) -> str:
        if query not in self._answers:
            self._answers[query] = self._find_answer(query)
        return self._answers[query]

    def _find_answer(self, query: Query) -> str:
        if query.kind == "closure":
            return self.sources.closure(query.argument).digest
        if query.kind == "live":
            live = self.live(query.argument)
            return ABSENT if live is None else live.digest
        if query.kind == "dist":
            return self.distributions.answer(query.argument)
        if query.kind == "file":
            return self.file_now(query.argument)
        if query.kind == "env":
            return self.environment([query.argument])[query.argument]
        if query == TRACKED:
            return TRACKED.argument
        # A kind that a later version writes: nothing it says can be relied on here, so it never matches.
        return digest(["unknown query", query.kind, query.argument])

    def file_now(self, name: str) -> str:
        """What lies at a path of the graph's folder.

        Returns:
            The digest of a file's content; `folder` or `absent`; for a name with `/` at its end the digest
            of the names in that folder.
        """
        if name.endswith("/"):
            return listing_digest(str(self.folder / name))
        path = self.folder / name
        return self.file_digests.digest(path) or (FOLDER if path.is_dir() else ABSENT)

    def closure(self, root: str) -> Closure:
        """The static closure of a root."""
        return self.sources.closure(root)

    def modules(self, roots: Iterable[str]) -> dict[str, str]:
        """First-party modules that these roots load → digest of their text (R12)."""
        modules: dict[str, str] = {}
        for root in roots:
            modules.update(self.sources.closure(root).modules)
        return modules

    def notes(self, queries: Iterable[Query]) -> tuple[str, ...]:
        """Where reading couldn't follow and widened, to answer these queries of one trace."""
        asked = sorted(queries)
        ran = Ran.of(asked)
        notes = [] if ran is None else list(self.sources.narrowed_notes(ran))
        for query in asked:
            if query.kind == "closure":
                notes.extend(self.sources.closure(query.argument).notes)
        return tuple(dict.fromkeys(notes))

    def files(self, patterns: Sequence[str]) -> Mapping[str, str]:
        return self.file_digests.declared(self.folder, patterns)

    def environment(self, names: Sequence[str]) -> Mapping[str, str]:
        found = environment_digests(names, self.environ)
        self.variables.update(found)
        return found

    def addon(self, node_name: str) -> str | None:
        return self.addons.get(node_name)

    def importable(self) -> contextlib.AbstractContextManager[None]:
        """Inside the block the classes of stored values are found where nodes find them."""
        return importable_from(self.search_path)

    def refresh(self) -> None:
        """Look at everything anew from here on."""
        self._code.clear()
        self._answers.clear()
        self._live.clear()
        self.locator.refresh()
        self.sources.refresh()
        self.distributions.refresh()
        self.file_digests.refresh()

    def save(self) -> None:
        """Remember readings for the next process."""
        self.sources.save()
        self.distributions.save()
        self.file_digests.save()


def search_path(folder: Path) -> tuple[str, ...]:
    """`sys.path` as a node sees it: the graph's folder first, no entry twice, none empty."""
    own = str(folder)
    return tuple(dict.fromkeys([own, *(entry for entry in sys.path if entry and entry != own)]))


@contextlib.contextmanager
def importable_from(path: Sequence[str]) -> Iterator[None]:
    """Inside the block modules are looked for in these folders."""
    before = list(sys.path)
    sys.path[:] = path
    try:
        yield
    finally:
        sys.path[:] = before
