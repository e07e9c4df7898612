"""The seam of all executors: `NodeTask` goes in, `NodeOutcome` comes out.

Invariants: both are frozen and can be pickled (but for values handed on in memory, which stay
within one process); a task holds digests and never values of other nodes, so that the coordinator
touches none.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fingerprint_runner.fingerprints.manifest import Query
from fingerprint_runner.fingerprints.record import ResourceTree, ValueRecord
from fingerprint_runner.graph.component import Resource
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.runners.entered import Entered
from fingerprint_runner.runners.observing.reads import NodeReads, ReadPolicy
from fingerprint_runner.storage.model_storage import StorageLocation


@dataclass(frozen=True)
class StoredInput:
    """A parent's output as the store has it.

    Attributes:
        node: the parent.
        key: the key of its dict that is taken; None for all of it.
        value: None where the parent puts out its resource alone.
        resource: the parent's resource directory, if it has one.
        place: the cache folder of the store in which the output is, where that isn't the run's own.
    """

    node: str
    key: str | None = None
    value: ValueRecord | None = None
    resource: ResourceTree | None = None
    place: Path | None = None


@dataclass(frozen=True)
class GivenInput:
    """A value that the run was given from outside."""

    value: Any


@dataclass(frozen=True)
class MemoryInput:
    """A parent's output that couldn't be stored and is handed on as one object (R9's exception)."""

    node: str
    key: str | None = None
    resource: ResourceTree | None = None
    place: Path | None = None


TaskInput = StoredInput | GivenInput | MemoryInput


@dataclass(frozen=True)
class NodeTask:
    """All that running one node takes.

    Attributes:
        node: its name.
        component: `module:attribute`.
        target: the class or function itself where no import path leads to it.
        config: as written, secrets filled in.
        inputs: parameter → where its value comes from.
        modules: first-party module → digest of the text that was planned (R12).
        folder: working folder of the run: the graph file's folder.
        search_path: `sys.path` for the node, its folder first.
        storage: where outputs go.
        scratch: the run's private folder for resources under way and values that aren't stored.
        spare: where outputs go that the store turns out not to take.
        keep: False for `disable` and `ignore`, and once the store can't be written: the value goes to
            scratch and isn't kept.
        fresh: it runs in a process of its own: sources changed under an earlier attempt, this process has
            loaded what may have changed the node's modules, or all that the node reads is to be seen.
        reads: what it declares, and what becomes of other reads.
    """

    node: str
    component: str
    fn: str
    constructor_name: str
    config: Mapping[str, Any]
    inputs: Mapping[str, TaskInput]
    context: ExecutionContext
    storage: StorageLocation
    scratch: Path
    spare: Path
    folder: Path
    search_path: tuple[str, ...]
    modules: Mapping[str, str] = field(default_factory=dict)
    resource: Resource | None = None
    target: type | Callable[..., Any] | None = None
    keep: bool = True
    fresh: bool = False
    reads: ReadPolicy = field(default_factory=ReadPolicy)

    @property
    def only_here(self) -> bool:
        """Whether no other process could run the task."""
        return self.uses_memory or self.target is not None

    @property
    def uses_memory(self) -> bool:
        """Whether the task needs a value that only this process has."""
        return any(isinstance(source, MemoryInput) for source in self.inputs.values())


@dataclass(frozen=True)
class WorkerTask:
    """A task on its way to another process.

    Attributes:
        pickled: the `NodeTask`.
        modules, search_path: of the task: what unpickling it may import, and from where.
    """

    pickled: bytes
    modules: Mapping[str, str]
    search_path: tuple[str, ...]


class OutcomeStatus(enum.Enum):
    """How a task ended."""

    DONE = "done"
    FAILED = "failed"
    """The node's own code raised."""
    SOURCE_CHANGED = "source-changed"
    """A module isn't what was planned: plan and run it again (R12)."""
    INPUT_LOST = "input-lost"
    """A parent's artifact is missing or damaged: treat the parent as not kept (R11)."""
    WRONG_PROCESS = "wrong-process"
    """This process has loaded other text of a module: run it in a fresh one (R12)."""


@dataclass(frozen=True)
class NodeError:
    """What the user's code raised: type, message, and its traceback without the engine's frames."""

    type: str
    message: str
    traceback: str = ""


@dataclass(frozen=True)
class NodeOutcome:
    """What came of a task.

    Attributes:
        value: the stored output; None where it is the resource alone, or can't be stored.
        resource: the node's resource directory, if it made one.
        place: the cache folder of the store in which the output is, where that isn't the run's own.
        storable: False where the output is handed on in memory.
        not_storable: why, naming the path inside the value.
        store_error: why the store, or the scratch folder in it, couldn't be written; a failed node may be run
            again elsewhere.
        seconds: how long the node's own code took, restores and storing left out.
        log_tail: the last 64 KiB that it printed.
        discovered: further queries that the run turned out to depend on (R15).
        discovered_text: module among them → digest of the text that ran.
        discovered_files: file among them, relative to the folder → digest of what ran.
        spawned: whether it started a subprocess.
        entered: the first-party functions that ran; None where it didn't come to that.
        unpickled: `module:name` of first-party classes and functions that unpickling asked for.
        reads: what it read.
        refused: whether it failed by what `strict` asks for: trying again would give the same.
        packages: what the component's `required_packages()` said.
        detail: for other ends than `DONE`: the module, or the parent whose artifact is lost.
    """

    status: OutcomeStatus
    value: ValueRecord | None = None
    resource: ResourceTree | None = None
    place: Path | None = None
    storable: bool = True
    not_storable: str | None = None
    store_error: str | None = None
    seconds: float = 0.0
    log_tail: str = ""
    discovered: tuple[Query, ...] = ()
    discovered_text: Mapping[str, str] = field(default_factory=dict)
    discovered_files: Mapping[str, str] = field(default_factory=dict)
    spawned: bool = False
    entered: Entered | None = None
    unpickled: tuple[str, ...] = ()
    reads: NodeReads = field(default_factory=NodeReads)
    refused: bool = False
    packages: tuple[str, ...] = ()
    error: NodeError | None = None
    detail: str = ""
