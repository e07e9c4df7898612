"""Explaining: what changed, line by line, and in turn why the parents did."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import Any

import pytest
from run_project import Project

from fingerprint_runner.fingerprints.record import ReasonKind
from fingerprint_runner.planning.decide import Stale
from fingerprint_runner.runners.explanation import Explanation, explanation_as_json
from fingerprint_runner.storage.reader import RecordReader

STEPS = """
    import helpers

    def load(limit):
        return {"train": list(range(limit)), "test": [1]}

    def fit(values, rate=1):
        return [helpers.scaled(value) * rate for value in values]

    def score(model):
        return sum(model)

    def report(score, other):
        return [score, other]
"""
HELPERS = """
    FACTOR = 3


    def scaled(value):
        # by a factor
        return value * FACTOR
"""


@pytest.fixture
def ran(serial_project: Project) -> Project:
    """load → fit → score → report, which also needs load; run once."""
    project = serial_project
    project.write("steps.py", STEPS)
    project.write("helpers.py", HELPERS)
    project.nodes = {
        "load": {"uses": "steps:load", "config": {"limit": 4}},
        "fit": {"uses": "steps:fit", "needs": {"values": "load[train]"}},
        "score": {"uses": "steps:score", "needs": {"model": "fit"}},
        "report": {"uses": "steps:report", "needs": {"score": "score", "other": "load[test]"}},
    }
    project.good()
    return project


def told(explanation: Explanation) -> dict[str, list[str]]:
    """Node → its reasons in a word, each with the parent that is explained in turn."""
    return {
        name: [
            f"{each.reason.kind.value} {each.reason.what or ''}".strip()
            + (f" -> {each.parent}" if each.parent else "")
            for each in node.reasons
        ]
        for name, node in explanation.nodes.items()
    }


def diff(explanation: Explanation, node: str, what: str) -> list[str]:
    (found,) = [each for each in explanation.nodes[node].reasons if each.reason.what == what]
    return list(found.diff)


def edit(project: Project, name: str, old: str, new: str) -> None:
    path = project.folder / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_changed_symbol_is_shown_by_its_lines(ran: Project) -> None:
    """The old text comes from the store, the new one from the file, and the place is that of now."""
    edit(ran, "helpers.py", "value * FACTOR", "FACTOR * value")
    found = ran.runner().explain("fit")
    assert told(found) == {"fit": ["code-changed helpers:scaled"]}
    assert diff(found, "fit", "helpers:scaled") == [
        " def scaled(value):",
        "     # by a factor",
        "-    return value * FACTOR",
        "+    return FACTOR * value",
    ]
    (reason,) = found.nodes["fit"].reasons
    assert reason.place == (str(ran.folder / "helpers.py"), 5)


def test_symbols_that_come_and_go_are_shown_whole(ran: Project) -> None:
    """A constant that is gone, a function that is new, and what uses them now."""
    edit(ran, "helpers.py", "FACTOR = 3\n\n\n", "def factor():\n    return 3\n\n\n")
    edit(ran, "helpers.py", "value * FACTOR", "value * factor()")
    found = ran.runner().explain("fit")
    assert diff(found, "fit", "helpers:FACTOR") == ["-FACTOR = 3"]
    assert diff(found, "fit", "helpers:factor") == ["+def factor():", "+    return 3"]
    assert diff(found, "fit", "helpers:scaled")[-2:] == [
        "-    return value * FACTOR",
        "+    return value * factor()",
    ]


def test_a_module_that_is_gone_has_no_lines_now(ran: Project) -> None:
    """Its symbols are named, and nothing fails."""
    (ran.folder / "helpers.py").unlink()
    edit(ran, "steps.py", "import helpers", "")
    edit(ran, "steps.py", "helpers.scaled(value)", "value")
    found = ran.runner().explain("fit")
    assert "code-changed helpers:scaled" in told(found)["fit"]
    assert diff(found, "fit", "helpers:scaled") == []
    assert diff(found, "fit", "steps:fit")[-2].startswith("-    return [helpers.scaled")


def test_a_record_from_before_texts_were_kept_is_explained_without_lines(ran: Project) -> None:
    """An older store, or a text that is gone: the reason stays."""
    table = sqlite3.connect(ran.folder / ".cache" / "fr" / "records" / "cache.db")
    table.execute("DELETE FROM Cache WHERE key LIKE 't/%'")
    table.commit()
    table.close()
    edit(ran, "helpers.py", "value * FACTOR", "FACTOR * value")
    found = ran.runner().explain("fit")
    assert told(found) == {"fit": ["code-changed helpers:scaled"]}
    assert diff(found, "fit", "helpers:scaled") == []


def test_why_a_node_last_ran_is_told_with_the_texts_of_then(ran: Project) -> None:
    """Both texts come from the store: later edits that don't count change nothing of it."""
    edit(ran, "helpers.py", "FACTOR = 3", "FACTOR = 4")
    ran.good()
    edit(ran, "helpers.py", "FACTOR = 4", "FACTOR = 4  # better")
    found = ran.runner().explain("fit")
    assert told(found) == {"fit": ["code-changed helpers:FACTOR"]}
    assert diff(found, "fit", "helpers:FACTOR") == ["-FACTOR = 3", "+FACTOR = 4"]


