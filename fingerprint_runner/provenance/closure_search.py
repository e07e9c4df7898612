"""`ClosureFinder`: all that can run, or shape what runs, when a first-party symbol is used (R4).

One worklist search from the root: a reached symbol reaches every unit that binds it, a reached unit
all that it refers to; what is imported on the way is loaded; a loaded module's import-time effects
count once something that they change is reached.

Invariants: linear in units and references reached; deterministic; no absolute path, time or hash
seed is in an answer. Equal answers mean that the same code runs in the same order.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple, Protocol

from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.provenance.closure import Closure, ImportReach
from fingerprint_runner.provenance.effects import EffectFinder, Effects, Symbol
from fingerprint_runner.provenance.links import Hit, Links, Modules, kind_of
from fingerprint_runner.provenance.units import ABSOLUTE, Chain, Flag, ModuleTable, Unit

ABSENT = "absent"
DOCSTRING_READERS = frozenset({"docopt", "dspy", "instructor", "langchain", "langchain_core", "pydantic_ai"})
"""Packages that make prompts or options of their callers' docstrings."""


class Readable(Modules, Protocol):
    """What a search needs of the source: where modules are, what they say, their files' digests."""

    def file_digest(self, module: str) -> str:
        """xxh3-128 of the bytes of a first-party module's file."""

    def listing(self, module: str) -> tuple[str, ...]:
        """Sorted names of the modules that lie in a module's folder or below."""


@dataclass(frozen=True)
class Found:
    """A closure and what it was found from.

    Attributes:
        consulted: modules that were looked for, there or absent.
        listed: modules beside which all others count.
    """

    closure: Closure
    consulted: tuple[str, ...]
    listed: tuple[str, ...] = ()


class ImportedUnits(NamedTuple):
    """What there is to know of a module's units when it is loaded.

    Attributes:
        effects: (unit, effects) of those that have any.
        based: units that are classes with bases.
        consulted: modules that were looked at to tell.
    """

    effects: tuple[tuple[int, Effects], ...]
    based: tuple[int, ...]
    consulted: tuple[str, ...]


class ClosureFinder:
    """Finds closures in one state of the source; what roots share is linked once.

    Args:
        source: of that state.
    """

    def __init__(self, source: Readable) -> None:
        self.source = source
        self.links = Links(source)
        self.effects = EffectFinder(source, self.links)
        self._loads: dict[str, tuple[tuple[int, str], ...]] = {}
        self._ordered: dict[tuple[str, int], bool] = {}
        self._imports: dict[str, ImportedUnits] = {}

    def find(self, root: str) -> Found:
        """The closure of a root.

        Raises:
            InvalidGraph: kind `syntax-error`, if a file that it loads can't be parsed.
        """
        return ClosureSearch(self, root).run()

    def reach(self, module: str) -> tuple[ImportReach, tuple[str, ...]]:
        """What importing a module may change outside of it, and the modules that were looked at."""
        anything = False
        modules: set[str] = set()
        consulted = {module: None}
        table = self.source.table(module)
        for index in range(0 if table is None else len(table.units)):
            effects = self.effects.of(module, index)
            anything = anything or effects.unknown
            modules.update(home for home, _ in effects.targets if home != module)
            consulted.update(dict.fromkeys(effects.consulted))
        return ImportReach(anything, frozenset(modules)), tuple(consulted)

    def units_at_import(self, module: str) -> ImportedUnits:
        """What a module's import may change, and which classes it makes."""
        found = self._imports.get(module)
        if found is None:
            table = self.source.table(module)
            units = () if table is None else table.units
            effects = [(index, self.effects.of(module, index)) for index in range(len(units))]
            found = self._imports[module] = ImportedUnits(
                tuple((index, each) for index, each in effects if each.unknown or each.targets),
                tuple(index for index, unit in enumerate(units) if unit.bases),
                tuple({name: None for _, each in effects for name in each.consulted}),
            )
        return found

    def loads_of(self, module: str) -> tuple[tuple[int, str], ...]:
        """What importing a module imports: (unit, module), in order."""
        found = self._loads.get(module)
        if found is None:
            table = self.source.table(module)
            pairs: dict[tuple[int, str], None] = {}
            for index, unit in enumerate(table.units if table is not None else ()):
                for name, attribute in unit.imports:
                    for each in self.imported(name, attribute):
                        pairs[index, each] = None
            found = self._loads[module] = tuple(pairs)
        return found

    def imported(self, module: str, attribute: str) -> list[str]:
        """The modules that `from module import attribute` imports; `""` is `import module`."""
        names = [module]
        if attribute and attribute != "*":
            where = self.source.located(module)
            if where.kind == "first-party" and where.is_package:
                table = self.source.table(module)
                inner = f"{module}.{attribute}"
                if (table is None or attribute not in table.by_name) and self.source.located(
                    inner
                ).kind != "absent":
                    names.append(inner)
        return names

    def is_ordered(self, module: str, index: int) -> bool:
        """Whether it matters when a unit runs, relative to others."""
        key = (module, index)
        found = self._ordered.get(key)
        if found is None:
            found = self._ordered[key] = self._matters(module, index)
        return found

    def _matters(self, module: str, index: int) -> bool:
        table = self.source.table(module)
        assert table is not None
        unit = table.units[index]
        if unit.kind == "star" or any(_is_rebound(table, name) for name in unit.names):
            return True
        if unit.kind in ("import", "constant"):
            return False
        effects = self.effects.of(module, index)
        if effects.unknown or effects.targets:
            return True
        calls = [call for call in unit.run.calls if not call.decorator]
        plain = unit.kind in ("def", "class")
        quiet = {"def", "class", "import", "constant"} if plain else {"import"}
        for chain in unit.run.uses:
            if _is_rebound(table, chain[0]):
                return True
            for position in table.by_name.get(chain[0], ()):
                if table.units[position].kind not in quiet:
                    return True
        return any(call.callee[0] in table.by_name or call.callee[0] == ABSOLUTE for call in calls)


