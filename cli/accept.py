"""`fr accept`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .complete import complete_node
from .options import cache_option, file_option, quiet_option, request, verbose_option
from .streams import say

if TYPE_CHECKING:
    from fingerprint_runner.runners.accepting import AcceptedNode


@click.command("accept")
@click.argument("nodes", metavar="NODE...", nargs=-1, required=True, shell_complete=complete_node)
@click.option("--dry-run", is_flag=True, help="Say what would be accepted, and change nothing.")
@request
@quiet_option
@verbose_option
@cache_option
@file_option
def command(
    nodes: tuple[str, ...],
    dry_run: bool,
    inputs: tuple[str, ...],
    overrides: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    verbose: bool,
    cache_dir: str | None,
    file: str | None,
) -> int:
    """Say that what changed makes no difference to NODE: its last record is taken for it as it is now.

    Nothing runs. `fr explain NODE` says what changed; you answer for it that a run would put out the same.
    The record is marked as accepted, with your name and the time. Several nodes are accepted parents first,
    so that a child can be accepted in the same call. `fr run --force NODE` runs it after all, and replaces
    the record.
    """
    from fingerprint_runner.runners.accepting import current_user

    from .errors import print_json
    from .workspace import open_workspace

    with open_workspace(file, cache_dir, overrides, inputs) as workspace:
        accepted = workspace.runner().accept(
            list(dict.fromkeys(nodes)), workspace.inputs, user=current_user(), dry_run=dry_run
        )
    if as_json:
        print_json(
            {"ok": True, "dry_run": dry_run, "nodes": {each.name: each.as_json() for each in accepted}}
        )
    elif not quiet:
        _show(accepted, dry_run, verbose)
    return 0


def _show(accepted: Sequence[AcceptedNode], dry_run: bool, verbose: bool) -> None:
    from .words import count_text, reasons_text

    width = max((len(each.name) for each in accepted), default=0)
    for each in accepted:
        notes = [reasons_text(each.reasons, most=100 if verbose else 2)]
        if each.baseline is None:
            notes = ["there is no need: it has a record"]
        if not each.kept:
            notes.append("not kept: runs if its value is needed")
        word, color = ("up to date", "cyan") if each.baseline is None else ("accepted", "green")
        say(f"{click.style(f'{word:>10}', fg=color)}  {each.name:<{width}}  {'; '.join(notes)}")
    count = sum(each.baseline is not None for each in accepted)
    would = "would be accepted" if dry_run else "accepted"
    say(f"{count_text(count, 'node')} {would}; nothing ran")
