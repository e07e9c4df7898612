"""What each durability promises: what reaches the disk when, and what a power cut leaves."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from faults import FULL
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import DamagedArtifact
from fingerprint_runner.fingerprints.record import NodeRecord
from fingerprint_runner.storage import files, writer
from fingerprint_runner.storage.artifacts import REMEMBERED_BYTES
from fingerprint_runner.storage.model_storage import DURABILITIES, ModelStorage, open_storage

Steps = list[tuple[str, str]]


def content(option: int, size: int = 6000) -> bytes:
    return f"option {option} ".encode().ljust(size, b".")


def publish(storage: ModelStorage, option: int, size: int = 6000, seconds: float = 0.0) -> NodeRecord:
    kept = storage.store_value(content(option, size), is_first_party=first_party)
    return storage.publish(*make_record(kept, option=option, seconds=seconds)).record


def path_of(storage: ModelStorage, record: NodeRecord) -> str:
    assert record.value is not None and record.value.artifact is not None
    return str(storage.artifact_path(record.value.artifact.digest))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """The operations of the store, as they come; groups don't end by time."""
    seen: Steps = []
    monkeypatch.setattr(writer, "GROUP_S", 1e9)
    monkeypatch.setattr(files, "_step", lambda operation, path: seen.append((operation, path)))
    return seen


def syncs(steps: Steps) -> list[str]:
    """What was synced since the last call, by the last part of its path."""
    found = [Path(path).name for operation, path in steps if operation.startswith("sync")]
    steps.clear()
    return found


def test_each_has_all_of_a_publication_on_the_disk(tmp_path: Path, steps: Steps) -> None:
    """Bytes, name, folder, then record and log, before `publish` returns."""
    with open_storage(tmp_path, durability="each") as storage:
        publish(storage, 1)
        steps.clear()
        record = publish(storage, 2)
        path = path_of(storage, record)
        [temporary] = {path for operation, path in steps if operation == "create"}
        assert [step for step in steps if step[0] in ("write", "sync", "rename", "commit")] == [
            ("write", temporary),
            ("sync", temporary),
            ("rename", path),
            ("sync", str(Path(path).parent)),
            ("sync", str(Path(path).parent.parent)),
            ("commit", str(tmp_path / "fr" / "records" / "cache.db")),
            ("sync", str(tmp_path / "fr" / "records" / "cache.db-wal")),
        ]


def test_batch_shares_the_syncs_of_a_group(tmp_path: Path, steps: Steps) -> None:
    """Twenty publications are synced together, their artifacts first; a flush ends a group as it is."""
    with open_storage(tmp_path) as storage:
        publish(storage, 0)
        storage.flush()
        steps.clear()
        for option in range(1, 20):
            publish(storage, option)
        assert syncs(steps) == []
        publish(storage, 20)
        assert syncs(steps) == ["blobs", "cache.db-wal"]
        record = publish(storage, 21)
        assert syncs(steps) == []
        storage.flush()
        name = Path(path_of(storage, record)).name
        assert syncs(steps) == [name, "blobs", name[:2], "cache.db-wal"]
        storage.flush()
        assert syncs(steps) == []


def test_batch_does_not_let_long_work_wait(tmp_path: Path, steps: Steps) -> None:
    """What ran for over 200 ms is on the disk when `publish` returns, with all that was published before."""
    with open_storage(tmp_path) as storage:
        first = publish(storage, 1)
        steps.clear()
        second = publish(storage, 2, seconds=0.3)
        names = [Path(path_of(storage, record)).name for record in (first, second)]
        found = syncs(steps)
        assert found[:2] == names and found[-1] == "cache.db-wal"


def test_fast_syncs_nothing(tmp_path: Path, steps: Steps) -> None:
    """Whatever is published, flushed and closed."""
    with open_storage(tmp_path, durability="fast") as storage:
        publish(storage, 0)
        steps.clear()
        publish(storage, 1, size=REMEMBERED_BYTES + 1, seconds=9.0)
        storage.flush()
    # Closing lets SQLite do as it thinks right.
    assert syncs(steps) == []


def test_a_group_ends_with_the_first_publication_after_its_time(tmp_path: Path, steps: Steps) -> None:
    """Nobody waits for the twentieth of a group that began long ago."""
    with open_storage(tmp_path) as storage:
        publish(storage, 0)
        storage.flush()
        storage._writer._group_began = -1e12
        storage._writer._unsynced = 1
        steps.clear()
        publish(storage, 1)
        assert syncs(steps)[-1] == "cache.db-wal"


