"""What a run looks like: a line as each node starts and ends; live on a terminal, plain in a pipe.

Invariants: a node's own output goes to stderr, as does everything here under `--json`; it is shown line
by line, so that it never shares a line with ours; on a terminal finished lines scroll up and only
the line of what is running moves.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

import click

from fingerprint_runner.errors import NodeFailed
from fingerprint_runner.fingerprints.record import Reason
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.runners.capture import Sink
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.report import NodeReport, NodeStatus, RunReport

from .again import EXACT_SECONDS, RUN_ID, SECONDS, Piece
from .streams import Channel
from .words import MANY, count_text, reasons_text, seconds_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fingerprint_runner.runners.observing.reads import UndeclaredRead

    from .live import LiveLine

_COLORS = {
    NodeStatus.RAN: "green",
    NodeStatus.HIT: "cyan",
    NodeStatus.FAILED: "red",
    NodeStatus.SKIPPED: "yellow",
    NodeStatus.CANCELLED: "yellow",
}
_OPEN = "\0open\0"
_UNDECLARED_LINES = 2
"""Of a node's undeclared reads, so many things to do are shown without `-v`."""
_LONGEST_PART = 64 * 1024
"""A line of a node that is longer than this is shown in parts."""


class RunScreen(RunObserver):
    """Shows a run; a context manager that owns its duplicates of the process's streams.

    Args:
        to_stderr: everything goes to stderr, since stdout is for a result.
        quiet: show only failures and warnings.
        verbose: list every hit, and all reasons.
    """

    def __init__(self, *, to_stderr: bool, quiet: bool, verbose: bool) -> None:
        self._err = Channel(2)
        self._out = self._err if to_stderr else Channel(1)
        self._quiet = quiet
        self._verbose = verbose
        self._width = 0
        self._lists_hits = True
        self._total = self._done = 0
        self._shows_live = self._out.is_terminal and os.environ.get("TERM") != "dumb" and not quiet
        self._live: LiveLine | None = None
        self._printed: list[tuple[int, bytes]] = []
        """What was printed, while no node has started."""
        self._started = False
        self._parts: dict[str, bytes] = {}
        """Node → its output after its last line break."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_live()
        if self._out is not self._err:
            self._out.close()
        self._err.close()

    # --- what the run tells ---------------------------------------------------------------------------

    def planned(self, plan: Plan) -> None:
        self._width = max((len(name) for name in plan.nodes), default=0)
        self._total = len(plan.nodes)
        self._lists_hits = self._verbose or self._total <= MANY

    def printed(self, report: RunReport, *, as_json: bool) -> list[Piece]:
        """What a run that started no node printed, with what differs each time left open."""
        from .errors import json_text

        pieces: list[Piece] = list(self._printed)
        ending = f" in {seconds_text(report.seconds)}\n".encode()
        if pieces and isinstance(last := pieces[-1][1], bytes) and last.endswith(ending):
            descriptor = pieces.pop()[0]
            pieces += [
                (descriptor, last.removesuffix(ending) + b" in "),
                (descriptor, SECONDS),
                (descriptor, b"\n"),
            ]
        if as_json:
            plain = {**report.as_json(), "run_id": _OPEN, "seconds": _OPEN}
            before, between, after = json_text(plain).split(json_text(_OPEN))
            pieces += [(1, f'{before}"'.encode()), (1, RUN_ID), (1, f'"{between}'.encode())]
            pieces += [(1, EXACT_SECONDS), (1, f"{after}\n".encode())]
        return pieces

    def started(self, node: str, reasons: tuple[Reason, ...]) -> None:
        self._started = True
        if self._shows_live:
            self._live = self._live or self._start_live()
            self._live.start(node)
        elif not self._quiet:
            self._line("start", node, self._why(reasons), "blue")

    def finished(self, report: NodeReport) -> None:
        self._done += 1
        self._end_output(report.name)
        if self._live is not None:
            self._live.end(report.name, self._done, self._total)
        if self._quiet or (report.status is NodeStatus.HIT and not self._lists_hits):
            return
        text = "" if report.status is NodeStatus.HIT else f"{seconds_text(report.seconds):<7}"
        if report.early_cutoff:
            text = "its parents' values came out the same"
        elif report.status is NodeStatus.RAN and self._shows_live:
            text += "  " + self._why(report.reasons)
        self._line(report.status.value, report.name, text, _COLORS[report.status])
        self._undeclared(report)

    def exported(self, path: str) -> None:
        if not self._quiet:
            self._line("wrote", path, "", "green")

    def warning(self, text: str) -> None:
        self._print(f"{click.style('warning', fg='yellow', bold=True)}: {text}", self._err)

    def sink_for(self, node: str) -> Sink | None:
        if self._quiet:
            return None
        return lambda chunk: self._node_output(node, chunk)

    def summary(self, report: RunReport) -> None:
        """What didn't run, failures with their tracebacks, then one line about the whole run."""
        for name in list(self._parts):
            self._end_output(name)
        self._end_live()
        if not self._quiet:
            self._left_out(report)
        for failure in report.failures:
            self._failure(failure)
        if self._quiet and report.ok:
            return
        counts = [f"{count} {word}" for word, count in report.counts.items() if count]
        total = count_text(len(report.nodes), "node")
        how = "interrupted; " if report.interrupted else ""
        self._print(
            f"{how}{total}: {', '.join(counts) or 'nothing to do'} in {seconds_text(report.seconds)}",
            self._out,
        )
        if report.ran and not report.ok:
            self._print("what ran stays in the cache: a next run goes on from there", self._out)

    # --- showing --------------------------------------------------------------------------------------

    def _why(self, reasons: tuple[Reason, ...]) -> str:
        return reasons_text(reasons, most=100 if self._verbose else 2)

    def _undeclared(self, report: NodeReport) -> None:
        """What a node read without declaring it: a line for each thing to do about it."""
        by_advice: dict[str, list[UndeclaredRead]] = {}
        for read in report.undeclared:
            by_advice.setdefault(read.advice, []).append(read)
        for advice, reads in list(by_advice.items())[: None if self._verbose else _UNDECLARED_LINES]:
            if self._verbose:
                for read in reads:
                    self._line("reads", report.name, _what_and_where(read), "yellow")
            else:
                more = len(reads) - 1
                others = f" and {count_text(more, 'more thing')}" if more else ""
                self._line("reads", report.name, f"{_what_and_where(reads[0])}{others}", "yellow")
            self._line("", " " * len(report.name), f"which it doesn't declare: {advice}", "yellow")

    def _left_out(self, report: RunReport) -> None:
        """The nodes that a failure or an interruption kept from running."""
        left = [
            node
            for node in report.nodes.values()
            if node.status in (NodeStatus.SKIPPED, NodeStatus.CANCELLED)
        ]
        for node in left[:MANY]:
            why = "needs what failed" if node.status is NodeStatus.SKIPPED else ""
            self._line(node.status.value, node.name, why, _COLORS[node.status])
        if len(left) > MANY:
            self._print(f"{'':9}  … and {count_text(len(left) - MANY, 'more node')}", self._out)

    def _failure(self, failure: NodeFailed) -> None:
        head = click.style("failed", fg="red", bold=True)
        place = f"{failure.place}: " if failure.place else ""
        what = {"hook": "a hook around node", "export": "exporting node"}.get(failure.kind, "node")
        text = failure.traceback.rstrip() or f"{failure.error_type}: {failure.error_message}"
        if failure.kind == "export":
            text = f"  {failure.error_message}\n  hint: its output is in the cache; the next run tries again"
        self._print(f"\n{head}: {place}{what} {failure.node!r} ({failure.component})", self._err)
        if self._quiet and failure.log_tail:
            # It wasn't shown as it came.
            self._print(failure.log_tail.rstrip("\n"), self._err)
        self._print(f"{text}\n", self._err)

    def _line(self, word: str, name: str, text: str, color: str) -> None:
        label = click.style(f"{word:>9}", fg=color)
        self._print(f"{label}  {name:<{self._width}}  {text}".rstrip(), self._out)

    def _print(self, text: str, channel: Channel) -> None:
        if self._live is not None and channel.is_terminal:
            self._live.print_above(text)
            return
        line = channel.line(text)
        if not self._started:
            self._printed.append((2 if channel is self._err else 1, line))

    # --- what nodes print -----------------------------------------------------------------------------

    def _node_output(self, node: str, chunk: bytes) -> None:
        """Show the whole lines of what a node printed; called from the thread that reads its output."""
        lines, newline, part = (self._parts.pop(node, b"") + chunk).rpartition(b"\n")
        if newline:
            self._show_output(lines)
        if len(part) > _LONGEST_PART:
            self._show_output(part)
        elif part:
            self._parts[node] = part
        if self._live is not None:
            # A progress bar draws itself again and again after a carriage return.
            self._live.note(node, part.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace"))

    def _end_output(self, node: str) -> None:
        if part := self._parts.pop(node, b""):
            self._show_output(part)

    def _show_output(self, lines: bytes) -> None:
        if self._live is not None and self._err.is_terminal:
            self._live.print_above(lines.decode("utf-8", "replace"))
        else:
            self._err.write(lines + b"\n")

    # --- the live line --------------------------------------------------------------------------------

    def _start_live(self) -> LiveLine:
        # rich costs 0.1 s: only where somebody looks and something runs.
        from .live import LiveLine

        return LiveLine(self._out.descriptor, self._done, self._total)

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.close()
            self._live = None


def _what_and_where(read: UndeclaredRead) -> str:
    return read.what if read.place is None else f"{read.what} ({read.place})"
