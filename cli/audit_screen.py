"""What an audit looks like: a line for each node as it comes, live on a terminal as a run is."""

from __future__ import annotations

from collections.abc import Sequence

import click

from fingerprint_runner.fingerprints.record import Reason
from fingerprint_runner.runners.audit_report import AuditedNode, AuditObserver, AuditReport, AuditStatus

from .screen import RunScreen
from .words import MANY, count_text, origin_text, seconds_text

_COLORS = {
    AuditStatus.SAME: "green",
    AuditStatus.DIFFERS: "red",
    AuditStatus.FAILED: "red",
    AuditStatus.NOT_AUDITED: "yellow",
}


class AuditScreen(RunScreen, AuditObserver):
    """Shows an audit; see `RunScreen`."""

    def __init__(self, *, to_stderr: bool, quiet: bool, verbose: bool) -> None:
        super().__init__(to_stderr=to_stderr, quiet=quiet, verbose=verbose)
        self._unlisted = 0

    def auditing(self, names: Sequence[str], left_out: Sequence[str]) -> None:
        self._total = len(names)
        self._width = max((len(name) for name in (*names, *left_out)), default=0)
        self._lists_hits = self._verbose or self._total <= MANY

    def started(self, node: str, reasons: tuple[Reason, ...]) -> None:
        if self._shows_live:
            super().started(node, reasons)

    def audited(self, node: AuditedNode) -> None:
        self._done += node.status is not AuditStatus.NOT_AUDITED
        self._end_output(node.name)
        if self._live is not None:
            self._live.end(node.name, self._done, self._total)
        if node.failure is not None:
            self._tell(node, "")
            self._failure(node.failure)
        elif node.difference is not None:
            origin = node.origin
            accepted = origin is not None and origin.kind == "accepted"
            note = f"; its record was {origin_text(origin)}" if origin is not None and accepted else ""
            self._tell(node, f"{node.difference}{note}")
        elif not self._quiet and self._is_listed(node):
            self._tell(node, node.why or "")

    def audit_summary(self, report: AuditReport) -> None:
        """One line about the whole audit, and what a difference means."""
        self._end_live()
        if self._quiet:
            return
        if self._unlisted > MANY:
            more = count_text(self._unlisted - MANY, "more node")
            self._print(f"{'':>11}  … and {more}; -v lists them all", self._out)
        counts = [f"{count} {word.replace('_', ' ')}" for word, count in report.counts.items() if count]
        total = count_text(len(report.nodes), "node")
        self._print(f"{total}: {', '.join(counts)} in {seconds_text(report.seconds)}", self._out)
        if report.with_status(AuditStatus.DIFFERS):
            self._print(
                "what differs is left to chance, or comes from what isn't declared: `files`, `env`, an input",
                self._out,
            )

    def _is_listed(self, node: AuditedNode) -> bool:
        if self._lists_hits:
            return True
        if node.status is AuditStatus.SAME:
            return False
        self._unlisted += 1
        return self._unlisted <= MANY

    def _tell(self, node: AuditedNode, text: str) -> None:
        word = node.status.value.replace("-", " ")
        ran = node.status is not AuditStatus.NOT_AUDITED
        time = f"{seconds_text(node.seconds):<7}  " if ran else ""
        label = click.style(f"{word:>11}", fg=_COLORS[node.status])
        self._print(f"{label}  {node.name:<{self._width}}  {time}{text}".rstrip(), self._out)
