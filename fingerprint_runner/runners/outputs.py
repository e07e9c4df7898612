"""Where outputs live: the store, or, for what isn't kept, a store in one of the run's private folders."""

from __future__ import annotations

from pathlib import Path

from fingerprint_runner.storage.model_storage import ModelStorage, open_storage


def private_store(folder: Path) -> Path:
    """The cache folder, inside a run's private folder, of what isn't kept."""
    return folder / "values"


def value_store(storage: ModelStorage, place: Path | None) -> ModelStorage:
    """The run's own store, or the one in a cache folder that goes with the run."""
    return storage if place is None else open_storage(place, durability="fast")
