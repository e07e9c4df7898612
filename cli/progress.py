"""`progress`: a bar on stderr for work that takes a while, where somebody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SHOWN_AFTER_S = 0.5

Step = Callable[[int, int], None]


@contextmanager
def progress(label: str, *, quiet: bool = False, in_bytes: bool = False) -> Iterator[Step]:
    """Gives what is to be called with how much of how much is done.

    Args:
        label: what is being done, in a word or two.
        quiet: show nothing.
        in_bytes: whether bytes are counted, or items.
    """
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    bar = _Bar(label, in_bytes)
    try:
        yield bar.step
    finally:
        bar.close()


class _Bar:
    """Appears once the work has taken half a second: what is quick shows nothing."""

    def __init__(self, label: str, in_bytes: bool) -> None:
        self._label = label
        self._in_bytes = in_bytes
        self._began = time.monotonic()
        self._shown: Step | None = None
        self._stop: Callable[[], None] = lambda: None

    def step(self, done: int, total: int) -> None:
        if self._shown is None:
            if time.monotonic() - self._began < _SHOWN_AFTER_S:
                return
            self._shown = self._start(total)
        self._shown(done, total)

    def close(self) -> None:
        self._stop()

    def _start(self, total: int) -> Step:
        # rich costs 0.1 s: only where somebody waits.
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        count = DownloadColumn() if self._in_bytes else MofNCompleteColumn()
        shown = Progress(
            "{task.description}",
            BarColumn(),
            count,
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        task = shown.add_task(self._label, total=total)
        shown.start()
        self._stop = shown.stop
        return lambda done, total: shown.update(task, completed=done, total=total)
