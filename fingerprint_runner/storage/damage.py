"""`DamageLog`: what was found damaged, until somebody tells the user.

Invariants: each sentence is kept once; it refers to nothing, so that a store that is let go of is
closed at once and not when the collector comes by.
"""

from __future__ import annotations

import threading


class DamageLog:
    """Sentences, in the order in which they came."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._found: dict[str, None] = {}

    def note(self, what: str) -> None:
        """Keep a sentence."""
        with self._mutex:
            self._found[what] = None

    def take(self) -> tuple[str, ...]:
        """All sentences since the last call."""
        with self._mutex:
            found, self._found = tuple(self._found), {}
        return found
