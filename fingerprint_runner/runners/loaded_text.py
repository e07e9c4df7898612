"""Whether a module that something else imported was made from the text that its file has now.

This process knows the text of modules that it compiled itself. Others (a script's own imports,
`__main__`) count as unchanged only if their file hasn't been touched since the process started and
no stale bytecode can have been used. In doubt the answer is no, and the node runs in a fresh process.
"""

from __future__ import annotations

import functools
import importlib.util
import marshal
import os
import time
from pathlib import Path
from types import ModuleType

import xxhash

from fingerprint_runner.provenance.locate import ModuleLocation
from fingerprint_runner.provenance.signatures import FINE_GRAIN_NS

_SLACK_NS = FINE_GRAIN_NS
"""File times and the time of a process's start are given in ticks."""


def unchanged_since_start(module: ModuleType, location: ModuleLocation, digest: str) -> bool:
    """Whether `module` was certainly loaded from a text of this digest.

    Args:
        module: as found in `sys.modules`.
        location: where the module is now.
        digest: xxh3-128 of the text that was planned.
    """
    path = getattr(module, "__file__", None)
    started = process_start_ns()
    if path is None or location.path is None or started is None or not location.is_source:
        return False
    try:
        if not Path(path).samefile(location.path):
            return False
        status = Path(path).stat()
        text = Path(path).read_bytes()
    except OSError:
        return False
    # ctime can't be set back by hand: it says that nothing changed since.
    if max(status.st_mtime_ns, status.st_ctime_ns) >= started - _SLACK_NS:
        return False
    return xxhash.xxh3_128_hexdigest(text) == digest and _bytecode_agrees(module, path, text)


def _bytecode_agrees(module: ModuleType, path: str, text: bytes) -> bool:
    cached = getattr(module, "__cached__", None) or getattr(module.__spec__, "cached", None)
    if cached is None:
        return True
    try:
        data = Path(cached).read_bytes()
    except OSError:
        return True
    if data[:4] != importlib.util.MAGIC_NUMBER:
        return True
    try:
        return bool(marshal.loads(data[16:]) == compile(text, path, "exec", dont_inherit=True))
    except (ValueError, EOFError, TypeError, SyntaxError):
        return False


@functools.cache
def process_start_ns() -> int | None:
    """When this process started, in nanoseconds since the epoch; None where the system doesn't tell."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        since_boot = int(fields[19]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        running = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - since_boot
    except (OSError, AttributeError, ValueError):
        return None
    return time.time_ns() - running
