"""`NodeRecord`: what came of one computation, by its fingerprint.

Invariants: a record is a value, never changed; every digest in it is lower-case hex of 16 bytes
(xxh3-128); times are seconds, sizes bytes.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from fingerprint_runner.fingerprints.manifest import FORMAT_VERSION, Manifest


class ReasonKind(enum.Enum):
    """Why a node is stale; the words of messages and JSON."""

    NEVER_RUN = "never-run"
    CONFIG_CHANGED = "config-changed"
    CODE_CHANGED = "code-changed"
    PACKAGE_CHANGED = "package-changed"
    PYTHON_CHANGED = "python-changed"
    FILE_CHANGED = "file-changed"
    ENV_CHANGED = "env-changed"
    ADDON_CHANGED = "addon-changed"
    INPUT_CHANGED = "input-changed"
    PARENT_CHANGED = "parent-changed"
    COMPONENT_CHANGED = "component-changed"
    ARTIFACT_MISSING = "artifact-missing"
    FORCED = "forced"
    ALWAYS_RUNS = "always-runs"
    NOT_CACHEABLE = "not-cacheable"
    FORMAT_CHANGED = "format-changed"


class Reason(Struct, frozen=True):
    """One reason for a rerun.

    Attributes:
        what: the key, symbol, file, package, variable or parent that changed; None where the kind says all.
        old, new: plain JSON data, None where there is nothing to show.
    """

    kind: ReasonKind
    what: str | None = None
    old: Any = None
    new: Any = None


class ArtifactRef(Struct, frozen=True):
    """Where an artifact's bytes are and how they become a value again.

    Attributes:
        digest: xxh3-128 of the stored bytes: the artifact's name.
        size: of the stored bytes.
        serializer: name of the serialiser that wrote them.
        header: what it needs beside the bytes (dtype, shape, …): plain data.
        inline: the bytes themselves where they are few (4 KiB); else they are a file in `blobs/`.
    """

    digest: str
    size: int
    serializer: str
    header: Mapping[str, Any] = field(default_factory=dict)
    inline: bytes | None = None


class ValueRecord(Struct, frozen=True):
    """A node's output value.

    Attributes:
        identity: the value identity (R6).
        artifact: the stored bytes; None where the value can't be stored.
        keys: identity of each top-level key where the value is a dict with text keys; else None.
        symbols: `module:qualname` of the first-party classes and functions that the value refers to.
        key_symbols: the same for each top-level key.
        identified_by: `walk`, or `bytes` where the structural walk couldn't go.
    """

    identity: str
    artifact: ArtifactRef | None
    keys: Mapping[str, str] | None = None
    symbols: tuple[str, ...] = ()
    key_symbols: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identified_by: str = "walk"


class TreeEntry(Struct, frozen=True, order=True):
    """One entry of a resource directory.

    Attributes:
        path: relative, with `/`.
        kind: `file`, `folder` (kept so that empty ones come back) or `link`.
        digest: of a file's content; of a link, its target as text.
        size: of a file; 0 else.
        executable: the one mode bit that matters.
    """

    path: str
    kind: str = "file"
    digest: str = ""
    size: int = 0
    executable: bool = False


class ResourceTree(Struct, frozen=True):
    """A resource directory: its identity and its entries sorted by path (no mtimes)."""

    identity: str
    entries: tuple[TreeEntry, ...]


class Origin(Struct, frozen=True):
    """How a record came to be: `ran`, `accepted` (with user and time) or `pulled`."""

    kind: str = "ran"
    user: str | None = None
    time: float | None = None


class UnnarrowedKind(enum.Enum):
    """Why a trace isn't narrowed to the functions that ran; the words of JSON."""

    PYTHON = "python"
    """This version of Python can't tell which ran."""
    MONITORING = "monitoring"
    """Other tools held every place from which it can be told."""
    LOADED_BEFORE = "loaded-before"
    """A module was loaded by something else, so that what its import ran wasn't seen."""
    PROCESS = "process"
    """The node started a process."""
    UNSEEN_CALLS = "unseen-calls"
    """A package may run functions, or copies of them, without their being seen."""
    CODE_EXAMINED = "code-examined"
    """The code of a function was asked for, as is done to compile, ship or compare it."""
    ACCEPTED = "accepted"
    """Nothing ran."""


