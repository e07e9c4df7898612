"""`ReadPlaces`: what a file's place says of it: data of the graph, somebody else's, or nobody's input.

In this order:

- the store and the run's scratch folder never hold a node's input;
- the standard library, installed packages and the running Python count by their versions, wherever they lie;
- below the graph's folder lies data; what version control keeps there is its own;
- `/proc`, `/sys`, `/dev` and the tables of time zones never hold a node's input;
- system folders, hidden folders of the home folder and the folder for temporary files are shared: what a
  library opens there is its own (time zones, fonts, settings, caches), and only what the node's own code
  opens by itself is its input;
- everything else is data that lies outside.

Invariant: nothing is opened; links are followed only to see whether a path leads below the graph's folder.
"""

# Plain strings: this is asked for every file that a node opens.
# ruff: noqa: PTH100, PTH111, PTH117, PTH118

from __future__ import annotations

import enum
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from fingerprint_runner.provenance.locate import Locator

_NOBODYS = (
    *("/proc", "/sys", "/dev"),
    *("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"),
)
_SYSTEM = (
    *("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/boot", "/run", "/snap"),
    *("/var/cache", "/var/db", "/var/lib", "/nix/store", "/gnu/store"),
    *("/System", "/Library", "/Applications", "/opt/homebrew", "/private/etc", "/private/var/db"),
)
_VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})
_PARTS_OF_AN_ENVIRONMENT = ("bin", "include", "lib", "lib64")


class Place(enum.Enum):
    """What a place says of the files in it."""

    DATA = "data"
    """Below the graph's folder: named relative to it."""
    OUTSIDE = "outside"
    SHARED = "shared"
    TEMPORARY = "temporary"
    """Shared too; what is newer than the node's start was made by it, or for it."""
    NEVER = "never"


class Placed(NamedTuple):
    """A path, judged.

    Attributes:
        name: relative to the graph's folder where it lies below it, else absolute.
        inside: whether it lies below the graph's folder.
    """

    place: Place
    name: str
    inside: bool


class ReadPlaces:
    """Judges paths for one node.

    Args:
        folder: the graph file's.
        own: folders of the engine: the store, and the run's scratch folder.
        locator: says whose a file is.
    """

    def __init__(self, folder: Path, own: Iterable[str | Path], locator: Locator) -> None:
        self._folder = os.path.abspath(folder).rstrip("/")
        self._real_folder = os.path.realpath(folder).rstrip("/")
        self._locator = locator
        own_folders = [os.path.abspath(each) for each in own]
        self._own = tuple(dict.fromkeys([*own_folders, *(os.path.realpath(each) for each in own_folders)]))
        self._python = tuple(self._of_python())
        home = os.path.expanduser("~")
        self._hidden = os.path.join(home, ".") if os.path.isabs(home) and home != "/" else None
        temporary = tempfile.gettempdir()
        self._temporary = tuple({os.path.abspath(temporary), os.path.realpath(temporary)})

    def of(self, path: str) -> Placed:
        """Judge an absolute path without `.` and `..`."""
        relative = self._relative(path)
        name, inside = (path, False) if relative is None else (relative, True)
        if _is_below(path, self._own) or _is_below(path, self._python):
            return Placed(Place.NEVER, name, inside)
        if self._locator.origin_of_path(path) != "first-party":
            return Placed(Place.NEVER, name, inside)
        if relative is not None:
            vcs = not _VERSION_CONTROL.isdisjoint(relative.split("/"))
            return Placed(Place.SHARED if vcs else Place.DATA, name, inside)
        if _is_below(path, _NOBODYS):
            return Placed(Place.NEVER, name, inside)
        if _is_below(path, self._temporary):
            return Placed(Place.TEMPORARY, name, inside)
        hidden = self._hidden is not None and path.startswith(self._hidden)
        return Placed(Place.SHARED if hidden or _is_below(path, _SYSTEM) else Place.OUTSIDE, name, inside)

    def _relative(self, path: str) -> str | None:
        """The path relative to the graph's folder; None where it leads elsewhere."""
        for folder in (self._folder, self._real_folder):
            if path == folder:
                return "."
            if path.startswith(folder + "/"):
                return path[len(folder) + 1 :]
        real = os.path.realpath(path)
        if real.startswith(self._real_folder + "/"):
            return real[len(self._real_folder) + 1 :]
        return "." if real == self._real_folder else None

    def _of_python(self) -> Iterable[str]:
        """The folders of the running Python and its environment."""
        for prefix in dict.fromkeys((sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)):
            prefix = os.path.abspath(prefix)
            if _is_below(prefix, _SYSTEM):
                continue
            if _is_below(self._folder, (prefix,)):
                # The graph lies in the environment's folder, or is one: what isn't Python's is data.
                yield from (os.path.join(prefix, part) for part in _PARTS_OF_AN_ENVIRONMENT)
            else:
                yield prefix


def _is_below(path: str, tops: Iterable[str]) -> bool:
    return any(path == top or path.startswith(top + "/") for top in tops)
