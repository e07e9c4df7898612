"""`run_node`: does one node's work; the one function that every executor calls.

In order: imports are checked against the plan, inputs are restored, the component is constructed
and called with its output captured, what it made is stored. Nothing is published here.

Invariants: never raises for what a node does; working folder, `sys.path`, environment, streams and
import machinery are as before when it returns.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import importlib
import inspect
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fingerprint_runner.errors import DamagedArtifact, NotStorable, SourceChanged, StorageError
from fingerprint_runner.fingerprints.manifest import Query
from fingerprint_runner.fingerprints.record import ResourceTree, ValueRecord
from fingerprint_runner.graph.component import Resource
from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.runners.capture import OutputTail, Sink, captured_output
from fingerprint_runner.runners.checked_import import ImportWatch, checked_imports, loaded_otherwise
from fingerprint_runner.runners.entered import entered, recording
from fingerprint_runner.runners.loaded_modules import importers
from fingerprint_runner.runners.node_call import BoundNode, NodeFolders, bind
from fingerprint_runner.runners.observing import import_reads
from fingerprint_runner.runners.observing.read_watch import ReadWatch
from fingerprint_runner.runners.observing.strict import StrictCall, StrictViolation
from fingerprint_runner.runners.outputs import private_store, value_store
from fingerprint_runner.runners.process_audit import AuditWatch
from fingerprint_runner.runners.scratch import make_private
from fingerprint_runner.runners.task import (
    GivenInput,
    MemoryInput,
    NodeError,
    NodeOutcome,
    NodeTask,
    OutcomeStatus,
    StoredInput,
    TaskInput,
)
from fingerprint_runner.runners.user_traceback import user_traceback
from fingerprint_runner.storage.model_storage import ModelStorage
from fingerprint_runner.storage.node_view import NodeStorageView

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG}

Memory = dict[str, Any]
"""Node → output that couldn't be stored; belongs to one run in one process."""


class InputLost(Exception):
    """The stored output of a parent is missing or damaged (R11)."""

    def __init__(self, node: str) -> None:
        self.node = node


def run_node(
    task: NodeTask,
    storage: ModelStorage,
    memory: Memory | None = None,
    sink: Sink | None = None,
    locator: Locator | None = None,
    *,
    here: bool = False,
) -> NodeOutcome:
    """Run one node and store what it makes.

    Args:
        task: what to run.
        storage: an open store at `task.storage`.
        memory: outputs handed on within this process; None where there is no such thing (a worker
            process), so that an output that can't be stored fails the node.
        sink: gets what the node prints as it comes.
        locator: of `task.search_path`, not older than the plan; made anew where None.
        here: the task must run in this process: what earlier nodes' imports may have left in its
            modules counts as used, where otherwise the task is handed back for a fresh process.

    Returns:
        The outcome; its `status` says how it ended.
    """
    locator = Locator(task.search_path) if locator is None else locator
    watch = ImportWatch(task.modules, locator)
    with _surroundings(task):
        wrong = None if task.target is not None else loaded_otherwise(task.modules, locator)
        if wrong is None and not here:
            wrong = next(iter(sorted(importers() & task.modules.keys())), None)
            wrong = wrong or import_reads.first_outdated(task.modules)
        if wrong is not None:
            return NodeOutcome(OutcomeStatus.WRONG_PROCESS, detail=wrong)
        audit = AuditWatch(watch, ReadWatch(task, locator))
        with captured_output(sink) as tail, checked_imports(watch), recording() as record:
            outcome = _attempt(task, storage, memory, locator, audit)
        watch.finish(here=here)
    if watch.changed is not None:
        outcome = NodeOutcome(OutcomeStatus.SOURCE_CHANGED, detail=watch.changed)
    elif watch.unknown is not None:
        outcome = NodeOutcome(OutcomeStatus.WRONG_PROCESS, detail=watch.unknown)
    seen = entered(record, {*task.modules, *watch.discovered})
    return _completed(replace(outcome, entered=seen), watch, tail, audit, task.folder)


def _completed(
    outcome: NodeOutcome, watch: ImportWatch, tail: OutputTail, audit: AuditWatch, folder: Path
) -> NodeOutcome:
    used = {*watch.discovered}
    if audit.strays:
        used.update(watch.planned)  # what such code takes out of modules isn't read from source
    modules = [Query("closure", f"{module}:*") for module in sorted(used)]
    files = {os.path.relpath(path, folder): digest for path, digest in sorted(audit.strays.items())}
    reads = audit.reads_of([*watch.planned, *watch.discovered])
    return replace(
        outcome,
        log_tail=tail.text(),
        reads=reads,
        discovered=tuple(dict.fromkeys((*modules, *(Query("file", path) for path in files), *reads.queries))),
        discovered_files=files,
        discovered_text=dict(sorted(watch.discovered.items())),
        spawned=audit.spawned,
        unpickled=tuple(sorted(audit.unpickled)),
    )


