"""`FileWatch`: the files that a node opens and the folders that it lists, by Python's audit events.

Invariants: each thing is noted once, as it lay just before it was first opened; what the node made
itself isn't noted; nothing is raised into the code that opens; every path is text, absolute, without `.`
and `..`.
"""

# Plain strings: every open of a node comes here.
# ruff: noqa: PTH100, PTH112, PTH115

from __future__ import annotations

import contextlib
import enum
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from fingerprint_runner.errors import SourceChanged
from fingerprint_runner.provenance.files import Look
from fingerprint_runner.provenance.glance import glance, listing_digest
from fingerprint_runner.runners.observing.callers import Callers, Who
from fingerprint_runner.runners.observing.places import Place, ReadPlaces
from fingerprint_runner.runners.observing.reads import Read, ReadLog

Handler = Callable[[tuple[Any, ...]], None]

_CALLER = 3
"""Frames between a handler here and the code that raised the event: `AuditWatch.event` and the hook."""
_FOLDER_FLAGS = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", 0)
_SPECIAL_NAMES = ("", ":memory:")


class Way(enum.Enum):
    """How a path is read."""

    OPENED = enum.auto()
    LISTED = enum.auto()
    LOOKED_AT = enum.auto()
    """Without opening it: whether it is there, what kind of thing it is, how large."""


class FileWatch:
    """Notes what one node reads of the file system; entered whenever the node's code runs.

    Args:
        callers: tells who opens.
        places: gives what tells what a place says; most nodes open no file.
        log: is told of data below the graph's folder and elsewhere.
        started: when the node started, in nanoseconds since the epoch.
        looks: whether what lies at a path is looked at before it is opened, and what the node looks at
            without opening it is noted too.

    Attributes:
        handlers: audit event → what takes in its arguments.
    """

    def __init__(
        self,
        callers: Callers,
        places: Callable[[], ReadPlaces],
        log: ReadLog,
        started: int,
        *,
        looks: bool,
    ) -> None:
        self.handlers: dict[str, Handler] = {
            "open": self._opened,
            "os.listdir": self._listed,
            "os.scandir": self._listed,
            "os.mkdir": self._folder_made,
            "os.rename": self._moved,
            "os.link": self._moved,
            "os.symlink": self._moved,
            "os.chdir": self._folder_changed,
            "sqlite3.connect": self._connected,
            "ctypes.dlopen": self._library_opened,
        }
        self._callers = callers
        self._make_places = places
        self._log = log
        self._started = started
        self._looks = looks
        self._made: set[str] = set()
        self._made_folders: list[str] = []
        # What was asked for and not opened yet: path → what the log has it under.
        self._only_looked_at: dict[str, tuple[str, str]] = {}
        # Paths as given that there is nothing more to say of, whoever opens them.
        self._settled: set[tuple[Way, Any]] = set()
        self._inside: list[contextlib.AbstractContextManager[None]] = []

    def __enter__(self) -> FileWatch:
        noting = noting_looks(self._looked_at) if self._looks else contextlib.nullcontext()
        noting.__enter__()
        self._inside.append(noting)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside.pop().__exit__(kind, error, trace)

    @functools.cached_property
    def _places(self) -> ReadPlaces:
        return self._make_places()

    # --- events ---------------------------------------------------------------------------------------

    def _opened(self, arguments: tuple[Any, ...]) -> None:
        path, _, flags = arguments
        if isinstance(path, int):
            return
        flags = flags if isinstance(flags, int) else 0
        access = flags & os.O_ACCMODE
        if access != os.O_RDONLY:
            full = _full(path)
            if full is None or os.path.isdir(full):
                return
            if flags & (os.O_TRUNC | os.O_EXCL) or not os.path.lexists(full):
                self._make(full)
                return
            if access == os.O_WRONLY:
                return
        elif flags & _FOLDER_FLAGS:
            return
        self._read(path, sys._getframe(_CALLER), Way.OPENED)

    def _listed(self, arguments: tuple[Any, ...]) -> None:
        path = "." if arguments[0] is None else arguments[0]
        if isinstance(path, int):
            path = _path_of_descriptor(path)
        if path is not None:
            self._read(path, sys._getframe(_CALLER), Way.LISTED)

    def _looked_at(self, path: Any, frame: FrameType) -> None:
        """Somebody asks whether, or what kind of thing, lies at a path."""
        if not isinstance(path, int):
            self._read(path, frame, Way.LOOKED_AT)

    def _folder_made(self, arguments: tuple[Any, ...]) -> None:
        full = _full(arguments[0])
        if full is not None and not os.path.lexists(full):
            self._make(full, folder=True)

    def _moved(self, arguments: tuple[Any, ...]) -> None:
        source, target = _full(arguments[0]), _full(arguments[1])
        if source is not None and target is not None and self._is_made(source):
            self._make(target, folder=os.path.isdir(source))

    def _folder_changed(self, arguments: tuple[Any, ...]) -> None:
        self._settled.clear()

    def _connected(self, arguments: tuple[Any, ...]) -> None:
        """A database: the events of its own opens are none, since it opens natively."""
        path = arguments[0]
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if isinstance(path, str) and path.startswith("file:"):
            path = path[len("file:") :].partition("?")[0]
        if path in _SPECIAL_NAMES or not isinstance(path, str | os.PathLike):
            return
        full = _full(path)
        if full is not None and not os.path.lexists(full):
            self._make(full)
        else:
            self._read(path, sys._getframe(_CALLER), Way.OPENED)

    def _library_opened(self, arguments: tuple[Any, ...]) -> None:
        path = arguments[0]
        if isinstance(path, str) and "/" in path:
            self._read(path, sys._getframe(_CALLER), Way.OPENED)

    # --- noting ---------------------------------------------------------------------------------------

    def _make(self, full: str, *, folder: bool = False) -> None:
        """The node makes what lies at a path: that it looked whether something was there is no read."""
        if folder:
            self._made_folders.append(full + "/")
        else:
            self._made.add(full)
        key = self._only_looked_at.pop(full, None)
        if key is not None:
            self._log.reads.pop(key, None)

    def _read(self, path: Any, frame: FrameType, way: Way) -> None:
        if not isinstance(path, str | bytes):
            try:
                path = os.fspath(path)  # which needn't be something that a set can hold
            except TypeError:
                return
        if (way, path) in self._settled or _is_name_of_text(path):
            return
        caller = self._callers.behind(frame)
        if caller.who is Who.NOBODY:
            return
        full = _full(path)
        if full is None:
            return
        placed = self._places.of(full)
        if placed.place is Place.NEVER or self._is_made(full):
            self._settled.add((way, path))
            return
        own = caller.who is Who.OWN
        if not own and (placed.place not in (Place.DATA, Place.OUTSIDE) or self._is_for_code(full, way)):
            return
        if not _is_what_it_seems(full, way) or (placed.place is Place.TEMPORARY and self._is_new(full)):
            return
        name = placed.name + "/" if way is Way.LISTED else placed.name
        key = ("file", name)
        module = self._callers.module_imported(caller.frame)
        if module is None:
            self._settled.add((way, path))
        if way is Way.OPENED:
            self._only_looked_at.pop(full, None)
        if module is None and key in self._log.reads:
            return
        look = self._look(full, name, way) if self._looks or module is not None else None
        place = None if caller.frame is None else self._callers.place(caller.frame)
        if way is Way.LOOKED_AT and key not in self._log.reads:
            self._only_looked_at[full] = key
        self._log.add(Read("file", name, place, placed.inside, full, look, module=module))

    def _look(self, full: str, name: str, way: Way) -> Look | None:
        try:
            if way is Way.LISTED:
                return Look(None, listing_digest(full), True)
            return glance(full, time.time_ns())
        except (OSError, SourceChanged) as error:
            self._log.untold[f"the file {name}, which can't be looked at: {error}"] = None
            return None

    def _is_made(self, full: str) -> bool:
        """Whether the node made what lies there."""
        if not self._made and not self._made_folders:
            return False
        for path in (full, os.path.realpath(full)):
            if path in self._made or f"{path}/".startswith(tuple(self._made_folders)):
                return True
        return False

    def _is_for_code(self, full: str, way: Way) -> bool:
        """Whether a library looks for code: at the text of a module, or along the search path."""
        if way is not Way.OPENED and full in sys.path:
            return True
        if not full.endswith(".py"):
            return False
        return any(getattr(module, "__file__", None) == full for module in list(sys.modules.values()))

    def _is_new(self, full: str) -> bool:
        try:
            status = os.stat(full)  # noqa: PTH116
        except OSError:
            return True
        return max(status.st_mtime_ns, status.st_ctime_ns) >= self._started


