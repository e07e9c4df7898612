"""`fr init`: a project that runs at once, and nothing of anybody else's is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_project import COMMAND, Fr, edit
from fingerprint_runner.cli.init import FILES


@pytest.fixture
def fr_init(tmp_path: Path) -> Fr:
    return Fr(tmp_path)


def test_a_new_project_runs_and_has_nothing_to_do_the_second_time(fr_init: Fr, tmp_path: Path) -> None:
    """Five nodes run, then none; the report is where fr.yml says, and the cache is ignored by git."""
    assert fr_init("init", "x").returncode == 0
    fr = Fr(tmp_path / "x")
    assert fr.json("run")["counts"]["ran"] == 5
    assert fr.json("run")["counts"] == {"ran": 0, "hit": 5, "failed": 0, "skipped": 0, "cancelled": 0}
    assert "of the leaves are told right" in (fr.folder / "reports" / "report.md").read_text()
    assert ".cache/" in (fr.folder / ".gitignore").read_text().splitlines()


def test_its_steps_import_only_the_standard_library_and_the_engine(fr_init: Fr, tmp_path: Path) -> None:
    """It runs in an environment without any extra: other packages aren't to be had there."""
    assert fr_init("init", "x").returncode == 0
    blocked = tmp_path / "blocked"
    for name in ("numpy", "pandas", "sklearn", "pyarrow", "scipy", "matplotlib"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text("raise ImportError('an extra')")
    done = subprocess.run(
        [*COMMAND, "run", "-q"],
        cwd=tmp_path / "x",
        env=fr_init.environ | {"PYTHONPATH": str(blocked)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_its_tests_pass_by_unittest_and_by_pytest(fr_init: Fr, tmp_path: Path) -> None:
    """No test framework is needed, and none is in the way."""
    assert fr_init("init", "x").returncode == 0
    for module in ("unittest", "pytest"):
        done = subprocess.run(
            [sys.executable, "-m", module], cwd=tmp_path / "x", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr + done.stdout


def test_an_edit_of_its_data_runs_what_reads_it(fr_init: Fr, tmp_path: Path) -> None:
    """The data file is declared, as the comment beside it says."""
    assert fr_init("init", "x").returncode == 0
    fr = Fr(tmp_path / "x")
    fr("run", "-q")
    with (fr.folder / "data" / "leaves.csv").open("a") as file:
        file.write("50.0,40.0,20.0,birch\n")
    assert fr.json("plan")["nodes"]["leaves"]["reasons"][0]["kind"] == "file-changed"
    edit(fr.folder / "fr.yml", "smoothing: 0.5", "smoothing: 0.1")
    assert fr.json("run")["nodes"]["model"]["status"] == "ran"


def test_it_says_what_it_made_and_what_comes_next(fr_init: Fr) -> None:
    """Each file on a line, then the commands to type."""
    lines = fr_init("init", "a/b").stdout.splitlines()
    assert lines[: len(FILES)] == [f"made  a/b/{name}" for name in FILES]
    assert lines[len(FILES) + 1] == "cd a/b"
    assert lines[len(FILES) + 2].startswith("fr run")
    found = fr_init.json("init", "c")
    assert (found["made"], found["left"]) == (list(FILES), [])


@pytest.mark.parametrize("name", ["fr.yaml", "pipeline.py", "data/leaves.csv", "data", "test_pipeline.py"])
def test_where_a_file_is_in_the_way_nothing_is_made(fr_init: Fr, name: str) -> None:
    """It is named, it stays as it is, and no other file appears."""
    path = fr_init.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    before = sorted(fr_init.folder.rglob("*"))
    done = fr_init("init")
    assert done.returncode == 2
    assert name in done.stderr
    assert sorted(fr_init.folder.rglob("*")) == before
    assert path.read_text() == "mine"
    assert fr_init.json("init", status=2)["errors"][0]["kind"] == "exists"


def test_a_gitignore_is_left_and_what_it_lacks_is_said(fr_init: Fr) -> None:
    """In a repository there is one already."""
    (fr_init.folder / ".gitignore").write_text("reports/\n")
    done = fr_init("init")
    assert done.returncode == 0
    assert "left  .gitignore as it is: add .cache/ to it" in done.stdout
    assert (fr_init.folder / ".gitignore").read_text() == "reports/\n"
    assert (fr_init.folder / "fr.yml").exists()


def test_where_writing_fails_nothing_is_left(fr_init: Fr, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up half way leaves no half of a project."""
    from fingerprint_runner.cli import init

    writes = iter(range(3))
    opened = Path.open

    def failing(self: Path, mode: str = "r", **options: object) -> object:
        if mode == "xb" and next(writes, None) is None:
            raise OSError(28, "No space left on device", str(self))
        return opened(self, mode, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", failing)
    target = fr_init.folder / "x"
    with pytest.raises(OSError):
        init._write(target, list(FILES))
    assert not target.exists()


def test_a_file_is_no_folder(fr_init: Fr) -> None:
    """Said before anything is tried."""
    (fr_init.folder / "x").write_text("")
    done = fr_init("init", "x")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: 'x' is a file")