def _attempt(
    task: NodeTask, storage: ModelStorage, memory: Memory | None, locator: Locator, audit: AuditWatch
) -> NodeOutcome:
    folders = NodeFolders(task.scratch)
    try:
        with audit:
            component = task.target if task.target is not None else load_component(task.component)
        with folders:
            return _run(task, component, storage, memory, locator, folders, audit)
    except SourceChanged as error:
        return NodeOutcome(OutcomeStatus.SOURCE_CHANGED, detail=error.what)
    except InputLost as error:
        return NodeOutcome(OutcomeStatus.INPUT_LOST, detail=error.node)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a node that exits has failed
        changed = _source_changed_below(error)
        if changed is not None:
            return NodeOutcome(OutcomeStatus.SOURCE_CHANGED, detail=changed.what)
        return NodeOutcome(
            OutcomeStatus.FAILED,
            error=node_error(error),
            refused=isinstance(error, StrictViolation),
            store_error=_scratch_error(error, task),
        )


def _run(
    task: NodeTask,
    component: Any,
    storage: ModelStorage,
    memory: Memory | None,
    locator: Locator,
    folders: NodeFolders,
    audit: AuditWatch,
) -> NodeOutcome:
    bound = bind(task, component, folders)
    view = _storage_view(task, storage, folders)
    values = {
        parameter: _restore(parameter, task, bound, storage, memory, folders) for parameter in task.inputs
    }
    packages = _required_packages(component)
    strict = StrictCall(task, values, audit.randomness)
    started = time.perf_counter()
    try:
        with audit, strict:
            output = bound.call(values, view)
    except Exception as error:
        if view.lost is not None:
            raise InputLost(view.lost) from error
        raise
    if view.lost is not None:
        # The component caught it and went on without: what it made is of no use.
        raise InputLost(view.lost)
    seconds = time.perf_counter() - started
    strict.judge(lambda: audit.reads_of(task.modules).undeclared)
    outcome = _stored(task, output, bound, view, storage, memory, locator)
    return replace(outcome, seconds=seconds, packages=packages)


def _required_packages(component: Any) -> tuple[str, ...]:
    asked = getattr(component, "required_packages", None) if isinstance(component, type) else None
    return tuple(sorted(asked())) if callable(asked) else ()


def _restore(
    parameter: str,
    task: NodeTask,
    bound: BoundNode,
    storage: ModelStorage,
    memory: Memory | None,
    folders: NodeFolders,
) -> Any:
    """The value of one parameter: this node's own copy (R9)."""
    source = task.inputs[parameter]
    if isinstance(source, GivenInput):
        return copy.deepcopy(source.value)
    if source.resource is not None and source.key is None and bound.takes_folder(parameter):
        return _restored_folder(source.node, source.resource, _store_of(source, storage), folders)
    whole = (
        memory[source.node] if isinstance(source, MemoryInput) and memory else restore_output(source, storage)
    )
    if source.key is None:
        return whole
    if not isinstance(whole, Mapping) or source.key not in whole:
        raise KeyError(
            f"parameter {parameter!r} takes {source.node}[{source.key}], "
            f"and {source.node!r} puts out no dict with the key {source.key!r}"
        )
    return whole[source.key]


def restore_output(source: StoredInput | MemoryInput, storage: ModelStorage) -> Any:
    """A parent's whole output from the store; its `Resource` where that is all it puts out."""
    if isinstance(source, MemoryInput) or (source.value is not None and source.value.artifact is None):
        raise InputLost(source.node)
    if source.value is None:
        return Resource(source.node, "" if source.resource is None else source.resource.identity)
    assert source.value.artifact is not None
    try:
        return _store_of(source, storage).load_value(source.value.artifact)
    except DamagedArtifact as error:
        raise InputLost(source.node) from error


def restore_input(source: TaskInput, storage: ModelStorage) -> Any:
    """The value of an input as a hook sees it; None where it is handed on in memory."""
    if isinstance(source, GivenInput):
        return source.value
    if isinstance(source, MemoryInput):
        return None
    whole = restore_output(source, storage)
    if source.key is None:
        return whole
    # Of a key that isn't there the node itself complains.
    return whole.get(source.key) if isinstance(whole, Mapping) else None


def _store_of(source: StoredInput | MemoryInput, storage: ModelStorage) -> ModelStorage:
    return value_store(storage, source.place)


def _restored_folder(node: str, tree: ResourceTree, storage: ModelStorage, folders: NodeFolders) -> Path:
    folder = folders.new(f"in-{node}")
    try:
        storage.restore_tree(tree, folder, read_only=True)
    except DamagedArtifact as error:
        raise InputLost(node) from error
    return folder


