"""What a run looks like: a line as each node starts and ends; live on a terminal, plain in a pipe.

Invariants: a node's own output goes to stderr, as does everything here under `--json`; on a terminal
finished lines scroll up and only the running nodes' line moves.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

import click

from fingerprint_runner.errors import NodeFailed
from fingerprint_runner.fingerprints.record import Reason
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.runners.capture import Sink
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.report import NodeReport, NodeStatus, RunReport

from .words import count_text, reasons_text, seconds_text

if TYPE_CHECKING:
    from rich.live import Live

MANY = 60
"""From so many nodes on, hits are counted and not listed (`-v` lists them)."""

_COLORS = {
    NodeStatus.RAN: "green",
    NodeStatus.HIT: "cyan",
    NodeStatus.FAILED: "red",
    NodeStatus.SKIPPED: "yellow",
    NodeStatus.CANCELLED: "yellow",
}


class RunScreen(RunObserver):
    """Shows a run on a stream.

    Args:
        stream: stdout, or stderr under `--json`.
        quiet: show only failures and warnings.
        verbose: list every hit, and all reasons.
    """

    def __init__(self, stream: TextIO, *, quiet: bool, verbose: bool) -> None:
        self._stream = stream
        self._quiet = quiet
        self._verbose = verbose
        self._width = 0
        self._lists_hits = True
        self._live: Live | None = None
        self._running: dict[str, float] = {}
        self._is_terminal = stream.isatty() and sys.stderr.isatty() and not quiet

    def planned(self, plan: Plan) -> None:
        self._width = max((len(name) for name in plan.nodes), default=0)
        self._lists_hits = self._verbose or len(plan.nodes) <= MANY

    def started(self, node: str, reasons: tuple[Reason, ...]) -> None:
        if self._quiet:
            return
        why = reasons_text(reasons, most=100 if self._verbose else 2)
        self._line("start", node, why, "blue")
        if self._is_terminal:
            self._running[node] = time.monotonic()
            self._show_live()

    def finished(self, report: NodeReport) -> None:
        self._running.pop(report.name, None)
        if not self._running:
            self._end_live()
        if self._quiet or (report.status is NodeStatus.HIT and not self._lists_hits):
            return
        text = "" if report.status is NodeStatus.HIT else seconds_text(report.seconds)
        if report.early_cutoff:
            text = "its parents' values came out the same"
        self._line(report.status.value, report.name, text, _COLORS[report.status])

    def exported(self, path: str) -> None:
        if not self._quiet:
            self._line("wrote", path, "", "green")

    def warning(self, text: str) -> None:
        self._print(f"{click.style('warning', fg='yellow', bold=True)}: {text}", err=True)

    def sink_for(self, node: str) -> Sink | None:
        return self._node_output

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._end_live()

    def summary(self, report: RunReport) -> None:
        """Failures with their tracebacks, then one line about the whole run."""
        for failure in report.failures:
            self._failure(failure)
        if self._quiet and report.ok:
            return
        counts = [f"{count} {word}" for word, count in report.counts.items() if count]
        total = count_text(len(report.nodes), "node")
        how = "interrupted; " if report.interrupted else ""
        self._print(f"{how}{total}: {', '.join(counts) or 'nothing to do'} in {seconds_text(report.seconds)}")

    def _failure(self, failure: NodeFailed) -> None:
        head = click.style("failed", fg="red", bold=True)
        what = "a hook around node" if failure.kind == "hook" else "node"
        place = f"{failure.place}: " if failure.place else ""
        self._print("", err=True)
        self._print(f"{head}: {place}{what} {failure.node!r} ({failure.component})", err=True)
        text = failure.traceback.rstrip() or f"{failure.error_type}: {failure.error_message}"
        self._print(text, err=True)

    def _line(self, word: str, name: str, text: str, color: str) -> None:
        label = click.style(f"{word:>9}", fg=color)
        self._print(f"{label}  {name:<{self._width}}  {text}".rstrip())

    def _print(self, text: str, *, err: bool = False) -> None:
        stream = sys.stderr if err else self._stream
        if self._live is not None:
            self._live.console.print(_plain(text))
        else:
            click.echo(text, file=stream)

    def _node_output(self, chunk: bytes) -> None:
        text = chunk.decode("utf-8", "replace")
        if self._live is not None:
            self._live.console.print(_plain(text.rstrip("\n")))
        else:
            # Not sys.stderr: while the node runs, that name is bound to what is being caught.
            stream = sys.__stderr__
            if stream is not None:
                _write_real(chunk)

    def _show_live(self) -> None:
        if self._live is None:
            # rich costs 0.1 s: only where somebody looks and something runs.
            from rich.console import Console
            from rich.live import Live

            real = open(_real_terminal(), "w", encoding="utf-8", closefd=True)  # noqa: SIM115
            self._live = Live(
                get_renderable=self._running_line,
                console=Console(file=real, force_terminal=True, highlight=False),
                refresh_per_second=8,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live.console.file.close()
            self._live = None

    def _running_line(self) -> Any:
        from rich.text import Text

        now = time.monotonic()
        parts = [f"{name} {seconds_text(now - since)}" for name, since in list(self._running.items())]
        return Text("  running  " + ", ".join(parts), style="blue")


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text.from_ansi(text)


_saved: list[int] = []


def _real_terminal() -> int:
    """A descriptor of the terminal that a node's redirections don't touch."""
    import os

    return os.dup(2)


def _write_real(chunk: bytes) -> None:
    import os

    if not _saved:
        return
    os.write(_saved[0], chunk)


def keep_stderr() -> None:
    """Remember the process's own stderr before a node's output is caught."""
    import os

    if not _saved:
        _saved.append(os.dup(2))
