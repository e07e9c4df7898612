"""`Page`: a page of the docs as the steps that a reader would take; `play` takes them, with real processes.

What counts as a step, in the order of the page:

- a ```` ```console ```` block: a line that starts with `$ ` is a command, lines right behind it that start
  with `> ` go on with it, and what follows is its output.
  A line `...` alone stands for any lines, once in an output. A command that fails is followed by `$ echo $?`.
- a ```` ```diff ```` block after the comment `<!-- edit: FILE -->`: the lines without `+` must be in the
  file exactly once, and those without `-` take their place.
- any block after the comment `<!-- write: FILE -->`: the file's whole text.

Invariants: a page starts in a fresh folder with a copy of the examples in it; paths are relative to where the
page's `cd` commands have led; what may differ between two runs is listed in `VARYING`, and nothing else may.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

HOME = "~/fingerprint_runner"
"""How pages show the folder that they start in."""

VARYING = (
    (re.compile(r"\b\d+ h \d\d min\b|\b\d+ min \d\d s\b|\b\d+(\.\d+)? s\b"), "TIME"),
    (re.compile(r"\bjust now\b|\b\d+ (minute|hour|day)s? ago\b"), "AGO"),
    (re.compile(r"\b[0-9a-f]{32}\b|\b(?=[a-f]*[0-9])[0-9a-f]{8}\b"), "DIGEST"),
    (re.compile(r"\b\d{8}T\d{6}-[0-9a-f]{10}\b"), "RUN"),
    (re.compile(r"\b\d[\d.]* (B|kB|MB|GB)(?!\w)"), "SIZE"),
)
"""What differs from run to run and machine to machine, and what stands for it when outputs are compared."""


@dataclass(frozen=True)
class Command:
    """A command and the output that the page shows; `line` is the command's last one, from 1."""

    line: int
    text: str
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """A replacement in a file, shown as a diff."""

    line: int
    path: str
    old: str
    new: str


@dataclass(frozen=True)
class NewFile:
    """A file that the reader writes."""

    line: int
    path: str
    text: str


Step = Command | Edit | NewFile


@dataclass(frozen=True)
class Played:
    """A command and what it really put out."""

    command: Command
    actual: tuple[str, ...]
    status: int

    @property
    def as_shown(self) -> bool:
        """Whether the page tells the truth, but for what varies."""
        return matches(self.command.expected, self.actual)


class PageError(Exception):
    """The page's steps can't be taken as they stand; `played` holds the commands that went well before."""

    def __init__(self, message: str, played: Iterable[Played] = ()) -> None:
        super().__init__(message)
        self.played = list(played)


def pages() -> list[Path]:
    """README.md and every page under docs/ that has a console block."""
    candidates = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
    return [page for page in candidates if "```console" in page.read_text(encoding="utf-8")]


def steps_of(text: str) -> list[Step]:
    """The steps of a page, in order.

    Raises:
        PageError: a directive without a block, a block that never ends, or an edit that changes nothing.
    """
    steps: list[Step] = []
    lines = text.split("\n")
    directive: tuple[str, str] | None = None
    place = 0
    while place < len(lines):
        line = lines[place]
        found = re.fullmatch(r"<!-- (edit|write): (\S+) -->", line)
        if found is not None:
            directive = (found[1], found[2])
        elif line.startswith("```"):
            start = place + 1
            try:
                end = lines.index("```", start)
            except ValueError:
                raise PageError(f"line {start}: the block never ends") from None
            steps.extend(_block_steps(line[3:], directive, start, lines[start:end]))
            directive, place = None, end
        elif line and directive is not None:
            raise PageError(f"line {place + 1}: <!-- {directive[0]}: … --> must stand right before a block")
        place += 1
    return steps


def _block_steps(
    language: str, directive: tuple[str, str] | None, start: int, lines: list[str]
) -> Iterable[Step]:
    if directive is None:
        return _commands(start, lines) if language == "console" else ()
    kind, path = directive
    if kind == "write":
        return [NewFile(start, path, "\n".join(lines) + "\n")]
    old = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    new = "\n".join(line[1:] for line in lines if not line.startswith("-"))
    if language != "diff" or old == new:
        raise PageError(f"line {start}: an edit is a diff block that changes something")
    return [Edit(start, path, old, new)]


def _commands(start: int, lines: list[str]) -> Iterable[Command]:
    places = [place for place, line in enumerate(lines) if line.startswith("$ ")]
    if not places or places[0] != 0:
        raise PageError(f"line {start}: a console block starts with a command")
    for place, following in zip(places, [*places[1:], len(lines)], strict=True):
        last = place
        while last + 1 < following and lines[last + 1].startswith("> "):
            last += 1
        text = "\n".join(line[2:] for line in lines[place : last + 1])
        yield Command(start + last + 1, text, tuple(lines[last + 1 : following]))


