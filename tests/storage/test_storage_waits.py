"""Nobody waits without end for another process, and readers don't wait at all."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faults import Child, Tell, hear
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import StorageError
from fingerprint_runner.storage import table, writer
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage


def publish(storage: ModelStorage, option: int) -> str:
    kept = storage.store_value(b"x" * 5000, is_first_party=first_party)
    return storage.publish(*make_record(kept, option=option)).record.fingerprint


def hold_store(cache: Path, tell: Tell) -> None:
    """Hold the store alone, and stop."""
    with open_storage(cache)._writer.alone():
        tell("held")
        os.kill(os.getpid(), signal.SIGSTOP)


def hold_table(cache: Path, tell: Tell) -> None:
    """Be in the middle of writing the table, and stop."""
    connection = sqlite3.connect(cache / "fr" / "records" / "cache.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM Cache")
    tell("held")
    os.kill(os.getpid(), signal.SIGSTOP)


@contextmanager
def stopped(cache: Path, holder: Callable[[Path, Tell], None]) -> Iterator[None]:
    """Another process that holds something, and doesn't go on."""
    child = Child(lambda tell: holder(cache, tell))
    hear([child], until=lambda: bool(child.told))
    try:
        yield
    finally:
        child.kill()
        child.end()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits end soon."""
    monkeypatch.setattr(writer, "_LOCK_TIMEOUT_S", 0.05)
    monkeypatch.setattr(table, "TIMEOUT_S", 0.05)


@pytest.mark.kills
@pytest.mark.parametrize("holder", [hold_store, hold_table])
def test_behind_a_stopped_holder_writing_ends_and_reading_goes_on(
    quick_folder: Path, impatient: None, holder: Callable[[Path, Tell], None]
) -> None:
    """What is published meanwhile raises within its time, and works once the holder is gone."""
    with open_storage(quick_folder) as storage:
        # Opening the table has a limit of diskcache's own, of a minute.
        first = publish(storage, 1)
        with stopped(quick_folder, holder):
            check_meanwhile(storage, first)
        second = publish(storage, 2)
        assert len(storage.records([first, second])) == 2


def check_meanwhile(writing: ModelStorage, first: str) -> None:
    """Writing ends with an error, and another process's reading goes on."""
    with pytest.raises(StorageError, match=r"can't write the (store|table)"):
        publish(writing, 2)
    with writing.location.open() as storage:
        (record,) = storage.records([first]).values()
        assert storage.is_kept(record) and record.value is not None and record.value.artifact is not None
        assert storage.load_value(record.value.artifact) == b"x" * 5000
        assert storage.upkeep.stats().kept == 1
        assert list(storage.upkeep.verification().damage()) == []
