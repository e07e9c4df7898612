"""`tell`: an error as people or programs read it, and its exit status."""

from __future__ import annotations

from typing import Any

import click

from fingerprint_runner.errors import FingerprintRunnerError, InvalidGraph, NodeFailed

from .statuses import FAILED, WRONG


def tell(error: Exception, as_json: bool) -> int:
    """Show an error, and give the exit status for it.

    Raises:
        Exception: the error itself, where it is a fault of this program: its traceback is wanted.
    """
    if isinstance(error, InvalidGraph):
        if as_json:
            print_json({"ok": False, "errors": [problem.as_json() for problem in error.problems]})
        else:
            for problem in error.problems:
                click.echo(f"{click.style('error', fg='red', bold=True)}: {problem}", err=True)
            click.echo(f"{_count(len(error.problems))}: nothing ran and nothing changed", err=True)
        return WRONG
    if isinstance(error, NodeFailed):
        if as_json:
            print_json({"ok": False, "errors": [error_fields("node", str(error), node=error.node)]})
        else:
            click.echo(f"{click.style('error', fg='red', bold=True)}: {error}", err=True)
        return FAILED
    if isinstance(error, FingerprintRunnerError):
        if as_json:
            print_json(error_json(type(error).__name__, str(error)))
        else:
            click.echo(f"{click.style('error', fg='red', bold=True)}: {error}", err=True)
        return WRONG
    raise error


def error_json(kind: str, message: str) -> dict[str, Any]:
    """The contract's object for one error without a place."""
    return {"ok": False, "errors": [error_fields(kind, message)]}


def error_fields(kind: str, message: str, node: str | None = None) -> dict[str, Any]:
    """The contract's fields of one error."""
    return {
        "kind": kind,
        "message": message,
        "file": None,
        "line": None,
        "node": node,
        "key": None,
        "hint": None,
    }


def print_json(plain: Any) -> None:
    """One object on stdout."""
    import json

    click.echo(json.dumps(plain, ensure_ascii=False))


def _count(problems: int) -> str:
    return "1 problem" if problems == 1 else f"{problems} problems"
