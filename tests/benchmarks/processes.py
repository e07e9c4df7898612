"""`Command`: a process as a user starts it, and what one run of it took.

Invariants: a command runs in a session of its own and never outlives its bound; its output goes to
a file, never to a pipe that could fill; the environment holds nothing of the caller's but what
`clean_environ` lists.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_KEPT = ("PATH", "LANG", "LC_ALL", "TERM")
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Timing:
    """What one run of a process took.

    Attributes:
        wall_s: from before it was started until it had ended.
        cpu_s: of it and the children that it waited for, user and system.
        peak_bytes: largest resident memory of it or of one such child.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


class CommandFailed(Exception):
    """A command didn't end well.

    Attributes:
        reason: in a few words, as a table's cell can show it.
        output: the end of what it printed.
    """

    def __init__(self, command: Command, reason: str, output: str) -> None:
        super().__init__(f"{' '.join(command.argv)} in {command.folder}: {reason}\n{output}")
        self.reason = reason
        self.output = output


@dataclass(frozen=True)
class Command:
    """A process to start.

    Attributes:
        argv: the program and its arguments.
        folder: where it runs.
        environ: variables on top of `clean_environ()`.
        bound_s: when it is killed.
    """

    argv: tuple[str, ...]
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    bound_s: float = 600

    def time(self) -> Timing:
        """Run it once.

        Raises:
            CommandFailed: it ended with another status than 0, or was killed at its bound.
        """
        return self.time_and_read()[0]

    def time_and_read(self) -> tuple[Timing, str]:
        """Run it once; also gives what it wrote to stdout and stderr, in the order of arrival."""
        with tempfile.TemporaryFile() as output:
            timing, status, killed = _run(self, output.fileno())
            output.seek(0)
            text = output.read().decode(errors="replace")
        if killed:
            raise CommandFailed(self, f"over {self.bound_s:,.0f} s", text[-3000:])
        if status != 0:
            raise CommandFailed(self, _headline(text, status), text[-3000:])
        return timing, text


def clean_environ() -> dict[str, str]:
    """The variables that every command gets: enough to start, nothing that changes what is measured."""
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return environ | {"HOME": os.environ.get("HOME", "/"), "NO_COLOR": "1"}


def _run(command: Command, output: int) -> tuple[Timing, int, bool]:
    killed = threading.Event()
    began = time.perf_counter()
    process = subprocess.Popen(
        command.argv,
        cwd=command.folder,
        env=clean_environ() | dict(command.environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )

    def kill() -> None:
        killed.set()
        _kill_group(process.pid)

    timer = threading.Timer(command.bound_s, kill)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    except BaseException:
        _kill_group(process.pid)
        raise
    finally:
        timer.cancel()
        timer.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    return _timing(wall, usage), process.returncode, killed.is_set()


def _timing(wall: float, usage: resource.struct_rusage) -> Timing:
    return Timing(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _PEAK_UNIT)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _headline(text: str, status: int) -> str:
    """What went wrong in a few words: the last line that names an error, else the status."""
    for line in reversed(text.splitlines()):
        for word in line.replace(":", " ").split():
            name = word.strip("'\"()[],.│ ").rsplit(".", 1)[-1]
            if name.endswith(("Error", "Exception")) and name.isidentifier() and name[:5] != "Error":
                return name
    return f"exit {status}"
