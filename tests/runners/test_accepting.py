"""Accepting: a stale node's last record stands for it as it is now, and nothing runs."""

from __future__ import annotations

from typing import Any

import pytest
from run_project import Project

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.fingerprints.manifest import Query
from fingerprint_runner.fingerprints.record import NodeRecord, Origin
from fingerprint_runner.planning.decide import Stale, Undecided, UpToDate
from fingerprint_runner.runners.accepting import AcceptedNode
from fingerprint_runner.runners.report import NodeStatus
from fingerprint_runner.storage.model_storage import ModelStorage
from fingerprint_runner.storage.publishing import Published

STEPS = """
    import helpers

    def first(size):
        return list(range(size))

    def second(values, times=2):
        return [helpers.scaled(value) * times for value in values]

    def third(values):
        return sum(values)
"""
HELPERS = "def scaled(value):\n    return value * 3\n"


@pytest.fixture
def ran(serial_project: Project) -> Project:
    """first → second → third, run once."""
    project = serial_project
    project.write("steps.py", STEPS)
    project.write("helpers.py", HELPERS)
    project.nodes = {
        "first": {"uses": "steps:first", "config": {"size": 3000}},
        "second": {"uses": "steps:second", "needs": {"values": "first"}},
        "third": {"uses": "steps:third", "needs": {"values": "second"}},
    }
    project.good()
    return project


def accept(project: Project, *names: str, **options: Any) -> list[AcceptedNode]:
    return project.runner().accept(names, user="ada", **options)


def refused(project: Project, *names: str) -> list[str]:
    """What is said of nodes that can't be accepted, each with a hint; and nothing changed."""
    before = project.runner().plan()
    with pytest.raises(InvalidGraph) as raised:
        accept(project, *names)
    problems = raised.value.problems
    assert all(problem.kind == "not-acceptable" and problem.node and problem.hint for problem in problems)
    assert project.runner().plan() == before
    return [problem.message for problem in problems]


def decisions(project: Project) -> dict[str, type]:
    return {name: type(node.decision) for name, node in project.runner().plan().nodes.items()}


def record_of(project: Project, name: str) -> NodeRecord:
    decision = project.runner().plan().nodes[name].decision
    assert isinstance(decision, UpToDate)
    return decision.record


def refactor(project: Project) -> None:
    """Another text of the same meaning, which `second` reaches."""
    project.write("helpers.py", HELPERS.replace("value * 3", "3 * value"))


def test_an_accepted_node_is_up_to_date_and_nothing_below_runs(ran: Project) -> None:
    """The last output stands under the present fingerprint, and a run finds it."""
    before = record_of(ran, "second")
    refactor(ran)
    assert decisions(ran) == {"first": UpToDate, "second": Stale, "third": Undecided}
    (accepted,) = accept(ran, "second")
    assert decisions(ran) == {"first": UpToDate, "second": UpToDate, "third": UpToDate}
    record = record_of(ran, "second")
    assert record == accepted.record and accepted.baseline == before and accepted.kept
    assert record.fingerprint != before.fingerprint and record.first_key == before.first_key
    assert (record.value, record.log_tail, record.seconds) == (before.value, before.log_tail, before.seconds)
    assert [reason.what for reason in record.reasons] == ["helpers:scaled"]
    report = ran.good()
    assert report.ran == ()
    assert report.nodes["second"].fingerprint == record.fingerprint
    assert report.values["third"] == sum(range(3000)) * 6


def test_the_record_says_who_accepted_it_and_when(ran: Project) -> None:
    """Its origin is of its own kind; a record that ran says nobody."""
    assert record_of(ran, "second").origin == Origin("ran")
    refactor(ran)
    accept(ran, "second")
    record = record_of(ran, "second")
    assert (record.origin.kind, record.origin.user) == ("accepted", "ada")
    assert record.origin.time == record.created > record_of(ran, "first").created


def test_the_next_edit_counts(ran: Project) -> None:
    """What it depends on is what reading reaches now; and going back finds the record from before."""
    old = record_of(ran, "second")
    ran.write("helpers.py", "from more import factor\n\ndef scaled(value):\n    return value * factor()\n")
    ran.write("more.py", "def factor():\n    return 3\n")
    accept(ran, "second")
    ran.write("more.py", "def factor():\n    return 4\n")
    assert decisions(ran)["second"] is Stale
    assert ran.good().values["third"] == sum(range(3000)) * 8
    ran.write("helpers.py", HELPERS)
    assert record_of(ran, "second") == old


def test_a_changed_config_may_be_accepted_too(ran: Project) -> None:
    """Under another first key, which the record then has; the old config's record stays."""
    before = record_of(ran, "second")
    ran.nodes["second"]["config"] = {"times": 2}
    (accepted,) = accept(ran, "second")
    assert accepted.record.first_key != before.first_key
    assert ran.good().ran == ()
    del ran.nodes["second"]["config"]
    assert record_of(ran, "second") == before


