"""`Effects`: what a statement that runs at import may change beyond the names that it binds.

A unit with effects counts when its module is loaded and something that it may change is reached; one
whose effects aren't known counts whenever its module is loaded.

Invariants: what may be changed is never named too narrowly: a function that is called at import is
followed into all that it calls, what a changed global was made of may be changed too, and what can't
be followed is unknown. Plain definitions, imports and literals have no effects.
"""

# ruff: noqa: SIM905

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.provenance.links import Hit, Links, Modules
from fingerprint_runner.provenance.unit_methods import CONSTRUCTORS, OPERATOR, READ_ONLY
from fingerprint_runner.provenance.units import Actions, Call, Chain, Unit

Symbol = tuple[str, str]

LOUD = frozenset(
    """os sys random atexit locale copyreg builtins importlib decimal gc signal socket multiprocessing
    threading types codecs faulthandler resource""".split()
)
"""Standard library whose decorators change how other code runs; the others' only wrap."""

QUIET = frozenset("logging warnings time typing pprint traceback".split())
"""Standard library whose discarded calls are taken to change nothing that a node gives."""

CHANGES_ARGUMENTS = frozenset("bisect heapq operator random".split())
"""Standard library that changes the lists and objects that it is given, its result used or not."""

PATCHERS = frozenset(["unittest"])
"""Standard library whose objects change others, that they know by name, when their methods are called."""

ADDERS = frozenset("add append appendleft extend insert setdefault update".split())
"""Methods of plain containers, which keep what they are given and leave it as it is."""

CALLS_LATER = frozenset(
    "functools dataclasses typing abc contextlib enum collections operator logging types".split()
)
"""Standard library that keeps functions that it is given and doesn't call them."""

PURE_LIBRARIES = frozenset(
    """numpy scipy pandas sklearn numba jax torch polars pyarrow matplotlib attr attrs pydantic click typer
    tenacity joblib beartype typeguard toolz cytoolz more_itertools cachetools wrapt decorator dask ray
    typing_extensions tqdm pytest hypothesis msgspec xxhash""".split()
)
"""Packages whose decorators only wrap and whose functions leave their arguments as they are, where
the result is used."""


class Effects(NamedTuple):
    """What a unit may change when its module is imported.

    Attributes:
        targets: symbols, sorted.
        unknown: whether it may change anything.
        consulted: modules that were looked at.
    """

    targets: tuple[Symbol, ...] = ()
    unknown: bool = False
    consulted: tuple[str, ...] = ()


NO_EFFECTS = Effects()


class Parts(NamedTuple):
    """What an object may be made of.

    Attributes:
        symbols: whose objects may be parts of it.
        has_module: whether it may hold a module, or know one by name, so that it may change anything in it.
        consulted: modules that were looked at.
    """

    symbols: tuple[Symbol, ...]
    has_module: bool
    consulted: tuple[str, ...]


