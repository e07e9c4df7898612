"""`Scope`: where names are bound inside one unit, and what a name then means.

Invariants: a name that some scope between its use and the module binds is local; class bodies don't
hide names from functions inside them, and may fall through to the module themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

from fingerprint_runner.provenance.units import ABSOLUTE, SOFT, Chain


class Scope:
    """One scope of names.

    Attributes:
        kind: `module`, `class`, `function` or `comprehension`.
        parent: the scope around it; None for the module's.
        bound: names that are bound in it.
        outer, nonlocals: names that it declares `global`, `nonlocal`.
        parameters, functions: those of `bound` that a caller gives, and that are defined by `def`.
        imported: name → absolute chains that imports in it bind it to.
        origins: name → (chain, scope, whether by a call) of all that its values may come from.
    """

    __slots__ = (
        "bound",
        "functions",
        "imported",
        "kind",
        "nonlocals",
        "origins",
        "outer",
        "parameters",
        "parent",
    )

    def __init__(self, kind: str, parent: Scope | None) -> None:
        self.kind = kind
        self.parent = parent
        self.bound: set[str] = set()
        self.outer: set[str] = set()
        self.nonlocals: set[str] = set()
        self.parameters: set[str] = set()
        self.functions: set[str] = set()
        self.imported: dict[str, list[Chain]] = {}
        self.origins: dict[str, list[tuple[Chain, Scope, bool]]] = {}

    def owner(self, name: str) -> Scope:
        """The scope in which binding `name` here binds it."""
        scope = self
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent  # only `:=` binds from inside: its target belongs outside
        return scope

    def module(self) -> Scope:
        """The outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def holder(self, name: str) -> Scope:
        """The scope whose variable a name is, the module's where nothing between binds it."""
        scope: Scope = self
        first = True
        while scope.parent is not None:
            if name in scope.outer:
                return scope.module()
            visible = scope.kind != "class" or first
            if visible and name in scope.bound and name not in scope.nonlocals:
                return scope
            if scope.kind != "comprehension":
                first = False
            scope = scope.parent
        return scope

    def meanings(self, chain: Chain) -> Iterator[Chain]:
        """What a chain that stands in this scope may refer to outside the unit's local names.

        Yields:
            Chains from the module's globals, or absolute ones; none for plain local variables.
        """
        if chain[0] == ABSOLUTE:
            yield chain
            return
        holder = self.holder(chain[0])
        if holder.parent is None:
            yield chain
            return
        for target in holder.imported.get(chain[0], ()):
            yield target + chain[1:]
        if holder.kind == "class" and chain[0] != SOFT:
            yield (SOFT, *chain)  # not bound yet, it is the global of that name, if there is one

    def sources(self, chain: Chain) -> Iterator[tuple[Chain, bool]]:
        """As `meanings`, and for local variables all that their values may come from.

        Yields:
            Chains, and whether the value was made from them (by a call) rather than being theirs.
        """
        seen: set[tuple[int, str, bool]] = set()
        stack: list[tuple[Chain, Scope, bool]] = [(chain, self, False)]
        while stack:
            each, scope, made = stack.pop()
            for meaning in scope.meanings(each):
                yield meaning, made
            if each[0] in (ABSOLUTE, SOFT):
                continue
            holder = scope.holder(each[0])
            if holder.parent is None or (id(holder), each[0], made) in seen:
                continue
            seen.add((id(holder), each[0], made))
            origins = holder.origins.get(each[0], ())
            stack.extend((origin, place, made or called) for origin, place, called in origins)
