"""Planning imports neither the project's modules nor the frameworks that they use (R5)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = """
import slow_framework
import sklearn.linear_model
import torch

import helpers


def load():
    return helpers.double([1, 2, 3])


def train(data, rate=0.1):
    return slow_framework.fit(data) * torch.ONE
"""
FRAMEWORK = """
with open({journal!r}, "a") as file:
    file.write(__name__ + "\\n")
ONE = 1


def fit(data):
    return sum(data)
"""
COMMAND = """
import sys
from importlib.abc import MetaPathFinder

FORBIDDEN = {"slow_framework", "sklearn", "torch", "steps", "helpers"}


class Forbid(MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] in FORBIDDEN:
            raise RuntimeError(f"{fullname} was imported")
        return None


sys.meta_path.insert(0, Forbid())
from fingerprint_runner.cli.entry import main

main()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A graph over three frameworks, which are generated packages that write down that they are imported."""
    site = tmp_path / "site-packages"
    for name in ("slow_framework", "torch", "sklearn", "sklearn/linear_model"):
        (site / name).mkdir(parents=True)
        text = FRAMEWORK.format(journal=str(tmp_path / "journal"))
        (site / name / "__init__.py").write_text(text)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "steps.py").write_text(STEPS)
    (folder / "helpers.py").write_text("def double(values):\n    return [2 * value for value in values]\n")
    nodes = {"data": {"uses": "steps:load"}, "model": {"uses": "steps:train", "needs": ["data"]}}
    (folder / "fr.json").write_text(json.dumps({"version": 1, "nodes": nodes}))
    return folder


def command(project: Path, *arguments: str, forbidding: bool) -> tuple[int, str]:
    """Exit status and output of `fr`, in a process where the imports in question raise, or don't."""
    code = COMMAND if forbidding else "from fingerprint_runner.cli.entry import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project.parent / "site-packages")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_planning_imports_no_user_code_and_no_framework(project: Path) -> None:
    """Before the first run, after it, after a comment and after an edit, in a process that would raise."""
    journal = project.parent / "journal"
    status, output = command(project, "plan", "--check", forbidding=True)
    assert (status, "2 stale" in output or "1 stale" in output) == (3, True), output
    assert not journal.exists()

    status, output = command(project, "run", forbidding=False)
    assert status == 0, output
    assert set(journal.read_text().split()) == {
        "slow_framework",
        "torch",
        "sklearn",
        "sklearn.linear_model",
    }
    journal.unlink()

    for arguments in (["plan", "--check"], ["run"], ["explain", "model"], ["run", "--json"]):
        status, output = command(project, *arguments, forbidding=True)
        assert status == 0, output
    steps = project / "steps.py"
    steps.write_text("# said otherwise\n" + steps.read_text())
    status, output = command(project, "run", forbidding=True)
    assert (status, "2 hit" in output) == (0, True), output

    helpers = project / "helpers.py"
    helpers.write_text(helpers.read_text().replace("2 * value", "3 * value"))
    status, output = command(project, "plan", "--check", forbidding=True)
    assert (status, "helpers:double" in output) == (3, True), output
    assert not journal.exists()


def test_the_hook_forbids(project: Path) -> None:
    """What a run imports for a stale node is refused: the hook of the other test works."""
    status, output = command(project, "run", forbidding=True)
    assert status != 0
    assert "was imported" in output
