"""`tell`: an error as people or programs read it, and its exit status.

Invariants: one shape for all errors (headline, place, hint, consequence); no mistake of a user shows
a traceback of this program; under `--json` an error is one object with the contract's fields.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from fingerprint_runner.errors import (
    FingerprintRunnerError,
    InvalidGraph,
    NodeFailed,
    Problem,
    StorageError,
    nearest,
)

from .statuses import FAILED, INTERRUPTED, WRONG
from .streams import say

MOST = 50
"""So many problems are shown to people; programs get all."""


def tell(error: Exception, as_json: bool) -> int:
    """Show an error, and give the exit status for it.

    Raises:
        Exception: the error itself, where it is a fault of this program: its traceback is wanted.
    """
    if isinstance(error, InvalidGraph):
        tell_problems(error.problems, as_json)
        return WRONG
    if isinstance(error, NodeFailed):
        tell_problems([Problem("node", str(error), node=error.node)], as_json, consequence="")
        return FAILED
    if isinstance(error, FingerprintRunnerError):
        hint = "name another cache folder: --cache-dir DIR" if isinstance(error, StorageError) else None
        kind = _kebab(type(error).__name__)
        tell_problems([Problem(kind, str(error), hint=hint)], as_json, consequence="")
        return WRONG
    if isinstance(error, OSError) and error.filename is not None:
        # The system says what it can't do, and with which file: no fault of this program.
        message = f"{error.strerror or error}: {error.filename}"
        hint = "see that the folder can be written to and has room"
        tell_problems([Problem("system", message, hint=hint)], as_json, consequence="")
        return WRONG
    if as_json:
        fault = f"fault of fingerprint_runner: {type(error).__name__}: {error}"
        print_json({"ok": False, "errors": [Problem("internal", fault).as_json()]})
    raise error


def tell_usage(error: click.ClickException, as_json: bool) -> int:
    """Show that a command was called wrongly."""
    tell_problems([_usage_problem(error)], as_json)
    return WRONG


def tell_interrupted(as_json: bool) -> int:
    """Say that the command was interrupted before it had anything to say."""
    if as_json:
        tell_problems([Problem("interrupted", "interrupted")], as_json)
    else:
        say("interrupted", err=True)
    return INTERRUPTED


def tell_problems(
    problems: Sequence[Problem], as_json: bool, consequence: str = "nothing ran and nothing changed"
) -> None:
    """Show problems: on stdout as an object, else on stderr, with what follows from them."""
    problems = [_with_short_path(problem) for problem in problems]
    if as_json:
        print_json({"ok": False, "errors": [problem.as_json() for problem in problems]})
        return
    head = click.style("error", fg="red", bold=True)
    for problem in problems[:MOST]:
        say(f"{head}: {problem}", err=True)
    if len(problems) > MOST:
        say(f"… and {len(problems) - MOST:,} more", err=True)
    if consequence:
        count = f"{len(problems):,} problems: " if len(problems) > 1 else ""
        say(f"{count}{consequence}", err=True)


def print_json(plain: Any) -> None:
    """One object on stdout."""
    say(json_text(plain))


def json_text(plain: Any) -> str:
    """One object as JSON."""
    import json

    try:
        return json.dumps(plain, allow_nan=False)
    except ValueError:
        # JSON has no NaN: a reader in another language would stop at one.
        return json.dumps(_without_nan(plain), allow_nan=False)


def _usage_problem(error: click.ClickException) -> Problem:
    path = "fr" if getattr(error, "ctx", None) is None else error.ctx.command_path  # type: ignore[attr-defined]
    see = f"see {path} --help"
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        close = nearest(name, error.possibilities or ())
        if path == "fr":
            hint = f"options of a command come after it: fr COMMAND {name}; {see}"
        elif name == "-C":
            hint = f"it comes first: fr -C DIR {path.partition(' ')[2]}"
        else:
            hint = see if close is None else f"did you mean {close!r}? {see}"
        return Problem("usage", f"{path} has no option {name!r}", hint=hint)
    message = error.format_message().strip()
    message, _, hint = message.partition("\nhint: ")
    message = message.rstrip(".")
    if not message.startswith(("FR_", "NODE", "TARGET")):
        message = message[:1].lower() + message[1:]
    return Problem("usage", message, hint=hint or see)


def _with_short_path(problem: Problem) -> Problem:
    """With the file as the user would type it: modules are known by their absolute paths."""
    if problem.file is None:
        return problem
    from fingerprint_runner.recipes.graph_file import shown_path

    return replace(problem, file=shown_path(problem.file))


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def _without_nan(plain: Any) -> Any:
    """The same with NaN and the infinities as the texts that Python prints for them."""
    if isinstance(plain, float) and (plain != plain or plain in (float("inf"), float("-inf"))):
        return str(plain)
    if isinstance(plain, dict):
        return {key: _without_nan(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_without_nan(value) for value in plain]
    return plain
