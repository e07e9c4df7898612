"""What lies at a path at one moment, for a later comparison."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fingerprint_runner.provenance.files import ABSENT, FileDigests
from fingerprint_runner.provenance.glance import FOLDER, glance, listing_digest
from fingerprint_runner.provenance.memo import NoMemo


def test_a_settled_file_is_not_read(tmp_path: Path) -> None:
    """Its signature shows any later change; a file of just now is read, since its signature doesn't."""
    path = tmp_path / "a"
    path.write_text("a")
    now = time.time_ns()
    assert glance(str(path), now + 10**12).digest == ""
    look = glance(str(path), now)
    assert look.digest != ""
    files = FileDigests(NoMemo())
    assert files.changed_since({str(path): look}) == []
    path.write_text("b")
    os.utime(path, ns=(look.signature[1], look.signature[1]) if look.signature else None)
    assert files.changed_since({str(path): look}) == [str(path)]


def test_absent_files_and_folders(tmp_path: Path) -> None:
    """Of these it is said what they are."""
    assert glance(str(tmp_path / "none"), 0).digest == ABSENT
    assert glance(str(tmp_path), 0).digest == FOLDER


def test_a_listing_is_of_names_alone(tmp_path: Path) -> None:
    """Content doesn't matter, nor what comes and goes by itself."""
    assert listing_digest(str(tmp_path / "none")) == ABSENT
    empty = listing_digest(str(tmp_path))
    (tmp_path / "__pycache__").mkdir()
    assert listing_digest(str(tmp_path)) == empty
    (tmp_path / "a").write_text("a")
    one = listing_digest(str(tmp_path))
    (tmp_path / "a").write_text("b")
    assert listing_digest(str(tmp_path)) == one != empty
