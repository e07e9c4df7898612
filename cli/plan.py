"""`fr plan`."""

from __future__ import annotations

import click

from .options import common, force_from_option, force_option, request, targets_argument
from .statuses import ALL_WELL, STALE


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

    workspace = open_workspace(file, cache_dir, overrides, inputs)
    plan = workspace.runner().plan(workspace.inputs, targets or None, force=force, force_from=force_from)
    workspace.storage.close()
    if as_json:
        print_json(plan_as_json(plan))
    elif not quiet:
        _show(plan, verbose)
    return STALE if check and (plan.counts.stale or plan.counts.undecided) else ALL_WELL


def _show(plan: object, verbose: bool) -> None:
    from fingerprint_runner.planning.decide import Stale, Undecided, UpToDate
    from fingerprint_runner.planning.plan import Plan

    from .screen import MANY
    from .words import count_text, reasons_text

    assert isinstance(plan, Plan)
    width = max((len(name) for name in plan.nodes), default=0)
    lists_all = verbose or len(plan.nodes) <= MANY
    for name, planned in plan.nodes.items():
        decision = planned.decision
        if isinstance(decision, Stale):
            word, color = "stale", "yellow"
            text = reasons_text(decision.reasons, most=100 if verbose else 2)
        elif isinstance(decision, Undecided):
            word, color, text = "undecided", "blue", f"waits for {', '.join(decision.waiting_on)}"
        else:
            assert isinstance(decision, UpToDate)
            if not lists_all:
                continue
            word, color = "up to date", "cyan"
            text = "" if decision.kept else "not kept: runs only if its value is needed"
        click.echo(f"{click.style(f'{word:>10}', fg=color)}  {name:<{width}}  {text}".rstrip())
    counts = plan.counts
    click.echo(
        f"{count_text(len(plan.nodes), 'node')}: {counts.up_to_date} up to date, "
        f"{counts.stale} stale, {counts.undecided} undecided"
    )
