"""`NodeReads`: what a node read while it ran, and what became of it.

    Read ──declared?──> dropped
         ──`track: auto`?──> files, env: dependencies of the node
         ──otherwise──> undeclared, each with the line to add

Invariants: a value of a variable stands nowhere in it; names of files are relative to the graph's
folder, and absolute only where they lie outside of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fingerprint_runner.fingerprints.manifest import Query

if TYPE_CHECKING:
    from fingerprint_runner.provenance.files import Look

Kind = Literal["file", "env"]

_LINES = ("files", "env", '"files"', '"env"')

EVERYTHING = "*"
"""Stands for all variables of the environment, where a node asked for all of them."""


class Read(NamedTuple):
    """One thing that a node read.

    Attributes:
        kind: `file` or `env`.
        name: of the file, ending with `/` for the listing of a folder; of the variable, or `EVERYTHING`.
        place: `file:line` of the node's own code, where it is known.
        inside: whether a file lies below the graph's folder; of variables always true.
        path: of a file, absolute.
        look: of a file: what lay there just before; None where nobody asked.
        digest: of a variable: of its value.
        module: the first-party module that read it while it was imported.
    """

    kind: Kind
    name: str
    place: str | None = None
    inside: bool = True
    path: str = ""
    look: Look | None = None
    digest: str = ""
    module: str | None = None


@dataclass(frozen=True)
class UndeclaredRead:
    """A read that the graph doesn't say, and that doesn't count.

    Attributes:
        kind: `file` or `env`.
        name: of the file, relative to the graph's folder where it lies below it, with `/` at its end where
            the folder was listed; of the variable, or `*` for all of them.
        hint: the line to add to the node, or what else to do.
        place: `file:line` of the first-party code that read it; None where it isn't known.
    """

    kind: Kind
    name: str
    hint: str
    place: str | None = None

    @property
    def what(self) -> str:
        """The thing in words, such as `the file data/x.csv`."""
        if self.kind == "env":
            return "the whole environment" if self.name == EVERYTHING else f"the variable {self.name}"
        return f"the names in {self.name}" if self.name.endswith("/") else f"the file {self.name}"

    @property
    def advice(self) -> str:
        """The hint as a sentence."""
        return f"add `{self.hint}`" if self.hint.startswith(_LINES) else self.hint

    def as_json(self) -> dict[str, Any]:
        """The contract's fields."""
        return {"kind": self.kind, "name": self.name, "hint": self.hint, "place": self.place}


@dataclass(frozen=True)
class NodeReads:
    """What one run of a node read.

    Attributes:
        undeclared: each thing once, in the order of first use.
        files: of a node with `track: auto`: file or folder (with `/`), relative → what lay there.
        env: of such a node: variable → digest of the value that it saw.
        untold: of such a node: what it did whose reads can't be told, in words.
    """

    undeclared: tuple[UndeclaredRead, ...] = ()
    files: Mapping[str, Look] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    untold: tuple[str, ...] = ()

    @property
    def queries(self) -> tuple[Query, ...]:
        """What of it becomes part of the node's trace."""
        return (*(Query("file", name) for name in self.files), *(Query("env", name) for name in self.env))


@dataclass(frozen=True)
class ReadPolicy:
    """What a node declares, and what is asked of its reads.

    Attributes:
        files, env: as the node has them.
        secret: the variables of its secrets: they count as declared, and in no fingerprint.
        given: absolute paths of its inputs of type `path`.
        track: whether undeclared reads become dependencies.
        strict: whether they fail the node.
        form: of the graph: `yaml`, `json`, or `python` where it has no file.
    """

    files: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    track: bool = False
    strict: bool = False
    form: str = "yaml"


class ReadLog:
    """What is noted while a node runs.

    Attributes:
        reads: kind and name → the first read of it, in the order of first use.
        at_import: the same, with the first-party module that made it while it was imported.
        untold: what was done whose reads can't be told, in words; a dict for its order.
    """

    def __init__(self) -> None:
        self.reads: dict[tuple[str, str], Read] = {}
        self.at_import: dict[tuple[str, str, str], Read] = {}
        self.untold: dict[str, None] = {}

    def add(self, read: Read) -> None:
        """Note a read; the first of each thing is kept."""
        self.reads.setdefault((read.kind, read.name), read)
        if read.module is not None:
            self.at_import.setdefault((read.module, read.kind, read.name), read)
