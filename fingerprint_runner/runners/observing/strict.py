"""`StrictCall`: what `strict` asks of a node beside its result.

    undeclared reads      everything that the node reads is declared, or tracked
    changed inputs        what it was given is as before when it returns
    unseeded randomness   what it draws can be drawn again

Invariants: asks nothing and costs nothing where a node isn't strict; all that is wrong is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from fingerprint_runner.runners.observing.reads import UndeclaredRead
from fingerprint_runner.runners.task import NodeTask

if TYPE_CHECKING:
    from fingerprint_runner.runners.observing.changed_inputs import InputStates
    from fingerprint_runner.runners.observing.randomness import RandomnessWatch

_MOST = 20
"""Things that a message names; the report has them all."""


class StrictViolation(Exception):
    """A node does what `strict` forbids.

    Attributes:
        kind: `UndeclaredRead`, `InputChanged` or `UnseededRandomness`: of what comes first.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class StrictCall:
    """Judges one call of a node; entered around the call itself.

    Args:
        task: the node.
        values: parameter → what it is given.
        randomness: the watch that the node runs under; None where it isn't strict.
    """

    def __init__(self, task: NodeTask, values: Mapping[str, Any], randomness: RandomnessWatch | None) -> None:
        self._randomness = randomness
        self._inputs: InputStates | None = None
        if task.reads.strict:
            # For weight: most runs aren't strict.
            from fingerprint_runner.runners.observing.changed_inputs import InputStates

            self._inputs = InputStates(values)

    def __enter__(self) -> StrictCall:
        if self._randomness is not None:
            self._randomness.begin_call()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._randomness is not None:
            self._randomness.end_call()

    def judge(self, reads: Callable[[], Sequence[UndeclaredRead]]) -> None:
        """Look at what the call did.

        Args:
            reads: gives what the node reads and doesn't declare.

        Raises:
            StrictViolation: with all that is wrong.
        """
        if self._inputs is None:
            return
        wrong = [
            *_of_reads(reads()),
            *(("InputChanged", _changed_text(place)) for place in self._inputs.changed()),
        ]
        if self._randomness is not None:
            wrong += [("UnseededRandomness", text) for text in self._randomness.texts()]
        if wrong:
            raise StrictViolation(wrong[0][0], "\n".join(text for _, text in wrong))


def _of_reads(found: Sequence[UndeclaredRead]) -> list[tuple[str, str]]:
    if not found:
        return []
    lines = ["it reads what it doesn't declare"]
    for read in found[:_MOST]:
        place = "" if read.place is None else f" ({read.place})"
        lines.append(f"  {read.what}{place}")
    if len(found) > _MOST:
        lines.append(f"  … and {len(found) - _MOST:,} more")
    lines += [f"  hint: {advice}" for advice in dict.fromkeys(read.advice for read in found)]
    return [("UndeclaredRead", "\n".join(lines))]


def _changed_text(place: str) -> str:
    return (
        f"it changes what its parameter {place} was given in place\n"
        "  hint: change a copy, such as `copy.deepcopy(…)` of it"
    )
