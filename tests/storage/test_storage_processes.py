"""Several processes on one store, and processes that die in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults import counting, in_child, killing_at
from storage_strategies import first_party, make_record

from fingerprint_runner.storage import files
from fingerprint_runner.storage.model_storage import open_storage

CONTENT = bytes(range(256)) * 40
PRELUDE = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from storage_strategies import first_party, make_record
from fingerprint_runner.storage.model_storage import open_storage
"""
PUBLISHER = (
    PRELUDE
    + """
cache, name = sys.argv[1:]
storage = open_storage(cache)
print("ready", flush=True)
sys.stdin.readline()
for option in range(10):
    value = storage.store_value(f"{name} {option}".encode() * 1000, is_first_party=first_party)
    published = storage.publish(*make_record(value, option=option))
    print(published.inserted, published.record.value.identity, published.nondeterministic)
storage.close()
"""
)


def test_processes_that_publish_the_same_agree(tmp_path: Path) -> None:
    """Of four processes that open a new store and publish at once, one wins each fingerprint for all."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path / "cache"), f"process {number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    outputs = []
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        outputs.append([line.split() for line in output.splitlines()])
    for lines in zip(*outputs, strict=True):
        assert [line[0] for line in lines].count("True") == 1
        assert len({line[1] for line in lines}) == 1
        assert [line[2] for line in lines].count("False") == 1
    stats = open_storage(tmp_path / "cache").upkeep.stats()
    assert (stats.kept, stats.not_kept) == (10, 0)


def put_one(cache: Path) -> None:
    """Store and publish one value, as a process of its own does."""
    with open_storage(cache) as storage:
        storage.publish(*make_record(storage.store_value(CONTENT, is_first_party=first_party)))


def steps_of_one(cache: Path) -> list[tuple[str, str]]:
    """The file operations that this takes."""

    def noted(tell: Callable[[Any], None]) -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        files._step = counting(seen)
        put_one(cache)
        return seen

    found: list[tuple[str, str]] = in_child(noted).result
    return found


@pytest.mark.kills
def test_a_kill_at_any_step_leaves_a_usable_store(quick_folder: Path) -> None:
    """Killed before the Nth file operation, for every N of a publication, the store has the record or not."""
    total = len(steps_of_one(quick_folder / "whole"))
    assert total > 30
    outcomes = set()
    for number in range(1, total + 1):
        cache = quick_folder / str(number)
        assert in_child(lambda tell: put_one(cache), killing_at(number)).killed  # noqa: B023
        with open_storage(cache) as storage:
            assert list(storage.upkeep.verification().damage()) == []
            record, trace = make_record()
            found = storage.records([record.fingerprint]).get(record.fingerprint)
            outcomes.add(found is not None)
            if found is not None:
                assert storage.is_kept(found) and found.value is not None and found.value.artifact is not None
                assert storage.load_value(found.value.artifact) == CONTENT
                assert storage.traces([record.first_key]) == {record.first_key: (trace,)}
            again, trace = make_record(storage.store_value(CONTENT, is_first_party=first_party))
            assert storage.publish(again, trace).record.value == again.value
            assert storage.take_damage() == ()
    assert outcomes == {True, False}


@pytest.mark.kills
def test_a_kill_between_blob_and_record_leaves_only_the_blob(quick_folder: Path) -> None:
    """The blob is there for the next run to find, and nothing says so yet."""
    operations = [operation for operation, _ in steps_of_one(quick_folder / "whole")]
    cache = quick_folder / "cache"
    assert in_child(lambda tell: put_one(cache), killing_at(operations.index("commit") + 1)).killed
    with open_storage(cache) as storage:
        assert (storage.upkeep.stats().records, storage.upkeep.stats().artifacts) == (0, 1)
        put_one(cache)
        assert (storage.upkeep.stats().records, storage.upkeep.stats().artifacts) == (1, 1)


def test_a_forked_child_leaves_its_parents_connections_alone(tmp_path: Path) -> None:
    """A child forked from a process with an open store publishes by itself; the parent goes on."""
    script = (
        PRELUDE
        + """
storage = open_storage(sys.argv[1])
def publish(option):
    storage.publish(*make_record(storage.store_value(option, is_first_party=first_party), option=option))
publish(1)
storage.records(["a" * 32])
child = os.fork()
if child == 0:
    publish(2)
    storage.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
publish(3)
storage.forget()
assert storage.upkeep.stats().kept == 3
storage.close()
"""
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script, str(tmp_path)], check=True)


@pytest.mark.parametrize("read_only", [False, True])
def test_scratch_folders_go_away(tmp_path: Path, read_only: bool) -> None:
    """A run's private folder is removed with all that is in it, read-only or not, also after an error."""
    storage = open_storage(tmp_path)
    with pytest.raises(RuntimeError), storage.scratch() as folder:
        assert folder.parent == storage.folder / "tmp"
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "file").write_text("x")
        (folder / "a" / "link").symlink_to(tmp_path)
        if read_only:
            (folder / "a" / "b").chmod(0o555)
        raise RuntimeError
    assert list((storage.folder / "tmp").iterdir()) == [] and tmp_path.exists()
