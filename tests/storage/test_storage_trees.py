"""Resource folders come back as they were, and never reach outside themselves."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fingerprint_runner.errors import DamagedArtifact, NotStorable, StorageError
from fingerprint_runner.fingerprints.record import ResourceTree, TreeEntry
from fingerprint_runner.storage import files
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage

NAMES = st.text("ab.é- ", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
TREES = st.recursive(
    st.binary(max_size=5000), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
).filter(lambda tree: isinstance(tree, dict))


@pytest.fixture
def storage(tmp_path: Path) -> ModelStorage:
    return open_storage(tmp_path / "cache")


def build(folder: Path, tree: object) -> Path:
    folder.mkdir(parents=True)
    assert isinstance(tree, dict)
    for name, inner in tree.items():
        if isinstance(inner, dict):
            build(folder / name, inner)
        else:
            (folder / name).write_bytes(inner)
    return folder


def content(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = None if path.is_dir() else (path.read_bytes(), os.access(path, os.X_OK))
    return found


@settings(deadline=None, max_examples=25)
@given(tree=TREES)
def test_a_folder_comes_back_as_it_was(tree: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files, nested and empty folders come back; storing what came back gives the same identity."""
    base = tmp_path_factory.mktemp("tree")
    storage = open_storage(base / "cache")
    folder = build(base / "folder", tree)
    stored = storage.store_tree(folder)
    storage.restore_tree(stored, base / "restored", read_only=False)
    assert content(base / "restored") == content(folder)
    assert storage.store_tree(base / "restored") == stored


def test_times_do_not_count_and_the_executable_bit_does(storage: ModelStorage, tmp_path: Path) -> None:
    """Identity is content, names and the one mode that matters."""
    folder = build(tmp_path / "folder", {"run.sh": b"#!/bin/sh\n", "empty": b""})
    first = storage.store_tree(folder)
    os.utime(folder / "run.sh", (1, 1))
    assert storage.store_tree(folder).identity == first.identity
    (folder / "run.sh").chmod(0o755)
    executable = storage.store_tree(folder)
    assert executable.identity != first.identity
    storage.restore_tree(executable, tmp_path / "restored", read_only=False)
    assert os.access(tmp_path / "restored" / "run.sh", os.X_OK)
    assert (tmp_path / "restored" / "empty").read_bytes() == b""


def test_names_that_are_not_unicode_come_back(storage: ModelStorage, tmp_path: Path) -> None:
    """A file name is bytes, and they are kept."""
    folder = build(tmp_path / "folder", {})
    (folder / "\udcff").write_bytes(b"x")
    storage.restore_tree(storage.store_tree(folder), tmp_path / "restored", read_only=False)
    assert [path.name for path in (tmp_path / "restored").iterdir()] == ["\udcff"]


def test_a_read_only_restore_cannot_be_changed(storage: ModelStorage, tmp_path: Path) -> None:
    """Files and folders given to a consumer have no write permission."""
    folder = build(tmp_path / "folder", {"a": {"b": b"x"}, "c": b"y"})
    storage.restore_tree(storage.store_tree(folder), tmp_path / "restored", read_only=True)
    for path in [tmp_path / "restored", *(tmp_path / "restored").rglob("*")]:
        assert path.stat().st_mode & 0o222 == 0
    files.remove_tree(str(tmp_path / "restored"))
    assert not (tmp_path / "restored").exists()


def test_a_restored_file_is_no_door_into_the_store(storage: ModelStorage, tmp_path: Path) -> None:
    """Writing to a restored file, as root even, leaves the stored one alone."""
    folder = build(tmp_path / "folder", {"c": b"y" * 9000})
    tree = storage.store_tree(folder)
    storage.restore_tree(tree, tmp_path / "first", read_only=False)
    (tmp_path / "first" / "c").write_bytes(b"changed")
    storage.restore_tree(tree, tmp_path / "second", read_only=False)
    assert (tmp_path / "second" / "c").read_bytes() == b"y" * 9000
    assert (tmp_path / "second" / "c").stat().st_nlink == 1