class EffectFinder:
    """Finds and remembers the effects of units.

    Args:
        modules: of one state of the source.
        links: of the same.
    """

    def __init__(self, modules: Modules, links: Links) -> None:
        self._modules = modules
        self._links = links
        self._known: dict[tuple[str, int], Effects] = {}
        self._made_of: dict[Symbol, Parts] = {}

    def of(self, module: str, index: int) -> Effects:
        """The effects of a module's unit."""
        key = (module, index)
        found = self._known.get(key)
        if found is None:
            table = self._modules.table(module)
            assert table is not None
            found = self._known[key] = self._find(module, index, table.units[index])
        return found

    def _find(self, module: str, index: int, unit: Unit) -> Effects:
        run = unit.run
        if not (run.calls or run.stores or run.receivers or run.opaque or run.calls_inner or unit.bases):
            return NO_EFFECTS
        walk = _Walk(self, self._modules, self._links)
        try:
            walk.run(module, index)
        except InvalidGraph:
            # A file that nothing reaches may be broken; if something does, the search says so.
            return Effects((), True, tuple(walk.consulted))
        own = {(module, name) for name in unit.names}
        return Effects(tuple(sorted(walk.targets - own)), walk.unknown, tuple(walk.consulted))

    def made_of(self, symbol: Symbol) -> Parts:
        """What a symbol's object may be made of."""
        found = self._made_of.get(symbol)
        if found is None:
            found = self._made_of[symbol] = self._take_apart(symbol)
        return found

    def _take_apart(self, symbol: Symbol) -> Parts:
        parts: dict[Symbol, None] = {}
        consulted: dict[str, None] = {}
        has_module = False
        seen = {symbol}
        stack = [symbol]
        while stack:
            module, name = stack.pop()
            for unit in self._links.units_of(module, name):
                if unit.kind in ("constant", "import", "star"):
                    continue
                if unit.kind != "def":
                    parts[module, name] = None
                for chain in unit.references:
                    followed = self._links.follow(module, chain)
                    consulted.update(dict.fromkeys(followed.consulted))
                    for hit in followed.hits:
                        if hit.kind == "symbol" and (hit.module, hit.name) not in seen:
                            seen.add((hit.module, str(hit.name)))
                            stack.append((hit.module, str(hit.name)))
                        elif _is_bare(hit) or hit.module.partition(".")[0] in PATCHERS:
                            has_module = True
        return Parts(tuple(parts), has_module, tuple(consulted))


