"""`SchemaNode`: one step of a graph as data.

Invariants: a node is never changed after it is made; `needs` holds the text that a user
writes (`features`, `corpus[train]`), `SchemaNode.parents` its parsed form.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.graph.component import Resource

NODE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
NAME_RULE = (
    "a name starts with a letter or _ and goes on with letters, digits, _ . or -, 128 characters at most"
)
"""`NODE_NAME` in words."""
RESERVED_INPUT = re.compile(r"__\w+__", re.ASCII)
NEED = re.compile(rf"({NODE_NAME.pattern})(?:\[([^\[\]]+)\])?")


class CacheMode(enum.Enum):
    """What the cache does for a node."""

    DEFAULT = "default"
    """Hit where there is a usable record, run and publish otherwise."""
    RECOMPUTE = "recompute"
    """Runs whenever needed, is stored, and its children are decided by its value."""
    DISABLE = "disable"
    """As `recompute`, and nothing of it is stored."""
    IGNORE = "ignore"
    """As `disable`, and left out of its children's keys."""


class Missing(enum.Enum):
    """The absence of a value where None is a value."""

    MISSING = "missing"


MISSING = Missing.MISSING


@dataclass(frozen=True)
class Need:
    """Where a parameter's value comes from: a node or input, or one key of a node's dict."""

    name: str
    key: str | None = None

    def __str__(self) -> str:
        return self.name if self.key is None else f"{self.name}[{self.key}]"


def parse_need(text: str) -> Need | None:
    """The need that a text such as `corpus[train]` names; None if it isn't one."""
    found = NEED.fullmatch(text)
    return None if found is None else Need(found[1], found[2])


@dataclass(frozen=True)
class InputDeclaration:
    """A value that a run is given from outside, needed like a node.

    Attributes:
        type: `int`, `float`, `str`, `bool`, `json` or `path` (a path's content counts).
        default: the value without `--input`; `MISSING` makes the input required.
    """

    type: str = "json"
    default: Any = MISSING


@dataclass(frozen=True)
class NodeResources:
    """What a node holds while it runs: cpu and gpu as counts, memory in bytes."""

    cpu: float = 1
    gpu: float = 0
    memory: int | None = None


@dataclass(frozen=True)
class SchemaNode:
    """One step of a graph: a component, its config, and what it needs.

    Attributes:
        needs: parameter → `node`, `input`, or `node[key]`.
        uses: `module:attribute`, or the class or function itself.
        constructor_name: the classmethod that makes the component (classes only).
        fn: the method that does the work (classes only).
        config: parameters by value.
        eager: construct before the run's values are there, as prediction does.
        is_target: asked for when a run names no targets.
        is_input: runs whenever needed (`CacheMode.RECOMPUTE`).
        resource: a resource handed to the constructor, from a package.
        files: paths and globs, relative to the graph file, whose content counts.
        env: names of environment variables that count.
        secret: config key → `${VAR}`; in no key, record, log or message.
        cache: see `CacheMode`.
        version: pins the code's identity by hand.
        ignore_config: config keys left out of the fingerprint.
        track: `report` or `auto`: whether undeclared reads become dependencies.
        export: folder, relative to the graph file, that gets the resource or value.
        retries: how often a failing node is tried again.
        timeout_s: seconds after which a node is ended.
        resources: what it holds while it runs.
    """

    needs: Mapping[str, str] = field(default_factory=dict)
    uses: str | type | Callable[..., Any] = ""
    constructor_name: str = "create"
    fn: str = "run"
    config: Mapping[str, Any] = field(default_factory=dict)
    eager: bool = False
    is_target: bool = False
    is_input: bool = False
    resource: Resource | None = None
    files: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    cache: CacheMode = CacheMode.DEFAULT
    version: str | None = None
    ignore_config: tuple[str, ...] = ()
    track: str = "report"
    export: str | None = None
    retries: int = 0
    timeout_s: float | None = None
    resources: NodeResources = NodeResources()

    # Computed once: every walk over a graph asks for it.
    @cached_property
    def parents(self) -> Mapping[str, Need]:
        """Parameter → parsed need, sorted by parameter."""
        parsed = {}
        for parameter in sorted(self.needs):
            need = parse_need(self.needs[parameter])
            if need is None:
                raise InvalidGraph.single(
                    "bad-need", f"{self.needs[parameter]!r} isn't a need", key=parameter
                )
            parsed[parameter] = need
        return parsed

    @property
    def component(self) -> str:
        """`module:attribute` of the component, however `uses` was given."""
        return component_path(self.uses)

    @property
    def cache_mode(self) -> CacheMode:
        """The mode that holds: `is_input` means recompute."""
        if self.is_input and self.cache is CacheMode.DEFAULT:
            return CacheMode.RECOMPUTE
        return self.cache


def component_path(uses: str | type | Callable[..., Any]) -> str:
    """`module:attribute` of a component; `module.Class` is taken apart at its last dot."""
    if isinstance(uses, str):
        if ":" in uses or "." not in uses:
            return uses
        module, _, attribute = uses.rpartition(".")
        return f"{module}:{attribute}"
    return f"{uses.__module__}:{getattr(uses, '__qualname__', type(uses).__qualname__)}"


def has_import_path(component: str) -> bool:
    """Whether a name is one that another process could import: not of `__main__`, a lambda or a local."""
    return "<" not in component and not component.startswith("__main__:")
