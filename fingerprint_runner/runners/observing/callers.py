"""`Callers`: whose code stands behind a call, told by the frames above it.

From the call outwards, the first of these decides:

    first-party code       the node's own code did it, by itself or through what it called
    an import              it looks for code, which counts as such
    this engine            the engine did it, or the node's component itself is a library's function
    nothing more           a thread of a library that works for the node

Frames of the standard library and of other packages are passed on the way, and remembered: what only
reached a file through them may be theirs.

Invariants: nothing is read but frames; answers are of one moment and hold no frame that they weren't
asked for.
"""

from __future__ import annotations

import enum
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from fingerprint_runner.provenance.locate import ENGINE, Locator, stdlib_folders

_IMPORT_MACHINERY = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
_CALLING_THE_NODE = f"{ENGINE}.runners.node_call"
_SHOWING_OUTPUT = f"{ENGINE}.runners.capture"

_FOR_THEMSELVES = frozenset(
    (
        *("ctypes", "encodings", "ensurepip", "getpass", "gettext", "locale", "mimetypes", "multiprocessing"),
        *("netrc", "platform", "site", "socket", "ssl", "subprocess", "sysconfig", "tempfile"),
        *("webbrowser", "zoneinfo"),
    )
)
"""Modules of the standard library that open files on their own account; others open what they are told."""
_LOOKING_FOR_CODE = (
    *("ast", "importlib.metadata", "inspect", "linecache", "pkgutil", "pyclbr", "trace", "traceback"),
)
"""Modules that look for code and its data: it counts as code."""


class Code(enum.Enum):
    """Whose a frame's code is."""

    FIRST_PARTY = enum.auto()
    LIBRARY = enum.auto()
    STANDARD = enum.auto()
    """The standard library, doing what it is told."""
    FOR_ITSELF = enum.auto()
    """The standard library, on its own account."""
    ABOUT_CODE = enum.auto()
    IMPORT = enum.auto()
    ENGINE = enum.auto()
    ENGINE_CALL = enum.auto()
    """The engine's call of the component."""
    NOBODYS = enum.auto()
    """Code made at run time: whose it is, its caller tells."""


class Who(enum.Enum):
    """Who stands behind a call."""

    OWN = "own"
    """First-party code, with nothing but the standard library in between."""
    LIBRARY = "library"
    """A package, or the standard library on its own account, called by the node."""
    NOBODY = "nobody"
    """Not the node."""


class Caller(NamedTuple):
    """Who stands behind a call.

    Attributes:
        frame: of the first-party code; None where there is none.
    """

    who: Who
    frame: FrameType | None = None


NOT_THE_NODE = Caller(Who.NOBODY)


class Callers:
    """Tells who stands behind calls while one node runs.

    Args:
        folder: the graph's, by which places are shown.
        locator: says whose a file is.
    """

    def __init__(self, folder: Path, locator: Locator) -> None:
        self._folder = f"{folder}/"
        self._locator = locator
        self._kinds: dict[str, Code] = {}

    def behind(self, frame: FrameType | None) -> Caller:
        """Who stands behind the call that a frame makes; linear in the depth of the stack."""
        through = False
        while frame is not None:
            kind = self.kind(frame)
            if kind is Code.FIRST_PARTY:
                if _shows_output(frame):
                    return NOT_THE_NODE
                return Caller(Who.LIBRARY if through else Who.OWN, frame)
            if kind in (Code.IMPORT, Code.ABOUT_CODE):
                # A package's data is asked of its loader, which is part of the import machinery; what code
                # does while it is imported is done for whoever imports it.
                if not through and frame.f_code.co_name != "get_data":
                    return NOT_THE_NODE
            elif kind is Code.ENGINE_CALL:
                return Caller(Who.LIBRARY if through else Who.OWN)
            elif kind is Code.ENGINE or (kind is Code.STANDARD and _is_removal(frame)):
                return NOT_THE_NODE
            elif kind in (Code.LIBRARY, Code.FOR_ITSELF):
                through = True
            frame = frame.f_back
        return Caller(Who.LIBRARY)

    def kind(self, frame: FrameType) -> Code:
        """Whose the code of a frame is."""
        path = frame.f_code.co_filename
        kind = self._kinds.get(path)
        if kind is None:
            kind = self._kinds[path] = self._kind(path, str(frame.f_globals.get("__name__", "")))
        return kind

    def place(self, frame: FrameType) -> str:
        """`file:line` of a frame, relative to the graph's folder where it lies below it."""
        return f"{frame.f_code.co_filename.removeprefix(self._folder)}:{frame.f_lineno}"

    def module_imported(self, frame: FrameType | None) -> str | None:
        """The first-party module whose import a frame is part of; None where it is part of none."""
        while frame is not None:
            kind = self.kind(frame)
            if kind is Code.FIRST_PARTY and frame.f_code.co_name == "<module>":
                return str(frame.f_globals.get("__name__"))
            if kind in (Code.ENGINE, Code.ENGINE_CALL):
                return None
            frame = frame.f_back
        return None

    def _kind(self, path: str, module: str) -> Code:
        if path in _IMPORT_MACHINERY:
            return Code.IMPORT
        if module.partition(".")[0] == ENGINE:
            return Code.ENGINE_CALL if module == _CALLING_THE_NODE else Code.ENGINE
        if path.startswith("<frozen "):
            return _of_standard_library(path[len("<frozen ") : -1])
        if path.startswith("<"):
            return Code.NOBODYS
        origin = self._locator.origin_of_path(path)
        if origin == "stdlib":
            return _of_standard_library(_standard_module(path))
        if origin == "engine":
            return Code.ENGINE
        return Code.FIRST_PARTY if origin == "first-party" else Code.LIBRARY


def _standard_module(path: str) -> str:
    """The dotted name of a file of the standard library."""
    for folder in stdlib_folders():
        if path.startswith(folder + "/"):
            return path[len(folder) + 1 :].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return ""


def _of_standard_library(module: str) -> Code:
    if any(module == name or module.startswith(name + ".") for name in _LOOKING_FOR_CODE):
        return Code.ABOUT_CODE
    return Code.FOR_ITSELF if module.partition(".")[0] in _FOR_THEMSELVES else Code.STANDARD


def _is_removal(frame: FrameType) -> bool:
    """Whether a tree is being deleted: opening its folders isn't reading them."""
    return "rmtree" in frame.f_code.co_name and frame.f_globals.get("__name__") == "shutil"


def _shows_output(frame: FrameType) -> bool:
    """Whether first-party code only shows what the node prints, in the engine's thread for that."""
    above = frame.f_back
    while above is not None:
        module = above.f_globals.get("__name__")
        if module == _CALLING_THE_NODE:
            return False
        if module == _SHOWING_OUTPUT:
            return True
        above = above.f_back
    return False
