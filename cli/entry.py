"""`main`: the entry of the command `fr`.

Invariants: `fr --help` and `fr --version` load no more than click; a command's module is loaded
when the command is called; every error leaves with the exit status of the contract, and, under
`--json`, as one object on stdout.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import click

from .lazy_group import LazyGroup
from .statuses import ALL_WELL, WRONG
from .streams import leave, open_missing

COMMANDS = {
    "init": ("init", "Start a project: a small graph that runs at once."),
    "run": ("run", "Bring targets up to date: run what is stale, restore the rest."),
    "plan": ("plan", "Show what a run would do, and why; changes nothing."),
    "explain": ("explain", "Say why a node is stale, or why it last ran."),
    "accept": ("accept", "Say that an edit changes nothing: take a node's last record for it."),
    "audit": ("audit", "Run cached nodes again and compare: finds chance and undeclared inputs."),
    "show": ("show", "Show a node: what it is, its last runs, its output and log."),
    "get": ("get", "Give a node's stored value, or write it to a path."),
    "history": ("history", "List the runs of the graph, or show one of them."),
    "validate": ("validate", "Check the graph file and its components."),
    "cache": ("cache", "Look into the cache, keep it small, check it."),
}
"""Command → its module, and its line in `fr --help`."""


class Commands(LazyGroup):
    """The commands of `fr`."""

    modules = COMMANDS


def _show_version(ctx: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from fingerprint_runner import __version__

        click.echo(f"fr {__version__}")
        ctx.exit()


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=False
)
@click.option("-C", "folder", metavar="DIR", help="Work as if started in DIR.")
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version.",
)
def group(folder: str | None) -> None:
    """Train what changed, and nothing else.

    `fr run` brings the targets of a graph file (fr.yml, searched upwards) up to date; every node
    whose config, code, data, packages and parents are unchanged is taken from the cache.
    """
    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.UsageError(f"-C: can't go to {folder!r}: {error.strerror}") from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    open_missing()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that can't show a character must not stop a run.
            stream.reconfigure(errors="backslashreplace")
    status = _status(given)
    _flush()
    sys.exit(status)


def _status(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        result = group.main(arguments, prog_name="fr", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        if not as_json:
            error.show()
            return WRONG
        return _usage(error, as_json)
    except click.ClickException as error:
        return _usage(error, as_json)
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.Abort, KeyboardInterrupt):
        from .errors import tell_interrupted

        return tell_interrupted(as_json)
    except Exception as error:
        from .errors import tell

        return tell(error, as_json)
    return result if isinstance(result, int) else ALL_WELL


def _usage(error: click.ClickException, as_json: bool) -> int:
    from .errors import tell_usage

    return tell_usage(error, as_json)


def _flush() -> None:
    """Find out here whether who reads has gone (`fr --help | head`): Python complains at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            leave(stream)


if __name__ == "__main__":
    main()
