"""Which nodes a run runs: early cutoff, records that aren't kept, damage, cache modes, force, targets."""

from __future__ import annotations

from typing import Any

import pytest
from run_project import Project

from fingerprint_runner.fingerprints.record import ReasonKind
from fingerprint_runner.runners.report import NodeStatus

CHAIN = """
    def first(size):
        return list(range(size))

    def second(values, modulus=2):
        return [len(values) % modulus] * 3

    def third(values, times=1):
        return sum(values) * times
"""


def chain(project: Project, **config: Any) -> None:
    """first → second → third; first's value is too large to lie in its record."""
    project.write("steps.py", CHAIN)
    project.nodes = {
        "first": {"uses": "steps:first", "config": {"size": config.get("size", 3000)}},
        "second": {
            "uses": "steps:second",
            "needs": {"values": "first"},
            "config": {"modulus": config.get("modulus", 2)},
        },
        "third": {
            "uses": "steps:third",
            "needs": {"values": "second"},
            "config": {"times": config.get("times", 1)},
        },
    }


def test_early_cutoff(project: Project) -> None:
    """A node that reran and gave the same value leaves what is below it up to date."""
    chain(project, size=3000)
    project.good()
    chain(project, size=3002)
    report = project.good()
    assert report.ran == ("first", "second")
    assert report.nodes["third"].status is NodeStatus.HIT
    assert report.nodes["third"].early_cutoff
    assert report.values["third"] == 0


def test_both_executors_leave_the_same_records(serial_project: Project) -> None:
    """One process for all nodes or one for each: values, identities and records are the same."""
    project = serial_project
    project.write(
        "steps.py",
        """
        import importlib
        import numpy
        from fingerprint_runner import GraphComponent, OutputDirectory
        from pathlib import Path

        class Point:
            def __init__(self, x):
                self.x = x

        def array(size):
            print("making", size)
            return {"grid": numpy.arange(size * 1.0), "name": "grid"}

        def folder(out: OutputDirectory):
            (out / "a.txt").write_text("text")
            (out / "below").mkdir()

        def points(grid, computed):
            return [Point(float(x)) for x in grid[:3]] + [importlib.import_module(computed).ANSWER]

        class Total(GraphComponent):
            @classmethod
            def create(cls, config, model_storage, resource, execution_context):
                made = cls()
                made.start = config["start"]
                return made
            @staticmethod
            def get_default_config():
                return {"start": 1}
            def run(self, points, path: Path):
                return self.start + sum(p.x for p in points[:3]) + len(list(path.iterdir()))
        """,
    )
    project.write("plugin.py", "ANSWER = 42\n")
    project.nodes = {
        "array": {"uses": "steps:array", "config": {"size": 1000}},
        "folder": {"uses": "steps:folder"},
        "points": {
            "uses": "steps:points",
            "needs": {"grid": "array[grid]"},
            "config": {"computed": "plugin"},
        },
        "total": {"uses": "steps:Total", "needs": {"points": "points", "path": "folder"}},
    }
    reports = {name: project.good(executor=name, cache=f".cache-{name}") for name in ("serial", "fresh")}
    serial, fresh = reports["serial"], reports["fresh"]
    assert serial.values["total"] == fresh.values["total"] == 6.0
    for node in project.nodes:
        one, other = serial.nodes[node], fresh.nodes[node]
        assert (one.status, one.fingerprint, one.first_key) == (
            other.status,
            other.fingerprint,
            other.first_key,
        )
        assert (one.value, one.artifact, one.resource) == (other.value, other.artifact, other.resource)
        records = [project.record(reports[name], node, f".cache-{name}") for name in ("serial", "fresh")]
        assert records[0].manifest == records[1].manifest
        assert records[0].log_tail == records[1].log_tail
        assert records[0].value == records[1].value


def test_not_kept_decides_without_running(project: Project) -> None:
    """With an artifact gone nothing runs, until something needs it; then exactly what is needed runs."""
    chain(project)
    first = project.good()
    project.blob(first, "first").unlink()
    assert project.good().ran == ()
    chain(project, times=2)
    assert project.good().ran == ("third",)
    chain(project, times=2, modulus=5)
    report = project.good()
    # 3000 % 5 is 0 as well: early cutoff holds below.
    assert report.ran == ("first", "second")
    assert [reason.kind for reason in report.nodes["first"].reasons] == [ReasonKind.ARTIFACT_MISSING]
    assert project.good(targets=["first"]).values["first"] == list(range(3000))


