"""A run whose process dies, or whose store fails, at any of its file operations."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults import FULL, READS, WRITES, counting, failing, in_child, killing_at
from run_project import Project

from fingerprint_runner.errors import StorageError
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.report import NodeReport, RunReport
from fingerprint_runner.storage.model_storage import open_storage

STEPS = """
    from pathlib import Path

    from fingerprint_runner import OutputDirectory

    def small():
        return 7

    def large(small):
        return bytes(range(256)) * 40 * small

    def folder(large, out: OutputDirectory):
        (Path(out) / "head.bin").write_bytes(large[:100])
        (Path(out) / "inner").mkdir()
        (Path(out) / "inner" / "whole.bin").write_bytes(large)

    def total(folder: Path, large):
        return len((folder / "inner" / "whole.bin").read_bytes()) + len(large)
"""
NODES = {
    "small": {"uses": "steps:small"},
    "large": {"uses": "steps:large", "needs": ["small"]},
    "folder": {"uses": "steps:folder", "needs": ["large"], "export": "exported"},
    "total": {"uses": "steps:total", "needs": ["folder", "large"]},
}
TOTAL = 2 * 7 * 40 * 256


class TellingOfEnds(RunObserver):
    """Tells of each node that ended well: what was told must be there afterwards."""

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self._tell = tell

    def finished(self, node: NodeReport) -> None:
        self._tell(node.name)


@pytest.fixture
def small_run(quick_folder: Path) -> Callable[[str], Project]:
    """Makes the small project in a folder of a name, never run."""

    def make(name: str) -> Project:
        project = Project(quick_folder / name)
        project.write("steps.py", STEPS)
        project.nodes = NODES
        return project

    return make


def run(project: Project, tell: Callable[[Any], None], durability: str = "each") -> RunReport:
    """One run as a process of its own makes it."""
    runner = project.runner(observer=TellingOfEnds(tell), durability=durability)
    report = runner.execute(None, ["total", "folder"])
    runner._storage.close()
    return report


def outcome(report: RunReport) -> tuple[bool, Any, tuple[str, ...], tuple[str, ...]]:
    """What matters of a report, without what belongs to its process."""
    return report.ok, report.values.get("total"), tuple(sorted(report.ran)), report.warnings


def check(project: Project, told: tuple[Any, ...]) -> None:
    """After whatever happened: no damage, nothing told of is lost, and the next run is right."""
    storage = open_storage(project.folder / ".cache")
    assert list(storage.upkeep.verification().damage()) == []
    storage.close()
    after = in_child(lambda tell: outcome(run(project, tell)))
    ok, total, ran, warnings = after.result
    assert (ok, total, warnings) == (True, TOTAL, ())
    assert not set(ran) & set(told)
    assert (project.folder / "exported" / "inner" / "whole.bin").stat().st_size == TOTAL // 2
    again = in_child(lambda tell: outcome(run(project, tell)))
    assert again.result == (True, TOTAL, (), ())


def steps_of(project: Project) -> list[tuple[str, str]]:
    """The file operations of a first run that nothing happens to."""

    def noted(tell: Callable[[Any], None]) -> list[tuple[str, str]]:
        from fingerprint_runner.storage import files

        seen: list[tuple[str, str]] = []
        files._step = counting(seen)
        assert run(project, tell).ok
        return seen

    found: list[tuple[str, str]] = in_child(noted).result
    return found


@pytest.mark.kills
def test_killed_at_any_file_operation_a_run_loses_and_spoils_nothing(
    small_run: Callable[[str], Project],
) -> None:
    """For every N of a small run: what was told of is there, the rest runs, and the values are right."""
    steps = len(steps_of(small_run("whole")))
    assert steps > 100
    stride = 1 if FULL else 8
    for number in sorted({*range(1, steps + 1, stride), steps}):
        project = small_run(str(number))
        killed = in_child(lambda tell: run(project, tell), killing_at(number))  # noqa: B023
        assert killed.killed
        check(project, killed.told)
        shutil.rmtree(project.folder)


FAULTS = {"full": errno.ENOSPC, "broken": errno.EIO, "forbidden": errno.EACCES}


@pytest.mark.parametrize("once", [True, False], ids=["once", "from then on"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_cannot_be_written_fails_no_run(
    small_run: Callable[[str], Project], fault: str, once: bool
) -> None:
    """Whichever write fails, the values are right, it is said at most once, and the next run is well."""
    writes = sum(operation in WRITES for operation, _ in steps_of(small_run("whole")))
    assert writes > 50
    said = set()
    stride = 1 if FULL else 12
    first = 1 + list(FAULTS).index(fault) * 4 if not FULL else 1
    for number in range(first, writes + 1, stride):
        project = small_run(str(number))
        step = failing(FAULTS[fault], number, str(project.folder / ".cache"), once=once)
        ended = in_child(lambda tell: outcome(run(project, tell)), step)  # noqa: B023
        ok, total, ran, warnings = ended.result
        assert (ok, total, ran) == (True, TOTAL, ("folder", "large", "small", "total"))
        assert len(warnings) <= 1
        said.update(warning.partition(":")[0] for warning in warnings)
        assert (project.folder / "exported" / "inner" / "whole.bin").stat().st_size == TOTAL // 2
        # What was told isn't all kept, which is what the warning says.
        check(project, ended.told if not warnings else ())
        shutil.rmtree(project.folder)
    assert "results aren't being kept from here on" in said


@pytest.mark.parametrize("once", [True, False], ids=["once", "from then on"])
def test_a_store_that_cannot_be_read_gives_no_wrong_value(
    small_run: Callable[[str], Project], once: bool
) -> None:
    """Whichever read of a warm cache fails: the right values, or an error that names the store."""
    warm = small_run("warm")
    in_child(lambda tell: run(warm, tell).ok)
    reads = sum(operation in READS for operation, _ in steps_of(warm))
    assert reads > 10
    ended_well = set()
    for number in range(1, reads + 1, 1 if FULL else 3):
        shutil.copytree(warm.folder, project_folder := warm.folder.parent / str(number))
        project = Project(project_folder)
        project.nodes = NODES

        def act(tell: Callable[[Any], None]) -> Any:
            try:
                return outcome(run(project, tell))  # noqa: B023
            except StorageError as error:
                return str(error)

        step = failing(errno.EIO, number, str(project_folder / ".cache"), READS, once=once)
        result = in_child(act, step).result
        ended_well.add(not isinstance(result, str))
        if isinstance(result, str):
            assert "Input/output error" in result and ".cache/fr" in result
        else:
            assert result[:2] == (True, TOTAL)
        after = in_child(lambda tell: outcome(run(project, tell))).result  # noqa: B023
        assert after[:2] == (True, TOTAL)
        shutil.rmtree(project_folder)
    assert True in ended_well
