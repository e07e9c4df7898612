"""`LiveLine`: the one line at the bottom of a terminal that moves while nodes run.

Invariants: at most one terminal line, cut where it is too long; all else is printed above it; after
`close` nothing of it is left.
"""

from __future__ import annotations

import io
import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

from .words import seconds_text


class LiveLine:
    """Names the running nodes, how long they have been at it, and how far the run is.

    Args:
        descriptor: of the terminal; stays open.
        done, total: nodes of the run.
    """

    def __init__(self, descriptor: int, done: int, total: int) -> None:
        self._done, self._total = done, total
        self._since: dict[str, float] = {}
        self._notes: dict[str, str] = {}
        file = io.TextIOWrapper(
            io.FileIO(descriptor, "w", closefd=False), encoding="utf-8", errors="replace", write_through=True
        )
        self._live = Live(
            get_renderable=self._text,
            console=Console(file=file, force_terminal=True, highlight=False),
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def start(self, node: str) -> None:
        """A node runs from now on."""
        self._since[node] = time.monotonic()
        self._live.refresh()

    def note(self, node: str, text: str) -> None:
        """The unfinished line that a node printed last."""
        self._notes[node] = text

    def end(self, node: str, done: int, total: int) -> None:
        """A node doesn't run any more."""
        self._since.pop(node, None)
        self._notes.pop(node, None)
        self._done, self._total = done, total

    def print_above(self, text: str) -> None:
        """Print lines, which may be coloured, above the live one."""
        self._live.console.print(Text.from_ansi(text), soft_wrap=True)

    def close(self) -> None:
        """Take the line away."""
        self._live.stop()

    def _text(self) -> Text:
        now = time.monotonic()
        # The thread that draws isn't the one that runs nodes: look at copies.
        running = [f"{name}  {seconds_text(now - since)}" for name, since in list(self._since.items())]
        notes = [note for note in list(self._notes.values()) if note.strip()]
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        text.append("  running" if running else "         ", style="blue")
        text.append("  " + ", ".join(running))
        text.append(f"  {self._done:,} of {self._total:,} done", style="dim")
        if notes:
            text.append("  " + notes[-1].strip(), style="dim")
        return text
