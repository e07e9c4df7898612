"""The least that watching can cost: a process that has imported the libraries, and forks at an event.

    python watch_fork.py FOLDER MODULE FUNCTION LIBRARY

Prints `ready`, then for each change of MODULE.py below FOLDER forks a child that runs the module's
new text and calls FUNCTION. Linux only: it asks inotify by its system calls. It knows nothing of graphs.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import struct
import sys
from pathlib import Path

_CLOSE_WRITE, _MOVED_TO = 0x8, 0x80
_HEADER = struct.Struct("iIII")


def names_of(events: bytes) -> set[str]:
    """The files that a batch of events is about."""
    found = set()
    while events:
        length = _HEADER.unpack_from(events)[3]
        found.add(events[_HEADER.size : _HEADER.size + length].rstrip(b"\0").decode())
        events = events[_HEADER.size + length :]
    return found


def main(folder: Path, module: str, function: str, library: str) -> None:
    """Watch until killed."""
    importlib.import_module(library)
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_CLOEXEC)
    libc.inotify_add_watch(descriptor, os.fsencode(folder), _CLOSE_WRITE | _MOVED_TO)
    print("ready", flush=True)
    while True:
        if f"{module}.py" not in names_of(os.read(descriptor, 1 << 16)):
            continue
        child = os.fork()
        if child == 0:
            namespace: dict[str, object] = {"__name__": module}
            text = (folder / f"{module}.py").read_text()
            exec(compile(text, f"{module}.py", "exec"), namespace)
            namespace[function]()  # type: ignore[operator]
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4])
