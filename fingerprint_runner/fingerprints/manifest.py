"""A node's manifest: the named ingredients of its fingerprint (R8), and the two steps to it (R15).

    known before running ──first_key──> traces (queries) ──answers──> fingerprint ──> record

Invariants: nothing here reads anything: all ingredients are handed in; equal manifests give
equal fingerprints on every machine, platform and hash seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from fingerprint_runner.fingerprints.encoding import digest

FORMAT_VERSION = 2
"""Of fingerprints, manifests and records together; raising it makes every node run once more."""


class Query(Struct, frozen=True, order=True):
    """A question about source, packages, files or environment that a computation turned out to depend on.

    Attributes:
        kind: `closure`, `symbol`, `loading`, `module`, `dist`, `file`, `env` or `reads`.
        argument: what it is asked of: `module:attribute`, a module, a distribution, a path (with `/` at its
            end: the names in a folder), a variable.
    """

    kind: str
    argument: str


TRACKED = Query("reads", "tracked")
"""Stands in the traces of nodes with `track: auto`, and answers itself: what such a node read is all there,
which nobody knows of a trace without it."""


class Trace(Struct, frozen=True):
    """The sorted queries whose answers, with the first key, make a full fingerprint."""

    queries: tuple[Query, ...]

    @property
    def name(self) -> str:
        """The digest by which the store shares equal traces."""
        return digest([[query.kind, query.argument] for query in self.queries])


class ConfigEntry(Struct, frozen=True):
    """One key of a config: its identity, and the value as plain JSON data for people to read.

    `shown` is never part of a key: values that JSON can't hold are shown as text.
    """

    identity: str
    shown: Any = None


class ParentEntry(Struct, frozen=True):
    """Where a parameter's value came from (`node` or `node[key]`) and its value identity."""

    source: str
    identity: str


class FirstPart(Struct, frozen=True):
    """What is known before running, without code: the ingredients of the first key.

    Attributes:
        component: `module:attribute`.
        fn, constructor_name: for classes; empty for functions.
        version: the identity of the code as pinned by hand.
        python: such as `3.11`.
        node: the node's name; None where the component is plainly one `def`, which can't see it.
        config: key → entry, without `ignore_config` and `secret` keys.
        files: path relative to the graph file → digest of content, `absent` where nothing matched.
        env: variable → digest of its value, `unset` where it has none.
        addon: what the component's `fingerprint_addon` returned.
        inputs: parameter → a run's input, as an entry.
        parents: parameter → parent; `ignore`d parents are left out.
        resource: identity of a resource given in the schema.
        format: `FORMAT_VERSION`.
    """

    component: str
    python: str
    fn: str = ""
    constructor_name: str = ""
    version: str | None = None
    node: str | None = None
    config: Mapping[str, ConfigEntry] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    addon: str | None = None
    inputs: Mapping[str, ConfigEntry] = field(default_factory=dict)
    parents: Mapping[str, ParentEntry] = field(default_factory=dict)
    resource: str | None = None
    format: int = FORMAT_VERSION

    def first_key(self) -> str:
        """The fingerprint of what is known before running."""
        return digest(
            {
                "format": self.format,
                "component": self.component,
                "fn": self.fn,
                "constructor_name": self.constructor_name,
                "version": self.version,
                "python": self.python,
                "node": self.node,
                "config": {key: self.config[key].identity for key in sorted(self.config)},
                "files": {key: self.files[key] for key in sorted(self.files)},
                "env": {key: self.env[key] for key in sorted(self.env)},
                "addon": self.addon,
                "inputs": {key: self.inputs[key].identity for key in sorted(self.inputs)},
                # The identity alone counts (R6): renaming a parent or taking the same value
                # from elsewhere changes nothing that the component can see.
                "parents": {key: self.parents[key].identity for key in sorted(self.parents)},
                "resource": self.resource,
            }
        )


class TracePart(Struct, frozen=True):
    """What a trace's queries answer at one moment.

    Attributes:
        answers: query → answer; `absent` where there is nothing of that name.
        symbols: name of a code part (`module:symbol`) → digest; explains `closure` answers and is
            in no key beyond them.
    """

    answers: Mapping[Query, str]
    symbols: Mapping[str, str] = field(default_factory=dict)

    @property
    def trace(self) -> Trace:
        """The queries alone, sorted."""
        return Trace(tuple(sorted(self.answers)))


class Manifest(Struct, frozen=True):
    """All named ingredients of one fingerprint; stored beside the record, compared to explain."""

    first: FirstPart
    code: TracePart

    def fingerprint(self) -> str:
        """The full fingerprint."""
        return full_fingerprint(self.first.first_key(), self.code.answers)


def full_fingerprint(first_key: str, answers: Mapping[Query, str]) -> str:
    """The digest of a first key, a trace's queries, and their answers (R15)."""
    return digest([first_key, [[query.kind, query.argument, answers[query]] for query in sorted(answers)]])