class Unnarrowed(Struct, frozen=True, order=True):
    """One reason why a trace isn't narrowed; `what` is the version, module, package or function, if any."""

    kind: UnnarrowedKind
    what: str | None = None


class NodeRecord(Struct, frozen=True):
    """What came of one computation.

    Attributes:
        fingerprint: full; the record's own key.
        first_key, trace: how it is found (`trace` is the digest naming a `Trace`).
        node, component: for people, and to find baselines.
        value: the output value; None where the output is the resource alone.
        resource: the node's resource directory, if it made one.
        storable: False where the output can't be stored: a record without value, whose node and
            consumers are stale with `not-cacheable`.
        log_tail: the last 64 KiB that the node printed.
        seconds: how long it ran.
        created: when, in seconds since the epoch.
        reasons: why it ran.
        origin: see `Origin`.
        dropped: when its artifacts were pruned, in seconds since the epoch; 0 where they weren't. They may be
            there all the same: another record shares them, or the pruning was cut short.
        unnarrowed: why the trace isn't narrowed to the functions that ran; empty where it is, where no code
            counts, and in records from before this was noted.
        manifest: the ingredients of `fingerprint`.
    """

    fingerprint: str
    first_key: str
    trace: str
    node: str
    component: str
    manifest: Manifest
    value: ValueRecord | None = None
    resource: ResourceTree | None = None
    storable: bool = True
    log_tail: str = ""
    seconds: float = 0.0
    created: float = 0.0
    reasons: tuple[Reason, ...] = ()
    origin: Origin = Origin()
    dropped: float = 0.0
    unnarrowed: tuple[Unnarrowed, ...] = ()
    format: int = FORMAT_VERSION

    @property
    def identity(self) -> str | None:
        """What a child sees of this node: the value's identity, with the resource's where both are."""
        if self.value is None:
            return None if self.resource is None else self.resource.identity
        if self.resource is None:
            return self.value.identity
        return f"{self.value.identity}+{self.resource.identity}"

    def identity_of(self, key: str | None) -> str | None:
        """What a child sees that takes one key of the node's dict (None: all of it).

        None where there is nothing of that name.
        """
        if key is None:
            return self.identity
        if self.value is None or self.value.keys is None:
            return None
        return self.value.keys.get(key)

    def symbols_of(self, key: str | None) -> tuple[str, ...]:
        """The first-party names that come along with the value, or with one key of it."""
        if self.value is None:
            return ()
        return self.value.symbols if key is None else self.value.key_symbols.get(key, ())


class RunNode(Struct, frozen=True):
    """One node's line in a run record."""

    first_key: str | None
    fingerprint: str | None
    status: str
    seconds: float
    reasons: tuple[Reason, ...] = ()

    @property
    def has_outcome(self) -> bool:
        """Whether the run ended with a record for the node, made then or found."""
        return self.fingerprint is not None and self.status in ("ran", "hit")


class NodeFailure(Struct, frozen=True):
    """How a node failed in a run; secrets are taken out.

    Attributes:
        error: type and message of the user's exception.
        traceback: the user's own traceback.
        log_tail: the last 64 KiB that the node printed.
    """

    error: str
    traceback: str = ""
    log_tail: str = ""


class RunRecord(Struct, frozen=True):
    """What a run did, so that the next one starts from it and histories can be shown.

    Attributes:
        run_id: unique, sorts by time.
        graph_id: see the design's storage section: the file's `name`, else its path, …
        started, seconds: epoch and duration.
        ok: whether nothing failed.
        targets: what was asked for.
        nodes: node → its line, for the nodes that the targets need.
        failures: node → how it failed.
    """

    run_id: str
    graph_id: str
    started: float
    seconds: float
    ok: bool
    targets: tuple[str, ...]
    nodes: Mapping[str, RunNode]
    failures: Mapping[str, NodeFailure] = field(default_factory=dict)
