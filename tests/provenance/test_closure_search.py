"""Closures change exactly with what can change what a root gives."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fingerprint_runner.provenance.closure import Closure
from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.memo import MemoryMemo, NoMemo
from fingerprint_runner.provenance.source_reader import SourceReader

sys.path.insert(0, str(Path(__file__).parent))
from closure_edits import MUST_CHANGE, MUST_NOT_CHANGE, Edit


def write(folder: Path, files: dict[str, str]) -> None:
    """Write a project's files."""
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def apply(folder: Path, edit: Edit) -> None:
    """Make an edit, every replaced text being there exactly as the row says."""
    for path, change in edit.edit.items():
        place = folder / path
        if change is None:
            place.unlink()
        elif isinstance(change, str):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(change)
        else:
            text = place.read_text()
            assert change[0] in text, f"{change[0]!r} isn't in {path}"
            place.write_text(text.replace(*change))


def reader(folder: Path, memo: MemoryMemo | NoMemo | None = None) -> SourceReader:
    """A reader of a project, with the standard library after it."""
    stdlib = str(Path(os.__file__).parent)
    path = [str(folder), str(folder / "site-packages"), stdlib]
    return SourceReader(Locator(path), NoMemo() if memo is None else memo)


def before_and_after(folder: Path, edit: Edit) -> tuple[Closure, Closure]:
    """A row's closures; with a memo that saw the first state, the second is the same as without."""
    write(folder, edit.files)
    (folder / "site-packages").mkdir(exist_ok=True)
    memo = MemoryMemo()
    first = reader(folder, memo)
    before = first.closure(edit.root)
    first.save()
    apply(folder, edit)
    after = reader(folder).closure(edit.root)
    assert reader(folder, memo).closure(edit.root) == after
    return before, after


@pytest.mark.parametrize("edit", MUST_CHANGE, ids=lambda edit: edit.name)
def test_what_can_change_the_result_changes_the_closure(tmp_path: Path, edit: Edit) -> None:
    """An edit that a root can see gives another digest, under the name of what was edited."""
    before, after = before_and_after(tmp_path, edit)
    assert before.digest != after.digest
    if edit.part:
        assert before.parts.get(edit.part) != after.parts.get(edit.part)


@pytest.mark.parametrize("edit", MUST_NOT_CHANGE, ids=lambda edit: edit.name)
def test_what_cannot_change_the_result_leaves_the_closure(tmp_path: Path, edit: Edit) -> None:
    """An edit that a root can't see gives the same digest and the same parts."""
    before, after = before_and_after(tmp_path, edit)
    assert dict(before.parts) == dict(after.parts)
    assert before.digest == after.digest
