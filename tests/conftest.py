"""What holds for all tests.

The ordinary run draws the same Hypothesis examples every time, so that what passed once passes again. The
full run (`FR_TEST_FULL=1`) draws new ones, and that is where a counterexample nobody thought of is found.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ordinary", derandomize=True, database=None)
settings.register_profile("full", print_blob=True)
settings.load_profile("full" if os.environ.get("FR_TEST_FULL") == "1" else "ordinary")

MEMORY = Path("/dev/shm")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under `FR_TEST_ALL_KILLS=1`, which `.ci/run` sets, a test of kills that is skipped has failed."""
    report = yield
    if report.skipped and "kills" in item.keywords and os.environ.get("FR_TEST_ALL_KILLS") == "1":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} kills processes and mustn't be skipped: {report.longrepr}"
    return report


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where the machine has one: what is killed there needn't wait for a disk."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="fr-test-", dir=MEMORY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
