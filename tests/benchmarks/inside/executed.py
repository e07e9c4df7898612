"""Run one node's function from a fresh start, and list the functions of a package that ran.

    python executed.py MODULE PACKAGE     in the project's folder

Prints one JSON list of [path below PACKAGE, first line], import time included.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any


def main(module: str, package: str) -> None:
    """Trace and print."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    met: set[CodeType] = set()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            met.add(frame.f_code)

    threading.setprofile(profile)
    sys.setprofile(profile)
    importlib.import_module(module).run()
    sys.setprofile(None)
    root = os.path.realpath(package) + os.sep
    found = sorted(
        {
            (os.path.realpath(code.co_filename).removeprefix(root), code.co_firstlineno)
            for code in met
            if os.path.realpath(code.co_filename).startswith(root)
        }
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
