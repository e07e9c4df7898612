"""`fr cache stats` and `fr cache clear`."""

from __future__ import annotations

from pathlib import Path

from command_project import Fr


def test_stats(fr: Fr) -> None:
    """Records, artifacts, size and runs, for people and for programs."""
    found = fr.json("cache", "stats")
    assert set(found) == {
        "ok",
        "folder",
        "kept",
        "not_kept",
        "artifacts",
        "bytes",
        "runs",
        "quarantined",
        "pinned",
    }
    assert (found["kept"], found["not_kept"], found["runs"]) == (4, 0, 1)
    assert found["folder"] == str(fr.folder / ".cache" / "fr")
    lines = fr("cache", "stats").stdout.splitlines()
    assert lines[0] == found["folder"]
    assert lines[1] == "  4 records, 4 with their artifacts kept"


def test_stats_of_no_cache(fr: Fr, tmp_path: Path) -> None:
    """A folder without a cache is no error, and none is made there."""
    done = fr("cache", "stats", "--cache-dir", str(tmp_path / "none"))
    assert done.returncode == 0
    assert done.stdout.startswith("there is no cache at ")
    assert not (tmp_path / "none").exists()


def test_clearing_needs_a_yes(fr: Fr) -> None:
    """Off a terminal nothing is removed without `--yes`."""
    assert fr("cache", "clear").returncode == 2
    assert fr.json("cache", "clear", status=2)["errors"][0]["hint"] == "confirm with --yes"
    assert fr.json("plan")["counts"]["up_to_date"] == 4


def test_clearing(fr: Fr) -> None:
    """After it everything runs again."""
    found = fr.json("cache", "clear", "--yes")
    assert set(found) == {"ok", "folder", "removed"}
    assert found["removed"]["kept"] == 4
    assert fr.json("plan")["counts"]["up_to_date"] == 0
    assert fr.json("run")["counts"]["ran"] == 4
