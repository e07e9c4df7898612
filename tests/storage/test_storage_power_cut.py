"""Power cuts of a real filesystem: an image of its own, shut down without writing what it still has.

Needs to mount an image, which only the superuser may; `test_storage_durability` simulates the same elsewhere.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faults import FULL, Child, Tell, hear
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import DamagedArtifact, StorageError
from fingerprint_runner.storage.model_storage import DURABILITIES, open_storage

SHUT_DOWN = 0x8004587D
"""ext4's `EXT4_IOC_SHUTDOWN`, as xfstests call it."""
WITHOUT_THE_LOG = 2
ROUNDS = 40 if FULL else 4
BYTES = 48 << 20


def content(option: int) -> bytes:
    return f"option {option} ".encode().ljust(1000 + 7000 * (option % 5), b".")


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "loop", image, folder], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True, capture_output=True)


def cut_power(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, SHUT_DOWN, struct.pack("I", WITHOUT_THE_LOG))
    finally:
        os.close(descriptor)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty filesystem in a file, and proof that its power can be cut here."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("only the superuser may mount an image")
    folder = tmp_path_factory.mktemp("power")
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)
    (folder / "mount").mkdir()
    copy = folder / "copy"
    shutil.copyfile(image, copy)
    try:
        with mounted(copy, folder / "mount"):
            cut_power(folder / "mount")
    except (subprocess.CalledProcessError, OSError) as error:
        pytest.skip(f"no image can be mounted and cut off here: {error}")
    return image


def write(cache: Path, durability: str, seed: int, tell: Tell) -> None:
    """Publish until the disk is gone; what is sure to outlive a power cut is told."""
    choice = random.Random(seed)
    waiting: list[tuple[int, str]] = []
    storage = open_storage(cache, durability=durability)
    for option in itertools.count():
        try:
            kept = storage.store_value(content(option), is_first_party=first_party)
            seconds = 0.3 if choice.random() < 0.1 else 0.0
            record, trace = make_record(kept, option=option, seconds=seconds)
            waiting.append((option, storage.publish(record, trace).record.fingerprint))
            if choice.random() < 0.1:
                storage.flush()
        except StorageError:
            return
        sure = storage._writer._unsynced == 0 and durability != "fast"
        tell((waiting if sure else [], option))
        waiting = [] if sure else waiting


def check(cache: Path, promised: dict[int, str], last: int) -> None:
    """What is promised is there, nothing is wrong, and what is stored again is there to stay."""
    with open_storage(cache, durability="fast") as storage:
        assert storage.records(promised.values()).keys() == set(promised.values())
        for option in range(last + 1):
            for record in storage.records([make_record(option=option)[0].fingerprint]).values():
                assert record.value is not None and record.value.artifact is not None
                try:
                    assert storage.load_value(record.value.artifact) == content(option)
                except DamagedArtifact:
                    assert option not in promised
            value = storage.store_value(content(option), is_first_party=first_party)
            storage.publish(*make_record(value, option=option))
        assert list(storage.upkeep.verification().damage()) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_power_cut_keeps_the_promise(image: Path, quick_folder: Path, durability: str) -> None:
    """What the durability promises is there, nothing is wrong, and the store goes on."""
    folder, copy = quick_folder / "mount", quick_folder / "copy"
    folder.mkdir()
    cache, choice, promises = folder / "cache", random.Random(durability), 0
    for number in range(ROUNDS):
        shutil.copyfile(image, copy)
        with mounted(copy, folder):
            writer = Child(lambda tell, seed=number: write(cache, durability, seed, tell))  # type: ignore[misc]
            enough = choice.randrange(1, 120)
            hear([writer], until=lambda: len(writer.told) >= enough)  # noqa: B023
            before = len(writer.told)
            cut_power(folder)
            told = writer.end().told
        promised = dict(each for sure, _ in told[:before] for each in sure)
        promises += len(promised)
        with mounted(copy, folder):
            check(cache, promised, told[-1][1])
    assert (promises == 0) == (durability == "fast")
