"""`Links`: what a chain in a module leads to, symbol by symbol, across modules.

Invariants: every binding of a name is followed; a chain that leads nowhere known leads to the whole
module; what was looked at on the way (modules there or absent) is named in `consulted`, so that an
answer may be remembered for as long as none of it changes. Answers hold for one state of the source.
"""

from __future__ import annotations

import builtins
from typing import NamedTuple, Protocol

from fingerprint_runner.provenance.locate import ModuleLocation
from fingerprint_runner.provenance.units import ABSOLUTE, SOFT, STAR, Chain, ModuleTable, Unit

BUILTIN_NAMES = frozenset(dir(builtins))
MODULE_NAMES = frozenset(
    [
        "__name__",
        "__file__",
        "__doc__",
        "__package__",
        "__spec__",
        "__loader__",
        "__path__",
        "__builtins__",
        "__cached__",
        "__debug__",
        "__class__",
        "__qualname__",
        "__module__",
        "__firstlineno__",
    ]
)
"""Names that every module (or class body) has without binding them."""


class Hit(NamedTuple):
    """Something that a chain leads to, or through.

    Attributes:
        kind: `symbol`, `module` (the whole of it), `unit` (a star import), `load`, `third-party`,
            `stdlib`, `builtin`, `extension` or `absent` (a module that isn't there).
        module: its full name.
        name: the symbol; the index of a unit; the first attribute taken of what is outside; of a whole
            module, the name that it didn't have, or `""` where the module itself is used.
        rest: what the chain takes of it beyond.
        final: whether something other than an import binds the symbol.
    """

    kind: str
    module: str
    name: str | int = ""
    rest: Chain = ()
    final: bool = False


class Followed(NamedTuple):
    """All that a chain leads to, and the modules that were consulted for it."""

    hits: tuple[Hit, ...]
    consulted: tuple[str, ...]


class Modules(Protocol):
    """Where modules are and what they say."""

    def located(self, module: str) -> ModuleLocation:
        """Where a module lies."""

    def table(self, module: str) -> ModuleTable | None:
        """The table of a first-party module in source; None for every other."""


def kind_of(modules: Modules, module: str) -> str:
    """Whose a module is, as `ModuleLocation.kind`; `builtin` counts as `stdlib`.

    A module that others make up while they run (`os.path`, `six.moves`) is its top package's.
    """
    kind = modules.located(module).kind
    if kind == "absent" and "." in module:
        top = modules.located(module.partition(".")[0]).kind
        kind = top if top not in ("absent", "first-party") else kind
    return "stdlib" if kind == "builtin" else kind


class Links:
    """Follows chains.

    Args:
        modules: of one state of the source.
    """

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._followed: dict[tuple[str, Chain], Followed] = {}
        self._provided: dict[tuple[str, str], bool] = {}

    def units_of(self, module: str, name: str) -> list[Unit]:
        """The units of a module that bind a name."""
        table = self._modules.table(module)
        return [] if table is None else [table.units[index] for index in table.by_name.get(name, ())]

    def follow(self, module: str, chain: Chain) -> Followed:
        """What a chain that stands in a module leads to."""
        key = (module, chain)
        found = self._followed.get(key)
        if found is None:
            walk = _Walk(self._modules)
            found = self._followed[key] = walk.run(module, chain)
        return found


_Step = tuple[bool, str, Chain, bool]
"""Whether it is a module, the module, what is to be found of it, and whether from outside it."""