def test_a_chain_of_parents_is_followed_up_to_what_was_edited(ran: Project) -> None:
    """Of a node that ran because its parents changed, each node once."""
    edit(ran, "helpers.py", "FACTOR = 3", "FACTOR = 4")
    ran.nodes["load"]["config"]["limit"] = 5
    ran.good()
    found = ran.runner().explain("report")
    assert told(found) == {
        "report": ["parent-changed score -> score"],
        "score": ["parent-changed fit -> fit"],
        "fit": ["parent-changed load[train] -> load", "code-changed helpers:FACTOR"],
        "load": ["config-changed limit"],
    }
    assert diff(found, "fit", "helpers:FACTOR") == ["-FACTOR = 3", "+FACTOR = 4"]


def test_a_parent_that_ran_for_another_target_is_compared_with_what_the_child_saw(ran: Project) -> None:
    """Also when it ran several times since: all that changed in between is told, and nothing else."""
    ran.nodes["fit"]["config"] = {"rate": 2}
    ran.good(targets=["fit"])
    edit(ran, "helpers.py", "FACTOR = 3", "FACTOR = 5")
    ran.good(targets=["fit"])
    found = ran.runner().explain("score")
    assert isinstance(found.plan.nodes["score"].decision, Stale)
    assert told(found) == {
        "score": ["parent-changed fit -> fit"],
        "fit": ["config-changed rate", "code-changed helpers:FACTOR"],
    }
    assert diff(found, "fit", "helpers:FACTOR") == ["-FACTOR = 3", "+FACTOR = 5"]
    baseline = found.nodes["fit"].baseline
    assert baseline is not None and baseline.manifest.first.config == {}


def test_a_parent_that_was_forced_to_another_value_says_so(ran: Project) -> None:
    """One fingerprint with two values: its record's own reasons are all there is."""
    ran.write("chance.py", "from pathlib import Path\n\ndef count():\n    return Path('n').read_text()\n")
    ran.write("n", "1")
    ran.nodes = {
        "count": {"uses": "chance:count"},
        "below": {"uses": "steps:score", "needs": {"model": "count"}},
    }
    ran.write("steps.py", "def score(model):\n    return model\n")
    ran.good()
    ran.write("n", "2")
    ran.good(targets=["count"], force=["count"])
    assert told(ran.runner().explain("below")) == {
        "below": ["parent-changed count -> count"],
        "count": ["forced"],
    }


