"""`Ran` and `Narrowed`: which functions ran, and what could have shaped a run of which that is known.

Invariants: values, without machine facts (R3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fingerprint_runner.fingerprints.manifest import Query

NARROW_KINDS = frozenset({"loading", "module", "symbol"})


@dataclass(frozen=True)
class Ran:
    """What a narrowed trace is made of, each sorted.

    Attributes:
        loading: the component's module.
        modules: modules that were found by computed names.
        symbols: `module:function` and `module:Class.method` of what was entered, `module:Class` of classes
            whose instances came in, and the component.
    """

    loading: tuple[str, ...]
    modules: tuple[str, ...]
    symbols: tuple[str, ...]

    @classmethod
    def of(cls, queries: Iterable[Query]) -> Ran | None:
        """What the narrow queries among these say; None where there are none."""
        found: dict[str, list[str]] = {kind: [] for kind in NARROW_KINDS}
        for query in sorted(queries):
            if query.kind in NARROW_KINDS:
                found[query.kind].append(query.argument)
        if not found["loading"]:
            return None
        return cls(tuple(found["loading"]), tuple(found["module"]), tuple(found["symbol"]))

    @property
    def queries(self) -> tuple[Query, ...]:
        """The queries of the trace."""
        return tuple(
            Query(kind, argument)
            for kind, arguments in (
                ("loading", self.loading),
                ("module", self.modules),
                ("symbol", self.symbols),
            )
            for argument in arguments
        )


@dataclass(frozen=True)
class Narrowed:
    """What a narrow search found.

    Attributes:
        parts: every ingredient under a name that a person understands, sorted by name.
        entered: functions and methods that count with their bodies, sorted.
        opaque: what may use functions that were reached without entering them, sorted: packages that
            compile them or run them elsewhere, and functions whose code was examined.
        notes: where reading couldn't follow and widened.
    """

    parts: Mapping[str, str]
    entered: tuple[str, ...]
    opaque: tuple[str, ...]
    notes: tuple[str, ...]
