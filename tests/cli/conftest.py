"""The command in projects of its own: never run, run once, or with nodes of the test's choice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_project import Fr, write_project


@pytest.fixture
def new_fr(tmp_path: Path) -> Fr:
    """The command in the small project, which was never run."""
    write_project(tmp_path / "new")
    return Fr(tmp_path / "new")


@pytest.fixture(scope="session")
def _ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ran") / "project"
    write_project(folder)
    done = Fr(folder)("run")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def fr(_ran: Path, tmp_path: Path) -> Fr:
    """The command in a copy of the small project that was run once."""
    folder = tmp_path / "project"
    shutil.copytree(_ran, folder)
    return Fr(folder)


@pytest.fixture
def graph_of(tmp_path: Path) -> Callable[[str], Fr]:
    """The command in a project whose graph file has these nodes."""

    def make(nodes: str) -> Fr:
        folder = tmp_path / "own"
        write_project(folder)
        (folder / "fr.yml").write_text("version: 1\nnodes:\n" + nodes)
        return Fr(folder)

    return make
