"""`RunObserver`: what shows a run to people while it goes on; the command's screen is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fingerprint_runner.fingerprints.record import Reason
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.runners.report import NodeReport

if TYPE_CHECKING:
    from fingerprint_runner.runners.capture import Sink


class RunObserver:
    """Base of observers: sees everything and changes nothing."""

    def planned(self, plan: Plan) -> None:
        """The plan is made; nothing has run."""

    def started(self, node: str, reasons: tuple[Reason, ...]) -> None:
        """A node starts."""

    def finished(self, report: NodeReport) -> None:
        """A node ended, or turned out to be a hit."""

    def exported(self, path: str) -> None:
        """An exported file was written."""

    def warning(self, text: str) -> None:
        """Something people should know."""

    def sink_for(self, node: str) -> Sink | None:
        """Where the node's output goes as it comes; None swallows it (it is kept for the record)."""
        return None
