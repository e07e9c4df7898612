"""Stores with records of known sizes, times and needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from storage_strategies import first_party, make_record

from fingerprint_runner.fingerprints.record import NodeRecord, RunNode, RunRecord
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage

DAY = 86400.0
NOW = 1_800_000_000.0


def publish(
    storage: ModelStorage,
    node: str,
    option: int = 1,
    *,
    size: int = 10_000,
    days_ago: float = 0.0,
    seconds: float = 1.0,
    fill: str = "",
) -> NodeRecord:
    """A record whose artifact has about `size` bytes, published `days_ago`; equal `fill`s share one."""
    content = (fill or f"{node}{option}").encode().ljust(size, b".")
    value = storage.store_value(content, is_first_party=first_party)
    record, trace = make_record(
        value, node=node, option=option, seconds=seconds, created=NOW - days_ago * DAY
    )
    return storage.publish(record, trace).record


def put_run(
    storage: ModelStorage,
    records: Sequence[NodeRecord],
    *,
    graph: str = "g",
    days_ago: float = 0.0,
    registered: str | None = None,
    failed: Sequence[str] = (),
    graph_nodes: Sequence[str] | None = None,
) -> RunRecord:
    """A run in which these records were hits, and these nodes failed."""
    nodes = {record.node: RunNode(record.first_key, record.fingerprint, "hit", 0.0) for record in records}
    nodes |= {name: RunNode(None, None, "failed", 0.0) for name in failed}
    started = NOW - days_ago * DAY
    run = RunRecord(f"{int(started)}-{graph}", graph, started, 1.0, not failed, tuple(nodes), nodes)
    storage.put_run(run, registered or graph, list(nodes) if graph_nodes is None else graph_nodes)
    return run


def new_storage(folder: Path) -> ModelStorage:
    """A store that doesn't wait for the disk."""
    return open_storage(folder / "cache", durability="fast")


def kept(storage: ModelStorage, *records: NodeRecord) -> list[bool]:
    """Which of these records are there with their artifacts."""
    storage.forget()
    there = storage.records([record.fingerprint for record in records])
    return [record.fingerprint in there and storage.is_kept(there[record.fingerprint]) for record in records]


def there(storage: ModelStorage, *records: NodeRecord) -> list[bool]:
    """Which of these records are there at all."""
    storage.forget()
    found = storage.records([record.fingerprint for record in records])
    return [record.fingerprint in found for record in records]
