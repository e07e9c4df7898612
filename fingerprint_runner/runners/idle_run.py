"""`IdleRun`: a run in which all were hits: asked for again, it costs one more look at the world."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from fingerprint_runner.provenance.environment import environment_digests
from fingerprint_runner.provenance.standstill import Standstill, first_change
from fingerprint_runner.runners.run import Run
from fingerprint_runner.storage.model_storage import ModelStorage


@dataclass(frozen=True)
class IdleRun:
    """A run that found nothing to do.

    Attributes:
        asked: targets and inputs.
        standstill: what it looked at.
        run: that can be repeated.
    """

    asked: Hashable
    standstill: Standstill
    run: Run

    def answers(self, asked: Hashable, environ: Mapping[str, str], storage: ModelStorage) -> bool:
        """Whether the same is asked for, and nothing has changed since."""

        def variables(names: Iterable[str]) -> Mapping[str, str]:
            return environment_digests(names, environ)

        return self.asked == asked and first_change(self.standstill, variables, storage.generation) is None
