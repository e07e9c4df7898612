"""`audited`: what a running node does that reading its source can't tell, by Python's audit events.

Classes that unpickling finds by name become queries of the node's trace (R15), and so does code
that runs from a file which no import of a first-party module explains: found along a changed
`sys.path`, or run by `runpy`. What asks for the code of a function may use it without entering it, and is
told to `entered.py`. A started subprocess means that sources are compared again before
publishing (R12).

Invariant: an audit hook can't be removed, so one is added at most once a process, and it does
nothing but compare a global with None while no node runs.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import xxhash

from fingerprint_runner.runners import loaded_modules
from fingerprint_runner.runners.checked_import import ImportWatch
from fingerprint_runner.runners.entered import examining

_SPAWNING = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork", "os.forkpty"})
_TELL_ABOUT_THE_MACHINE = frozenset(
    {"getconf", "hostname", "ldconfig", "lscpu", "nproc", "nvidia-smi", "rocm-smi", "sysctl", "uname"}
)

_current: AuditWatch | None = None
_installed = False


class AuditWatch:
    """What the events of one node's run said.

    Attributes:
        spawned: whether it started another process.
        unpickled: `module:name` of first-party classes and functions that unpickling found.
        strays: first-party file that code ran from without being located as a module → its digest.
    """

    def __init__(self, imports: ImportWatch) -> None:
        self.spawned = False
        self.unpickled: set[str] = set()
        self.strays: dict[str, str] = {}
        self._imports = imports
        self._seen: set[str] = set()

    def event(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Take in one audit event."""
        if name == "pickle.find_class":
            if self._imports.note_use(str(arguments[0])):
                self.unpickled.add(f"{arguments[0]}:{arguments[1]}")
        elif name in _SPAWNING:
            self.spawned = self.spawned or not _asks_the_machine(name, arguments)
        elif name == "exec":
            self._executed(getattr(arguments[0], "co_filename", ""))
        elif name == "object.__getattr__" and arguments[1] == "__code__":
            examining(arguments[0], sys._getframe(2))  # of who asks, above the hook

    def _executed(self, path: str) -> None:
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

    def __enter__(self) -> AuditWatch:
        global _current
        _current = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _current
        _current = None


def _asks_the_machine(name: str, arguments: tuple[Any, ...]) -> bool:
    """Whether a process is one of the tools that tell about the machine, and run nobody's code."""
    return name == "subprocess.Popen" and Path(os.fsdecode(arguments[0])).name in _TELL_ABOUT_THE_MACHINE


def _digest(path: str) -> str | None:
    try:
        return xxhash.xxh3_128_hexdigest(Path(path).read_bytes())
    except OSError:
        return None


@contextlib.contextmanager
def audited(imports: ImportWatch) -> Iterator[AuditWatch]:
    """A watch that listens while it is entered; installs the process's hook on first use."""
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    yield AuditWatch(imports)


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    watch = _current
    if watch is not None:
        watch.event(name, arguments)
