"""Exports bring back what users delete, whatever became of the stored output."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from run_project import Project, forget_modules

from fingerprint_runner.runners.report import NodeStatus

STEPS = """
    from pathlib import Path
    from fingerprint_runner import OutputDirectory

    class Mine:
        pass

    def page(folder: OutputDirectory):
        Path(folder, "page.txt").write_text("page " * 100)

    def mine():
        return Mine()

    def large():
        return b"x" * 10_000

    def below(page: Path):
        return len(list(page.iterdir()))
"""


@pytest.fixture
def exporting(serial_project: Project) -> Project:
    """A project that exports a folder and two values, run once, with the exports deleted."""
    project = serial_project
    project.write("steps.py", STEPS)
    project.nodes = {
        "page": {"uses": "steps:page", "export": "out"},
        "mine": {"uses": "steps:mine", "export": "out"},
        "large": {"uses": "steps:large", "export": "out"},
        "below": {"uses": "steps:below", "needs": ["page"], "is_target": True},
    }
    project.nodes["mine"]["is_target"] = project.nodes["large"]["is_target"] = True
    project.good()
    for path in (project.folder / "out").iterdir():
        path.unlink()
    forget_modules(project.folder)
    return project


def exported(project: Project) -> list[str]:
    return sorted(path.name for path in (project.folder / "out").iterdir())


def test_deleted_exports_are_put_back_from_the_cache(exporting: Project) -> None:
    """No node runs for it, also where restoring a value imports the user's module."""
    report = exporting.good()
    assert report.ran == ()
    assert exported(exporting) == ["large.bin", "mine.pickle", "page.txt"]


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [damage, os.unlink])
def test_a_damaged_output_is_made_again_for_its_export(
    exporting: Project, harm: Callable[[Path], object]
) -> None:
    """The node whose artifact is damaged runs, and nothing else; the export is right."""
    blobs = exporting.folder / ".cache" / "fr" / "blobs"
    for path in blobs.glob("*/*"):
        harm(path)
    report = exporting.good()
    assert set(report.ran) == {"page", "large"}
    assert report.nodes["below"].status is NodeStatus.HIT
    assert (exporting.folder / "out" / "large.bin").read_bytes() == b"x" * 10_000
    assert exported(exporting) == ["large.bin", "mine.pickle", "page.txt"]
    assert exporting.good().ran == ()


def test_an_output_that_is_not_kept_is_not_made_for_an_export_that_is_right(exporting: Project) -> None:
    """It runs only where the exported files aren't what they should be."""
    exporting.good()
    for path in (exporting.folder / ".cache" / "fr" / "blobs").glob("*/*"):
        path.unlink()
    assert set(exporting.good(targets=["below", "mine"]).ran) == set()
    (exporting.folder / "out" / "page.txt").write_text("spoilt")
    assert set(exporting.good(targets=["below", "mine"]).ran) == {"page"}


@pytest.mark.parametrize("cache", ["disable", "ignore", "recompute"])
def test_outputs_that_are_not_cached_are_exported_too(serial_project: Project, cache: str) -> None:
    """Values and folders of nodes that run every time."""
    project = serial_project
    project.write("steps.py", STEPS)
    project.nodes = {
        "page": {"uses": "steps:page", "export": "out", "cache": cache},
        "large": {"uses": "steps:large", "export": "out", "cache": cache},
    }
    project.good()
    assert exported(project) == ["large.bin", "page.txt"]
    assert project.good().exported == ()


def test_an_output_that_is_always_damaged_fails_its_export(
    exporting: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three tries the run says so, and ends."""
    from fingerprint_runner.errors import DamagedArtifact
    from fingerprint_runner.runners.exports import Exporter

    tried: list[str] = []

    def export(self: Exporter, node: str, record: object, to: str) -> list[str]:
        tried.append(node)
        if node == "large":
            raise DamagedArtifact("0" * 32, "corrupt")
        return []

    monkeypatch.setattr(Exporter, "export", export)
    report = exporting.run()
    assert [failure.node for failure in report.failures] == ["large"]
    assert report.failures[0].kind == "export"
    assert tried.count("large") == 3 and tried.count("mine") == 1
