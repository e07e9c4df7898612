"""Memos: there or not there, never half."""

from __future__ import annotations

from pathlib import Path

import pytest

from fingerprint_runner.storage import files
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage


@pytest.fixture
def storage(tmp_path: Path) -> ModelStorage:
    return open_storage(tmp_path)


@pytest.mark.parametrize("name", ["plan", "source/é", "../../escape", "", ".hidden", "x" * 300])
def test_a_memo_comes_back_under_any_name(storage: ModelStorage, name: str, tmp_path: Path) -> None:
    """Names are only names: whatever is in them, the file lies in the memo folder."""
    storage.memo.save(name, b"first")
    storage.memo.save(name, b"second")
    assert open_storage(tmp_path).memo.load(name) == b"second"
    assert len(list((tmp_path / "fr" / "memo").iterdir())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["fr"]


def test_a_damaged_memo_is_none(storage: ModelStorage, tmp_path: Path) -> None:
    """A changed, shortened or emptied memo isn't handed out."""
    storage.memo.save("m", b"content")
    path = tmp_path / "fr" / "memo" / "m"
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole + b"x", bytes([whole[0] ^ 1]) + whole[1:]):
        path.write_bytes(damaged)
        assert storage.memo.load("m") is None
    path.write_bytes(whole)
    assert storage.memo.load("m") == b"content"


def test_saving_never_raises(storage: ModelStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step of saving fails, the old memo stays and nothing is left behind."""
    storage.memo.save("m", b"old")
    for failing in range(12):
        steps = 0

        def fail(name: str, path: str, failing: int = failing) -> None:
            nonlocal steps
            steps += 1
            if steps == failing + 1:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(files, "_step", fail)
        storage.memo.save("m", b"new")
        monkeypatch.undo()
        assert storage.memo.load("m") in (b"old", b"new")
        assert [path.name for path in (storage.folder / "memo").iterdir()] == ["m"]
