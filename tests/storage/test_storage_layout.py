"""The store's folders: made by the first write, and refused where they aren't safe."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import StorageError
from fingerprint_runner.storage import layout
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage


def write(storage: ModelStorage) -> None:
    storage.publish(*make_record(storage.store_value(1, is_first_party=first_party)))


def test_opening_and_looking_make_no_files(tmp_path: Path) -> None:
    """A store that was only asked leaves nothing behind, not even its cache folder."""
    storage = open_storage(tmp_path / "cache")
    assert storage.records(["a" * 32]) == {} and storage.traces(["b" * 32]) == {}
    assert (
        storage.last_run("g") is None
        and list(storage.runs("g", 5)) == []
        and storage.newest("n", "c") is None
    )
    assert storage.generation() is None and storage.memo.load("m") is None
    assert storage.upkeep.stats().records == 0 and storage.upkeep.clear().records == 0
    storage.flush()
    storage.close()
    assert list(tmp_path.iterdir()) == []


def test_a_memo_makes_no_store(tmp_path: Path) -> None:
    """Planning may keep what it learnt without making a table or a version."""
    storage = open_storage(tmp_path / "cache")
    storage.memo.save("source", b"x")
    assert sorted(path.name for path in storage.folder.iterdir()) == ["CACHEDIR.TAG", "memo"]
    assert storage.records(["a" * 32]) == {}
    write(storage)
    assert storage.memo.load("source") == b"x"


def test_the_first_write_makes_the_whole_layout(tmp_path: Path) -> None:
    """All folders are the user's own, and nothing is written beside `fr/`."""
    storage = open_storage(tmp_path / "deep" / "cache")
    write(storage)
    assert [path.name for path in (tmp_path / "deep" / "cache").iterdir()] == ["fr"]
    names = {path.name for path in storage.folder.iterdir()}
    assert names == {*layout.FOLDERS, "VERSION", "CACHEDIR.TAG", "lock"}
    assert stat.S_IMODE(storage.folder.stat().st_mode) == 0o700
    assert (storage.folder / "VERSION").read_text() == "1\n"
    assert (
        (storage.folder / "CACHEDIR.TAG")
        .read_text()
        .startswith("Signature: 8a477f597d28d172789f06886806bc55")
    )


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A store of a later version is neither read nor written."""
    write(open_storage(tmp_path))
    (tmp_path / "fr" / "VERSION").write_text("2\n")
    with pytest.raises(StorageError, match="upgrade"):
        open_storage(tmp_path).records(["a" * 32])
    with pytest.raises(StorageError, match="upgrade"):
        write(open_storage(tmp_path))


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """A version that isn't a number says that something else lives there."""
    write(open_storage(tmp_path))
    (tmp_path / "fr" / "VERSION").write_text("hello")
    with pytest.raises(StorageError, match="isn't a version number"):
        open_storage(tmp_path).records(["a" * 32])


def test_a_store_without_version_is_made_again(tmp_path: Path) -> None:
    """A process killed while it made the store leaves one that works."""
    (tmp_path / "fr" / "blobs").mkdir(parents=True, mode=0o700)
    (tmp_path / "fr" / "blobs").chmod(0o700)
    (tmp_path / "fr").chmod(0o700)
    write(open_storage(tmp_path))
    assert (tmp_path / "fr" / "VERSION").exists()


@pytest.mark.parametrize("name", ["", "tmp", "blobs", "records"])
def test_symlinks_in_place_of_folders_are_refused(tmp_path: Path, name: str) -> None:
    """The store is never led elsewhere."""
    write(open_storage(tmp_path / "real"))
    open_storage(tmp_path / "real").close()
    (tmp_path / "cache").mkdir()
    place = tmp_path / "cache" / "fr"
    if name:
        (tmp_path / "real" / "fr").rename(place)
        (place / name).rename(tmp_path / "elsewhere")
        (place / name).symlink_to(tmp_path / "elsewhere")
    else:
        place.symlink_to(tmp_path / "real" / "fr")
    for use in (write, lambda storage: storage.records(["a" * 32])):
        with pytest.raises(StorageError, match="symlink"):
            use(open_storage(tmp_path / "cache"))


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    """Whoever can write a stored pickle can run code as its reader."""
    write(open_storage(tmp_path))
    (tmp_path / "fr").chmod(0o777)
    with pytest.raises(StorageError, match="chmod 700"):
        open_storage(tmp_path).records(["a" * 32])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """A store that somebody else owns isn't believed."""
    write(open_storage(tmp_path))
    os.chown(tmp_path / "fr", 12345, 12345)
    with pytest.raises(StorageError, match="another user"):
        open_storage(tmp_path).records(["a" * 32])


def test_network_filesystems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store isn't made where locks and the table's log don't hold; the message says what to do."""
    kinds = Path("/proc/self/mountinfo").read_text() if Path("/proc/self/mountinfo").exists() else ""
    if not kinds:
        pytest.skip("no /proc/self/mountinfo")
    monkeypatch.setattr(
        layout, "_NETWORK", {line.partition(" - ")[2].split()[0] for line in kinds.splitlines()}
    )
    with pytest.raises(StorageError, match="--cache-dir"):
        write(open_storage(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_store_deleted_under_way_is_made_again(tmp_path: Path) -> None:
    """Somebody deletes the cache folder in a run: the run goes on storing."""
    import shutil

    storage = open_storage(tmp_path / "cache")
    write(storage)
    assert storage.upkeep.stats().kept == 1
    shutil.rmtree(tmp_path / "cache")
    storage.forget()
    assert storage.upkeep.stats().kept == 0
    write(storage)
    assert open_storage(tmp_path / "cache").upkeep.stats().kept == 1


def test_an_unknown_durability_is_refused(tmp_path: Path) -> None:
    """A misspelt option isn't a weaker promise."""
    with pytest.raises(ValueError, match="batch, each, fast"):
        open_storage(tmp_path, durability="eech")


def test_a_location_opens_the_same_store(tmp_path: Path) -> None:
    """What is sent to another process opens the same folder with the same promise."""
    import pickle

    storage = open_storage(tmp_path, durability="fast")
    write(storage)
    location = pickle.loads(pickle.dumps(storage.location))
    assert location.open().upkeep.stats().kept == 1 and location.durability == "fast"