def test_what_only_one_of_two_runs_asked_about_is_no_reason(ran: Project) -> None:
    """A parent that came by other modules for its other config: the config is why."""
    for name in "ab":
        ran.write(f"plugin_{name}.py", f"ANSWER = {name!r}\n")
    ran.write(
        "steps.py",
        "import importlib\n\n"
        "def load(name):\n    return importlib.import_module(f'plugin_{name}').ANSWER\n\n"
        "def below(value):\n    return value\n",
    )
    ran.nodes = {
        "load": {"uses": "steps:load", "config": {"name": "a"}},
        "below": {"uses": "steps:below", "needs": {"value": "load"}},
    }
    ran.good()
    ran.nodes["load"]["config"]["name"] = "b"
    ran.good(targets=["load"])
    assert told(ran.runner().explain("below"))["load"] == ["config-changed name"]


def test_a_function_that_only_one_of_two_runs_called_is_no_reason(ran: Project) -> None:
    """Of a function that a run didn't call another notes less, and its text is the same."""
    ran.write(
        "steps.py",
        """
        def more():
            return [1, 2]

        def load(most):
            return more() if most else [3]

        def below(value):
            return value
        """,
    )
    ran.nodes = {
        "load": {"uses": "steps:load", "config": {"most": False}},
        "below": {"uses": "steps:below", "needs": {"value": "load"}},
    }
    ran.good()
    ran.nodes["load"]["config"]["most"] = True
    ran.good(targets=["load"])
    assert told(ran.runner().explain("below"))["load"] == ["config-changed most"]


def test_a_parent_in_which_nothing_differs_is_explained_by_its_own_record(ran: Project) -> None:
    """It came by more modules when it was forced, and so has another record that says why."""
    ran.write("plugin.py", "ANSWER = 1\n")
    ran.write(
        "steps.py",
        """
        import importlib
        from pathlib import Path

        def load():
            more = [importlib.import_module("plug" + "in").ANSWER] if Path("n").exists() else []
            return [*range(3000), *more]

        def below(values):
            return len(values)
        """,
    )
    ran.nodes = {
        "load": {"uses": "steps:load"},
        "below": {"uses": "steps:below", "needs": {"values": "load"}},
    }
    blob = ran.blob(ran.good(), "load")
    ran.write("n", "")
    ran.good(targets=["load"], force=["load"])
    # Else the older of the two records would still hold.
    blob.unlink()
    assert told(ran.runner().explain("below")) == {
        "below": ["parent-changed load -> load"],
        "load": ["forced"],
    }


def test_what_came_later_has_no_part_in_why_a_node_last_ran(ran: Project) -> None:
    """A parent is told of as it was then, though it has run again since and put out the same."""
    ran.nodes["fit"]["config"] = {"rate": 2}
    ran.good()
    edit(ran, "helpers.py", "value * FACTOR", "FACTOR * value")
    assert ran.good().ran == ("fit",)
    assert told(ran.runner().explain("score")) == {
        "score": ["parent-changed fit -> fit"],
        "fit": ["config-changed rate"],
    }


def test_the_old_text_is_the_one_from_before(ran: Project) -> None:
    """Not one of a later run with the same code, whose comments are others."""
    edit(ran, "helpers.py", "FACTOR = 3", "FACTOR = 4")
    ran.good()
    edit(ran, "helpers.py", "FACTOR = 4", "FACTOR = 3  # again")
    ran.nodes["fit"]["config"] = {"rate": 2}
    ran.good()
    edit(ran, "helpers.py", "FACTOR = 3  # again", "FACTOR = 4")
    del ran.nodes["fit"]["config"]
    found = ran.runner().explain("fit")
    assert diff(found, "fit", "helpers:FACTOR") == ["-FACTOR = 3", "+FACTOR = 4"]


def test_an_undecided_node_leads_to_the_stale_ones(ran: Project) -> None:
    """With the nodes in between, nearest first."""
    edit(ran, "helpers.py", "FACTOR = 3", "FACTOR = 4")
    found = ran.runner().explain("report")
    assert list(found.nodes) == ["report", "score", "fit"]
    assert [node.waiting_on for node in found.nodes.values()] == [("score",), ("fit",), ()]
    assert diff(found, "fit", "helpers:FACTOR") == ["-FACTOR = 3", "+FACTOR = 4"]


