"""Pruning the digits cache by every option: as announced, and with nothing to do afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from command_project import Fr

DIGITS = Path(__file__).parents[2] / "docs" / "examples" / "digits"

CASES: list[tuple[list[str], int | None]] = [
    (["--unreachable"], 6),
    (["--older-than", "0s"], 6),
    (["--older-than", "1h"], 0),
    (["--keep-last", "1"], 6),
    (["--keep-last", "2"], 2),
    (["--max-size", "12MB"], None),
    (["--max-size", "1GB"], 0),
    (["--max-size", "1kB"], 6),
    (["--keep-last", "2", "--older-than", "0s", "--unreachable"], 2),
]
"""Options of `fr cache prune`, and how many artifacts go; None: it depends on how long the nodes took."""

CHOSEN = CASES if os.environ.get("FR_TEST_FULL") else CASES[::4]


@pytest.fixture(scope="module")
def _digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits graph, trained; two of its models also with other options."""
    folder = tmp_path_factory.mktemp("digits") / "digits"
    ignored = shutil.ignore_patterns(".cache", "reports", "__pycache__")
    shutil.copytree(DIGITS, folder, ignore=ignored)
    fr = Fr(folder)
    for options in (
        ["ask_logistic", "--set", "train_logistic.strength=0.1"],
        ["ask_logistic", "--set", "train_logistic.strength=0.2"],
        ["ask_svm", "--set", "train_svm.c=1.0"],
        [],
    ):
        done = fr("run", "-q", *options)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def digits(_digits: Path, tmp_path: Path) -> Fr:
    """The command in a copy of it."""
    shutil.copytree(_digits, tmp_path / "digits")
    return Fr(tmp_path / "digits")


def blobs(fr: Fr) -> int:
    """The bytes of the files that hold artifacts, by the file system's own account."""
    return sum(path.stat().st_size for path in (fr.folder / ".cache/fr/blobs").glob("*/*"))


def rows(fr: Fr) -> int:
    """The bytes of the table's rows, by SQLite's own account."""
    connection = sqlite3.connect(fr.folder / ".cache/fr/records/cache.db")
    (found,) = connection.execute(
        "SELECT SUM(LENGTH(key) + LENGTH(value)) FROM Cache WHERE key <> 'generation'"
    ).fetchone()
    connection.close()
    return int(found)


@pytest.mark.parametrize(("options", "artifacts"), CHOSEN)
def test_what_is_announced_goes_and_nothing_has_to_run(
    digits: Fr, options: list[str], artifacts: int | None
) -> None:
    """Sizes before and after are those of the dry run and of the disk; the last run's needs are there."""
    said = digits.json("cache", "prune", *options, "--dry-run")
    assert said["before"] == blobs(digits) + rows(digits)
    done = digits.json("cache", "prune", *options)
    assert [said[key] for key in ("before", "after", "gone")] == [
        done[key] for key in ("before", "after", "gone")
    ]
    assert done["after"] == blobs(digits) + rows(digits)
    if artifacts is not None:
        assert done["gone"]["artifacts"] == artifacts
    assert digits("plan", "--check").returncode == 0
    assert digits.json("run")["counts"] == {"ran": 0, "hit": 19, "failed": 0, "skipped": 0, "cancelled": 0}
    assert digits("cache", "verify").returncode == 0
    # What was dropped still decides, and is made again where somebody wants it.
    going_back = ["--set", "train_logistic.strength=0.1"]
    plan = digits.json("plan", "ask_logistic", *going_back)
    assert plan["counts"]["stale"] == (1 if done["gone"]["records_removed"] else 0)
    assert digits("run", "-q", "ask_logistic", *going_back).returncode == 0
    assert digits("get", "ask_logistic", *going_back).returncode == 0