def test_not_kept_target_runs_again(project: Project) -> None:
    """A target whose artifact is gone runs again, and what is above it doesn't."""
    chain(project)
    report = project.good(targets=["first"])
    project.blob(report, "first").unlink()
    again = project.good(targets=["first"])
    assert again.ran == ("first",)
    assert again.values["first"] == list(range(3000))
    assert project.good(targets=["first"]).ran == ()


def test_not_kept_with_another_identity(project: Project) -> None:
    """If a node whose artifact is gone gives another value, its children are decided again."""
    project.write("counter.txt", "0")
    project.write(
        "steps.py",
        """
        from pathlib import Path

        def first():
            count = int(Path("counter.txt").read_text()) + 1
            Path("counter.txt").write_text(str(count))
            return [count + 1000] * 3000

        def below(values, times):
            return (values[0] % 1000) * times
        """,
    )
    project.nodes = {
        "first": {"uses": "steps:first"},
        "left": {"uses": "steps:below", "needs": {"values": "first"}, "config": {"times": 10}},
        "right": {"uses": "steps:below", "needs": {"values": "first"}, "config": {"times": 100}},
        "last": {"uses": "steps:below", "needs": {"values": "lists"}, "config": {"times": 1}},
        "lists": {"uses": "lists:make", "needs": {"left": "left", "right": "right"}},
    }
    project.write("lists.py", "def make(left, right):\n    return [left + right]\n")
    first = project.good(targets=["last", "right"])
    assert dict(first.values) == {"last": 110, "right": 100}
    project.blob(first, "first").unlink()
    project.nodes["left"]["config"]["times"] = 20
    report = project.good(targets=["last", "right"])
    assert dict(report.values) == {"last": 240, "right": 200}
    assert set(report.ran) == {"first", "left", "right", "lists", "last"}
    assert project.good(targets=["last", "right"]).ran == ()


def test_damaged_artifact_is_made_again(project: Project) -> None:
    """A flipped byte is found when the artifact is needed: a warning, a rerun, and the right value."""
    chain(project)
    blob = project.blob(project.good(), "first")
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(data)
    chain(project, modulus=7)
    report = project.good()
    assert set(report.ran) == {"first", "second", "third"}
    assert report.values["third"] == 3 * (3000 % 7)
    assert any("first" in warning and "damaged" in warning for warning in report.warnings)


def test_damaged_target_is_made_again(project: Project) -> None:
    """A target whose artifact is damaged gives the right value all the same."""
    chain(project)
    blob = project.blob(project.good(targets=["first"]), "first")
    blob.chmod(0o600)
    blob.write_bytes(bytes(len(blob.read_bytes())))
    assert project.runner().run(targets=["first"]) == {"first": list(range(3000))}
    blob.chmod(0o600)
    blob.write_bytes(bytes(len(blob.read_bytes())))
    assert project.good(targets=["first"]).values["first"] == list(range(3000))


@pytest.mark.parametrize("mode", ["recompute", "disable", "is_input"])
def test_modes_that_always_run(project: Project, mode: str) -> None:
    """A node of these modes runs whenever it is needed; its children are decided by its value."""
    chain(project)
    if mode == "is_input":
        project.nodes["first"]["is_input"] = True
    else:
        project.nodes["first"]["cache"] = mode
    project.good()
    report = project.good()
    assert report.ran == ("first",)
    assert [reason.kind for reason in report.nodes["first"].reasons] == [ReasonKind.ALWAYS_RUNS]
    assert report.nodes["second"].early_cutoff
    stored = project.blob(report, "first").exists()
    assert stored is (mode != "disable")


def test_disabled_target_has_its_value(project: Project) -> None:
    """A target that isn't stored is there for the caller all the same, and changes reach nobody."""
    chain(project)
    project.nodes["first"]["cache"] = "disable"
    report = project.good(targets=["first", "second"])
    report.values["first"].clear()
    assert report.values["second"] == [0, 0, 0]


def test_ignored_parent_is_in_no_key(project: Project) -> None:
    """Children of an `ignore`d node don't see it in their keys: they are hits without it."""
    chain(project)
    project.nodes["first"]["cache"] = "ignore"
    assert project.good().values["third"] == 0
    chain(project, size=3001)
    project.nodes["first"]["cache"] = "ignore"
    report = project.good()
    assert report.ran == ()
    assert report.values["third"] == 0
    chain(project, size=3001, modulus=4)
    project.nodes["first"]["cache"] = "ignore"
    assert set(project.good().ran) == {"first", "second", "third"}


def test_forced_nodes_run(project: Project) -> None:
    """`force` runs a node, with what is below decided by its value; `force_from` runs all of that too."""
    chain(project)
    project.good()
    forced = project.good(force=["second"])
    assert forced.ran == ("second",)
    assert [reason.kind for reason in forced.nodes["second"].reasons] == [ReasonKind.FORCED]
    assert project.good(force_from=["second"]).ran == ("second", "third")
    assert project.good().ran == ()


