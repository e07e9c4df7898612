"""`Unit` and `ModuleTable`: what one module's text says, without its tree.

A table is what remains of a module once it is read: plain tuples that `marshal` keeps, so that a
closure is searched without parsing again.

A *chain* is a dotted reference as a tuple. Its first item is a global name of the module it stands in;
`""` makes it absolute, the next item being a module's full name; `"?"` makes it soft: where
nothing of that name is bound, it widens to nothing.

Invariants: nothing here imports `ast`; tables are values, never changed; equal text under an equal
module name gives an equal table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Chain = tuple[str, ...]

ABSOLUTE = ""
SOFT = "?"
STAR = "*"
BODY = "()"
"""Stands for the body of a plain function, as a method's name does for a method's."""


class Call(NamedTuple):
    """A call that some code makes.

    Attributes:
        callee: what is called.
        levels: 1 for `f()`, 2 where what it returned is called too, as `@f()` does.
        discarded: whether its result is thrown away, so that it is there for its effect alone.
        decorator: `top` for a decorator of a top-level definition, `inner` for others, else empty.
        arguments: chains that are handed to it.
    """

    callee: Chain
    levels: int
    discarded: bool
    decorator: str
    arguments: tuple[Chain, ...]


class Actions(NamedTuple):
    """What a body of code does when it runs, but for what it only defines.

    Attributes:
        calls: in source order.
        stores: attributes, items and globals that it sets or deletes, and whether what is changed was
            made by calling them.
        receivers: what it calls methods on where that isn't a plain chain, the method, and whether the
            result is discarded.
        attributes: every attribute that it names, to find methods called on `self`.
        uses: every chain that it evaluates.
        references: the same, with those that it only asks for; of methods alone.
        imports: what it imports: (module, name or `""`); of methods alone.
        opaque: whether it runs text as code or reaches for namespaces.
        calls_parameters: whether it calls what it was given.
        calls_inner: whether it calls, or gives to others, functions defined inside it.
    """

    calls: tuple[Call, ...] = ()
    stores: tuple[tuple[Chain, bool], ...] = ()
    receivers: tuple[tuple[Chain, str, bool], ...] = ()
    attributes: tuple[str, ...] = ()
    uses: tuple[Chain, ...] = ()
    opaque: bool = False
    calls_parameters: bool = False
    calls_inner: bool = False
    references: tuple[Chain, ...] = ()
    imports: tuple[tuple[str, str], ...] = ()


class Flag(NamedTuple):
    """A place where code does what reading can't follow.

    Attributes:
        kind: `dynamic` (the module counts), `everything` (all loaded modules do), `docs`, `source`,
            `subclasses` or `listing`.
        line: counted from 1.
        what: as a person would name it: `exec(...)`.
        inside: the function that must run for it: `BODY` of a function, a method's name; empty where
            importing the module is enough.
    """

    kind: str
    line: int
    what: str
    inside: str = ""


class Unit(NamedTuple):
    """One top-level statement, or a part of one.

    Attributes:
        names: the globals that it binds.
        kind: `def`, `class`, `import`, `star`, `constant` (a literal), `assign`, `block` or `effect`.
        form: digest of its normal form with the tests it stands under and the module's future flags.
        docs: digest of the docstrings in it; empty where there are none.
        line: where it begins.
        references: every chain in it, functions' bodies included.
        imports: what it imports when it runs: (module, name or `""`).
        lazy_imports: what functions in it import.
        targets: (name, chain) for each name that an import in it binds.
        run: what it does when the module is imported.
        bodies: (key, actions) of the functions in it: 1 for the outermost, 2 for those inside, 3 for
            all deeper ones, a method's name in a class.
        flags: where reading can't follow.
        bases: of a class.
        hooked: whether a class has a hook for its subclasses, or a metaclass.
        conditional: whether it may bind its names or not, depending on what runs.
        surface: digest of its form without the bodies of the function, or of the class's methods; empty
            where it has none.
        methods: (name, digest) of these: `BODY` for a function.
        surface_references: those of `references` that stand outside of these.
    """

    names: tuple[str, ...]
    kind: str
    form: str
    docs: str
    line: int
    references: tuple[Chain, ...] = ()
    imports: tuple[tuple[str, str], ...] = ()
    lazy_imports: tuple[tuple[str, str], ...] = ()
    targets: tuple[tuple[str, Chain], ...] = ()
    run: Actions = Actions()
    bodies: tuple[tuple[int | str, Actions], ...] = ()
    flags: tuple[Flag, ...] = ()
    bases: tuple[Chain, ...] = ()
    hooked: bool = False
    conditional: bool = False
    surface: str = ""
    methods: tuple[tuple[str, str], ...] = ()
    surface_references: tuple[Chain, ...] = ()

    def label(self) -> str:
        """How a person knows it: its first name, or what it is."""
        return self.names[0] if self.names else f"<{self.kind}>"


@dataclass(frozen=True)
class ModuleTable:
    """What one module's text says.

    Attributes:
        module: its full name, by which relative imports were made absolute.
        is_package: whether it is a package's `__init__`.
        path: of its file: a machine fact, for messages only.
        text: xxh3-128 of its bytes.
        docs: digest of the module's own docstring; empty where there is none.
        units: in source order.
        by_name: global name → units that bind it, in source order; `"*"` → its star imports.
    """

    module: str
    is_package: bool
    path: str
    text: str
    docs: str
    units: tuple[Unit, ...]
    by_name: Mapping[str, tuple[int, ...]]

    def as_plain(self) -> tuple[Any, ...]:
        """The table as data that `marshal` keeps."""
        return (self.module, self.is_package, self.path, self.text, self.docs, _plain(self.units))

    @classmethod
    def from_plain(cls, data: tuple[Any, ...]) -> ModuleTable:
        """The table that `as_plain` took apart."""
        module, is_package, path, text, docs, rows = data
        return make_table(module, is_package, path, text, docs, tuple(_unit(row) for row in rows))


def make_table(
    module: str, is_package: bool, path: str, text: str, docs: str, units: tuple[Unit, ...]
) -> ModuleTable:
    """A table with its index of names."""
    by_name: dict[str, list[int]] = {}
    for index, unit in enumerate(units):
        for name in unit.names if unit.kind != "star" else (STAR,):
            by_name.setdefault(name, []).append(index)
    index_of = {name: tuple(found) for name, found in by_name.items()}
    return ModuleTable(module, is_package, path, text, docs, units, index_of)


def _plain(units: tuple[Unit, ...]) -> list[tuple[Any, ...]]:
    # `marshal` refuses subclasses of tuple.
    return [
        (
            *unit[:9],
            _plain_actions(unit.run),
            tuple((key, _plain_actions(actions)) for key, actions in unit.bodies),
            tuple(tuple(flag) for flag in unit.flags),
            unit.bases,
            *unit[13:],
        )
        for unit in units
    ]


def _plain_actions(actions: Actions) -> tuple[Any, ...]:
    return (tuple(tuple(call) for call in actions.calls), *actions[1:])


def _unit(row: tuple[Any, ...]) -> Unit:
    unit = Unit._make(row)
    return unit._replace(
        run=_actions(unit.run),
        bodies=tuple((key, _actions(actions)) for key, actions in unit.bodies),
        flags=tuple(Flag(*flag) for flag in unit.flags),
    )


def _actions(row: tuple[Any, ...]) -> Actions:
    return Actions(tuple(Call(*call) for call in row[0]), *row[1:])
