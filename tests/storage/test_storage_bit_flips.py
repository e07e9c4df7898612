"""One flipped bit, anywhere in a store: it is found, or makes no difference; no value is ever wrong."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults import FULL, in_child
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import DamagedArtifact
from fingerprint_runner.fingerprints.record import NodeRecord, RunNode, RunRecord
from fingerprint_runner.storage.artifacts import REMEMBERED_BYTES
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage

FLIPS = 1000 if FULL else 100
VALUES: list[Any] = [
    np.arange(30_000, dtype=np.float32),
    {"weights": np.arange(5000), "names": ["a", "b"], "bias": 0.5},
    [{"index": index, "text": "x" * (index % 7)} for index in range(1000)],
    bytes(range(256)) * 100,
    {1, 2, 3, "four"},
    np.zeros(REMEMBERED_BYTES + 1, dtype=np.uint8),
]


def flip(path: Path, choice: random.Random) -> Callable[[], None]:
    """Change one bit of a file, without a trace in its times; gives what puts it back."""
    place = choice.randrange(path.stat().st_size * 8)
    mode = path.stat().st_mode
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(place // 8)
        before = file.read(1)[0]

    def write(byte: int) -> None:
        with path.open("r+b") as file:
            file.seek(place // 8)
            file.write(bytes([byte]))

    write(before ^ 1 << place % 8)
    path.chmod(mode)

    def put_back() -> None:
        path.chmod(0o600)
        write(before)
        path.chmod(mode)

    return put_back


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and np.array_equal(one, other))
    return bool(one == other)


@pytest.fixture
def cache(quick_folder: Path) -> Iterator[Path]:
    yield quick_folder / "cache"


def stored(storage: ModelStorage) -> list[NodeRecord]:
    """A record of each value, and one of a folder."""
    records = []
    for option, value in enumerate(VALUES):
        kept = storage.store_value(value, is_first_party=first_party)
        record, trace = make_record(kept, option=option, node=f"n{option}")
        records.append(storage.publish(record, trace).record)
    return records


def test_every_flipped_bit_of_an_artifact_is_found(cache: Path) -> None:
    """Reading raises and sets the artifact aside, verifying names it; put back, it is well again."""
    with open_storage(cache, durability="fast") as storage:
        records = stored(storage)
    blobs = {}
    for record, value in zip(records, VALUES, strict=True):
        assert record.value is not None and record.value.artifact is not None
        if record.value.artifact.inline is None:
            digest = record.value.artifact.digest
            blobs[storage.artifact_path(digest)] = (record, value)
    assert len(blobs) == 5
    choice = random.Random(3)
    for number in range(FLIPS):
        # The large one takes as long as all others together.
        path = choice.choice(list(blobs)[: 4 if number % 20 else 5])
        record, value = blobs[path]
        assert record.value is not None and record.value.artifact is not None
        put_back = flip(path, choice)
        with open_storage(cache) as storage:
            if number % 10 == 0:
                assert [damage.what for damage in storage.upkeep.verification().damage()] == [path.name]
            with pytest.raises(DamagedArtifact):
                storage.load_value(record.value.artifact)
            assert not storage.is_kept(record) and len(storage.take_damage()) == 1
            (aside,) = (storage.folder / "quarantine").iterdir()
            aside.rename(path)
            put_back()
            assert equal(storage.load_value(record.value.artifact), value)


def publish_all(cache: Path, die: bool) -> None:
    """Publish each record twice; a process that dies leaves the latest in the table's log alone."""
    storage = open_storage(cache, durability="fast")
    for option in range(6):
        publish(storage, option, seconds=0.0)
    storage.close()
    for option in range(3, 9):
        publish(storage, option, seconds=1.0)
    if die:
        os.kill(os.getpid(), signal.SIGKILL)
    storage.close()


def publish(storage: ModelStorage, option: int, seconds: float) -> NodeRecord:
    kept = storage.store_value([option] * 100, is_first_party=first_party)
    record, trace = make_record(kept, option=option, node=f"n{option}", seconds=seconds)
    published = storage.publish(record, trace, replace=True).record
    line = RunNode(record.first_key, record.fingerprint, "ran", seconds)
    run = RunRecord(f"run-{option}", "graph", 1.0, seconds, True, (record.node,), {record.node: line})
    storage.put_run(run, "graph", [record.node])
    return published


@pytest.mark.kills
@pytest.mark.parametrize("name", ["cache.db", "cache.db-wal"])
def test_a_flipped_bit_of_the_table_gives_no_wrong_record(cache: Path, name: str) -> None:
    """Each record is as it was, or missing; published again it is there, or verifying says why not."""
    in_log = name == "cache.db-wal"
    assert in_child(lambda tell: publish_all(cache, die=in_log)).killed == in_log
    records = cache / "fr" / "records"
    assert (records / name).stat().st_size > 30_000 and (records / "cache.db-wal").exists() == in_log
    with open_storage(cache.parent / "other", durability="fast") as other:
        right = {
            record.fingerprint: record for record in (publish(other, option, 1.0) for option in range(9))
        }
    shutil.copytree(records, cache.parent / "records")
    choice, missing = random.Random(4), 0
    for _ in range(FLIPS):
        shutil.rmtree(records)
        shutil.copytree(cache.parent / "records", records)
        flip(records / name, choice)
        with open_storage(cache, durability="fast") as storage:
            found = storage.records(right)
            missing += len(found) < 9
            for fingerprint, record in found.items():
                assert record.value == right[fingerprint].value and record.seconds in (0.0, 1.0)
                whole = record.manifest.code.symbols != {}
                assert not whole or record.manifest == right[fingerprint].manifest
            last = storage.last_run("graph")
            assert last is None or list(last.nodes) == [f"n{last.run_id.removeprefix('run-')}"]
            for option in range(9):
                publish(storage, option, 2.0)
        with open_storage(cache) as storage:
            found = storage.records(right)
            assert {record.seconds for record in found.values()} <= {2.0}
            if len(found) < 9:
                # An index that leads elsewhere: reruns, until somebody has the table verified.
                assert "table" in {damage.what for damage in storage.upkeep.verification().damage()}
    assert missing
