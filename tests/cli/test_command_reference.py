"""`docs/commands.md` names every exit status and kind of reason, and no option that there isn't.

Its list of commands and options is made from the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from fingerprint_runner.cli import statuses
from fingerprint_runner.cli.entry import group

from fingerprint_runner.fingerprints.record import ReasonKind

REFERENCE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
SPANS = re.findall(r"`([^`\n]+)`", REFERENCE)
WORDS = {word for span in SPANS for word in span.split()}


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            assert found is not None
            yield from _commands(found, f"{name} {each}")


COMMANDS = dict(_commands(group, "fr"))


def test_the_reference_names_no_option_that_there_is_not() -> None:
    """An option that went is taken out of the reference."""
    known = {
        option
        for command in COMMANDS.values()
        for parameter in command.get_params(click.Context(command))
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    named = {word.rstrip(",") for word in WORDS if re.fullmatch(r"--?[A-Za-z][\w-]*,?", word)}
    assert named <= {*known, "-h", "--help", "-1"}


def test_statuses_and_reasons_are_in_the_reference() -> None:
    """Exit statuses as rows, kinds of reasons by their words."""
    numbers = {value for name, value in vars(statuses).items() if name.isupper() and type(value) is int}
    assert {int(row) for row in re.findall(r"^\| (\d+) \|", REFERENCE, re.MULTILINE)} == numbers
    assert {kind.value for kind in ReasonKind} <= WORDS