def play(text: str, folder: Path) -> list[Played]:
    """Take a page's steps in `folder`, an empty folder that gets a copy of the examples.

    Raises:
        PageError: an edit doesn't fit its file, or a command failed where the page doesn't say so.
    """
    shell = Shell(folder)
    played: list[Played] = []
    for step in steps_of(text):
        if isinstance(step, Command):
            if played and played[-1].status != 0 and step.text != "echo $?":
                raise PageError(_unexpected_failure(played[-1]), played[:-1])
            played.append(shell.run(step))
        elif isinstance(step, NewFile):
            path = shell.folder / step.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, encoding="utf-8")
        else:
            _apply(step, shell.folder / step.path)
    if played and played[-1].status != 0:
        raise PageError(_unexpected_failure(played[-1]), played[:-1])
    return played


def _unexpected_failure(played: Played) -> str:
    output = "\n".join(played.actual)
    return f"line {played.command.line}: {played.command.text!r} exits with {played.status}:\n{output}"


def _apply(edit: Edit, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    count = text.count(edit.old)
    if count != 1:
        raise PageError(f"line {edit.line}: {edit.path} has these lines {count} times, not once:\n{edit.old}")
    path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


class Shell:
    """Runs one command after the other, as a reader's shell: `cd` and `$?` carry over.

    Attributes:
        folder: the working folder.
    """

    def __init__(self, folder: Path) -> None:
        self._root = Path(os.path.realpath(folder)) / "fingerprint_runner"
        shutil.copytree(CHECKOUT / "docs" / "examples", self._root / "docs" / "examples", ignore=_leftovers)
        self._state = self._root.parent / "folder"
        self._status = 0
        self.folder = self._root

    def run(self, command: Command) -> Played:
        """Run it and wait for it; its stdout and stderr are one text."""
        script = f'(exit {self._status})\n{command.text}\nstatus=$?; pwd -P >"$PAGE_STATE"; exit $status\n'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=_environment() | {"PAGE_STATE": str(self._state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self.folder = Path(self._state.read_text(encoding="utf-8").rstrip("\n"))
        self._status = done.returncode
        output = done.stdout.replace(str(self._root), HOME)
        return Played(command, tuple(output.rstrip("\n").split("\n")) if output else (), done.returncode)


def _leftovers(folder: str, names: list[str]) -> set[str]:
    """What a run of the example leaves, which a fresh clone doesn't have."""
    return {".cache", "reports", "__pycache__"} & set(names)


def _environment() -> dict[str, str]:
    """The caller's, without what would change the engine's behaviour; `fr` is this Python's, ada the user."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FR_", "PYTHON"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return kept | {"PATH": path, "NO_COLOR": "1", "LOGNAME": "ada"}


def matches(expected: tuple[str, ...], actual: tuple[str, ...]) -> bool:
    """Whether an output is as shown, but for `VARYING` and what `...` stands for."""
    shown, real = [plain(line) for line in expected], [plain(line) for line in actual]
    if "..." not in shown:
        return shown == real
    head, tail = _around(shown)
    return len(real) >= len(head) + len(tail) and real[: len(head)] == head and _last(real, len(tail)) == tail


def plain(line: str) -> str:
    """A line with everything that varies replaced by its name."""
    for pattern, name in VARYING:
        line = pattern.sub(name, line)
    # Columns are as wide as what varies in them.
    return re.sub(r"(?<=\S) +", " ", line.rstrip())


def _around(lines: list[str]) -> tuple[list[str], list[str]]:
    place = lines.index("...")
    return lines[:place], lines[place + 1 :]


def _last(lines: list[str], count: int) -> list[str]:
    return lines[len(lines) - count :]


def rewritten(text: str, played: list[Played]) -> str:
    """The page with the outputs that aren't as shown replaced by the real ones.

    Where a page leaves lines out, as many are shown before and after the gap as were shown until now.
    """
    lines = text.split("\n")
    for each in reversed(played):
        if each.as_shown:
            continue
        shown, real = list(each.command.expected), list(each.actual)
        if "..." in shown:
            head, tail = _around(shown)
            if len(real) > len(head) + len(tail):
                real = [*real[: len(head)], "...", *_last(real, len(tail))]
        start = each.command.line
        lines[start : start + len(each.command.expected)] = real
    return "\n".join(lines)
