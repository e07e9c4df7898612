"""`StorageStats`: how much is in a store."""

# ruff: noqa: PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from fingerprint_runner.fingerprints.record import NodeRecord
from fingerprint_runner.storage import codec, files
from fingerprint_runner.storage.layout import Layout
from fingerprint_runner.storage.reader import RecordReader


@dataclass(frozen=True)
class StorageStats:
    """Counts of a store.

    Attributes:
        kept: records whose artifacts are all there.
        not_kept: records whose artifacts aren't.
        artifacts: blobs; those up to 4 KiB are in their records and not counted.
        bytes: of blobs and table.
        runs: run records.
        quarantined: damaged artifacts that were set aside.
    """

    kept: int = 0
    not_kept: int = 0
    artifacts: int = 0
    bytes: int = 0
    runs: int = 0
    quarantined: int = 0

    @property
    def records(self) -> int:
        """Kept or not."""
        return self.kept + self.not_kept


def count_stats(layout: Layout, reader: RecordReader, is_kept: Callable[[NodeRecord], bool]) -> StorageStats:
    """Count; takes memory for one page of records, whatever the store's size."""
    if not layout.check():
        return StorageStats()
    kept = not_kept = artifacts = size = 0
    for key, content in reader.below("r/"):
        row = codec.decode_row(key, content, codec.RecordRow)
        if row is not None and is_kept(row.record):
            kept += 1
        else:
            not_kept += 1
    for shard in files.names(layout.blobs):
        for name in files.names(os.path.join(layout.blobs, shard)):
            found = files.state(os.path.join(layout.blobs, shard, name))
            if found is not None:
                artifacts += 1
                size += found.st_size
    for suffix in ("", "-wal"):
        found = files.state(layout.table + suffix)
        size += 0 if found is None else found.st_size
    runs = sum(1 for _ in reader.below("R/"))
    return StorageStats(kept, not_kept, artifacts, size, runs, len(files.names(layout.quarantine)))