class _Walk:
    """One unit's import-time code being followed; each body is visited once."""

    def __init__(self, finder: EffectFinder, modules: Modules, links: Links) -> None:
        self._finder = finder
        self._modules = modules
        self._links = links
        self._stack: list[tuple[str, int, int | str]] = []
        self._seen: set[tuple[str, int, int | str]] = set()
        self.targets: set[Symbol] = set()
        self.unknown = False
        self.consulted: dict[str, None] = {}

    def run(self, module: str, index: int) -> None:
        self._visit(module, index, 0)
        while self._stack and not self.unknown:
            each, position, key = self._stack.pop()
            table = self._modules.table(each)
            assert table is not None
            unit = table.units[position]
            if key == 0:
                self._hooks(each, unit)
            actions = unit.run if key == 0 else dict(unit.bodies)[key]
            self._act(each, actions)
            if actions.calls_inner and isinstance(key, int):
                for deeper, _ in unit.bodies:
                    if isinstance(deeper, int) and deeper == key + 1:
                        self._visit(each, position, deeper)

    def _visit(self, module: str, index: int, key: int | str) -> None:
        step = (module, index, key)
        if step not in self._seen:
            self._seen.add(step)
            self._stack.append(step)

    def _follow(self, module: str, chain: Chain) -> tuple[Hit, ...]:
        followed = self._links.follow(module, chain)
        self.consulted.update(dict.fromkeys(followed.consulted))
        return followed.hits

    def _act(self, module: str, actions: Actions) -> None:
        if actions.opaque:
            self.unknown = True
        for chain, made in actions.stores:
            for hit in self._follow(module, chain):
                if hit.kind == "symbol":
                    if hit.final or not hit.rest:
                        self._change((hit.module, str(hit.name)))
                elif not made and hit.kind in ("stdlib", "third-party", "extension", "module"):
                    # Of a module without that name too: `helpers.__dict__["f"] = …`.
                    self.unknown = True
        for chain, method, discarded in actions.receivers:
            for hit in self._follow(module, chain):
                if hit.kind == "symbol":
                    if not hit.final and hit.rest:
                        continue
                    if method == OPERATOR and not discarded and not self._has_class(hit):
                        continue
                    if not self._is_read(hit, method):
                        self._change((hit.module, str(hit.name)))
                elif method in READ_ONLY:
                    continue
                elif discarded and (hit.kind == "extension" or _is_bare(hit) or _reaches_out(hit)):
                    self.unknown = True
        for call in actions.calls:
            for hit in self._follow(module, call.callee):
                self._call(module, call, hit)

    def _change(self, symbol: Symbol) -> None:
        self.targets.add(symbol)
        parts = self._finder.made_of(symbol)
        self.targets.update(parts.symbols)
        self.unknown = self.unknown or parts.has_module
        self.consulted.update(dict.fromkeys(parts.consulted))

    def _change_arguments(self, module: str, call: Call) -> None:
        if call.decorator:
            return  # what is decorated is the unit itself
        for chain in call.arguments:
            for hit in self._follow(module, chain):
                if _is_bare(hit):
                    self.unknown = True  # it may be given other attributes
                elif hit.kind == "symbol" and hit.final and self._is_mutable(hit):
                    self._change((hit.module, str(hit.name)))

    def _is_mutable(self, hit: Hit) -> bool:
        units = self._links.units_of(hit.module, str(hit.name))
        return any(unit.kind not in ("def", "constant") for unit in units)

    def _is_read(self, hit: Hit, method: str) -> bool:
        """Whether a method only reads, by its name; what a first-party class may mean by it is open."""
        return method in READ_ONLY and not self._has_class(hit)

    def _has_class(self, hit: Hit) -> bool:
        """Whether an object may be, or hold, an instance of a first-party class."""
        parts = self._finder.made_of((hit.module, str(hit.name)))
        self.consulted.update(dict.fromkeys(parts.consulted))
        return any(
            unit.kind == "class"
            for module, name in parts.symbols
            for unit in self._links.units_of(module, name)
        )

    def _call_arguments(self, module: str, call: Call) -> None:
        """Follow what is handed to something that calls it."""
        for chain in call.arguments:
            for hit in self._follow(module, chain):
                if hit.kind != "symbol":
                    continue
                self._enter(hit, 2)
                if hit.rest and self._is_mutable(hit) and not self._is_read(hit, hit.rest[-1]):
                    self._change((hit.module, str(hit.name)))  # `map(REGISTRY.append, …)`

    def _call(self, module: str, call: Call, hit: Hit) -> None:
        last = call.callee[-1]
        if hit.kind == "builtin":
            self._call_arguments(module, call)
            if hit.rest and call.discarded:
                self._change_arguments(module, call)  # `type.__setattr__(Model, "size", 2)`
        elif hit.kind == "stdlib":
            top = hit.module.partition(".")[0]
            if (call.decorator == "top" and top in LOUD) or (call.discarded and _reaches_out(hit)):
                self.unknown = True
            if top in CHANGES_ARGUMENTS:
                self._change_arguments(module, call)
            if top not in CALLS_LATER:
                self._call_arguments(module, call)
        elif hit.kind in ("third-party", "extension", "absent"):
            pure = hit.module.partition(".")[0] in PURE_LIBRARIES
            if call.decorator == "top" and not pure:
                self.unknown = True
            elif call.discarded:
                self.unknown = self.unknown or last not in READ_ONLY
            elif not pure:
                self._change_arguments(module, call)
        elif hit.kind == "symbol":
            self._call_symbol(module, call, hit)

    def _call_symbol(self, module: str, call: Call, hit: Hit) -> None:
        units = self._links.units_of(hit.module, str(hit.name))
        if not units:
            self.unknown = self.unknown or call.discarded or bool(call.decorator)
            return
        if not hit.final:
            return
        kinds = {unit.kind for unit in units}
        if hit.rest and kinds != {"class"}:
            # `@app.get("/")` registers, whatever `get` does elsewhere.
            if not call.decorator and self._is_read(hit, hit.rest[-1]):
                return
            self._change((hit.module, str(hit.name)))
            if hit.rest[-1] not in ADDERS or self._has_class(hit):
                self._change_arguments(module, call)  # `bus.attach(handler)`
        elif hit.rest:
            self._change((hit.module, str(hit.name)))
            self._change_arguments(module, call)
        else:
            if not kinds <= {"def", "class"}:
                # A bound method, a partial, an object that is callable: `register = REGISTRY.append`.
                self._change((hit.module, str(hit.name)))
            self._change_arguments(module, call)
        if self._enter(hit, call.levels):
            self._call_arguments(module, call)

    def _enter(self, hit: Hit, levels: int) -> bool:
        """Follow a symbol into what calling it runs.

        Returns:
            Whether that calls what it is given.
        """
        table = self._modules.table(hit.module)
        if table is None:
            return False
        calls_given = False
        for index in table.by_name.get(str(hit.name), ()):
            unit = table.units[index]
            if unit.kind == "class":
                calls_given = self._enter_class(hit.module, index, hit.rest[:1]) or calls_given
            elif unit.kind in ("assign", "block", "effect") and not hit.rest:
                # An alias, a partial, an object that is callable: whatever it was made of may run.
                for chain in unit.references:
                    for inner in self._follow(hit.module, chain):
                        if inner.kind == "symbol" and inner.final and inner[1:3] != hit[1:3]:
                            self._later(inner)
            if unit.kind != "class":
                for key, actions in unit.bodies:
                    if isinstance(key, str) or key <= levels:
                        self._visit(hit.module, index, key)
                        calls_given = calls_given or actions.calls_parameters
        return calls_given

    def _later(self, hit: Hit) -> None:
        table = self._modules.table(hit.module)
        if table is None:
            return
        for index in table.by_name.get(str(hit.name), ()):
            for key, _ in table.units[index].bodies:
                self._visit(hit.module, index, key)

    def _enter_class(self, module: str, index: int, called: Iterable[str]) -> bool:
        """Follow the making of an instance, or a call of a class's method, through its bases."""
        wanted = set(called) or set(CONSTRUCTORS)
        calls_given = False
        family = [(module, index), *self._ancestors(module, index)]
        changed = True
        while changed:
            changed = False
            for each, position in family:
                table = self._modules.table(each)
                assert table is not None
                for key, actions in table.units[position].bodies:
                    if key in wanted and (each, position, key) not in self._seen:
                        self._visit(each, position, key)
                        wanted.update(actions.attributes)
                        calls_given = calls_given or actions.calls_parameters
                        changed = True
        return calls_given

    def _ancestors(self, module: str, index: int) -> list[tuple[str, int]]:
        """The first-party classes among a class's bases and metaclasses, and theirs."""
        found: dict[tuple[str, int], None] = {}
        stack = [(module, index)]
        while stack:
            each, position = stack.pop()
            table = self._modules.table(each)
            assert table is not None
            for chain in table.units[position].bases:
                for hit in self._follow(each, chain):
                    if hit.kind != "symbol" or not hit.final:
                        continue
                    inner = self._modules.table(hit.module)
                    for number in () if inner is None else inner.by_name.get(str(hit.name), ()):
                        if (hit.module, number) not in found and (hit.module, number) != (module, index):
                            found[hit.module, number] = None
                            stack.append((hit.module, number))
        return list(found)

    def _hooks(self, module: str, unit: Unit) -> None:
        """Making a class runs its bases' `__init_subclass__` and its metaclass."""
        if not unit.bases:
            return
        table = self._modules.table(module)
        assert table is not None
        index = table.units.index(unit)
        ancestors = self._ancestors(module, index)
        hooked = False
        for each, position in ancestors:
            base = self._modules.table(each)
            assert base is not None
            hooked = hooked or base.units[position].hooked or self._is_metaclass(each, base.units[position])
        if not hooked:
            return
        for each, position in ancestors:
            base = self._modules.table(each)
            assert base is not None
            for name in base.units[position].names:
                self.targets.add((each, name))
            self._enter_class(each, position, ("__init_subclass__",))
            if self._is_metaclass(each, base.units[position]):
                self._enter_class(each, position, ())

    def _is_metaclass(self, module: str, unit: Unit) -> bool:
        for chain in unit.bases:
            for hit in self._follow(module, chain):
                if hit.kind == "builtin" and hit.name == "type":
                    return True
                if hit.kind in ("stdlib", "third-party") and chain[-1].endswith(
                    ("Meta", "type", "MetaClass")
                ):
                    return True
        return False


def _reaches_out(hit: Hit) -> bool:
    """Whether a call whose result is thrown away may change how other code runs."""
    if hit.kind in ("third-party", "absent"):
        return True
    return hit.kind == "stdlib" and hit.module.partition(".")[0] not in QUIET


def _is_bare(hit: Hit) -> bool:
    """Whether a module itself is used as a value, and not a name that it lacks."""
    return hit.kind == "module" and not hit.name