def test_all_that_is_not_up_to_date_is_explained_stale_nodes_first(ran: Project) -> None:
    """Parents before children; of the targets alone where they are named."""
    edit(ran, "helpers.py", "FACTOR = 3", "FACTOR = 4")
    edit(ran, "steps.py", "[score, other]", "[other, score]")
    found = ran.runner().explain_all()
    assert found.asked == ("fit", "score", "report")
    assert ran.runner().explain_all(targets=["score"]).asked == ("fit", "score")
    ran.good()
    assert ran.runner().explain_all().asked == ()


def test_an_accepted_record_is_explained_by_what_was_accepted(ran: Project) -> None:
    """The lines that somebody said make no difference; and the next edit is compared with them."""
    edit(ran, "helpers.py", "value * FACTOR", "FACTOR * value")
    ran.runner().accept(["fit"], user="ada")
    found = ran.runner().explain("fit")
    assert told(found) == {"fit": ["code-changed helpers:scaled"]}
    assert diff(found, "fit", "helpers:scaled")[-2:] == [
        "-    return value * FACTOR",
        "+    return FACTOR * value",
    ]
    ran.good()
    edit(ran, "helpers.py", "FACTOR * value", "FACTOR * value + 0")
    assert diff(ran.runner().explain("fit"), "fit", "helpers:scaled")[-2:] == [
        "-    return FACTOR * value",
        "+    return FACTOR * value + 0",
    ]


def test_a_class_and_what_runs_at_import_are_shown(serial_project: Project) -> None:
    """A method inside its class with what is around it; statements that bind no name by their label."""
    project = serial_project
    project.write(
        "steps.py",
        """
        import registry

        class Model:
            rate = 1

            @classmethod
            def create(cls, config, model_storage, resource, execution_context):
                return cls()

            def run(self):
                return registry.NAMES[0]

        registry.NAMES.append("a")
        """,
    )
    project.write("registry.py", "NAMES = []\n")
    project.nodes = {"model": {"uses": "steps:Model"}}
    project.good()
    edit(project, "steps.py", "NAMES[0]", "NAMES[-1]")
    edit(project, "steps.py", '"a"', '"b"')
    found = project.runner().explain("model")
    # Where it is known which methods ran, the method has a name of its own.
    (changed,) = [
        each for each in found.nodes["model"].reasons if str(each.reason.what).startswith("steps:Model")
    ]
    assert list(changed.diff)[-3:] == [
        "     def run(self):",
        "-        return registry.NAMES[0]",
        "+        return registry.NAMES[-1]",
    ]
    (effect,) = [
        each for each in found.nodes["model"].reasons if each.reason.what and "<effect" in each.reason.what
    ]
    assert list(effect.diff) == ['-registry.NAMES.append("a")', '+registry.NAMES.append("b")']


def test_it_says_where_reading_could_not_follow(ran: Project) -> None:
    """By file and line, in what counts for the node: of its last run where it is known what ran."""
    ran.write(
        "steps.py",
        """
        def load(limit):
            return eval("limit")
        """,
    )
    ran.nodes = {"load": {"uses": "steps:load", "config": {"limit": 4}}}
    before = ran.runner().explain("load").notes
    ran.good(targets=["load"])
    notes = ran.runner().explain("load").notes
    assert before == notes and [note.partition(": ")[0] for note in notes] == ["steps.py:3"]
    assert notes[0].endswith("the whole module counts")
    assert explanation_as_json(ran.runner().explain("load"), "load")["widened"] == list(notes)


