"""Which first-party functions a node entered, by the monitoring that Python has since 3.12 (R15).

Kept for the life of the process: every function that was entered while a node ran, since what an earlier node
computed may have been kept (a cache, a lazily made table) and be used by a later one without a call.

Invariants: a function that runs while a module is imported belongs to that import and isn't the node's own;
where it can't be told what ran (an older Python, a module that something else imported, no free place among
the monitoring tools), the answer says so and is used for nothing; no event is asked for while no node runs.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import CodeType, FrameType, ModuleType
from typing import Any

from fingerprint_runner.fingerprints.record import Unnarrowed, UnnarrowedKind
from fingerprint_runner.provenance.environment import python_tag

_OPTIMIZED = 1
"""`CO_OPTIMIZED`: set in the code of functions, not in that of modules and class bodies."""
_ASK_FOR_SIGNATURES = frozenset(
    {
        ("inspect", "_has_code_flag"),
        ("inspect", "_signature_from_function"),
        ("inspect", "getfile"),
        ("numpy._utils._inspect", "getargspec"),
        ("types", "coroutine"),
        ("typing", "overload"),
    }
)
"""Functions of libraries that take from a function's code how it is called, or where it stands."""
_MOST_AT_IMPORT = 1000
"""A function that importing a module enters more often than this is no longer counted there."""


@dataclass(frozen=True)
class Entered:
    """Functions by name: `module:function`, or `module:Class.method`.

    Attributes:
        ran: entered by the node itself.
        ever: entered in this process, by imports and earlier nodes too.
        examined: their code was asked for in this process, and may have been compiled, pickled or compared.
        unseen: why these aren't all that ran; then nothing may be concluded from them.
    """

    unseen: tuple[Unnarrowed, ...]
    ran: frozenset[str] = frozenset()
    ever: frozenset[str] = frozenset()
    examined: frozenset[str] = frozenset()


_modules: dict[str, str] = {}
"""Path of a file → the module that was compiled from it under watch."""
_watched: dict[str, ModuleSpec] = {}
"""Module whose import was watched from its beginning → how it was found: another import has another."""
_ever: set[str] = set()
_examined: set[str] = set()
_importing = threading.local()
_examining = threading.local()
_tool: int | None = None
_current: Recording | None = None


class Recording:
    """What one node enters.

    Attributes:
        ran: names of functions.
    """

    def __init__(self) -> None:
        self.ran: set[str] = set()
        self._at_import: dict[str, int] = {}

    def start(self, code: CodeType, offset: int) -> Any:
        """A function is entered for the first time, or for the first time since an import."""
        symbol = _symbol(code)
        if symbol is None:
            return _DISABLE
        _ever.add(symbol)
        if getattr(_importing, "depth", 0):
            count = self._at_import[symbol] = self._at_import.get(symbol, 0) + 1
            if count < _MOST_AT_IMPORT:
                return None  # it may be entered again by the node itself
        self.ran.add(symbol)
        return _DISABLE

    def examine(self, function: Any, by: FrameType | None) -> None:
        """Somebody asks for the code of a function."""
        if by is not None and (by.f_globals.get("__name__"), by.f_code.co_name) in _ASK_FOR_SIGNATURES:
            return
        symbol = _symbol(function.__code__)
        if symbol is not None:
            _examined.add(symbol)


_monitoring: Any = getattr(sys, "monitoring", None)
_DISABLE: Any = getattr(_monitoring, "DISABLE", None)


def _symbol(code: CodeType) -> str | None:
    """The name of a function of a watched module."""
    module = _modules.get(code.co_filename)
    name = None if module is None else function_name(code)
    return None if name is None else f"{module}:{name}"


def function_name(code: CodeType) -> str | None:
    """The function at a module's top, or the method of a class there, that some code belongs to.

    Returns:
        `function` or `Class.method`; of what is defined inside a function, the name of that; None for
        modules, class bodies and lambdas, which count with what they stand in.
    """
    parts = code.co_qualname.split(".")
    if "<locals>" in parts:
        parts = parts[: parts.index("<locals>")]
    elif not code.co_flags & _OPTIMIZED:
        return None
    if any(part.startswith("<") for part in parts):
        return None
    return parts[0] if len(parts) == 1 else f"{parts[0]}.{parts[-1]}"


@contextlib.contextmanager
def recording() -> Iterator[Recording | None]:
    """Record what is entered inside the block; None where Python can't tell."""
    global _current
    if not _is_ready() or _current is not None:
        yield None
        return
    record = _current = Recording()
    events = _monitoring.events
    _monitoring.register_callback(_tool, events.PY_START, record.start)
    _monitoring.set_events(_tool, events.PY_START)
    _monitoring.restart_events()
    try:
        yield record
    finally:
        _current = None
        _monitoring.set_events(_tool, events.NO_EVENTS)
        _monitoring.register_callback(_tool, events.PY_START, None)


@contextlib.contextmanager
def importing(module: ModuleType, path: str) -> Iterator[None]:
    """A first-party module is executed inside the block, from the text of a file."""
    spec = module.__spec__
    if _current is None or spec is None:
        _watched.pop(module.__name__, None)
        yield
        return
    _modules[path] = module.__name__
    _watched[module.__name__] = spec
    _importing.depth = getattr(_importing, "depth", 0) + 1
    try:
        yield
    finally:
        _importing.depth -= 1


def examining(function: Any, by: FrameType | None) -> None:
    """The code of a function is asked for, as an audit event says."""
    if _current is not None and not getattr(_examining, "busy", False):
        _examining.busy = True
        try:
            _current.examine(function, by)
        finally:
            _examining.busy = False


def entered(record: Recording | None, modules: set[str]) -> Entered:
    """What a recording says.

    Args:
        record: of one node; None where there was none.
        modules: first-party modules that the node may use.
    """
    if _monitoring is None:
        return Entered((Unnarrowed(UnnarrowedKind.PYTHON, python_tag()),))
    if record is None:
        return Entered((Unnarrowed(UnnarrowedKind.MONITORING),))
    unseen = tuple(
        Unnarrowed(UnnarrowedKind.LOADED_BEFORE, module)
        for module in sorted(modules)
        if not _was_watched(module)
    )
    return Entered(unseen, frozenset(record.ran), frozenset(_ever), frozenset(_examined))


def _was_watched(name: str) -> bool:
    """Whether all that ran of a module, from its import on, could be seen."""
    module = sys.modules.get(name)
    if module is None:
        return True
    spec = getattr(module, "__spec__", None)
    if isinstance(getattr(spec, "loader", None), ExtensionFileLoader):
        return True  # it has no functions that could be entered, and counts by its bytes
    return name in _watched and spec is _watched[name]


def _is_ready() -> bool:
    """Whether this process has a place among the monitoring tools."""
    global _tool
    if _monitoring is None:
        return False
    if _tool is None:
        for number in (4, 3):
            if _monitoring.get_tool(number) is None:
                _monitoring.use_tool_id(number, "fingerprint_runner")
                _tool = number
                break
    return _tool is not None
