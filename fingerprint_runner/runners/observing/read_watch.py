"""`ReadWatch`: what a node reads while it runs, and which of it isn't declared.

Invariants: it listens only while it is entered, and everything it put in its way is gone when it is left;
each thing is named once, in the order of first use.
"""

# Plain strings, as the watches give them.
# ruff: noqa: PTH118

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from fingerprint_runner.provenance.files import Look
from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.patterns import covers
from fingerprint_runner.runners.observing import import_reads
from fingerprint_runner.runners.observing.callers import Callers, Who
from fingerprint_runner.runners.observing.declaration import undeclared
from fingerprint_runner.runners.observing.environment_watch import EVERYTHING_COPIED, EnvironmentWatch
from fingerprint_runner.runners.observing.file_watch import FileWatch, Handler
from fingerprint_runner.runners.observing.places import ReadPlaces
from fingerprint_runner.runners.observing.reads import EVERYTHING, NodeReads, Read, ReadLog
from fingerprint_runner.runners.task import NodeTask

_CALLER = 3
_LOOPBACK = ("127.", "::1", "localhost")


class ReadWatch:
    """Watches one node.

    Args:
        task: the node.
        locator: says whose code and files are.

    Attributes:
        handlers: audit event → what takes in its arguments.
        callers: tells whose code stands behind a call.
    """

    def __init__(self, task: NodeTask, locator: Locator) -> None:
        self._task = task
        self._policy = task.reads
        self._log = ReadLog()
        self.callers = Callers(task.folder, locator)
        self._files = FileWatch(
            self.callers,
            lambda: ReadPlaces(task.folder, (os.path.join(task.storage.path, "fr"), task.scratch), locator),
            self._log,
            time.time_ns(),
            looks=self._policy.track,
        )
        self._environment = EnvironmentWatch(self.callers, self._log)
        self.handlers: Mapping[str, Handler] = {**self._files.handlers, "socket.connect": self._connected}

    def __enter__(self) -> ReadWatch:
        self._environment.__enter__()
        self._files.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)
        self._environment.__exit__(kind, error, trace)

    @property
    def strict(self) -> bool:
        """Whether undeclared reads fail the node."""
        return self._policy.strict

    def note_untold(self, what: str) -> None:
        """The node does something whose reads can't be told."""
        self._log.untold[what] = None

    def _connected(self, arguments: tuple[Any, ...]) -> None:
        address = arguments[1]
        if not isinstance(address, tuple) or str(address[0]).startswith(_LOOPBACK):
            return
        if self.callers.behind(sys._getframe(_CALLER)).who is not Who.NOBODY:
            self.note_untold("a network connection")

    # --- what it comes to -----------------------------------------------------------------------------

    def reads(self, modules: Iterable[str], counted: Iterable[str], *, spawned: bool) -> NodeReads:
        """What the node read.

        Args:
            modules: the first-party modules that it used: what they read when they were imported, for
                an earlier node too, counts.
            counted: absolute paths of files that count already.
            spawned: whether it started a process.
        """
        import_reads.remember(self._log.at_import.values())
        found = dict(self._log.reads)
        for read in import_reads.of(modules):
            found.setdefault((read.kind, read.name), read)
        known = frozenset(counted)
        rest = [read for read in found.values() if read.path not in known and not self._is_declared(read)]
        untold = [what for what in self._log.untold if not (spawned and what.startswith(EVERYTHING_COPIED))]
        if not self._policy.track:
            copied = [] if spawned else self._copies()
            return NodeReads(undeclared([*rest, *copied], self._policy))
        if spawned:
            untold.append("what a process that it started reads")
        files: dict[str, Look] = {}
        env: dict[str, str] = {}
        left: list[Read] = []
        for read in rest:
            if read.kind == "env" and read.name == EVERYTHING:
                untold.append(f"the whole environment ({read.place})")
            elif read.kind == "env":
                env[read.name] = read.digest
            elif read.inside and read.look is not None and _is_text(read.name):
                files[read.name] = read.look
            else:
                left.append(read)
        return NodeReads(undeclared(left, self._policy), files, env, tuple(dict.fromkeys(untold)))

    def _copies(self) -> list[Read]:
        """All variables, where only a library went through them: it isn't known which it looked at."""
        copied = any(what.startswith(EVERYTHING_COPIED) for what in self._log.untold)
        return [Read("env", EVERYTHING)] if copied and ("env", EVERYTHING) not in self._log.reads else []

    def _is_declared(self, read: Read) -> bool:
        policy = self._policy
        if read.kind == "env":
            return read.name in policy.env or read.name in policy.secret
        if any(read.path == given or read.path.startswith(given + "/") for given in policy.given):
            return True
        if not read.inside:
            return False
        return covers(policy.files, read.name) or self._is_declared_by_link(read)

    def _is_declared_by_link(self, read: Read) -> bool:
        """Whether a link leads from what is declared to what was opened, or the other way."""
        policy = self._policy
        if not policy.files:
            return False
        folder, real = os.path.realpath(self._task.folder), os.path.realpath(read.path)
        if real.startswith(folder + "/") and covers(policy.files, real[len(folder) + 1 :]):
            return True
        tops = (os.path.realpath(os.path.join(folder, pattern)) for pattern in policy.files)
        return any(real == top or real.startswith(top + "/") for top in tops)


def _is_text(name: str) -> bool:
    """Whether a name can stand in a record: names that aren't UTF-8 can't."""
    with contextlib.suppress(UnicodeEncodeError):
        name.encode()
        return True
    return False
