"""`EnvironmentWatch`: the environment variables that a node reads.

While it is entered, `os.environ` and `os.environb` keep their data in a dict that notes what is asked of
it; `os.getenv`, `in`, `get` and all else come down to it.

Who reads a variable is who names it: of the code between the read and the node's own, a file that has the
name in quotes reads it for itself (`tempfile` has 'TMPDIR'); where nobody in between names it, the node's
own code asked for it, in whatever way.

Invariants: `os.environ` is the object that it was, with the dict that it had, when the block ends; what the
node sets itself isn't noted; values are seen as digests alone.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import xxhash

from fingerprint_runner.provenance.environment import UNSET
from fingerprint_runner.runners.observing.callers import NOT_THE_NODE, Caller, Callers, Code, Who
from fingerprint_runner.runners.observing.reads import EVERYTHING, Read, ReadLog

EVERYTHING_COPIED = "the whole environment, copied"

_CALLER = 2
"""Frames between `_note` and the code that asks `os.environ`'s data: the method of the dict."""
_PASSING_ON = frozenset({"os", "_collections_abc", "collections.abc", "collections", "copy"})
"""Modules whose functions only pass on what they are asked for."""
_OWN_FUNCTIONS_OF_OS = frozenset({"get_exec_path", "_execvpe"})
_HANDED_THE_WHOLE = frozenset({"configparser", "string", "json", "pprint"})
"""Modules that go through what they are handed: whoever hands it on reads it."""


class EnvironmentWatch:
    """Notes what one node reads of the environment; entered and left as often as the node's code runs.

    Args:
        callers: tells who reads.
        log: is told; of `EVERYTHING` where all variables were asked for.
    """

    def __init__(self, callers: Callers, log: ReadLog) -> None:
        self._log = log
        self._callers = callers
        # Variables that there is nothing more to note of: noted for the node, or set by it.
        self._settled: set[bytes] = set()
        self._set_by_default: set[bytes] = set()
        # Files whose code went through all variables: what it asks for by a computed name is part of that.
        self._whole: set[str] = set()
        self._texts: dict[str, str] = {}
        self._inside: list[tuple[list[Any], dict[bytes, bytes], _Noting]] = []

    def __enter__(self) -> EnvironmentWatch:
        environments: list[Any] = [
            each for each in (os.environ, os.environb) if isinstance(each, os._Environ)
        ]
        before = environments[0]._data if environments else {}
        noting = _Noting(before, self, self._settled)
        shared = [each for each in environments if each._data is before]
        for each in shared:
            each._data = noting
        self._inside.append((shared, before, noting))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        environments, before, noting = self._inside.pop()
        noting.watch = None
        if noting.changed:
            before.clear()
            before.update(dict.items(noting))
            if isinstance(before, _Noting):
                before.changed = True
        for each in environments:
            if each._data is noting:
                each._data = before

    def note(self, key: bytes, value: bytes | None) -> None:
        """A variable is asked for, and isn't settled."""
        name = os.fsdecode(key)
        caller, by_default = self._reader(sys._getframe(_CALLER), name)
        if by_default or caller.who is Who.NOBODY:
            return
        if key in self._set_by_default:
            value = None  # what the node saw is what it had set because nothing was there
        if self._add(name, caller, _digest(value)) is None:
            self._settled.add(key)

    def note_all(self) -> None:
        """All variables are asked for."""
        frame: FrameType | None = sys._getframe(_CALLER)
        through = None
        while frame is not None:
            kind, path = self._callers.kind(frame), frame.f_code.co_filename
            module = _module(frame)
            if kind is Code.FIRST_PARTY:
                if through is None:
                    self._whole.add(path)
                    self._add(EVERYTHING, Caller(Who.OWN, frame), "")
                else:
                    self._log.untold[f"{EVERYTHING_COPIED} by {through}"] = None
                return
            if kind in (Code.IMPORT, Code.ENGINE):
                return
            if kind is Code.ENGINE_CALL:
                if through is not None:
                    self._log.untold[f"{EVERYTHING_COPIED} by {through}"] = None
                return
            if kind is Code.LIBRARY:
                through = through or module.partition(".")[0]
                self._whole.add(path)
            elif kind is not Code.NOBODYS and module not in _PASSING_ON | _HANDED_THE_WHOLE:
                self._whole.add(path)
                return
            frame = frame.f_back

    def set(self, key: bytes) -> None:
        """The node sets a variable, or takes it away."""
        caller = sys._getframe(_CALLER + 1)
        if _module(caller) == "os" and caller.f_code.co_name == "setdefault":
            # What is set here depends on what was there: a later read is one of the variable.
            self._set_by_default.add(key)
        else:
            self._settled.add(key)

    def _add(self, name: str, caller: Caller, digest: str) -> str | None:
        """Note a read; gives the module that made it while it was imported."""
        frame = caller.frame
        place = None if frame is None else self._callers.place(frame)
        module = self._callers.module_imported(frame)
        self._log.add(Read("env", name, place, digest=digest, module=module))
        return module

    def _reader(self, frame: FrameType | None, name: str) -> tuple[Caller, bool]:
        """Who reads a variable, and whether only `setdefault` looks whether it is there."""
        while frame is not None:
            kind = self._callers.kind(frame)
            path, function = frame.f_code.co_filename, frame.f_code.co_name
            module = _module(frame)
            if module in _PASSING_ON and function not in _OWN_FUNCTIONS_OF_OS:
                if function == "setdefault" and module == "os":
                    return NOT_THE_NODE, True
            elif kind is Code.FIRST_PARTY:
                if path in self._whole and not self._names(path, name):
                    return NOT_THE_NODE, False
                return self._callers.behind(frame), False
            elif kind in (Code.IMPORT, Code.ENGINE):
                return NOT_THE_NODE, False
            elif kind is Code.ENGINE_CALL:
                return Caller(Who.LIBRARY), False
            elif kind is not Code.NOBODYS and (path in self._whole or self._names(_file(frame), name)):
                return NOT_THE_NODE, False
            frame = frame.f_back
        return Caller(Who.LIBRARY), False

    def _names(self, path: str, name: str) -> bool:
        """Whether a source file has a name in quotes."""
        text = self._texts.get(path)
        if text is None:
            try:
                text = Path(path).read_text(encoding="utf-8", errors="replace")
            except (OSError, ValueError):
                text = ""
            self._texts[path] = text
        return name in text and re.search(rf"([\"']){re.escape(name)}\1", text) is not None


