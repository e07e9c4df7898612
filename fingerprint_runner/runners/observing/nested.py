"""A run that a node makes: of what its nodes read, the node itself can't tell.

Apart from the watches, since every run comes here, and one that finds nothing to do needs none of them.
Invariant: holds one listener for each node whose code runs in this process, the innermost last.
"""

from __future__ import annotations

from collections.abc import Callable

listeners: list[Callable[[], None]] = []


def note_run() -> None:
    """A graph is run: tell the node that does it, if one does."""
    if listeners:
        listeners[-1]()
