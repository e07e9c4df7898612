"""`Redaction`: keeps a node's secrets out of what it prints and of the errors it raises.

Invariant: neither a secret, nor the value of a variable in it, nor how `repr` writes them, is left in
a text that went through. What a node puts out is its own affair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fingerprint_runner.runners.capture import Sink
from fingerprint_runner.runners.task import NodeOutcome

SHOWN = "[secret]"


class Redaction:
    """Replaces secrets.

    Args:
        secrets: the texts that nobody may see.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in (secret, repr(secret)[1:-1]) if form}
        # Longest first: a secret may be part of another.
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for form in self._forms:
            text = text.replace(form, SHOWN)
        return text

    def outcome(self, outcome: NodeOutcome) -> NodeOutcome:
        """The outcome with its output and error free of secrets."""
        if not self._forms:
            return outcome
        error = outcome.error
        if error is not None:
            error = replace(error, message=self.text(error.message), traceback=self.text(error.traceback))
        reason = None if outcome.not_storable is None else self.text(outcome.not_storable)
        return replace(outcome, log_tail=self.text(outcome.log_tail), error=error, not_storable=reason)

    def sink(self, sink: Sink | None) -> Sink | None:
        """A sink that passes on what is printed without secrets; a secret printed in pieces it can't know."""
        if sink is None or not self._forms:
            return sink
        forms = [form.encode("utf-8", "surrogateescape") for form in self._forms]

        def redacted(chunk: bytes) -> None:
            for form in forms:
                chunk = chunk.replace(form, SHOWN.encode())
            sink(chunk)

        return redacted