def test_another_component_may_be_accepted_and_its_code_counts(ran: Project) -> None:
    """Edits of the component that the node has now make it stale, those of the old one don't."""
    ran.write("new.py", "def second(values):\n    return [value * 6 for value in values]\n")
    ran.nodes["second"]["uses"] = "new:second"
    accept(ran, "second")
    assert Query("closure", "new:second") in record_of(ran, "second").manifest.code.answers
    refactor(ran)
    assert decisions(ran)["second"] is UpToDate
    ran.write("new.py", "def second(values):\n    return [value * 7 for value in values]\n")
    assert decisions(ran)["second"] is Stale


def test_a_version_stands_for_the_code_of_an_accepted_record(ran: Project) -> None:
    """With `version` given, edits count no more, as of any other record."""
    ran.nodes["second"]["version"] = "2"
    accept(ran, "second")
    refactor(ran)
    assert decisions(ran)["second"] is UpToDate


def test_what_was_discovered_while_it_ran_counts_on(serial_project: Project) -> None:
    """A module imported by a computed name, which reading alone can't find."""
    project = serial_project
    project.write("plugin.py", "ANSWER = 1\n")
    text = """
        import importlib

        def load(name):
            return importlib.import_module(name).ANSWER + 0
    """
    project.write("steps.py", text)
    project.nodes = {"load": {"uses": "steps:load", "config": {"name": "plugin"}}}
    project.good()
    project.write("steps.py", text.replace("ANSWER + 0", "ANSWER + 1 - 1"))
    accept(project, "load")
    assert decisions(project)["load"] is UpToDate
    project.write("plugin.py", "ANSWER = 2\n")
    assert decisions(project)["load"] is Stale
    assert project.good().values["load"] == 2


def test_a_parent_and_its_child_are_accepted_in_one_call(ran: Project) -> None:
    """In graph order, whatever order they are named in: the child is decided after the parent."""
    refactor(ran)
    ran.write("steps.py", STEPS.replace("sum(values)", "sum(value for value in values)"))
    assert refused(ran, "third") == ["'third' is undecided: it depends on what comes of second"]
    accepted = accept(ran, "third", "second")
    assert [each.name for each in accepted] == ["second", "third"]
    assert ran.good().ran == ()


def test_a_child_that_needs_no_accepting_after_its_parent_is_said_to_be_up_to_date(ran: Project) -> None:
    """Its own code didn't change, and the parent's value stands: there is nothing to take."""
    refactor(ran)
    second, third = accept(ran, "second", "third")
    assert second.baseline is not None and third.baseline is None
    assert third.record == record_of(ran, "third") and third.record.origin == Origin("ran")
    assert third.reasons == ()


def test_a_dry_run_says_what_would_be_accepted_and_changes_nothing(ran: Project) -> None:
    """The same records as accepting gives, but for the time."""
    refactor(ran)
    (would,) = accept(ran, "second", dry_run=True)
    assert decisions(ran)["second"] is Stale
    (accepted,) = accept(ran, "second")
    assert would.record.fingerprint == accepted.record.fingerprint


def test_an_output_that_is_not_kept_may_be_accepted(ran: Project) -> None:
    """The node is then up to date and not kept, and runs when somebody needs its value."""
    report = ran.good()
    ran.blob(report, "first").unlink()
    ran.write("steps.py", STEPS.replace("list(range(size))", "[*range(size)]"))
    (accepted,) = accept(ran, "first")
    assert not accepted.kept
    decision = ran.runner().plan().nodes["first"].decision
    assert isinstance(decision, UpToDate) and not decision.kept
    assert ran.good().ran == ()
    assert ran.good(targets=["first"]).ran == ("first",)
    decision = ran.runner().plan().nodes["first"].decision
    assert isinstance(decision, UpToDate) and decision.kept


def test_a_wrong_word_ends_when_the_node_runs(ran: Project) -> None:
    """An accepted record that isn't kept and turns out wrong decides nothing from then on."""
    report = ran.good()
    ran.blob(report, "first").unlink()
    ran.write("steps.py", STEPS.replace("list(range(size))", "list(range(1, size))"))
    accept(ran, "first")
    report = ran.good(targets=["first"])
    assert report.ran == ("first",)
    ran.blob(report, "first").unlink()
    decision = ran.runner().plan().nodes["first"].decision
    assert isinstance(decision, UpToDate) and not decision.kept
    assert decision.record.identity == report.nodes["first"].value


def test_a_forced_run_replaces_an_accepted_record(ran: Project) -> None:
    """Then the node's record is of a run again, whatever it gives."""
    ran.write("helpers.py", HELPERS.replace("value * 3", "value * 4"))
    accept(ran, "second")
    assert ran.good().values["third"] == sum(range(3000)) * 6
    report = ran.good(force=["second"])
    assert report.ran == ("second", "third")
    assert report.values["third"] == sum(range(3000)) * 8
    assert record_of(ran, "second").origin == Origin("ran")
    assert any("second" in warning and "nondeterministic" in warning for warning in report.warnings)