def _is_name_of_text(path: Any) -> bool:
    """Whether it is a name such as `<string>`: Python looks for the line of a syntax error there."""
    return isinstance(path, str) and path[:1] == "<" and path[-1:] == ">"


def _is_what_it_seems(full: str, way: Way) -> bool:
    """False of a folder's descriptor, and of the listing of what is no folder: nothing is read by these."""
    if way is Way.LISTED:
        return os.path.isdir(full) or not os.path.lexists(full)
    return way is Way.LOOKED_AT or not os.path.isdir(full)


_LOOKING = ("stat", "lstat", "access")
_FOLLOWING_LINKS = frozenset({"realpath", "_joinrealpath"})
"""Functions of `os.path` that look at every folder on the way, to see whether it is a link."""


@contextlib.contextmanager
def noting_looks(note: Callable[[Any, FrameType], None]) -> Iterator[None]:
    """Tell of paths that are looked at inside the block: there is no audit event for that.

    `pathlib`, `os.path`, `glob` and `shutil` all come down to the functions of `os`, which are as before
    when the block ends.
    """
    plain = {name: getattr(os, name) for name in _LOOKING}
    abilities = (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids)

    def noting(look: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(look)
        def stand_in(path: Any, *arguments: Any, **named: Any) -> Any:
            frame = sys._getframe(1)
            if frame.f_code.co_name not in _FOLLOWING_LINKS and named.get("dir_fd") is None:
                note(path, frame)
            return look(path, *arguments, **named)

        return stand_in

    stand_ins = {name: noting(look) for name, look in plain.items()}
    for name, stand_in in stand_ins.items():
        setattr(os, name, stand_in)
        for ability in abilities:
            if plain[name] in ability:
                ability.add(stand_in)
    try:
        yield
    finally:
        for ability in abilities:
            ability.difference_update(stand_ins.values())
        for name, look in plain.items():
            setattr(os, name, look)


def _full(path: Any) -> str | None:
    """A path as given to Python's functions, absolute; None where it is none."""
    try:
        return os.path.abspath(os.fsdecode(path))
    except (TypeError, ValueError, OSError):
        return None


def _path_of_descriptor(descriptor: int) -> str | None:
    """The folder behind a descriptor."""
    if sys.platform == "darwin":
        import fcntl

        try:
            found = fcntl.fcntl(descriptor, fcntl.F_GETPATH, b"\0" * 1024)
        except OSError:
            return None
        return os.fsdecode(found.rstrip(b"\0"))
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return None
