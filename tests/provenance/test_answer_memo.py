"""Remembered answers about source: an answer holds only for the texts that it was found from."""

from __future__ import annotations

from pathlib import Path

from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.memo import MemoryMemo
from fingerprint_runner.provenance.source_reader import SourceReader


def reader(folder: Path, memo: MemoryMemo) -> SourceReader:
    return SourceReader(Locator([str(folder)]), memo)


def write(folder: Path, helper: str) -> None:
    (folder / "shared.py").write_text(f"A = {helper}\nB = {helper}\n")
    (folder / "first.py").write_text("import shared\ndef f():\n    return shared.A\n")
    (folder / "second.py").write_text("import shared\ndef g():\n    return shared.B\n")


def test_answering_one_root_anew_does_not_renew_another(tmp_path: Path) -> None:
    """Two roots read one file: after an edit both are found anew, in either order and across processes."""
    memo = MemoryMemo()
    write(tmp_path, "1")
    before = reader(tmp_path, memo)
    old = {root: before.closure(root).digest for root in ("first:f", "second:g")}
    before.save()
    write(tmp_path, "2")
    only_one = reader(tmp_path, memo)
    assert only_one.closure("first:f").digest != old["first:f"]
    assert only_one.closure("second:g").digest != old["second:g"]
    assert only_one.closure("second:g").modules["shared"] == only_one.closure("first:f").modules["shared"]


def test_an_answer_that_is_not_asked_for_is_not_renewed_by_saving(tmp_path: Path) -> None:
    """One process asks the first root alone after an edit; the next still finds the second anew."""
    memo = MemoryMemo()
    write(tmp_path, "1")
    before = reader(tmp_path, memo)
    old = before.closure("second:g").digest
    before.closure("first:f")
    before.save()
    write(tmp_path, "2")
    middle = reader(tmp_path, memo)
    middle.closure("first:f")
    middle.save()
    assert reader(tmp_path, memo).closure("second:g").digest != old


def test_going_back_answers_as_before(tmp_path: Path) -> None:
    """An undone edit gives the first answers again."""
    memo = MemoryMemo()
    write(tmp_path, "1")
    first = reader(tmp_path, memo)
    old = first.closure("first:f")
    first.save()
    write(tmp_path, "2")
    reader(tmp_path, memo).closure("first:f")
    write(tmp_path, "1")
    assert reader(tmp_path, memo).closure("first:f") == old