def test_symlinks_that_stay_inside_are_kept(storage: ModelStorage, tmp_path: Path) -> None:
    """Relative links within the folder come back as links, dangling ones too."""
    folder = build(tmp_path / "folder", {"a": {"b": b"x"}})
    (folder / "latest").symlink_to("a/b")
    (folder / "a" / "up").symlink_to("../latest")
    (folder / "nowhere").symlink_to("missing")
    storage.restore_tree(storage.store_tree(folder), tmp_path / "restored", read_only=True)
    assert content(tmp_path / "restored") == content(folder)


@pytest.mark.parametrize("target", ["/outside", "../../outside", "a/../../outside", "up/../outside"])
def test_symlinks_that_leave_are_refused(storage: ModelStorage, tmp_path: Path, target: str) -> None:
    """A link out of the folder, directly or by way of another link, names itself in the error."""
    folder = build(tmp_path / "folder", {"a": {"b": b"x"}})
    (folder / "a" / "up").symlink_to("..")
    (folder / "a" / "link").symlink_to(target)
    if target == "a/../../outside":
        (folder / "a" / "link").rename(folder / "link")
    with pytest.raises(NotStorable, match="leads out") as caught:
        storage.store_tree(folder)
    assert caught.value.path.endswith("link")


def test_pipes_and_sockets_are_refused(
    storage: ModelStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What isn't a file or folder is named, with its kind."""
    folder = build(tmp_path / "folder", {"a": {}})
    os.mkfifo(folder / "a" / "pipe")
    with pytest.raises(NotStorable) as caught:
        storage.store_tree(folder)
    assert (caught.value.path, caught.value.type_name) == ("a/pipe", "named pipe")
    (folder / "a" / "pipe").unlink()
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(NotStorable, match="socket"):
            storage.store_tree(folder)


@pytest.mark.parametrize("damage", ["flip", "delete"])
def test_a_damaged_file_is_never_restored(storage: ModelStorage, tmp_path: Path, damage: str) -> None:
    """A resource whose file decayed raises, and its record isn't kept any more."""
    tree = storage.store_tree(build(tmp_path / "folder", {"a": b"x" * 100}))
    [path] = (storage.folder / "blobs").glob("*/*")
    if damage == "flip":
        path.chmod(0o644)
        path.write_bytes(b"y" + b"x" * 99)
    else:
        path.unlink()
    with pytest.raises(DamagedArtifact):
        open_storage(tmp_path / "cache").restore_tree(tree, tmp_path / "restored", read_only=False)
    assert not (tmp_path / "restored" / "a").exists()


@pytest.mark.parametrize(
    "entries",
    [
        [TreeEntry("../out", "folder")],
        [TreeEntry("{outside}/out", "folder")],
        [TreeEntry("a//b", "folder")],
        [TreeEntry("missing/b", "folder")],
        [TreeEntry("a", "folder"), TreeEntry("a", "link", "x")],
        [TreeEntry("a", "link", ".."), TreeEntry("a/b", "folder")],
        [TreeEntry("a", "link", "../..")],
        [TreeEntry("a", "device")],
    ],
    ids=repr,
)
def test_a_forged_tree_writes_nothing_outside(
    storage: ModelStorage, tmp_path: Path, entries: list[TreeEntry]
) -> None:
    """Paths that climb, repeat, or lead through a link are refused."""
    inside = tmp_path / "deep" / "restored"
    entries = [replace(entry, path=entry.path.format(outside=tmp_path / "deep")) for entry in entries]
    with pytest.raises(StorageError, match="can't be"):
        storage.restore_tree(ResourceTree("x", tuple(entries)), inside, read_only=False)
    assert not (tmp_path / "deep" / "out").exists()


def test_a_tree_is_kept_while_its_files_are(storage: ModelStorage, tmp_path: Path) -> None:
    """A record with a resource is kept until one of the resource's files is gone."""
    from storage_strategies import make_record

    tree = storage.store_tree(build(tmp_path / "folder", {"a": b"x", "b": b"", "c": {}}))
    record, _ = make_record(None)
    record = replace(record, resource=tree)
    assert storage.is_kept(record)
    for path in (storage.folder / "blobs").glob("*/*"):
        path.unlink()
    assert not storage.is_kept(record)
