"""Where outputs live: the store, or, for nodes that aren't cached, the run's scratch folder."""

from __future__ import annotations

from pathlib import Path

from fingerprint_runner.storage.model_storage import ModelStorage, open_storage


def value_store(storage: ModelStorage, scratch: Path, *, kept: bool) -> ModelStorage:
    """The store itself, or one inside the run's scratch folder, which goes with the run."""
    return storage if kept else open_storage(scratch / "values", durability="fast")
