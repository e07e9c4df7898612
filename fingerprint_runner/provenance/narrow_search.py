"""`NarrowSearch`: what could have shaped one run, given which functions ran in it (R15).

    functions and methods that were entered ─┐
    modules that were loaded                 ├─> search ─> parts ─> answers to the trace's queries
    modules found by computed names          ─┘

A function that a run never entered can't have influenced it, so of such a one counts only what making
it runs: its decorators, defaults and signature. Of a class that is reached count its body without its
methods, and the methods that ran. All else that importing a module runs counts as in a closure:
constants, tables and statements that something which counts refers to, and effects on these.

Invariants: linear in what is reached; the same functions and the same source give the same parts. What may
be used without being entered, since it is compiled or pickled, is named, and then nothing may be narrowed.
"""

# ruff: noqa: SIM905

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.provenance.closure_search import ABSENT, ClosureFinder, Counted, Search, Width
from fingerprint_runner.provenance.links import Hit
from fingerprint_runner.provenance.narrowed import Narrowed, Ran
from fingerprint_runner.provenance.units import ABSOLUTE, Chain, Flag, Unit

CALLS_PYTHON = frozenset(
    """attr attrs beartype cachetools click decorator hypothesis joblib matplotlib more_itertools
    msgspec numpy pandas pluggy pydantic pytest scipy sklearn tenacity toolz tqdm typeguard typer
    typing_extensions wrapt""".split()
)
"""Packages whose decorators leave a function to the interpreter, so that it is seen when it runs.

What makes something else of it by asking for its code is seen to do that, whatever package it is of."""

COMPILERS = frozenset(
    """cupy cython dask distributed jax llvmlite mlx numba pyspark pythran ray taichi tensorflow
    transonic triton""".split()
)
"""Packages that run functions otherwise than by entering them here: compiled, rewritten, elsewhere."""

TORCH_COMPILES = frozenset("_dynamo compile compiler export fx jit multiprocessing package".split())


class FoundNarrowed(NamedTuple):
    """A narrowed answer and what it was found from; see `closure_search.Found`."""

    narrowed: Narrowed
    consulted: tuple[str, ...]
    listed: tuple[str, ...]


class NarrowSearch(Search):
    """One search.

    Args:
        finder: of one state of the source.
        ran: what it starts from.
        entered: functions and methods that count with their bodies where they are reached.
        examined: functions and methods that may be used without being entered.
    """

    def __init__(
        self, finder: ClosureFinder, ran: Ran, entered: Collection[str], examined: Collection[str] = ()
    ) -> None:
        super().__init__(finder, ran.loading[0])
        self._ran = ran
        self._may_count = frozenset(entered)
        self._entered: set[str] = set()
        self._examined = frozenset(examined)
        self._opaque: set[str] = set()

    def run(self) -> FoundNarrowed:
        """Search; once."""
        for module in (*self._ran.loading, *self._ran.modules):
            self._consulted[module] = None
            self._load(module)
        for module in self._ran.modules:
            # Found by a computed name: whatever is in it may have been taken out of it.
            self._widen(module, Width.VALUE)
        for symbol in self._ran.symbols:
            module, _, name = symbol.partition(":")
            self._load(module)
            chain: Chain = (ABSOLUTE, module, name.partition(".")[0])
            self._reach_all(self._followed(module, chain))
        self._drain()
        narrowed = Narrowed(
            self._parts(self._texts()),
            tuple(sorted(self._entered)),
            tuple(sorted(self._opaque)),
            self._noted(),
        )
        return FoundNarrowed(narrowed, tuple(self._consulted), tuple(sorted(self._listed)))

    def _counted(self, module: str, unit: Unit) -> Counted:
        """Of a function its surface, or all of it; of a class its surface and some methods."""
        if not unit.surface:
            return super()._counted(module, unit)
        self._note_opaque(module, unit)
        names = [f"{module}:{name}" for name in unit.names]
        if unit.kind == "def":
            if not self._may_count.isdisjoint(names):
                self._entered.update(names[:1])
                return super()._counted(module, unit)
            return Counted(unit.surface_references, (), _flags(unit, ()), (("", unit.surface),))
        methods = {
            method
            for method, _ in unit.methods
            if any(f"{name}.{method}" in self._may_count for name in names)
        }
        self._entered.update(f"{name}.{method}" for name in names for method in methods)
        references = dict.fromkeys(unit.surface_references)
        imports: dict[tuple[str, str], None] = {}
        for key, actions in unit.bodies:
            if key in methods:
                references.update(dict.fromkeys(actions.references))
                imports.update(dict.fromkeys(actions.imports))
        forms = [(method, form) for method, form in unit.methods if method in methods]
        return Counted(tuple(references), tuple(imports), _flags(unit, methods), (("", unit.surface), *forms))

    def _note_opaque(self, module: str, unit: Unit) -> None:
        """Note what may use a function, or a method of a class, without entering it."""
        for call in unit.run.calls:
            if call.decorator:
                for hit in self._followed(module, call.callee):
                    package = hit.module.partition(".")[0]
                    if hit.kind in ("third-party", "extension", "absent") and package not in CALLS_PYTHON:
                        self._opaque.add(package)
        names = [f"{module}:{name}" for name in unit.names]
        inner = [f"{name}.{method}" for name in names for method, _ in unit.methods]
        self._opaque.update(self._examined.intersection((*names, *inner)))

    def _reach_all(self, hits: tuple[Hit, ...]) -> None:
        for hit in hits:
            if hit.kind == "third-party":
                top, *inner = hit.module.split(".")
                taken = {*inner, str(hit.name), *hit.rest[:1]}
                if top in COMPILERS or (top == "torch" and not taken.isdisjoint(TORCH_COMPILES)):
                    self._opaque.add(top)
        super()._reach_all(hits)


def _flags(unit: Unit, methods: Collection[str]) -> tuple[Flag, ...]:
    """Where reading can't follow, in the code that counts."""
    return tuple(flag for flag in unit.flags if not flag.inside or flag.inside in methods)


def narrowed_answers(narrowed: Narrowed, ran: Ran) -> dict[tuple[str, str], str]:
    """What each query of a narrowed trace answers: of a symbol its own part, of loading all others.

    Args:
        narrowed: what a search from `ran`, which alone counts with bodies, found.
        ran: the trace's queries.

    Returns:
        (kind, argument) → answer.
    """
    named = {*ran.symbols}
    parts = narrowed.parts
    rest = digest(["loading", {name: form for name, form in parts.items() if name not in named}])
    answers = {("symbol", name): parts.get(name, ABSENT) for name in ran.symbols}
    # Which of these a part belongs to can't be said: an effect of one module may be on another.
    answers.update({("loading", module): rest for module in ran.loading})
    answers.update({("module", module): rest for module in ran.modules})
    return answers