def _is_rebound(table: ModuleTable, name: str) -> bool:
    """Whether a name means one thing first and another thing later."""
    indices = table.by_name.get(name, ())
    return len(indices) > 1 and len({table.units[index].targets or index for index in indices}) > 1


class Width(enum.IntEnum):
    """How much of a module counts, beyond the symbols that are named."""

    NONE = 0
    UNITS = 1
    """Every unit, and what it refers to."""
    VALUE = 2
    """The module is handed around: its submodules too, and modules that it takes over by name."""
    TEXT = 3
    """Text is run as code in it: every module that it names as well."""


class Counted(NamedTuple):
    """What of a unit counts.

    Attributes:
        references, imports, flags: as in `Unit`, of the code that counts.
        forms: (method, digest): `""` for the unit's own form.
    """

    references: tuple[Chain, ...]
    imports: tuple[tuple[str, str], ...]
    flags: tuple[Flag, ...]
    forms: tuple[tuple[str, str], ...]


class Search:
    """One search over one state of the source; `ClosureSearch` and `NarrowSearch` say from where.

    Args:
        finder: of that state.
        start: the module from whose import on units run.
    """

    def __init__(self, finder: ClosureFinder, start: str) -> None:
        self._finder = finder
        self._source = finder.source
        self._links = finder.links
        self._start = start
        self._queue: deque[tuple[str, str, str | int]] = deque()
        self._symbols: set[Symbol] = set()
        self._units: set[tuple[str, int]] = set()
        self._loaded: dict[str, None] = {}
        self._wholes: dict[str, Width] = {}
        self._widened: dict[str, Width] = {}
        self._waiting: dict[Symbol, list[tuple[str, int]]] = {}
        self._subclasses: dict[Symbol, list[tuple[str, int]]] = {}
        self._packages: set[str] = set()
        self._extra: dict[str, str] = {}
        self._notes: set[tuple[str, int, str]] = set()
        self._flags: set[str] = set()
        self._listed: set[str] = set()
        self._consulted: dict[str, None] = {}

    # -- the search ----------------------------------------------------------------------------

    def _drain(self) -> None:
        while True:
            while self._queue:
                kind, module, what = self._queue.popleft()
                if kind == "symbol":
                    self._reach_symbol(module, str(what))
                else:
                    self._reach_unit(module, int(what))
            if "everything" in self._flags:
                for module in self._loaded:
                    self._widen(module, Width.UNITS)
            again = False
            for module in list(self._loaded):
                width = self._width_of(module)
                if width is not None and width > self._widened.get(module, Width.NONE):
                    self._reach_whole(module, width)
                    again = True
            if not self._queue and not again:
                return

    def _widen(self, module: str, width: Width) -> None:
        self._wholes[module] = max(width, self._wholes.get(module, Width.NONE))

    def _width_of(self, module: str) -> Width | None:
        """How much of a loaded module counts; a package that is a value brings its submodules."""
        found = self._wholes.get(module)
        name = module.rpartition(".")[0]
        while name:
            if self._wholes.get(name) == Width.VALUE:
                return max(found or Width.NONE, Width.VALUE)
            name = name.rpartition(".")[0]
        return found

    def _followed(self, module: str, chain: Chain) -> tuple[Hit, ...]:
        followed = self._links.follow(module, chain)
        self._consulted.update(dict.fromkeys(followed.consulted))
        return followed.hits

    def _reach_all(self, hits: tuple[Hit, ...]) -> None:
        for hit in hits:
            if hit.kind == "symbol":
                self._push("symbol", hit.module, hit.name)
            elif hit.kind == "unit":
                self._push("unit", hit.module, hit.name)
            elif hit.kind in ("load", "extension", "third-party", "absent"):
                self._load(hit.module)
            elif hit.kind == "module":
                self._load(hit.module)
                self._widen(hit.module, Width.UNITS if hit.name else Width.VALUE)

    def _push(self, kind: str, module: str, what: str | int) -> None:
        key = (module, what)
        if key not in (self._symbols if kind == "symbol" else self._units):
            self._queue.append((kind, module, what))

    def _reach_symbol(self, module: str, name: str) -> None:
        if (module, name) in self._symbols:
            return
        self._symbols.add((module, name))
        table = self._source.table(module)
        indices = table.by_name.get(name, ()) if table is not None else ()
        for index in indices:
            self._push("unit", module, index)
        if not indices:
            self._extra[f"{module}:{name}"] = ABSENT
        for each, index in self._waiting.pop((module, name), ()):
            self._push("unit", each, index)
        if "subclasses" in self._flags:
            for each, index in self._subclasses.get((module, name), ()):
                self._push("unit", each, index)

    def _reach_unit(self, module: str, index: int) -> None:
        if (module, index) in self._units:
            return
        self._units.add((module, index))
        table = self._source.table(module)
        assert table is not None
        unit = table.units[index]
        counted = self._counted(module, unit)
        for chain in counted.references:
            hits = self._followed(module, chain)
            self._reach_all(hits)
            for hit in hits:
                if hit.kind == "module":
                    what = ".".join(part for part in chain if part)
                    self._note(table, unit.line, f"{what}: the whole module {hit.module} counts")
        if unit.kind == "star":
            for hit in self._followed(module, unit.targets[0][1]):
                if hit.kind in ("load", "third-party", "absent", "extension"):
                    self._load(hit.module)
        else:
            for _, target in unit.targets:
                # The names that it binds are reached one by one; what it imports must be there.
                self._load(target[1])
        for name, attribute in counted.imports:
            for each in self._finder.imported(name, attribute):
                self._load(each)
        for flag in counted.flags:
            self._raise(table, flag)

    def _counted(self, module: str, unit: Unit) -> Counted:
        """What of a reached unit counts: all of it."""
        return Counted(unit.references, unit.lazy_imports, unit.flags, (("", unit.form),))

    def _raise(self, table: ModuleTable, flag: Flag) -> None:
        """Take note of a place where reading can't follow, and widen."""
        if flag.kind == "dynamic":
            text = flag.what.startswith(("exec", "eval"))
            self._widen(table.module, Width.TEXT if text else Width.UNITS)
            self._note(table, flag.line, f"{flag.what}: the whole module counts")
        elif flag.kind == "everything":
            self._flags.add("everything")
            self._note(table, flag.line, f"{flag.what}: every loaded module counts whole")
        elif flag.kind == "source":
            self._flags.add("source")
            self._note(table, flag.line, f"{flag.what}: the text of every loaded module counts")
        elif flag.kind == "listing":
            self._listed.add(table.module)
            names = self._source.listing(table.module)
            self._extra[f"{table.module}:<modules beside it>"] = digest(list(names))
            self._note(table, flag.line, f"{flag.what}: which modules lie beside it counts")
        elif flag.kind not in self._flags:
            self._flags.add(flag.kind)
            if flag.kind == "subclasses":
                self._note(table, flag.line, f"{flag.what}: subclasses in loaded modules count")
                for symbol in list(self._symbols):
                    for each, index in self._subclasses.get(symbol, ()):
                        self._push("unit", each, index)

    def _note(self, table: ModuleTable, line: int, text: str) -> None:
        self._notes.add((PurePath(table.path).name, line, text))

    def _reach_whole(self, module: str, width: Width) -> None:
        """Reach every unit of a module, and what its names refer to."""
        self._widened[module] = width
        table = self._source.table(module)
        if table is None:
            return
        for index, unit in enumerate(table.units):
            self._push("unit", module, index)
            if unit.kind == "star":
                for _, target in unit.targets:
                    self._reach_all(self._narrowed(self._followed(module, target), width))
            for name in unit.names:
                said = any(bound == name and len(target) == 2 for bound, target in unit.targets)
                hits = self._followed(module, (name,))
                # `import m` in a module that is a value is seldom what is taken out of it.
                narrow = said and width < Width.TEXT
                self._reach_all(self._narrowed(hits, Width.UNITS if narrow else width))

    @staticmethod
    def _narrowed(hits: tuple[Hit, ...], width: Width) -> tuple[Hit, ...]:
        """Hits, less whole modules where only names in them can be meant."""
        if width == Width.UNITS:
            return tuple(hit for hit in hits if hit.kind != "module")
        return hits

    # -- loading -------------------------------------------------------------------------------

    def _load(self, module: str) -> None:
        """Import a module, its parents and all that they import."""
        stack = [module]
        while stack:
            each = stack.pop()
            if each in self._loaded:
                continue
            self._consulted[each] = None
            where = self._source.located(each)
            kind = kind_of(self._source, each)
            if kind == "third-party":
                self._packages.add(each.partition(".")[0])
            elif kind == "absent":
                self._extra[f"{each}:<module>"] = ABSENT
                stack.extend([each.rpartition(".")[0]] if "." in each else [])
            if kind != "first-party":
                continue
            self._loaded[each] = None
            parent = each.rpartition(".")[0]
            if parent:
                stack.append(parent)
            if where.path is not None and not where.is_source:
                self._extra[f"{each}:<extension>"] = self._source.file_digest(each)
            table = self._source.table(each)
            if table is not None:
                self._await_effects(table)
                stack.extend(inner for _, inner in self._finder.loads_of(each))
                for _, inner in self._finder.loads_of(each):
                    self._consulted[inner] = None

    def _await_effects(self, table: ModuleTable) -> None:
        """Let a module's import-time effects count as soon as what they change is reached."""
        units = self._finder.units_at_import(table.module)
        self._consulted.update(dict.fromkeys(units.consulted))
        for index, effects in units.effects:
            if effects.unknown or any(target in self._symbols for target in effects.targets):
                self._push("unit", table.module, index)
            else:
                for target in effects.targets:
                    self._waiting.setdefault(target, []).append((table.module, index))
        for index in units.based:
            self._await_bases(table.module, index, table.units[index])

    def _await_bases(self, module: str, index: int, unit: Unit) -> None:
        for chain in unit.bases:
            for hit in self._followed(module, chain):
                if hit.kind == "symbol":
                    symbol = (hit.module, str(hit.name))
                    self._subclasses.setdefault(symbol, []).append((module, index))
                    if "subclasses" in self._flags and symbol in self._symbols:
                        self._push("unit", module, index)

    # -- the answer ----------------------------------------------------------------------------

    def _texts(self) -> dict[str, str]:
        found = {}
        for module in sorted(self._loaded):
            where = self._source.located(module)
            if where.path is not None:
                found[module] = self._source.file_digest(module)
        return found

    def _parts(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Every ingredient of the answer under a name that a person understands, sorted."""
        docs = "docs" in self._flags or not DOCSTRING_READERS.isdisjoint(self._packages)
        forms: dict[str, list[str]] = {}
        for module, index in sorted(self._units):
            table = self._source.table(module)
            assert table is not None
            unit = table.units[index]
            names = [name for name in unit.names if (module, name) in self._symbols] or unit.names[:1]
            for label in names or (self._label(module, index, unit),):
                for method, counted in self._counted(module, unit).forms:
                    form = forms.setdefault(f"{module}:{label}{method and '.' + method}", [])
                    form.append(counted)
                    if docs:
                        form.append(unit.docs)
            if docs and table.docs:
                forms[f"{module}:<docstring>"] = [table.docs]
        parts = {name: digest(form) for name, form in forms.items()}
        parts.update(self._extra)
        if "source" in self._flags:
            parts.update({f"{module}:<text>": text for module, text in texts.items()})
        parts.update({f"{package}:<package>": "third-party" for package in self._packages})
        parts.update(self._orders())
        return {name: parts[name] for name in sorted(parts)}

    def _noted(self) -> tuple[str, ...]:
        return tuple(f"{file}:{line}: {text}" for file, line, text in sorted(self._notes))

    def _label(self, module: str, index: int, unit: Unit) -> str:
        """What a person may call a unit that binds no name."""
        if unit.kind == "star":
            return f"<import * from {unit.targets[0][1][1]}>"
        effects: Effects = self._finder.effects.of(module, index)
        targets = sorted(
            {target if home == module else f"{home}.{target}" for home, target in effects.targets}
        )
        if effects.unknown or not targets:
            return "<effects>"
        shown = ", ".join(targets[:3]) + (", …" if len(targets) > 3 else "")
        return f"<effect on {shown}>"

    def _orders(self) -> dict[str, str]:
        """The order of the reached units for which order matters: in modules, and across them."""
        sequence = self._sequence()
        inside: dict[str, list[str]] = {}
        across: list[str] = []
        for module, index in sequence:
            table = self._source.table(module)
            assert table is not None
            unit = table.units[index]
            inside.setdefault(module, []).append(
                unit.names[0] if unit.names else self._label(module, index, unit)
            )
            if not across or across[-1] != module:
                across.append(module)
        parts = {f"{module}:<order>": digest(labels) for module, labels in inside.items() if len(labels) > 1}
        if len(across) > 1:
            parts[f"{self._start}:<import order>"] = digest(across)
        return parts

    def _sequence(self) -> list[tuple[str, int]]:
        """Reached units in the order in which importing the root's module runs them."""
        wanted: dict[str, list[int]] = {}
        for module, index in self._units:
            if self._finder.is_ordered(module, index):
                wanted.setdefault(module, []).append(index)
        if not wanted:
            return []
        sequence: list[tuple[str, int]] = []
        begun: set[str] = set()
        for start in [self._start, *sorted(self._loaded)]:
            # A step is a module to import, or (module, unit) to run.
            stack: list[str | tuple[str, int]] = [start]
            while stack:
                step = stack.pop()
                if isinstance(step, tuple):
                    sequence.append(step)
                    continue
                if step in begun or step not in self._loaded:
                    continue
                parent = step.rpartition(".")[0]
                if parent and parent not in begun:
                    stack += [step, parent]  # parents come first, and may import this one themselves
                    continue
                begun.add(step)
                events: list[tuple[int, int, str | tuple[str, int]]] = [
                    (index, 0, module) for index, module in self._finder.loads_of(step)
                ]
                events += [(index, 1, (step, index)) for index in wanted.get(step, ())]
                events.sort(key=lambda event: event[:2])
                stack.extend(event[2] for event in reversed(events))
        return sequence


class ClosureSearch(Search):
    """The closure of one root: all that can run, or shape what runs, when it is used."""

    def __init__(self, finder: ClosureFinder, root: str) -> None:
        super().__init__(finder, root.partition(":")[0])
        self._root = root

    def run(self) -> Found:
        """Search; once."""
        module, _, name = self._root.partition(":")
        self._consulted[module] = None
        where = self._source.located(module)
        if where.kind == "absent":
            return self._absent()
        if where.kind == "first-party":
            self._load(module)
            if name != "*" and self._is_missing(module, name):
                self._drain()
                return self._absent()
        chain: Chain = (ABSOLUTE, module) if name == "*" else (ABSOLUTE, module, *name.split("."))
        self._reach_all(self._followed(module, chain))
        self._drain()
        texts = self._texts()
        parts = self._parts(texts)
        closure = Closure(
            self._root,
            digest(["closure", parts]),
            parts,
            texts,
            tuple(sorted(self._packages)),
            self._noted(),
        )
        return Found(closure, tuple(self._consulted), tuple(sorted(self._listed)))

    def _is_missing(self, module: str, name: str) -> bool:
        """Whether a root plainly isn't there."""
        first = name.partition(".")[0]
        hits = self._followed(module, (ABSOLUTE, module, first))
        table = self._source.table(module)
        if table is None or any(flag.kind == "dynamic" for unit in table.units for flag in unit.flags):
            return False
        unbound = Hit("symbol", module, first, (), True)
        return unbound in hits and first not in table.by_name

    def _absent(self) -> Found:
        parts = {self._root: ABSENT}
        closure = Closure(self._root, digest(["closure", ABSENT]), parts, self._texts(), (), ())
        return Found(closure, tuple(self._consulted))
