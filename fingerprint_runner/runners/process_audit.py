"""`AuditWatch`: what a running node does that reading its source can't tell, by Python's audit events.

Classes that unpickling finds by name become queries of the node's trace (R15), and so does code
that runs from a file which no import of a first-party module explains: found along a changed
`sys.path`, or run by `runpy`. What asks for the code of a function may use it without entering it, and is
told to `entered.py`. A started subprocess means that sources are compared again before
publishing (R12). What the node opens and lists is the business of its `ReadWatch`.

Invariants: while a run inside a node has nodes of its own, the events are theirs; an audit hook can't be
removed, so one is added at most once a process, and it does nothing but compare a global with None
while no node runs.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import xxhash

from fingerprint_runner.runners import loaded_modules
from fingerprint_runner.runners.checked_import import ImportWatch
from fingerprint_runner.runners.entered import examining
from fingerprint_runner.runners.observing import nested
from fingerprint_runner.runners.observing.file_watch import Handler
from fingerprint_runner.runners.observing.read_watch import ReadWatch
from fingerprint_runner.runners.observing.reads import NodeReads

try:
    import _posixsubprocess
except ImportError:  # another interpreter than CPython
    _posixsubprocess = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from fingerprint_runner.runners.observing.randomness import RandomnessWatch

_SPAWNING = frozenset({"os.system", "os.posix_spawn", "os.exec", "os.fork", "os.forkpty"})
_TELL_ABOUT_THE_MACHINE = frozenset(
    {"getconf", "hostname", "ldconfig", "lscpu", "nproc", "nvidia-smi", "rocm-smi", "sysctl", "uname"}
)

_CALLER = 3
"""Frames between a handler here and the code that raised the event: `AuditWatch.event` and the hook."""

_current: AuditWatch | None = None
_installed = False


class AuditWatch:
    """What the events of one node's run said; a context manager, entered whenever the node's code runs.

    Args:
        imports: is told of classes that unpickling finds.
        reads: is told of files and folders, and entered and left with this watch.

    Attributes:
        randomness: of a strict node, tells what it draws without a seed.
        spawned: whether it started another process.
        unpickled: `module:name` of first-party classes and functions that unpickling found.
        strays: first-party file that code ran from without being located as a module → its digest.
    """

    def __init__(self, imports: ImportWatch, reads: ReadWatch) -> None:
        _install_hook()
        self.reads = reads
        self.randomness = _randomness(imports, reads) if reads.strict else None
        self.spawned = False
        self.unpickled: set[str] = set()
        self.strays: dict[str, str] = {}
        self._imports = imports
        self._seen: set[str] = set()
        self._outer: AuditWatch | None = None
        self._entered = contextlib.ExitStack()
        self._handlers: dict[str, Handler] = {
            **reads.handlers,
            **dict.fromkeys(_SPAWNING, self._spawned),
            "subprocess.Popen": self._command_started,
            "pickle.find_class": self._unpickled,
            "exec": self._executed,
            "object.__getattr__": self._attribute_asked,
        }

    def event(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Take in one audit event."""
        handler = self._handlers.get(name)
        if handler is not None:
            handler(arguments)

    def _unpickled(self, arguments: tuple[Any, ...]) -> None:
        if self._imports.note_use(str(arguments[0])):
            self.unpickled.add(f"{arguments[0]}:{arguments[1]}")

    def _attribute_asked(self, arguments: tuple[Any, ...]) -> None:
        if arguments[1] == "__code__":
            examining(arguments[0], sys._getframe(_CALLER))

    def _spawned(self, arguments: tuple[Any, ...] = ()) -> None:
        self.spawned = True

    def _command_started(self, arguments: tuple[Any, ...]) -> None:
        # Tools that tell about the machine run nobody's code.
        if Path(os.fsdecode(arguments[0])).name not in _TELL_ABOUT_THE_MACHINE:
            self.spawned = True

    def _executed(self, arguments: tuple[Any, ...]) -> None:
        path = getattr(arguments[0], "co_filename", "")
        if path in self._seen or path.startswith("<"):
            return
        self._seen.add(path)
        if loaded_modules.is_text_of_one(path):
            return
        if self._imports.locator.origin_of_path(path) == "first-party":
            digest = _digest(path)
            if digest is not None:
                self.strays[path] = digest
                loaded_modules.note_stray()

    def reads_of(self, modules: Iterable[str]) -> NodeReads:
        """What the node read; `modules` are the first-party ones that it used."""
        return self.reads.reads(modules, self.strays, spawned=self.spawned)

    def _run_inside(self) -> None:
        self.reads.note_untold("a run of another graph")

    def __enter__(self) -> AuditWatch:
        global _current
        self._entered.enter_context(self.reads)
        if self.randomness is not None:
            self._entered.enter_context(self.randomness)
        nested.listeners.append(self._run_inside)
        self._outer = _current
        _current = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _current
        _current = self._outer
        nested.listeners.pop()
        self._entered.close()


def _fork_noted(plain: Callable[..., int]) -> Callable[..., int]:
    """Stands in for the interpreter's own function, which `multiprocessing` calls without an audit event."""

    def fork_exec(*arguments: Any) -> int:
        # Of what `subprocess` starts, its own event tells.
        if _current is not None and sys._getframe(1).f_globals.get("__name__") != "subprocess":
            _current.event("os.fork", ())
        return plain(*arguments)

    return fork_exec


def _digest(path: str) -> str | None:
    try:
        return xxhash.xxh3_128_hexdigest(Path(path).read_bytes())
    except OSError:
        return None


def _randomness(imports: ImportWatch, reads: ReadWatch) -> RandomnessWatch:
    # For weight: most runs aren't strict.
    from fingerprint_runner.runners.observing.randomness import RandomnessWatch

    watch = RandomnessWatch(reads.callers)
    imports.after_import = watch.imported
    return watch


def _install_hook() -> None:
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        if _posixsubprocess is not None:
            _posixsubprocess.fork_exec = _fork_noted(_posixsubprocess.fork_exec)
        _installed = True


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    watch = _current
    if watch is not None:
        watch.event(name, arguments)
