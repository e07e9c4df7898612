"""Writers that are killed at any time, again and again, on one store."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faults import FULL, Child, Tell, hear
from storage_strategies import first_party, make_record

from fingerprint_runner.fingerprints.record import NodeRecord, RunNode, RunRecord
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage
from fingerprint_runner.storage.prune_plan import PruneRequest, plan_prune

ROUNDS = 200 if FULL else 20
WRITERS = 4
OPTIONS = 60


def value(option: int) -> bytes:
    """What every writer puts out for an option; some are equal, some are in their records."""
    return f"{option % 41}".encode() * (11 + 397 * (option % 53))


def write(cache: Path, seed: int, tell: Tell) -> None:
    """Publish, prune and leave runs without end; what was published is told."""
    choice = random.Random(seed)
    storage = open_storage(cache, durability=choice.choice(["batch", "each", "fast"]))
    while True:
        if choice.random() < 0.03:
            with storage.upkeep.inventory() as inventory:
                # Artifacts alone: records that say what was stay.
                plan_prune(inventory, PruneRequest(keep_last=0))
                storage.upkeep.prune(inventory)
        option = choice.randrange(OPTIONS)
        stored = storage.store_value(value(option), is_first_party=first_party)
        record, trace = make_record(stored, node=f"n{option}", option=option)
        tell((option, storage.publish(record, trace).record.fingerprint))
        if choice.random() < 0.05:
            put_run(storage, record, choice)


def put_run(storage: ModelStorage, record: NodeRecord, choice: random.Random) -> None:
    """A run that used one record."""
    line = RunNode(record.first_key, record.fingerprint, "hit", 0.0)
    run_id = f"run-{choice.randrange(1000)}"
    run = RunRecord(run_id, "graph", 1.0, 1.0, True, (record.node,), {record.node: line})
    storage.put_run(run, "graph", [record.node])


def check(cache: Path, told: set[tuple[int, str]]) -> int:
    """Nothing that was told is lost, and nothing is wrong; gives how many values were read."""
    read = 0
    with open_storage(cache) as storage:
        assert list(storage.upkeep.verification().damage()) == []
        records = storage.records(fingerprint for _, fingerprint in told)
        for option, fingerprint in sorted(told):
            record = records[fingerprint]
            assert record.value is not None and record.value.artifact is not None
            assert storage.is_kept(record) or record.dropped
            if storage.is_kept(record):
                assert storage.load_value(record.value.artifact) == value(option)
                read += 1
        assert storage.take_damage() == ()
    return read


@pytest.mark.kills
@pytest.mark.timeout(1200)
def test_rounds_of_killed_writers_lose_and_spoil_nothing(quick_folder: Path) -> None:
    """Four writers at a time, each round killed after some publications: all that was told of is there."""
    cache, told, read = quick_folder / "cache", set[tuple[int, str]](), 0
    choice = random.Random(1)
    for number in range(ROUNDS):
        writers = [
            Child(lambda tell, seed=number * WRITERS + each: write(cache, seed, tell))  # type: ignore[misc]
            for each in range(WRITERS)
        ]
        enough = choice.randrange(40)
        hear(writers, until=lambda: sum(len(writer.told) for writer in writers) >= enough)  # noqa: B023
        for writer in choice.sample(writers, WRITERS):
            writer.kill()
        for writer in writers:
            ended = writer.end()
            assert ended.killed
            told.update(ended.told)
        read += check(cache, told)
    assert read > ROUNDS and {option for option, _ in told} == set(range(OPTIONS))
