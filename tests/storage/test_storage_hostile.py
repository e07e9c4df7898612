"""Whatever somebody plants in a store: nothing of it is run, and nothing outside is written or removed."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from faults import in_child
from msgspec.structs import replace
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import StorageError
from fingerprint_runner.storage.artifacts import digest_of
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage
from fingerprint_runner.storage.prune_plan import PruneRequest, plan_prune

CONTENT = b"content of an artifact " * 300
SECRET = b"outside and precious  " * 300
"""Of the same size."""


class Gadget:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = str(trace)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.trace,)


class Place:
    """A store with a record, and a folder outside that nobody may touch."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.root = self.cache / "fr"
        self.outside = folder / "outside"
        self.trace = folder / "trace"
        self.outside.mkdir()
        (self.outside / "victim").write_bytes(SECRET)
        with open_storage(self.cache, durability="fast") as storage:
            self.fingerprint = publish(storage, 1)
        self.digest = digest_of([CONTENT])
        self.blob = self.root / "blobs" / self.digest[:2] / self.digest

    def gadget(self) -> bytes:
        return pickle.dumps(Gadget(self.trace))

    def sql(self, statement: str, *values: object) -> None:
        connection = sqlite3.connect(self.root / "records" / "cache.db")
        connection.execute(statement, values)
        connection.commit()
        connection.close()


def publish(storage: ModelStorage, option: int) -> str:
    kept = storage.store_value(CONTENT, is_first_party=first_party)
    return storage.publish(*make_record(kept, option=option)).record.fingerprint


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    path.chmod(0o644)
    path.unlink()
    make(path)


