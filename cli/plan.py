"""`fr plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import common, force_from_option, force_option, request, targets_argument
from .statuses import ALL_WELL, STALE

if TYPE_CHECKING:
    from fingerprint_runner.planning.decide import Decision
    from fingerprint_runner.planning.plan import Plan


@click.command("plan")
@targets_argument
@request
@force_option
@force_from_option
@click.option("--check", is_flag=True, help="Exit with 3 when anything is stale or undecided.")
@common
def command(
    targets: tuple[str, ...],
    inputs: tuple[str, ...],
    overrides: tuple[str, ...],
    as_json: bool,
    force: tuple[str, ...],
    force_from: tuple[str, ...],
    check: bool,
    file: str | None,
    cache_dir: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Show what a run would do, and why; changes nothing and imports none of your code."""
    from fingerprint_runner.runners.report import plan_as_json

    from .errors import print_json
    from .workspace import open_workspace

    with open_workspace(file, cache_dir, overrides, inputs) as workspace:
        plan = workspace.runner().plan(workspace.inputs, targets or None, force=force, force_from=force_from)
    if as_json:
        print_json(plan_as_json(plan))
    elif not quiet:
        _show(plan, verbose)
    return STALE if check and (plan.counts.stale or plan.counts.undecided) else ALL_WELL


def _show(plan: Plan, verbose: bool) -> None:
    from fingerprint_runner.planning.decide import UpToDate

    from .streams import say
    from .words import MANY, count_text

    listed = [
        planned
        for planned in plan.nodes.values()
        if verbose
        or len(plan.nodes) <= MANY
        or not (isinstance(planned.decision, UpToDate) and planned.decision.kept)
    ]
    shown = listed if verbose else listed[:MANY]
    width = max((len(planned.name) for planned in shown), default=0)
    for planned in shown:
        word, color, text = _told(planned.decision, verbose)
        say(f"{click.style(f'{word:>10}', fg=color)}  {planned.name:<{width}}  {text}".rstrip())
    if len(listed) > len(shown):
        say(f"{'':10}  … and {count_text(len(listed) - len(shown), 'more node')}; -v lists them all")
    counts = plan.counts
    say(
        f"{count_text(len(plan.nodes), 'node')}: {counts.up_to_date:,} up to date, "
        f"{counts.stale:,} stale, {counts.undecided:,} undecided"
    )


def _told(decision: Decision, verbose: bool) -> tuple[str, str, str]:
    """A decision's word, its colour, and what is to be said of it."""
    from fingerprint_runner.planning.decide import Stale, Undecided

    from .words import names_text, origin_text, reasons_text

    if isinstance(decision, Stale):
        return "stale", "yellow", reasons_text(decision.reasons, most=100 if verbose else 2)
    if isinstance(decision, Undecided):
        return "undecided", "blue", f"waits for {names_text(sorted(decision.waiting_on))}"
    notes = [] if decision.record.origin.kind == "ran" else [origin_text(decision.record.origin)]
    notes += [] if decision.kept else ["not kept: runs only if its value is needed"]
    return "up to date", "cyan", "; ".join(notes)