class _Walk:
    """One chain being followed; the walk visits each (module, rest) once."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._hits: dict[Hit, None] = {}
        self._consulted: dict[str, None] = {}
        self._stack: list[_Step] = []
        self._seen: set[_Step] = set()
        self._soft = False

    def run(self, module: str, chain: Chain) -> Followed:
        if chain[0] == SOFT:
            self._soft = True
            if chain[1] == ABSOLUTE:
                self._stack.append((True, chain[2], chain[3:], True))
            elif self._provides(module, chain[1]):
                self._stack.append((False, module, chain[1:], False))
        elif chain[0] == ABSOLUTE:
            self._stack.append((True, chain[1], chain[2:], True))
        else:
            self._stack.append((False, module, chain, False))
        while self._stack:
            step = self._stack.pop()
            if step in self._seen:
                continue
            self._seen.add(step)
            is_module, name, rest, outside = step
            if is_module:
                self._enter(name, rest)
            else:
                self._look_up(name, rest, outside)
        return Followed(tuple(self._hits), tuple(self._consulted))

    def _hit(self, *parts: object) -> None:
        self._hits[Hit(*parts)] = None  # type: ignore[arg-type]

    def _located(self, module: str) -> ModuleLocation:
        self._consulted[module] = None
        return self._modules.located(module)

    def _enter(self, module: str, rest: Chain) -> None:
        """Go on with the attributes `rest` of a module."""
        where = self._located(module)
        kind = kind_of(self._modules, module)
        if kind in ("stdlib", "third-party"):
            self._hit(kind, module, rest[0] if rest else "", rest[1:])
        elif kind == "absent":
            self._hit("absent", module)
        elif kind == "first-party":
            self._hit("load", module)
            if where.path is not None and not where.is_source:
                self._hit("extension", module)
            elif not rest:
                self._hit("module", module)
            elif where.is_source:
                self._stack.append((False, module, rest, True))
            else:  # a namespace package has submodules alone
                self._stack.append((True, f"{module}.{rest[0]}", rest[1:], True))

    def _look_up(self, module: str, chain: Chain, outside: bool) -> None:
        """Find the first name of a chain among a module's globals.

        Args:
            outside: whether as an attribute of the module, and not by its own code.
        """
        table = self._modules.table(module)
        self._consulted[module] = None
        if table is None:
            return
        name, rest = chain[0], chain[1:]
        indices = table.by_name.get(name)
        if indices is not None:
            self._bound(table, indices, name, rest)
            certain = (index for index in indices if not table.units[index].conditional)
            self._through_stars(table, name, rest, next(certain, -1))
            return
        if self._through_stars(table, name, rest):
            return
        if not outside:
            if name in BUILTIN_NAMES:
                self._hit("builtin", "builtins", name, rest)
            elif name not in MODULE_NAMES:
                self._hit("symbol", module, name, rest, True)  # from elsewhere, or nowhere
            return
        if table.is_package and self._located(f"{module}.{name}").kind != "absent":
            self._stack.append((True, f"{module}.{name}", rest, True))
        elif name in MODULE_NAMES:
            return
        elif "__getattr__" in table.by_name:
            self._hit("symbol", module, "__getattr__", (), True)
        else:
            self._hit("symbol", module, name, rest, True)
            if not self._soft:
                self._hit("module", module, name)

    def _bound(self, table: ModuleTable, indices: tuple[int, ...], name: str, rest: Chain) -> None:
        final = False
        for index in indices:
            targets = [chain for bound, chain in table.units[index].targets if bound == name]
            for target in targets:
                self._go(table, name, rest, (True, target[1], (*target[2:], *rest), True))
            final = final or not targets or table.units[index].kind == "block"
        self._hit("symbol", table.module, name, rest, final)
        # A package's submodule replaces what its `__init__` bound to the same name.
        if rest and final and table.is_package:
            inner = f"{table.module}.{name}"
            if self._located(inner).kind == "first-party" and self._provides(inner, rest[0]):
                self._stack.append((True, inner, rest, True))

    def _go(self, table: ModuleTable, name: str, rest: Chain, step: _Step) -> None:
        """Go on with a step; where that leads in a circle, a package's name is its submodule.

        `from . import inner` in `pkg.tools` does, if `pkg` itself has `from .tools import *`.
        """
        self._stack.append(step)
        circles = not self._seen.isdisjoint({step, (*step[:3], False)})
        inner = f"{table.module}.{name}"
        if circles and table.is_package and self._located(inner).kind != "absent":
            self._stack.append((True, inner, rest, True))

    def _through_stars(self, table: ModuleTable, name: str, rest: Chain, after: int = -1) -> bool:
        """Look a name up behind the star imports that stand after a unit: they replace what it bound."""
        found = False
        for index in table.by_name.get(STAR, ()):
            unit = table.units[index]
            if index <= after or not unit.targets:
                continue
            source = unit.targets[0][1][1]
            where = self._located(source)
            if where.kind == "first-party" and where.is_source:
                if self._provides(source, name):
                    self._hit("unit", table.module, index)
                    self._hit("load", source)
                    if self._provides(source, "__all__"):
                        self._stack.append((False, source, ("__all__",), True))
                    self._go(table, name, rest, (False, source, (name, *rest), True))
                    found = True
            elif name not in MODULE_NAMES:
                self._hit("unit", table.module, index)
                self._enter(source, (name, *rest))
                found = found or where.kind != "absent"
        return found

    def _provides(self, module: str, name: str) -> bool:
        """Whether a module binds a name, its star imports included."""
        stack = [module]
        seen: set[str] = set()
        while stack:
            each = stack.pop()
            if each in seen:
                continue
            seen.add(each)
            self._consulted[each] = None
            table = self._modules.table(each)
            if table is None:
                continue
            if name in table.by_name:
                return True
            if (
                table.is_package
                and "__all__" in table.by_name
                and name != "__all__"
                and self._located(f"{each}.{name}").kind != "absent"
            ):
                return True
            stack.extend(
                unit.targets[0][1][1] for unit in table.units if unit.kind == "star" and unit.targets
            )
        return False
