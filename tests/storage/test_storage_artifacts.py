"""Artifacts are verified when they are read; damaged ones are set aside and never served."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import DamagedArtifact, StorageError
from fingerprint_runner.fingerprints.record import ArtifactRef
from fingerprint_runner.storage import artifacts, files
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def storage(tmp_path: Path) -> ModelStorage:
    return open_storage(tmp_path)


def put(storage: ModelStorage, value: object = CONTENT) -> ArtifactRef:
    ref = storage.store_value(value, is_first_party=first_party).artifact
    assert ref is not None
    return ref


def blob(storage: ModelStorage, ref: ArtifactRef) -> Path:
    return storage.folder / "blobs" / ref.digest[:2] / ref.digest


def rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def quarantined(storage: ModelStorage) -> list[str]:
    return [path.name[:32] for path in (storage.folder / "quarantine").iterdir()]


DAMAGES = {
    "flipped": lambda path: rewrite(path, bytes([CONTENT[0] ^ 1]) + CONTENT[1:]),
    "truncated": lambda path: rewrite(path, CONTENT[:-1]),
    "emptied": lambda path: rewrite(path, b""),
    "lengthened": lambda path: rewrite(path, CONTENT + b"x"),
    "a symlink": lambda path: (path.rename(path.with_suffix(".x")), path.symlink_to(path.with_suffix(".x"))),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("same_process", [True, False])
def test_a_damaged_artifact_is_set_aside(storage: ModelStorage, damage: str, same_process: bool) -> None:
    """Whatever was done to the file, it is moved away, told of, and its record no longer kept."""
    ref = put(storage)
    record, _ = make_record(storage.store_value(CONTENT, is_first_party=first_party))
    DAMAGES[damage](blob(storage, ref))
    reader = storage if same_process else open_storage(storage.folder.parent)
    with pytest.raises(DamagedArtifact) as caught:
        reader.load_value(ref)
    assert (caught.value.digest, caught.value.damage) == (ref.digest, "corrupt")
    assert quarantined(storage) == [ref.digest]
    assert [ref.digest in what for what in reader.take_damage()] == [True]
    assert reader.take_damage() == ()
    assert not reader.is_kept(record)
    assert put(storage) == ref and reader.load_value(ref) == CONTENT


def test_a_missing_artifact_is_told_of(storage: ModelStorage) -> None:
    """A deleted blob raises as missing, and makes its record not kept."""
    ref = put(storage)
    blob(storage, ref).unlink()
    with pytest.raises(DamagedArtifact) as caught:
        storage.load_value(ref)
    assert caught.value.damage == "missing"
    assert len(storage.take_damage()) == 1 and quarantined(storage) == []


def test_swapped_artifacts_are_found(storage: ModelStorage) -> None:
    """Two blobs of one size with exchanged names are both damaged."""
    first, second = put(storage), put(storage, CONTENT[::-1])
    kept = blob(storage, first).read_bytes()
    rewrite(blob(storage, first), blob(storage, second).read_bytes())
    rewrite(blob(storage, second), kept)
    for ref in (first, second):
        with pytest.raises(DamagedArtifact):
            storage.load_value(ref)


def test_too_many_open_files_is_no_damage(storage: ModelStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A healthy blob that can't be opened just now is left where it is."""
    ref = put(storage)

    def full(name: str, path: str) -> None:
        if name == "open":
            raise OSError(24, "Too many open files")

    monkeypatch.setattr(files, "_step", full)
    with pytest.raises(StorageError, match="Too many open files") as caught:
        storage.load_value(ref)
    assert not isinstance(caught.value, DamagedArtifact)
    monkeypatch.undo()
    assert storage.load_value(ref) == CONTENT


def test_without_descriptors_for_maps_values_are_read(
    storage: ModelStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a large artifact can't be mapped it is read, and is as writable."""
    ref = put(storage, np.arange(100_000))

    def refuse(name: str, path: str) -> None:
        if name == "map":
            raise OSError(24, "Too many open files")

    monkeypatch.setattr(files, "_step", refuse)
    restored = storage.load_value(ref)
    assert isinstance(restored, np.ndarray) and restored[-1] == 99_999 and restored.flags.writeable


def test_a_digest_that_is_a_path_reaches_nothing(storage: ModelStorage, tmp_path: Path) -> None:
    """A record can't make the store read a file elsewhere."""
    (tmp_path / "secret").write_bytes(b"secret")
    put(storage)
    ref = ArtifactRef("../../../secret", 6, "bytes")
    record, _ = make_record(storage.store_value(1, is_first_party=first_party))
    with pytest.raises(DamagedArtifact):
        storage.load_value(ref)
    assert not storage._artifacts.has(ref.digest, 6)
    assert storage.is_kept(record)


def test_an_artifact_is_written_once(storage: ModelStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal bytes are stored again by refreshing the time of those that are there."""
    ref = put(storage)
    path = blob(storage, ref)
    os.utime(path, (1, 1))
    inode = path.stat().st_ino
    steps: list[str] = []
    monkeypatch.setattr(files, "_step", lambda name, path: steps.append(name))
    assert put(open_storage(storage.folder.parent)) == ref
    assert path.stat().st_ino == inode and path.stat().st_mtime > 1
    assert "write" not in steps
    assert path.stat().st_mode & 0o777 == 0o444


def test_large_artifacts_verified_before_are_believed_while_unchanged(
    storage: ModelStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the limit, a later process believes inode, size and times, and reads again when they differ."""
    monkeypatch.setattr(artifacts, "REMEMBERED_BYTES", 10_000)
    ref = put(storage)
    storage.close()
    hashed: list[str] = []
    monkeypatch.setattr(files, "_step", lambda name, path: hashed.append(path) if name == "read" else None)

    def times_read() -> int:
        """The value itself is read once; verifying reads it once more, block by block."""
        hashed.clear()
        with open_storage(storage.folder.parent) as other:
            assert other.load_value(ref) == CONTENT
        return hashed.count(str(blob(storage, ref)))

    believed = times_read()
    os.utime(blob(storage, ref))
    assert times_read() > believed
    assert times_read() == believed
    rewrite(blob(storage, ref), b"y" + CONTENT[1:])
    with pytest.raises(DamagedArtifact):
        open_storage(storage.folder.parent).load_value(ref)


def test_small_artifacts_are_verified_by_each_process(storage: ModelStorage) -> None:
    """Times put back by hand don't hide a change from a process that hasn't read the artifact yet."""
    ref = put(storage)
    storage.close()
    found = blob(storage, ref).stat()
    rewrite(blob(storage, ref), b"y" + CONTENT[1:])
    os.utime(blob(storage, ref), ns=(found.st_atime_ns, found.st_mtime_ns))
    with pytest.raises(DamagedArtifact):
        open_storage(storage.folder.parent).load_value(ref)
