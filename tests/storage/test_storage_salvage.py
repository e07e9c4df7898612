"""A damaged table is made anew of the rows that can still be read."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import FULL, counting, in_child, killing_at
from storage_strategies import first_party, make_record

from fingerprint_runner.fingerprints.record import NodeRecord
from fingerprint_runner.storage import files
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage
from fingerprint_runner.storage.salvage import readable_rows

PAGE = 4096


def publish(storage: ModelStorage, option: int) -> NodeRecord:
    kept = storage.store_value([option] * 300, is_first_party=first_party)
    return storage.publish(*make_record(kept, option=option, node=f"n{option}")).record


def rows_of(table: Path) -> dict[str, bytes]:
    """All rows of a table that is well."""
    with sqlite3.connect(table) as connection:
        found = dict(connection.execute("SELECT key, value FROM Cache WHERE key <> 'generation'"))
    connection.close()
    return found


@pytest.fixture
def cache(quick_folder: Path) -> Iterator[Path]:
    """A store with a table of some hundred pages."""
    with open_storage(quick_folder / "cache", durability="fast") as storage:
        for option in range(200):
            publish(storage, option)
    yield quick_folder / "cache"


def spoil(table: Path, page: int) -> None:
    """Overwrite one page."""
    content = bytearray(table.read_bytes())
    content[page * PAGE : (page + 1) * PAGE] = b"\xa5" * PAGE
    table.write_bytes(content)


def test_a_page_that_cannot_be_read_costs_its_own_rows(cache: Path) -> None:
    """Whichever page is spoilt, what is given is right, and is nearly all but for the pages near the root."""
    table = cache / "fr" / "records" / "cache.db"
    rows, content = rows_of(table), table.read_bytes()
    pages = len(content) // PAGE
    assert len(rows) > 600 < pages * 6
    lost = []
    for page in range(0, pages, 1 if FULL else 7):
        spoil(table, page)
        try:
            found = dict(readable_rows(str(table)))
        finally:
            table.write_bytes(content)
        assert found.items() <= rows.items()
        lost.append(len(rows) - len(found))
    assert sum(count <= 20 for count in lost) >= len(lost) - 4


def test_publishing_into_a_damaged_table_makes_it_anew(cache: Path) -> None:
    """It is told of; records that can be read stay, for processes that had the old one open as well."""
    table = cache / "fr" / "records" / "cache.db"
    with open_storage(cache) as other, open_storage(cache) as storage:
        kept = {option: publish(other, option).fingerprint for option in range(200)}
        assert len(other.records(kept.values())) == 200
        generation = other.generation()
        with sqlite3.connect(table) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'access_time', 'access_tine')")
        connection.close()
        record = publish(storage, 1000)
        (told,) = storage.take_damage()
        assert "cache.db is damaged" in told and "made anew" in told
        assert list((cache / "fr" / "quarantine").glob("cache.db-*"))
        other.forget()
        assert len(other.records([*kept.values(), record.fingerprint])) == 201
        assert other.generation() != generation
        again = publish(other, 1001)
        storage.forget()
        assert storage.records([again.fingerprint])
        assert list(storage.upkeep.verification().damage()) == []


def test_settings_that_nobody_made_are_damage(cache: Path) -> None:
    """diskcache would obey what stands in its settings: such a table is made anew first."""
    with sqlite3.connect(cache / "fr" / "records" / "cache.db") as connection:
        connection.execute("INSERT INTO Settings VALUES ('sqlite_planted', 1), ('disk_planted', 2)")
    connection.close()
    with open_storage(cache) as storage:
        publish(storage, 1000)
        assert "'disk_planted'" in storage.take_damage()[0]
        assert storage.upkeep.stats().records == 201


@pytest.mark.kills
def test_a_kill_while_a_table_is_made_anew_loses_no_row(cache: Path) -> None:
    """Before the Nth file operation, for every N: all that could be read is there after the next try."""
    table = cache / "fr" / "records" / "cache.db"
    rows = rows_of(table)
    with sqlite3.connect(table) as connection:
        connection.execute("INSERT INTO Settings VALUES ('disk_planted', 2)")
    connection.close()
    origin = cache.parent / "origin"
    cache.rename(origin)

    def heal(folder: Path) -> None:
        with open_storage(folder, durability="fast") as storage:
            publish(storage, 0)

    def noted(folder: Path) -> int:
        seen: list[tuple[str, str]] = []
        files._step = counting(seen)
        heal(folder)
        return len(seen)

    shutil.copytree(origin, folder := cache.parent / "whole")
    steps = in_child(lambda tell: noted(folder)).result
    for number in range(1, steps + 1):
        shutil.copytree(origin, folder := cache.parent / str(number))
        assert in_child(lambda tell: heal(folder), killing_at(number)).killed
        heal(folder)
        assert rows_of(folder / "fr" / "records" / "cache.db") == rows
        shutil.rmtree(folder)