def folder_replaced(path: Path, outside: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(outside, target_is_directory=True)


def table_moved(place: Place, suffix: str) -> None:
    """A file of the table that leads to one outside."""
    table = place.root / "records" / f"cache.db{suffix}"
    if table.exists():
        table.rename(place.outside / table.name)
    table.symlink_to(place.outside / table.name)


UPWARDS = "../../../outside/victim"
PLANTED: dict[str, Callable[[Place], object]] = {
    "artifact leads outside": lambda p: replaced(p.blob, lambda b: b.symlink_to(p.outside / "victim")),
    "artifact is a hard link": lambda p: replaced(p.blob, lambda b: b.hardlink_to(p.outside / "victim")),
    "artifact is a pipe": lambda p: replaced(p.blob, os.mkfifo),
    "artifact is a folder": lambda p: replaced(p.blob, Path.mkdir),
    "artifact is a gadget": lambda p: replaced(p.blob, lambda b: b.write_bytes(p.gadget())),
    "artifact is longer": lambda p: replaced(p.blob, lambda b: b.write_bytes(CONTENT + p.gadget())),
    "artifacts lead outside": lambda p: folder_replaced(p.blob.parent, p.outside),
    "all artifacts lead outside": lambda p: folder_replaced(p.root / "blobs", p.outside),
    "records lead outside": lambda p: folder_replaced(p.root / "records", p.outside),
    "tmp leads outside": lambda p: folder_replaced(p.root / "tmp", p.outside),
    "quarantine leads outside": lambda p: folder_replaced(p.root / "quarantine", p.outside),
    "memo leads outside": lambda p: folder_replaced(p.root / "memo", p.outside),
    "runs lead outside": lambda p: folder_replaced(p.root / "runs", p.outside),
    "the store leads outside": lambda p: folder_replaced(p.root, p.outside),
    "something in tmp leads outside": lambda p: (p.root / "tmp" / "old").symlink_to(p.outside),
    "something in quarantine leads outside": lambda p: (p.root / "quarantine" / "old").symlink_to(p.outside),
    "a run leads outside": lambda p: (p.root / "runs" / "1-a").symlink_to(p.outside / "victim"),
    "a run is a pipe": lambda p: os.mkfifo(p.root / "runs" / "1-a"),
    "the lock leads outside": lambda p: replaced(p.root / "lock", lambda x: x.symlink_to(p.outside / "new")),
    "the version is a pipe": lambda p: replaced(p.root / "VERSION", os.mkfifo),
    "the table leads outside": lambda p: table_moved(p, ""),
    "the table's log leads outside": lambda p: table_moved(p, "-wal"),
    "a value is pickled": lambda p: p.sql("UPDATE Cache SET mode = 4, value = ?", p.gadget()),
    "a value is a file": lambda p: p.sql(f"UPDATE Cache SET mode = 2, filename = '{UPWARDS}'"),
    "a value is text in a file": lambda p: p.sql(f"UPDATE Cache SET mode = 3, filename = '{UPWARDS}'"),
    "a key is pickled": lambda p: p.sql("UPDATE OR REPLACE Cache SET raw = 0, key = ?", p.gadget()),
    "rows expire": lambda p: p.sql(f"UPDATE Cache SET expire_time = 1.0, filename = '{UPWARDS}'"),
    "settings are planted": lambda p: p.sql("INSERT INTO Settings VALUES ('disk_directory', '/')"),
    "eviction is planted": lambda p: p.sql(
        "UPDATE Settings SET value = 'least-recently-used' WHERE key = 'eviction_policy'"
    ),
    "a trigger is planted": lambda p: p.sql(
        "CREATE TRIGGER planted AFTER INSERT ON Cache BEGIN DELETE FROM Cache WHERE key LIKE 'q/%'; END"
    ),
}


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def everything(place: Place) -> list[str]:
    """All that is done with a store, what it refuses by its words."""
    refused = []

    def attempt(action: Callable[[ModelStorage], object]) -> None:
        try:
            with open_storage(place.cache, durability="fast") as storage:
                action(storage)
        except StorageError as error:
            refused.append(str(error))

    def load(storage: ModelStorage) -> None:
        for record in storage.records([place.fingerprint]).values():
            assert record.value is not None and record.value.artifact is not None
            assert storage.load_value(record.value.artifact) == CONTENT

    def prune(storage: ModelStorage) -> None:
        for path in [*place.root.glob("tmp/*"), *place.root.glob("blobs/*/*")]:
            os.utime(path, (0, 0), follow_symlinks=False)
        with storage.upkeep.inventory() as inventory:
            plan_prune(inventory, PruneRequest(max_size=0))
            storage.upkeep.prune(inventory)

    def scratch(storage: ModelStorage) -> None:
        with storage.scratch() as folder:
            (folder / "a").write_bytes(b"a")

    attempt(load)
    attempt(lambda storage: list(storage.upkeep.verification().damage()))
    attempt(lambda storage: publish(storage, 2))
    attempt(load)
    attempt(lambda storage: storage.memo.save("a", b"b"))
    attempt(lambda storage: storage.live_run([place.fingerprint]).__enter__())
    attempt(scratch)
    attempt(lambda storage: storage.upkeep.stats())
    attempt(prune)
    attempt(lambda storage: storage.upkeep.clear())
    return refused


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_does_nothing(quick_folder: Path, planted: str) -> None:
    """Reading, verifying, publishing, pruning and clearing touch nothing outside, run nothing, and end."""
    place = Place(quick_folder)
    PLANTED[planted](place)
    before = snapshot(place.outside)
    # A process of its own, which is given up when it hangs.
    refused = in_child(lambda tell: everything(place)).result
    assert snapshot(place.outside) == before
    assert not place.trace.exists()
    assert all(str(place.cache) in text or "artifact" in text for text in refused), refused


@pytest.mark.parametrize("planted", [name for name in PLANTED if name != "artifact is a hard link"])
def test_what_is_planted_is_found_or_refused(quick_folder: Path, planted: str) -> None:
    """Verifying names it, or the store isn't read at all."""
    place = Place(quick_folder)
    PLANTED[planted](place)
    try:
        with open_storage(place.cache) as storage:
            found = list(storage.upkeep.verification().damage())
    except StorageError:
        return
    harmless = ("something in", "a run", "rows expire", "settings", "eviction", "a trigger")
    assert found or planted.startswith(harmless)


OBJECTS = (
    "O",
    "|O8",
    {"names": ["a"], "formats": ["O"], "offsets": [0], "titles": [None], "itemsize": 8, "aligned": False},
)


@pytest.mark.parametrize("dtype", OBJECTS)
def test_a_record_that_calls_bytes_an_array_of_objects_is_refused(quick_folder: Path, dtype: object) -> None:
    """Bytes are never taken for pointers, and a gadget among them isn't unpickled."""
    place = Place(quick_folder)
    with open_storage(place.cache) as storage:
        kept = storage.store_value(place.gadget() * 64, is_first_party=first_party)
        assert kept.artifact is not None
        header = {"dtype": dtype, "shape": [kept.artifact.size // 8], "order": "C"}
        with pytest.raises(StorageError):
            storage.load_value(replace(kept.artifact, serializer="array", header=header))
    assert not place.trace.exists()
