"""`ComponentSource`: what source shows of a component, for checking a graph without importing it (R5).

Invariants: values only; where `complete` is false, something may be other than it is shown, and only
importing tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ComponentKind = Literal[
    "function", "class", "unreadable", "third-party", "missing-module", "missing-attribute"
]
ParameterKind = Literal["positional-only", "normal", "keyword-only", "var-positional", "var-keyword"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function.

    Attributes:
        annotation: source text of its annotation, None where it has none.
    """

    name: str
    has_default: bool
    kind: ParameterKind
    annotation: str | None = None


@dataclass(frozen=True)
class CallableSource:
    """A function or method as written.

    Attributes:
        parameters: in order, less what binding fills (`self`, `cls`).
        line: of its `def`.
        is_generator: whether it yields.
        file: absolute path.
    """

    parameters: tuple[Parameter, ...]
    line: int
    is_generator: bool
    file: str


@dataclass(frozen=True)
class ComponentSource:
    """What source shows of a component.

    Attributes:
        uses: `module:attribute`, as asked.
        kind: what it is; `unreadable` where only importing tells.
        plain: whether it is exactly one undecorated `def`.
        file, line: where it is defined.
        function: of a function.
        methods: of a class: name → method, through first-party bases and the engine's own.
        overridden: methods of the engine's `GraphComponent` that a first-party class defines.
        complete: whether all of the above is certain.
        nearest: where it is missing, the known name most like it.
    """

    uses: str
    kind: ComponentKind
    plain: bool = False
    file: str | None = None
    line: int | None = None
    function: CallableSource | None = None
    methods: Mapping[str, CallableSource] = field(default_factory=dict)
    overridden: frozenset[str] = frozenset()
    complete: bool = False
    nearest: str | None = None

    def as_plain(self) -> tuple[Any, ...]:
        """The description as data that `marshal` keeps."""
        function = None if self.function is None else _plain_callable(self.function)
        methods = {name: _plain_callable(method) for name, method in self.methods.items()}
        return (
            *(self.uses, self.kind, self.plain, self.file, self.line, function, methods),
            *(sorted(self.overridden), self.complete, self.nearest),
        )


def component_from_plain(data: tuple[Any, ...]) -> ComponentSource:
    """The description that `as_plain` took apart."""
    uses, kind, plain, file, line, function, methods, overridden, complete, nearest = data
    return ComponentSource(
        uses,
        kind,
        plain,
        file,
        line,
        None if function is None else _callable(function),
        {name: _callable(method) for name, method in methods.items()},
        frozenset(overridden),
        complete,
        nearest,
    )


def _plain_callable(source: CallableSource) -> tuple[Any, ...]:
    rows = tuple((each.name, each.has_default, each.kind, each.annotation) for each in source.parameters)
    return (rows, source.line, source.is_generator, source.file)


def _callable(data: tuple[Any, ...]) -> CallableSource:
    rows, line, is_generator, file = data
    return CallableSource(tuple(Parameter(*row) for row in rows), line, is_generator, file)