def test_a_node_that_is_up_to_date_is_refused(ran: Project) -> None:
    """Kept or not, there is nothing to accept."""
    assert refused(ran, "second") == ["'second' is up to date already"]
    report = ran.good()
    ran.blob(report, "first").unlink()
    assert refused(ran, "first") == ["'first' is up to date already"]


def test_a_node_that_never_ran_is_refused(ran: Project) -> None:
    """There is no record to take."""
    ran.write("new.py", "def fourth(values):\n    return 4\n")
    ran.nodes["fourth"] = {"uses": "new:fourth", "needs": {"values": "first"}}
    assert refused(ran, "fourth") == ["'fourth' has never run, so there is no record to take"]


@pytest.mark.parametrize("mode", ["recompute", "disable", "ignore"])
def test_a_node_that_always_runs_is_refused(ran: Project, mode: str) -> None:
    """No record stands for it."""
    ran.nodes["second"]["cache"] = mode
    assert refused(ran, "second") == [
        f"'second' runs whenever it is needed (cache: {mode}), so no record stands for it"
    ]


def test_an_output_that_could_not_be_stored_is_refused(serial_project: Project) -> None:
    """Neither the node whose output it is, nor one that needs it, has a record that could be taken."""
    project = serial_project
    project.write(
        "steps.py", "def make():\n    return lambda: 1\n\ndef call(function):\n    return function()\n"
    )
    project.nodes = {
        "make": {"uses": "steps:make"},
        "call": {"uses": "steps:call", "needs": {"function": "make"}},
    }
    project.good()
    assert refused(project, "make", "call") == [
        "'make' can't be taken from a record: its output can't be stored",
        "'call' can't be taken from a record: the output of 'make' can't be stored",
    ]
    project.write(
        "steps.py", "def make():\n    return lambda: 2\n\ndef call(function):\n    return function()\n"
    )
    assert refused(project, "make") == [
        "'make' can't be taken from its last record: its output couldn't be stored"
    ]


def test_all_refusals_come_at_once_and_then_nothing_is_accepted(ran: Project) -> None:
    """One node that can't be accepted keeps the others from it."""
    refactor(ran)
    ran.nodes["third"]["cache"] = "recompute"
    assert refused(ran, "first", "second", "third") == [
        "'first' is up to date already",
        "'third' runs whenever it is needed (cache: recompute), so no record stands for it",
    ]


def test_what_another_process_published_meanwhile_holds(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepting is insert-if-absent, as any publication: a true run's record isn't replaced."""
    ran.write("helpers.py", HELPERS.replace("value * 3", "value * 4"))
    publish = ModelStorage.publish

    def run_first(self: ModelStorage, *arguments: Any, **options: Any) -> Published:
        monkeypatch.setattr(ModelStorage, "publish", publish)
        ran.good(executor="fresh")
        return publish(self, *arguments, **options)

    monkeypatch.setattr(ModelStorage, "publish", run_first)
    (accepted,) = accept(ran, "second")
    assert accepted.baseline is None and accepted.record.origin == Origin("ran")
    assert record_of(ran, "second").origin == Origin("ran")
    assert ran.good().values["third"] == sum(range(3000)) * 8


def test_accepting_neither_reads_nor_writes_an_output(ran: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is taken over; no artifact is opened and no module imported."""
    refactor(ran)
    blobs = ran.folder / ".cache" / "fr" / "blobs"
    before = sorted(blobs.glob("*/*"))
    for name in ("load_value", "store_value", "restore_tree", "store_tree"):
        monkeypatch.setattr(
            ModelStorage, name, lambda *arguments, **options: pytest.fail("an output was used")
        )
    ran.write("helpers.py", HELPERS.replace("value * 3", "3 * value") + "\nraise RuntimeError\n")
    accept(ran, "second")
    assert sorted(blobs.glob("*/*")) == before


def test_a_chain_of_many_nodes_is_accepted_in_order(serial_project: Project) -> None:
    """Each is decided once after the one before it."""
    project = serial_project
    project.write("steps.py", "def step(value=0):\n    return value + 1\n")
    count = 60
    project.nodes = {
        f"n{index:02}": {"uses": "steps:step", "needs": {"value": f"n{index - 1:02}"} if index else {}}
        for index in range(count)
    }
    project.good()
    project.write("steps.py", "def step(value=0):\n    return 1 + value\n")
    names = list(project.nodes)
    accepted = accept(project, *reversed(names))
    assert [each.name for each in accepted] == names
    report = project.good()
    assert report.ran == () and report.values[names[-1]] == count
    assert {node.status for node in report.nodes.values()} == {NodeStatus.HIT}