def test_a_nondeterministic_node_is_named(project: Project) -> None:
    """Two runs of one fingerprint that give two values are told of, by the node's name."""
    project.write(
        "steps.py", "import os\n\ndef chance():\n    return os.urandom(8)\n\ndef sure():\n    return 1\n"
    )
    project.nodes = {"chance": {"uses": "steps:chance"}, "sure": {"uses": "steps:sure"}}
    assert project.good().warnings == ()
    warnings = project.good(force=["chance", "sure"]).warnings
    assert [warning for warning in warnings if "'chance' is nondeterministic" in warning] == list(warnings)
    assert len(warnings) == 1


def test_targets_run_their_cone_alone(project: Project) -> None:
    """A target asked for by name runs what it needs and nothing else."""
    chain(project)
    report = project.good(targets=["second"])
    assert report.ran == ("first", "second")
    assert list(report.nodes) == ["first", "second"]
    assert list(report.values) == ["second"]


def test_going_back_runs_nothing(project: Project) -> None:
    """Code and config that were there before are still known."""
    chain(project)
    project.good()
    project.write("steps.py", CHAIN.replace("* times", "* times + 1"))
    assert project.good().ran == ("third",)
    project.write("steps.py", CHAIN)
    report = project.good()
    assert report.ran == ()
    assert report.values["third"] == 0


def test_inputs_changed_in_place_reach_nobody(project: Project) -> None:
    """Each consumer, and the caller, has a copy of its own: of lists and of arrays."""
    project.write(
        "steps.py",
        """
        import numpy

        def make(size):
            return {"list": [1] * size, "array": numpy.ones(size)}

        def spoil(values):
            values["list"].clear()
            values["array"][:] = 0
            return 1

        def look(values, spoilt):
            return [sum(values["list"]), float(values["array"].sum())]
        """,
    )
    project.nodes = {
        "make": {"uses": "steps:make", "config": {"size": 2000}},
        "spoil": {"uses": "steps:spoil", "needs": {"values": "make"}},
        "look": {"uses": "steps:look", "needs": {"values": "make", "spoilt": "spoil"}},
    }
    for _ in range(2):
        report = project.good(targets=["make", "look"])
        assert report.values["look"] == [2000, 2000.0]
        report.values["make"]["array"][:] = 5
        report.values["make"]["list"].clear()
    project.nodes["look"]["version"] = "2"
    assert project.good(targets=["look"]).values["look"] == [2000, 2000.0]


def test_given_input_changed_in_place(project: Project) -> None:
    """A run's input that a node changes in place is as given for the next node, and for the caller."""
    project.write(
        "steps.py",
        """
        def spoil(rows):
            rows.clear()
            return 0

        def look(rows, spoilt):
            return len(rows)
        """,
    )
    project.inputs = {"rows": {"type": "json"}}
    project.nodes = {
        "spoil": {"uses": "steps:spoil", "needs": ["rows"]},
        "look": {"uses": "steps:look", "needs": {"rows": "rows", "spoilt": "spoil"}},
    }
    rows = [1, 2, 3]
    assert project.good({"rows": rows}).values["look"] == 3
    assert rows == [1, 2, 3]


def test_missing_key_is_named(project: Project) -> None:
    """`node[key]` of a key that isn't there fails with both names."""
    project.write("steps.py", "def make():\n    return {'a': 1}\n\ndef use(value):\n    return value\n")
    project.nodes = {
        "make": {"uses": "steps:make"},
        "use": {"uses": "steps:use", "needs": {"value": "make[b]"}},
    }
    report = project.run()
    assert [failure.node for failure in report.failures] == ["use"]
    assert "'make'" in report.failures[0].error_message
    assert "'b'" in report.failures[0].error_message


def test_what_a_node_does_to_its_surroundings_reaches_no_other(project: Project) -> None:
    """Environment, working folder and `sys.path` are each node's own."""
    project.write(
        "steps.py",
        """
        import os
        import sys


        def spoil():
            os.environ["FR_TEST_SPOILT"] = "yes"
            os.chdir("/")
            sys.path.append("/spoilt")
            return 1


        def look(spoilt):
            return [os.environ.get("FR_TEST_SPOILT"), os.getcwd(), "/spoilt" in sys.path]
        """,
    )
    project.nodes = {
        "spoil": {"uses": "steps:spoil"},
        "look": {"uses": "steps:look", "needs": {"spoilt": "spoil"}},
    }
    assert project.run().values["look"] == [None, str(project.folder.resolve()), False]