def test_it_says_whether_what_counts_is_narrowed_to_what_ran(ran: Project) -> None:
    """And why not; of an accepted record since nothing ran, and with a version no code counts."""
    plain = explanation_as_json(ran.runner().explain("fit"), "fit")
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    known = hasattr(sys, "monitoring")
    assert plain["narrowed"] == known
    assert plain["not_narrowed"] == ([] if known else [{"kind": "python", "what": python}])
    edit(ran, "helpers.py", "value * FACTOR", "FACTOR * value")
    ran.runner().accept(["fit"])
    plain = explanation_as_json(ran.runner().explain("fit"), "fit")
    assert (plain["narrowed"], plain["not_narrowed"]) == (False, [{"kind": "accepted", "what": None}])
    ran.nodes["fit"]["version"] = "1"
    ran.good()
    plain = explanation_as_json(ran.runner().explain("fit"), "fit")
    assert (plain["narrowed"], plain["not_narrowed"]) == (None, [])


def test_explaining_changes_nothing(ran: Project) -> None:
    """No record, run or text is written."""
    edit(ran, "helpers.py", "FACTOR = 3", "FACTOR = 4")
    before = rows(ran)
    ran.runner().explain("report")
    ran.runner().explain_all()
    assert rows(ran) == before


def rows(project: Project) -> list[Any]:
    table = sqlite3.connect(project.folder / ".cache" / "fr" / "records" / "cache.db")
    found = table.execute("SELECT key, value FROM Cache ORDER BY key").fetchall()
    table.close()
    return found


def test_json_has_every_field(ran: Project) -> None:
    """Of each node and each reason, for one node and for all."""
    edit(ran, "helpers.py", "FACTOR = 3", "FACTOR = 4")
    for explanation, node in ((ran.runner().explain("report"), "report"), (ran.runner().explain_all(), None)):
        plain = explanation_as_json(explanation, node)
        assert plain["node"] == node and (plain["last"] is None) == (node is None)
        assert list(plain["explained"]) == list(explanation.nodes)
        for found in plain["explained"].values():
            assert set(found) == {"status", "reasons", "waiting_on", "compared_with"}
            for reason in found["reasons"]:
                assert set(reason) == {"kind", "what", "old", "new", "file", "line", "diff", "parent"}
        (reason,) = plain["explained"]["fit"]["reasons"]
        assert (reason["kind"], reason["line"]) == (ReasonKind.CODE_CHANGED.value, 2)
        assert reason["diff"] == ["-FACTOR = 3", "+FACTOR = 4"]


def test_planning_and_a_run_with_nothing_to_do_read_no_text(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the rows of texts nor what handles them: texts are for those who ask why."""
    asked: list[str] = []
    read = RecordReader.rows

    def noting(self: RecordReader, keys: Any) -> dict[str, bytes]:
        wanted = list(keys)
        asked.extend(wanted)
        return read(self, wanted)

    monkeypatch.setattr(RecordReader, "rows", noting)
    ran.runner().plan()
    assert ran.good().ran == ()
    edit(ran, "helpers.py", "FACTOR = 3", "FACTOR = 4")
    ran.runner().plan()
    assert asked and not [key for key in asked if key.startswith(("s/", "t/"))]
    ran.runner().explain("fit")
    assert [key for key in asked if key.startswith("t/")]


def test_nothing_of_it_is_loaded_by_a_run_with_nothing_to_do(ran: Project) -> None:
    """Neither by a plan: explaining, accepting and auditing cost those who don't ask for them nothing."""
    ran.write("fr.yml", "version: 1\nnodes:\n  load: {uses: 'steps:load', config: {limit: 6}}\n")
    script = (
        "import sys, fingerprint_runner as fr\n"
        "report = fr.run('fr.yml')\n"
        "print(len(report.ran), *[name.rpartition('.')[2] for name in sys.modules"
        " if name.startswith('fingerprint_runner')])\n"
    )
    for expected in (True, False):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ran.folder, capture_output=True, text=True, check=True
        )
        count, *loaded = done.stdout.split()
        new = {"module_texts", "source_texts", "symbol_text", "explaining", "accepting", "auditing"}
        assert (count != "0") == expected
        assert new & set(loaded) == ({"module_texts", "source_texts"} if expected else set())