class _Noting(dict[bytes, bytes]):
    """The data of `os.environ`, which says what is asked of it.

    Attributes:
        watch: is told; None once the node is done.
        changed: whether anything was set or taken away.
    """

    def __init__(self, data: dict[bytes, bytes], watch: EnvironmentWatch, settled: set[bytes]) -> None:
        super().__init__(dict.items(data))
        self.watch: EnvironmentWatch | None = watch
        self.changed = False
        self._settled = settled

    def __getitem__(self, key: bytes) -> bytes:
        if key not in self._settled and self.watch is not None:
            self.watch.note(key, dict.get(self, key))
        return dict.__getitem__(self, key)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.changed = True
        if self.watch is not None:
            self.watch.set(key)
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: bytes) -> None:
        self.changed = True
        if self.watch is not None:
            self.watch.set(key)
        dict.__delitem__(self, key)

    def __iter__(self) -> Iterator[bytes]:
        if self.watch is not None:
            self.watch.note_all()
        return dict.__iter__(self)

    def items(self) -> Any:
        if self.watch is not None:
            self.watch.note_all()
        return dict.items(self)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _file(frame: FrameType) -> str:
    """The file of a frame's text; modules that are frozen into Python have it under another name."""
    path = frame.f_code.co_filename
    return str(frame.f_globals.get("__file__") or path) if path.startswith("<frozen ") else path


def _digest(value: bytes | None) -> str:
    return UNSET if value is None else str(xxhash.xxh3_128_hexdigest(value))
