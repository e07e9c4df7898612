"""`fr init`."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import click

from .options import json_option, quiet_option
from .streams import say

FILES = {
    "fr.yml": "fr.yml",
    "pipeline.py": "pipeline.py",
    "test_pipeline.py": "test_pipeline.py",
    "data/leaves.csv": "leaves.csv",
    ".gitignore": "gitignore",
}
"""Path in the project → file in `start/`, in the order in which they are told."""

_IGNORED = (".cache/", "reports/")


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".")
@quiet_option
@json_option
def command(folder: str, quiet: bool, as_json: bool) -> int:
    """Start a project in DIR, or here: a small graph that runs at once.

    Makes fr.yml, pipeline.py with its steps, their test, a data file and a .gitignore. Asks nothing and
    overwrites nothing: if one of them is there already, nothing is made; only a .gitignore may be there.
    """
    from .errors import print_json

    target = Path(folder)
    _check(target)
    left = [name for name in FILES if name == ".gitignore" and os.path.lexists(target / name)]
    made = [name for name in FILES if name not in left]
    _write(target, made)
    if as_json:
        print_json({"ok": True, "folder": str(target.resolve()), "made": made, "left": left})
    elif not quiet:
        _tell(target, made, left)
    return 0


def _check(target: Path) -> None:
    """Find out beforehand what is in the way.

    Raises:
        InvalidGraph: names it; nothing was made.
    """
    from fingerprint_runner.errors import InvalidGraph, Problem
    from fingerprint_runner.recipes.finding import GRAPH_FILE_NAMES
    from fingerprint_runner.recipes.graph_file import shown_path

    if target.exists() and not target.is_dir():
        raise InvalidGraph.single("exists", f"{str(target)!r} is a file", hint="name a folder")
    graphs = [name for name in GRAPH_FILE_NAMES if os.path.lexists(target / name)]
    if graphs:
        there = shown_path(target / graphs[0])
        raise InvalidGraph.single("exists", "there is a graph already", file=there, hint="`fr run` runs it")
    found = [name for name in FILES if name != ".gitignore" and os.path.lexists(target / name)]
    if os.path.lexists(target / "data") and not (target / "data").is_dir():
        found.append("data")
    if found:
        hint = "name another folder: fr init DIR"
        raise InvalidGraph(
            [
                Problem("exists", "there is such a file already", file=shown_path(target / name), hint=hint)
                for name in found
            ]
        )


def _write(target: Path, names: list[str]) -> None:
    """Write the files; where one can't be, those before it are taken away again.

    Raises:
        OSError: the folder can't be written.
    """
    source = files(__package__) / "start"
    made: list[Path] = []
    try:
        for name in names:
            path = target / name
            for parent in reversed([*path.relative_to(target).parents]):
                if not (target / parent).exists():
                    (target / parent).mkdir(parents=True)
                    made.append(target / parent)
            content = (source / FILES[name]).read_bytes()
            with path.open("xb") as file:
                made.append(path)
                file.write(content)
    except OSError:
        for path in reversed(made):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
        raise


def _tell(target: Path, made: list[str], left: list[str]) -> None:
    for name in made:
        say(f"{click.style('made', fg='green')}  {target / name}")
    for name in left:
        there = (target / name).read_text(encoding="utf-8", errors="replace").splitlines()
        missing = [line for line in _IGNORED if line not in there and line.rstrip("/") not in there]
        if missing:
            say(f"left  {target / name} as it is: add {' and '.join(missing)} to it")
    say("")
    if target.resolve() != Path.cwd():
        say(f"cd {target}")
    say("fr run                # trains; again, it finds nothing to do")
    say("python -m unittest    # tests the steps")
