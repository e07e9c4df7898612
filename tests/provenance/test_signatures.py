"""What stat signatures show."""

from __future__ import annotations

import os
from pathlib import Path

from fingerprint_runner.provenance.signatures import (
    UNSETTLED,
    first_changed,
    folder_signature,
    is_settled,
    signature,
)

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def sig(mtime: int, ctime: int) -> tuple[int, ...]:
    return (1, mtime, ctime, 7, 0o100644)


def test_restored_mtime_shows_in_ctime(tmp_path: Path) -> None:
    """A same-size edit whose mtime is set back gives another signature."""
    path = tmp_path / "data"
    path.write_bytes(b"one")
    os.utime(path, ns=(SECOND, SECOND))
    before = signature(str(path))
    assert before is not None
    # Wait for the kernel's clock to tick, so that ctime can differ at all.
    while True:
        path.write_bytes(b"two")
        os.utime(path, ns=(SECOND, SECOND))
        if path.stat().st_ctime_ns != before[2]:
            break
    after = signature(str(path))
    assert after is not None
    assert after[:2] == before[:2]
    assert after != before


def test_atomic_replacement_shows_in_inode(tmp_path: Path) -> None:
    """A file renamed over another gives another signature though size and mtime agree."""
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.write_bytes(b"same size")
        os.utime(path, ns=(SECOND, SECOND))
    before = signature(str(old))
    new.replace(old)
    after = signature(str(old))
    assert before is not None and after is not None
    assert before[3] != after[3]


def test_absence_is_none(tmp_path: Path) -> None:
    """What isn't there has no signature, and neither has a path that can't be."""
    assert signature(str(tmp_path / "none")) is None
    assert signature(str(tmp_path / "none" / "deeper")) is None
    assert signature("a\0b") is None


def test_folder_shows_new_entries(tmp_path: Path) -> None:
    """A folder's signature changes when an entry appears."""
    os.utime(tmp_path, ns=(SECOND, SECOND))
    before = folder_signature(str(tmp_path))
    (tmp_path / "new").touch()
    assert folder_signature(str(tmp_path)) != before


def test_recent_changes_are_unsettled() -> None:
    """A signature proves nothing where mtime or ctime is within the clock's grain, or ahead."""
    old = NOW - SECOND + 1
    assert is_settled(sig(old, old), NOW)
    assert not is_settled(sig(NOW - 1000, old), NOW)
    assert not is_settled(sig(old, NOW - 1000), NOW)
    assert not is_settled(sig(old, NOW + 5 * SECOND), NOW)
    assert not is_settled(sig(NOW + 5 * SECOND, old), NOW)


def test_whole_seconds_are_distrusted_longer() -> None:
    """Where the file system keeps whole seconds, two of them must have passed."""
    assert not is_settled(sig(NOW - SECOND, NOW - SECOND), NOW)
    assert is_settled(sig(NOW - 3 * SECOND, NOW - 3 * SECOND), NOW)
    # An mtime set by hand to a whole second doesn't make the file system coarse.
    assert is_settled(sig(NOW - 5 * SECOND, NOW - SECOND + 1), NOW)


def test_first_changed_names_the_path(tmp_path: Path) -> None:
    """The first path that isn't as expected is named; an unsettled one never is as expected."""
    here, gone = str(tmp_path), str(tmp_path / "gone")
    assert first_changed({here: signature(here), gone: None}) is None
    assert first_changed({here: UNSETTLED}) == here
    Path(gone).touch()
    assert first_changed({gone: None}) == gone
