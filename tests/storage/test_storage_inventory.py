"""An inventory lists what is in a store, from what it says itself."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from storage_cases import DAY, NOW, new_storage, publish, put_run

from fingerprint_runner.storage.inventory import RecordLine
from fingerprint_runner.storage.model_storage import ModelStorage
from fingerprint_runner.storage.prune_plan import PruneRequest, plan_prune


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ModelStorage]:
    with new_storage(tmp_path) as opened:
        yield opened


def lines(storage: ModelStorage, where: str = "1", order: str = "node, created") -> list[RecordLine]:
    with storage.upkeep.inventory() as inventory:
        return list(inventory.lines(where, (), order, None))


def test_a_line_says_all_of_a_record(storage: ModelStorage) -> None:
    """Node, times, size and what keeps it."""
    record = publish(storage, "a", days_ago=3, seconds=2.5)
    publish(storage, "b", size=100)
    put_run(storage, [record], days_ago=1)
    storage.upkeep.pin([record.fingerprint])
    one, two = lines(storage)
    assert one == RecordLine(
        fingerprint=record.fingerprint,
        node="a",
        component=record.component,
        created=NOW - 3 * DAY,
        used=NOW - DAY,
        seconds=2.5,
        bytes=10_000,
        kept=True,
        dropped=None,
        pinned=True,
        needed=True,
        origin="ran",
    )
    assert (two.bytes, two.kept, two.pinned, two.needed) == (100, True, False, False)


def test_lines_are_chosen_and_ordered_by_the_database(storage: ModelStorage) -> None:
    """Conditions and orders are SQL, so that a million records are no list in memory."""
    for size in (30_000, 10_000, 20_000):
        publish(storage, f"n{size}", size=size)
    assert [line.bytes for line in lines(storage, "bytes < 25000", "bytes DESC")] == [20_000, 10_000]


def test_an_empty_store_has_an_empty_inventory(storage: ModelStorage) -> None:
    """Nothing is there, and nothing is made."""
    assert lines(storage) == []
    assert not storage.folder.exists()


def test_a_damaged_record_is_named_and_left_out(storage: ModelStorage) -> None:
    """A row that doesn't check out is no record."""
    import sqlite3

    record = publish(storage, "a")
    storage.close()
    connection = sqlite3.connect(storage.folder / "records" / "cache.db")
    connection.execute("UPDATE Cache SET value = x'00' WHERE key LIKE 'r/%'")
    connection.commit()
    connection.close()
    with storage.upkeep.inventory() as inventory:
        assert list(inventory.lines("1", (), "id", None)) == []
        assert inventory.unreadable == [f"r/{record.fingerprint}"]


def test_graphs_say_what_their_last_runs_need(storage: ModelStorage, tmp_path: Path) -> None:
    """Each graph once, the one that ran last first, with the bytes that it needs."""
    one, two = publish(storage, "a"), publish(storage, "b", size=20_000)
    file = tmp_path / "fr.yml"
    file.write_text("")
    put_run(storage, [one], graph="old", days_ago=2, registered=str(file))
    put_run(storage, [one, two], graph="new", days_ago=1)
    with storage.upkeep.inventory() as inventory:
        found = inventory.graphs()
    assert [(graph.graph_id, graph.bytes, graph.is_dead) for graph in found] == [
        ("new", 30_000, False),
        ("old", 10_000, False),
    ]
    file.unlink()
    assert found[1].is_dead and not found[0].is_dead


def _live_until_told(folder: Path, fingerprint: str, ready: object, end: object) -> None:
    with new_storage(folder) as storage, storage.live_run([fingerprint]):
        ready.set()  # type: ignore[attr-defined]
        end.wait()  # type: ignore[attr-defined]


@pytest.mark.parametrize("killed", [False, True])
def test_a_run_of_another_process_is_live_until_it_ends_or_dies(
    storage: ModelStorage, tmp_path: Path, killed: bool
) -> None:
    """Its lock is the kernel's: no file that a dead process left protects anything."""
    record = publish(storage, "a", days_ago=9)
    storage.close()
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    process = context.Process(target=_live_until_told, args=(tmp_path, record.fingerprint, ready, end))
    process.start()
    assert ready.wait(60)
    with storage.upkeep.inventory() as inventory:
        assert plan_prune(inventory, PruneRequest(), NOW).going.artifacts == 0
    if killed:
        process.kill()
    else:
        end.set()
    process.join(60)
    with storage.upkeep.inventory() as inventory:
        plan = plan_prune(inventory, PruneRequest(), NOW)
        assert (plan.going.artifacts, plan.going.leftovers) == (1, 1 if killed else 0)
