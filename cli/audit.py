"""`fr audit`."""

from __future__ import annotations

import click

from .complete import complete_node
from .options import common, request
from .statuses import ALL_WELL, FAILED, WRONG


@click.command("audit")
@click.argument("nodes", metavar="[NODE]...", nargs=-1, shell_complete=complete_node)
@click.option("--keep-going", is_flag=True, help="Go on after a node that differs or fails.")
@request
@common
def command(
    nodes: tuple[str, ...],
    keep_going: bool,
    inputs: tuple[str, ...],
    overrides: tuple[str, ...],
    as_json: bool,
    file: str | None,
    cache_dir: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Run cached nodes again and compare: finds nodes left to chance, and inputs that aren't declared.

    Each node gets its inputs from the cache, and what it puts out is compared with the cached output and
    thrown away: the cache, exports and the history stay as they are. The first place inside the output that
    differs is named. Without NODE, all nodes that the targets need and that are up to date are audited, and
    the others listed.

    Exits with 0 when all outputs are the same, 1 when one differs or a node fails, 2 when the command or the
    graph is wrong, or a NODE can't be audited as it stands.
    """
    import signal

    from fingerprint_runner.runners.audit_report import AuditStatus

    from .audit_screen import AuditScreen
    from .errors import print_json
    from .run import interrupt
    from .workspace import open_workspace

    signal.signal(signal.SIGTERM, interrupt)
    workspace = open_workspace(file, cache_dir, overrides, inputs)
    with workspace, AuditScreen(to_stderr=as_json, quiet=quiet, verbose=verbose) as screen:
        report = workspace.runner().audit(
            nodes or None, workspace.inputs, keep_going=keep_going, observer=screen
        )
        screen.audit_summary(report)
    if as_json:
        print_json(report.as_json())
    if not report.ok:
        return FAILED
    return WRONG if nodes and report.with_status(AuditStatus.NOT_AUDITED) else ALL_WELL
