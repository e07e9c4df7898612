"""Fixtures for tests that run graphs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from run_project import Project, forget_modules


@pytest.fixture(params=["serial", "fresh"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """A project whose nodes run in this process, and then again each in one of its own."""
    yield Project(tmp_path, request.param)
    forget_modules(tmp_path)


@pytest.fixture
def serial_project(tmp_path: Path) -> Iterator[Project]:
    """A project whose nodes run in this process."""
    yield Project(tmp_path)
    forget_modules(tmp_path)