def test_what_fast_remembers_ends_with_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large artifact that nobody synced is believed unread until the machine starts anew."""
    with open_storage(tmp_path, durability="fast") as storage:
        record = publish(storage, 1, size=REMEMBERED_BYTES + 1)
        path = Path(path_of(storage, record))
    assert record.value is not None and record.value.artifact is not None
    ref, read = record.value.artifact, list[str]()
    monkeypatch.setattr(
        files, "_step", lambda operation, where: read.append(where) if operation == "read" else None
    )
    for durability in DURABILITIES:
        with open_storage(tmp_path, durability=durability) as storage:
            storage.load_value(ref)
            assert str(path) not in read
    monkeypatch.setattr("fingerprint_runner.storage.artifacts._boot_id", lambda: "another")
    for durability in ("batch", "fast"):
        with open_storage(tmp_path, durability=durability) as storage:
            storage.load_value(ref)
        # Read once, and synced: then it is believed for good.
        assert (str(path) in read) == (durability == "batch")
        read.clear()


# --- power cuts ----------------------------------------------------------------------------------------

PUBLICATIONS = 58


def check_after_cut(cache: Path, told: dict[int, str], promised: set[int]) -> int:
    """No value is wrong, what is promised is there, and all can be published again; gives how many are."""
    there = 0
    with open_storage(cache, durability="fast") as storage:
        for option, fingerprint in told.items():
            (record,) = storage.records([fingerprint]).values() or (None,)
            loaded = None
            if record is not None and storage.is_kept(record):
                assert record.value is not None and record.value.artifact is not None
                try:
                    loaded = storage.load_value(record.value.artifact)
                except DamagedArtifact:
                    pass
            assert loaded in (None, content(option))
            there += loaded is not None
            assert option not in promised or loaded is not None
        for option in told:
            publish(storage, option)
        assert len(storage.records(told.values())) == len(told)
        assert list(storage.upkeep.verification().damage()) == []
    return there


@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_simulated_power_cut(quick_folder: Path, monkeypatch: pytest.MonkeyPatch, durability: str) -> None:
    """Files that nobody synced come back empty, of zeros or not at all; the log as of its last sync."""
    monkeypatch.setattr(writer, "GROUP_S", 1e9)
    cache, choice = quick_folder / "cache", random.Random(5)
    synced: set[str] = set()
    durable = quick_folder / "durable"
    told: dict[int, str] = {}
    promised: set[int] = set()
    temporary = ""

    def step(operation: str, path: str) -> None:
        nonlocal temporary
        if operation == "sync all":
            synced.update(str(blob) for blob in cache.glob("fr/blobs/*/*"))
        elif operation == "create":
            temporary = ""
        elif operation == "sync":
            synced.add(path)
            temporary = path
            if path.endswith("-wal"):
                shutil.rmtree(durable, ignore_errors=True)
                shutil.copytree(cache / "fr" / "records", durable)
                promised.update(told)
        elif operation == "rename" and "/tmp/" in temporary:
            # What was synced under its first name.
            synced.add(path)

    def cut(number: int) -> None:
        lost = quick_folder / f"lost-{number}"
        shutil.copytree(cache, lost)
        if durable.exists() and choice.random() < 0.7:
            shutil.rmtree(lost / "fr" / "records")
            shutil.copytree(durable, lost / "fr" / "records")
        for blob in lost.glob("fr/blobs/*/*"):
            if str(cache / blob.relative_to(lost)) not in synced:
                size = blob.stat().st_size
                blob.unlink()
                how = choice.randrange(4)
                if how < 3:
                    blob.write_bytes((b"", bytes(size), bytes(size // 2))[how])
        check_after_cut(lost, told, promised)
        shutil.rmtree(lost)

    with open_storage(cache, durability=durability) as storage:
        for option in range(PUBLICATIONS):
            monkeypatch.setattr(files, "_step", step)
            told[option] = publish(storage, option, seconds=0.3 * (option % 13 == 7)).fingerprint
            monkeypatch.setattr(files, "_step", lambda operation, path: None)
            if durability == "each":
                assert promised >= told.keys() - {option}
            if option % (1 if FULL else 6) == 0:
                cut(option)
    assert len(promised) == {"batch": 46, "each": 57, "fast": 0}[durability]
