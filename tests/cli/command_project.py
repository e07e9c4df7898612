"""A small project without third-party packages, and the command `fr` in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-P", "-m", "fingerprint_runner.cli.start"]

GRAPH = """\
version: 1
name: small
inputs:
  limit: {type: int, default: 3}
nodes:
  numbers:
    uses: steps:numbers
    needs: [limit]
  double:
    uses: steps:scale
    needs: {values: numbers}
    config: {factor: 2}
  total:
    uses: steps:total
    needs: {values: double}
  page:
    uses: steps:page
    needs: [total]
    config: {title: Sum}
    export: out/
targets: [page, total]
"""

STEPS = '''\
"""Steps of a small graph."""

import os
import subprocess
import sys
import time
from pathlib import Path

from fingerprint_runner import OutputDirectory

BASE = 1


def numbers(limit):
    print("printed by Python")
    return list(range(BASE, limit + BASE))


def scale(values, factor):
    os.write(1, b"written to descriptor 1\\n")
    return [value * factor for value in values]


def total(values):
    subprocess.run(["echo", "from a child process"], check=True)
    return sum(values)


def page(total, title, folder: OutputDirectory):
    (Path(folder) / "page.txt").write_text(f"{title}: {total}\\n")


def broken(total):
    print("before it fails")
    return {}["missing"]


def wait(total):
    print("waiting", flush=True)
    while not Path("go").exists():
        time.sleep(0.02)
    return total


def unfinished():
    sys.stdout.write("a line without an end")
    return 1


def text():
    return "Grüße\\n"


def plain():
    return {"share": 0.5, "names": ["a", "b"]}


def thing():
    return range(3), {1, 2}
'''


class Fr:
    """Calls the command in a folder.

    Args:
        folder: where it starts.
        environ: variables on top of the usual ones; None takes one away.
    """

    def __init__(self, folder: Path, environ: dict[str, str | None] | None = None) -> None:
        self.folder = folder
        wanted: dict[str, str | None] = {"TERM": "xterm", "COLUMNS": "100", **(environ or {})}
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("FR_") and name not in ("NO_COLOR", "PYTHONPATH")
        }
        self.environ = {name: value for name, value in {**inherited, **wanted}.items() if value is not None}

    def __call__(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        given = {"capture_output": True, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run(
            [*COMMAND, *arguments], cwd=self.folder, env=self.environ, text=True, timeout=60, **given
        )

    def json(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """The object that a command prints under `--json`, and nothing else is on its stdout."""
        done = self(*arguments, "--json")
        assert done.returncode == status, done.stderr
        lines = done.stdout.splitlines()
        assert len(lines) == 1, done.stdout
        found: dict[str, Any] = json.loads(lines[0], parse_constant=_no_constant)
        return found

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and go on."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environ,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_listen_to_interrupts,
        )


def _listen_to_interrupts() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would what a test run among them starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that stands in a file exactly once."""
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def write_project(folder: Path) -> None:
    """The small project, never run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fr.yml").write_text(GRAPH)
    (folder / "steps.py").write_text(STEPS)