def _storage_view(task: NodeTask, storage: ModelStorage, folders: NodeFolders) -> NodeStorageView:
    readable = {
        source.node: (_store_of(source, storage), source.resource)
        for source in task.inputs.values()
        if isinstance(source, StoredInput | MemoryInput) and source.resource is not None
    }
    return NodeStorageView(task.node, Resource(task.node), readable, folders.reserve("storage"))


def _stored(
    task: NodeTask,
    output: Any,
    bound: BoundNode,
    view: NodeStorageView,
    storage: ModelStorage,
    memory: Memory | None,
    locator: Locator,
) -> NodeOutcome:
    if inspect.isgenerator(output) or inspect.iscoroutine(output) or inspect.isasyncgen(output):
        raise TypeError(
            f"node {task.node!r} puts out a {type(output).__name__}, which can be read only once; "
            "return a list, or any value that can be read twice"
        )
    written = bound.output_directory if bound.output_directory is not None else view.written
    if written is not None:
        _refuse_folder_inside(output, written)

    def is_first_party(module: str) -> bool:
        return locator.locate(module).kind == "first-party"

    def put(place: Path | None) -> NodeOutcome:
        store = value_store(storage, place)
        tree = None if written is None else store.store_tree(written)
        if written is not None and (output is None or isinstance(output, Resource)):
            return NodeOutcome(OutcomeStatus.DONE, resource=tree, place=place)
        try:
            value: ValueRecord = store.store_value(output, is_first_party=is_first_party, path=task.node)
        except NotStorable as error:
            if memory is None:
                raise
            memory[task.node] = output
            return NodeOutcome(
                OutcomeStatus.DONE, resource=tree, place=place, storable=False, not_storable=str(error)
            )
        if written is not None:
            refuse_folder_in_bytes(value, written, store)
        return NodeOutcome(OutcomeStatus.DONE, value=value, resource=tree, place=place)

    try:
        return put(None if task.keep else private_store(task.scratch))
    except StorageError as error:
        store_error = str(error)
    make_private(task.spare)
    try:
        return replace(put(private_store(task.spare)), store_error=store_error)
    except StorageError:
        if memory is None or written is not None:
            raise
    # Nothing can be written anywhere: for this once, consumers get the object itself.
    memory[task.node] = output
    return NodeOutcome(OutcomeStatus.DONE, storable=False, store_error=store_error)


def _refuse_folder_inside(output: Any, folder: Path) -> None:
    """The folder's path is gone after the run: a value that holds it is of no use to anybody."""
    if isinstance(output, str | os.PathLike) and str(folder) in os.fspath(output):
        raise ValueError(
            "the node returns the path of its OutputDirectory, which exists only while it runs; "
            "return None to put the folder out, or a path relative to it"
        )


def refuse_folder_in_bytes(value: ValueRecord, folder: Path, storage: ModelStorage) -> None:
    """Refuse a stored value whose bytes mention the node's own output folder, whose name is unique."""
    if value.artifact is not None and storage.mentions(value.artifact, folder.name.encode()):
        raise ValueError(
            "the value that the node returns holds the path of its OutputDirectory, which exists only "
            "while it runs; return paths relative to it"
        )


def load_component(component: str) -> Any:
    """Import a component by `module:attribute`."""
    module_name, _, attributes = component.partition(":")
    found: Any = importlib.import_module(module_name)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found


def node_error(error: BaseException) -> NodeError:
    """An exception as data, its traceback without the engine's frames."""
    if isinstance(error, StrictViolation):
        return NodeError(error.kind, str(error))
    return NodeError(type(error).__name__, str(error), user_traceback(error))


def _source_changed_below(error: BaseException) -> SourceChanged | None:
    """A changed source that the user's code wrapped into its own exception."""
    return next((cause for cause in _causes(error) if isinstance(cause, SourceChanged)), None)


def _scratch_error(error: BaseException, task: NodeTask) -> str | None:
    """Why the scratch folder can't be written, where that is what made a node fail."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and task.scratch != task.spare:
            path = cause.filename
            inside = isinstance(path, str | os.PathLike) and Path(path).is_relative_to(task.scratch)
            # Writing to an open file fails without a name.
            if inside or (path is None and cause.errno in _NO_ROOM):
                return f"can't write {task.scratch}: {cause.strerror or cause}"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised from, each once."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        yield current
        seen.add(id(current))
        current = current.__cause__ or current.__context__


@contextlib.contextmanager
def _surroundings(task: NodeTask) -> Iterator[None]:
    """Working folder and `sys.path` of the node, for the block's duration.

    What the node changes of them, or of the environment, reaches no other node: each would find the
    same in a process of its own.
    """
    before = Path.cwd()
    path = list(sys.path)
    environment = dict(os.environ)
    os.chdir(task.folder)
    sys.path[:] = task.search_path
    try:
        yield
    finally:
        sys.path[:] = path
        os.chdir(before)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)
