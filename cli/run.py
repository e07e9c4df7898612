"""`fr run`."""

from __future__ import annotations

import signal
from types import FrameType

import click

from .options import common, force_from_option, force_option, request, targets_argument
from .statuses import ALL_WELL, FAILED, INTERRUPTED


@click.command("run")
@targets_argument
@request
@force_option
@force_from_option
@click.option("--keep-going", is_flag=True, help="After a failure, run what doesn't depend on it.")
@click.option(
    "--strict",
    is_flag=True,
    help="A node fails that reads what it doesn't declare, changes its inputs in place, or draws random "
    "numbers without a seed.",
)
@common
def command(
    targets: tuple[str, ...],
    inputs: tuple[str, ...],
    overrides: tuple[str, ...],
    as_json: bool,
    force: tuple[str, ...],
    force_from: tuple[str, ...],
    keep_going: bool,
    strict: bool,
    file: str | None,
    cache_dir: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Bring targets up to date: run what is stale, restore the rest.

    Without TARGET, the targets of the graph file. Exits with 0 when all is well, 1 when a node
    failed, 2 when the command or the graph is wrong (then nothing ran), 130 when interrupted.
    """
    from fingerprint_runner.provenance.signatures import recorded_looks

    from .again import look_for_graph_file, remember
    from .errors import print_json
    from .screen import RunScreen
    from .workspace import open_workspace

    signal.signal(signal.SIGTERM, interrupt)
    with recorded_looks():
        look_for_graph_file(file)
        workspace = open_workspace(file, cache_dir, overrides, inputs)
        with workspace, RunScreen(to_stderr=as_json, quiet=quiet, verbose=verbose) as screen:
            runner = workspace.runner(screen)
            report = runner.execute(
                workspace.inputs,
                targets or None,
                force=force,
                force_from=force_from,
                keep_going=keep_going,
                strict=strict,
            )
            screen.summary(report)
        if runner.standstill is not None:
            remember(workspace.storage.memo, runner.standstill, screen.printed(report, as_json=as_json))
    if as_json:
        print_json(report.as_json())
    if report.interrupted:
        return INTERRUPTED
    return FAILED if report.failures else ALL_WELL


def interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends a run as Ctrl-C does."""
    raise KeyboardInterrupt
