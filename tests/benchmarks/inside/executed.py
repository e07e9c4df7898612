"""Run one node's function from a fresh start, and list the functions of a package that ran.

    python executed.py MODULE PACKAGE     in the project's folder

Prints one JSON list of [path below PACKAGE, first line, whether it was entered otherwise than by
importing a module of the package].
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from types import FrameType
from typing import Any


def main(module: str, package: str) -> None:
    """Trace and print."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    root = os.path.realpath(package) + os.sep
    places: dict[str, str | None] = {}
    met: dict[tuple[str, int], bool] = {}

    def below(path: str) -> str | None:
        if path not in places:
            real = os.path.realpath(path)
            places[path] = real.removeprefix(root) if real.startswith(root) else None
        return places[path]

    def is_importing(frame: FrameType | None) -> bool:
        while frame is not None:
            if frame.f_code.co_name == "<module>" and below(frame.f_code.co_filename) is not None:
                return True
            frame = frame.f_back
        return False

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        # Not by the code object: those of equal text are equal, whatever file they are of.
        path = below(frame.f_code.co_filename)
        if path is not None and not met.get(place := (path, frame.f_code.co_firstlineno), False):
            met[place] = not is_importing(frame)

    threading.setprofile(profile)
    sys.setprofile(profile)
    importlib.import_module(module).run()
    sys.setprofile(None)
    print(json.dumps(sorted([path, line, own] for (path, line), own in met.items())))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
