"""A component writes its own resource and reads what its needs bring."""

from __future__ import annotations

from pathlib import Path

import pytest

from fingerprint_runner.errors import MissingNeed
from fingerprint_runner.graph.component import Resource, ResourceStorage
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage
from fingerprint_runner.storage.node_view import NodeStorageView


@pytest.fixture
def storage(tmp_path: Path) -> ModelStorage:
    return open_storage(tmp_path / "cache")


def view(storage: ModelStorage, scratch: Path, **readable: bytes) -> NodeStorageView:
    trees = {}
    for name, content in readable.items():
        folder = scratch / "source" / name
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(content)
        trees[name] = storage.store_tree(folder)
    readable = {name: (storage, tree) for name, tree in trees.items()}
    return NodeStorageView("classifier", Resource("classifier"), readable, scratch / "node")


def test_the_own_resource_is_written_to_one_folder(storage: ModelStorage, tmp_path: Path) -> None:
    """Writing twice adds to the same folder, which the runner finds afterwards."""
    seen: ResourceStorage = view(storage, tmp_path)
    assert isinstance(seen, NodeStorageView) and seen.written is None
    with seen.write_to(Resource("classifier")) as folder:
        (folder / "a").write_text("1")
    with seen.write_to(Resource("classifier")) as folder:
        (folder / "b").write_text("2")
    assert seen.written is not None
    assert sorted(path.name for path in seen.written.iterdir()) == ["a", "b"]
    with seen.read_from(Resource("classifier")) as folder:
        assert (folder / "a").read_text() == "1"


def test_a_failed_write_is_no_resource(storage: ModelStorage, tmp_path: Path) -> None:
    """What was written in a block that raised isn't put out."""
    seen = view(storage, tmp_path)
    with pytest.raises(RuntimeError), seen.write_to(Resource("classifier")):
        raise RuntimeError
    assert seen.written is None


def test_needs_are_read_from_read_only_folders(storage: ModelStorage, tmp_path: Path) -> None:
    """A resource that a need brings is restored, and restored once."""
    seen = view(storage, tmp_path, featurizer=b"w")
    with seen.read_from(Resource("featurizer")) as first, seen.read_from(Resource("featurizer")) as second:
        assert first == second and (first / "weights").read_bytes() == b"w"
        assert (first / "weights").stat().st_mode & 0o222 == 0


def test_anything_else_is_a_missing_need(storage: ModelStorage, tmp_path: Path) -> None:
    """Reading or writing another node's resource names that node in the error."""
    seen = view(storage, tmp_path, featurizer=b"w")
    with pytest.raises(MissingNeed, match="'tokenizer'") as caught, seen.read_from(Resource("tokenizer")):
        pass
    assert (caught.value.node, caught.value.resource) == ("classifier", "tokenizer")
    with pytest.raises(MissingNeed), seen.write_to(Resource("featurizer")):
        pass
    with pytest.raises(MissingNeed), seen.read_from(Resource("classifier")):
        pass


def test_resource_names_cannot_leave_the_scratch_folder(storage: ModelStorage, tmp_path: Path) -> None:
    """A name such as `../../x` is only a name."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "f").write_text("x")
    tree = storage.store_tree(folder)
    scratch = tmp_path / "node"
    name = "../../../escape"
    seen = NodeStorageView("n", Resource(name), {"/abs": (storage, tree)}, scratch)
    with seen.write_to(Resource(name)) as written, seen.read_from(Resource("/abs")) as read:
        assert written.resolve().is_relative_to(scratch) and read.resolve().is_relative_to(scratch)
