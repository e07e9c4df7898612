"""`StorageStats`: how much is in a store."""

from __future__ import annotations

from dataclasses import dataclass

from fingerprint_runner.storage import files
from fingerprint_runner.storage.inventory import Inventory
from fingerprint_runner.storage.layout import Layout
from fingerprint_runner.storage.reader import RecordReader


@dataclass(frozen=True)
class StorageStats:
    """Counts of a store.

    Attributes:
        kept: records whose artifacts are all there.
        not_kept: records whose artifacts aren't.
        pinned: records that are never pruned.
        artifacts: files; those up to 4 KiB are in their records and not counted.
        bytes: of artifacts, rows and leftovers: the size that pruning goes by.
        runs: run records.
        quarantined: damaged artifacts that were set aside.
    """

    kept: int = 0
    not_kept: int = 0
    pinned: int = 0
    artifacts: int = 0
    bytes: int = 0
    runs: int = 0
    quarantined: int = 0

    @property
    def records(self) -> int:
        """Kept or not."""
        return self.kept + self.not_kept


def count_stats(layout: Layout, reader: RecordReader) -> StorageStats:
    """Count, in bounded memory."""
    if not layout.check():
        return StorageStats()
    with Inventory(layout, reader) as inventory:
        return StorageStats(
            kept=inventory.number("SELECT COUNT(*) FROM record WHERE kept"),
            not_kept=inventory.number("SELECT COUNT(*) FROM record WHERE NOT kept"),
            pinned=inventory.number("SELECT COUNT(*) FROM record WHERE pinned"),
            artifacts=inventory.number("SELECT COUNT(*) FROM blob"),
            bytes=inventory.artifact_bytes + inventory.record_bytes,
            runs=inventory.number("SELECT COUNT(*) FROM run"),
            quarantined=len(files.names(layout.quarantine)),
        )
