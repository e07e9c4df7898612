"""Rows are read by a connection that trusts nothing, waits for nobody and changes nothing."""

from __future__ import annotations

import os
import pickle
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import StorageError
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage
from fingerprint_runner.storage.table import RawDisk


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ModelStorage]:
    with open_storage(tmp_path) as opened:
        yield opened


def publish(storage: ModelStorage, option: int = 1) -> str:
    record, trace = make_record(storage.store_value(option, is_first_party=first_party), option=option)
    storage.publish(record, trace)
    return record.fingerprint


def table(storage: ModelStorage) -> sqlite3.Connection:
    return sqlite3.connect(storage.folder / "records" / "cache.db", isolation_level=None)


class Gadget:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("exit 3",)


PLANTED = {
    "pickled value": "UPDATE Cache SET mode = 4, value = ? WHERE key = ?",
    "pickled key": "UPDATE Cache SET raw = 0, key = ? WHERE key = ?",
    "outside file": "UPDATE Cache SET mode = 2, filename = '{victim}', value = ? WHERE key = ?",
    "text": "UPDATE Cache SET value = CAST(? AS TEXT) WHERE key = ?",
    "number": "UPDATE Cache SET value = LENGTH(?) WHERE key = ?",
}


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_rows_are_as_if_missing(
    storage: ModelStorage, planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in the table is ever unpickled, or taken for a file, when reading or when writing over it."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    fingerprint = publish(storage)
    storage.close()
    with table(storage) as rows:
        rows.execute(PLANTED[planted].format(victim=victim), (pickle.dumps(Gadget()), f"r/{fingerprint}"))
    rows.close()
    for module in (pickle, __import__("_pickle")):
        for name in ("load", "loads"):
            monkeypatch.setattr(module, name, lambda *args, **options: pytest.fail("unpickled"))
    storage.forget()
    assert storage.records([fingerprint]) == {}
    publish(storage)
    assert list(storage.records([fingerprint])) == [fingerprint]
    assert victim.read_bytes() == b"precious"


def test_two_swapped_rows_are_misses(storage: ModelStorage) -> None:
    """Each of two records under the other's key is told of and missing."""
    first, second = publish(storage, 1), publish(storage, 2)
    storage.close()
    with table(storage) as rows:
        values = dict(rows.execute("SELECT key, value FROM Cache WHERE key LIKE 'r/%'"))
        rows.execute("UPDATE Cache SET value = ? WHERE key = ?", (values[f"r/{first}"], f"r/{second}"))
        rows.execute("UPDATE Cache SET value = ? WHERE key = ?", (values[f"r/{second}"], f"r/{first}"))
    rows.close()
    storage.forget()
    assert storage.records([first, second]) == {}
    assert len(storage.take_damage()) == 2


@pytest.mark.parametrize("garbage", [b"not a database" * 1000, b"", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_garbage_table_is_an_empty_one(storage: ModelStorage, garbage: bytes) -> None:
    """Reading tells of it and finds nothing; writing sets it aside and goes on in a new one."""
    fingerprint = publish(storage)
    storage.close()
    (storage.folder / "records" / "cache.db").write_bytes(garbage)
    other = open_storage(storage.folder.parent)
    assert other.records([fingerprint]) == {}
    assert bool(other.take_damage()) == bool(garbage)
    publish(other)
    other.forget()
    assert list(other.records([fingerprint])) == [fingerprint]


def test_a_table_made_anew_is_seen_by_open_readers(storage: ModelStorage, tmp_path: Path) -> None:
    """A reader whose table was replaced by another file reads the new one."""
    old = publish(storage, 1)
    storage.close()
    assert list(storage.records([old])) == [old]
    with open_storage(tmp_path / "other") as other:
        new = publish(other, 2)
    (tmp_path / "other" / "fr" / "records" / "cache.db").rename(storage.folder / "records" / "cache.db")
    storage.forget()
    assert list(storage.records([old, new])) == [new]


def test_reading_does_not_import_what_only_writing_needs(storage: ModelStorage) -> None:
    """Looking up records and values leaves diskcache, numpy and pandas alone."""
    fingerprint = publish(storage)
    storage.close()
    script = (
        "import sys\n"
        "from fingerprint_runner.storage.model_storage import open_storage\n"
        f"storage = open_storage({str(storage.folder.parent)!r})\n"
        f"record = storage.records([{fingerprint!r}])[{fingerprint!r}]\n"
        "assert storage.is_kept(record) and storage.load_value(record.value.artifact) == 1\n"
        "storage.close()\n"
        "print([name for name in ('diskcache', 'numpy', 'pandas') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_opening_imports_neither_table_nor_codec(tmp_path: Path) -> None:
    """A command that ends up not needing the store hasn't paid for it."""
    script = (
        "import sys\n"
        "from fingerprint_runner.storage.model_storage import open_storage\n"
        f"open_storage({str(tmp_path)!r}).memo.load('plan')\n"
        "print([name for name in ('diskcache', 'sqlite3', 'mmap') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_diskcache_gets_text_keys_and_bytes_only(tmp_path: Path) -> None:
    """The class between diskcache and the table refuses whatever would be pickled or become a file."""
    disk = RawDisk(str(tmp_path))
    for key in (1, b"k", ("k",), None):
        with pytest.raises(TypeError):
            disk.put(key)
    for value in (1, "v", None, bytearray(b"v")):
        with pytest.raises(TypeError):
            disk.store(value, False)
    assert disk.fetch(4, None, pickle.dumps(1), False) is None
    assert disk.fetch(1, "victim", b"x", False) is None
    victim = tmp_path / "victim"
    victim.touch()
    disk.remove("victim")
    assert victim.exists()


def test_a_read_only_store_is_read_and_not_written() -> None:
    """Without permission to write, lookups and values work; writes raise; memos are silently not kept."""
    with tempfile.TemporaryDirectory() as name:
        cache = Path(name)
        storage = open_storage(cache)
        large = b"x" * 200_000
        record, trace = make_record(storage.store_value(large, is_first_party=first_party))
        storage.publish(record, trace)
        storage.close()
        for folder, folders, names in os.walk(cache, topdown=False):
            for inner in names:
                Path(folder, inner).chmod(0o444)
            for inner in folders:
                Path(folder, inner).chmod(0o555)
        cache.chmod(0o555)
        script = (
            "import os, sys, tempfile\n"
            f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            "from storage_strategies import make_record\n"
            "from fingerprint_runner.errors import StorageError\n"
            "from fingerprint_runner.storage.model_storage import open_storage\n"
            "with tempfile.TemporaryDirectory() as other, open_storage(other) as warm:\n"
            "    warm.publish(*make_record(warm.store_value(bytes(200_000), is_first_party=bool)))\n"
            "    [record] = warm.records([make_record()[0].fingerprint]).values()\n"
            "    warm.load_value(record.value.artifact), warm.upkeep.stats(), warm.memo.save('m', b'x')\n"
            "    warm.traces([record.first_key])\n"
            "if os.geteuid() == 0:\n"
            "    os.setgid(65534), os.setuid(65534)\n"
            f"storage = open_storage({name!r})\n"
            f"record = storage.records([{record.fingerprint!r}])[{record.fingerprint!r}]\n"
            "assert storage.is_kept(record)\n"
            "assert len(storage.load_value(record.value.artifact)) == 200_000\n"
            "assert storage.upkeep.stats().kept == 1\n"
            "storage.memo.save('m', b'x')\n"
            f"trace = storage.traces([{record.first_key!r}])[{record.first_key!r}][0]\n"
            "for write in (lambda: storage.store_value(b'y' * 5000, is_first_party=bool),\n"
            "              lambda: storage.publish(record, trace)):\n"
            "    try:\n"
            "        write()\n"
            "    except StorageError as error:\n"
            "        print('refused')\n"
            "storage.close()\n"
        )
        try:
            done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        finally:
            for folder, _, _ in os.walk(cache):
                Path(folder).chmod(0o700)
        assert (done.returncode, done.stdout) == (0, "refused\nrefused\n"), done.stderr


def test_lookups_in_an_unreadable_place_are_storage_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A permission problem is told as one, not as an empty store."""
    from fingerprint_runner.storage import files

    def refuse(name: str, path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    storage = open_storage(tmp_path)
    monkeypatch.setattr(files, "_step", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        storage.records(["a" * 32])
