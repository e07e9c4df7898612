"""Auditing: cached nodes run again from cached inputs, and what comes out is compared; nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from run_project import Project

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.runners.audit_report import AuditedNode, AuditObserver, AuditReport, AuditStatus

STEPS = """
    from pathlib import Path

    import numpy as np
    from fingerprint_runner import OutputDirectory

    def numbers(size):
        print("making", size)
        return np.arange(size, dtype=float)

    def weigh(values):
        values += int(Path("secret.txt").read_text())
        return {"weights": values, "name": "model"}

    def total(model):
        return float(model["weights"].sum())

    def save(total, folder: OutputDirectory):
        (folder / "model.json").write_text(f"{total:.0f}")

    def load(folder: Path):
        return (folder / "model.json").read_text()
"""


@pytest.fixture
def ran(project: Project) -> Project:
    """A chain with arrays, a dict and a folder; one node reads a file that it doesn't declare."""
    return build(project)


@pytest.fixture
def one(serial_project: Project) -> Project:
    """The same, in this process alone."""
    return build(serial_project)


def build(project: Project, text: str = STEPS) -> Project:
    project.write("steps.py", text)
    project.write("secret.txt", "0")
    project.nodes = {
        "numbers": {"uses": "steps:numbers", "config": {"size": 3000}},
        "weigh": {"uses": "steps:weigh", "needs": {"values": "numbers"}},
        "total": {"uses": "steps:total", "needs": {"model": "weigh"}},
        "save": {"uses": "steps:save", "needs": {"total": "total"}, "export": "out"},
        "load": {"uses": "steps:load", "needs": {"folder": "save"}},
    }
    project.good()
    return project


class Seen(AuditObserver):
    """Notes what an audit tells."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.printed = b""

    def auditing(self, names: Sequence[str], left_out: Sequence[str]) -> None:
        self.told.append(f"auditing {' '.join(names)} without {' '.join(left_out)}".strip())

    def started(self, node: str, reasons: Any) -> None:
        self.told.append(f"started {node}")

    def audited(self, node: AuditedNode) -> None:
        self.told.append(f"{node.status.value} {node.name}")

    def sink_for(self, node: str) -> Any:
        def sink(chunk: bytes) -> None:
            self.printed += chunk

        return sink


def audit(project: Project, *names: str, **options: Any) -> AuditReport:
    return project.runner().audit(names or None, **options)


def statuses(report: AuditReport) -> dict[str, str]:
    return {name: node.status.value for name, node in report.nodes.items()}


def why(report: AuditReport) -> dict[str, str | None]:
    return {node.name: node.why for node in report.with_status(AuditStatus.NOT_AUDITED)}


def contents(project: Project) -> dict[str, tuple[bytes, int]]:
    """Every file of the store but memos, with its time; the table's log is SQLite's own."""
    store = project.folder / ".cache" / "fr"
    return {
        str(path.relative_to(store)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in store.rglob("*")
        if path.is_file() and path.parent.name != "memo" and not path.name.startswith("cache.db-")
    }


def test_what_is_deterministic_is_the_same(ran: Project) -> None:
    """Every node runs, in graph order, with its inputs from the cache; what it prints is passed on."""
    seen = Seen()
    report = audit(ran, observer=seen)
    assert report.ok and statuses(report) == dict.fromkeys(ran.nodes, "same")
    assert report.counts == {"same": 5, "differs": 0, "failed": 0, "not_audited": 0}
    names = ["numbers", "weigh", "total", "save", "load"]
    assert seen.told[0] == "auditing numbers weigh total save load without"
    assert seen.told[1:] == [word for name in names for word in (f"started {name}", f"same {name}")]
    assert seen.printed == b"making 3000\n"


def test_an_undeclared_input_is_found_where_it_is_read(ran: Project) -> None:
    """The first node that differs is named, with the first place inside its value; then the audit stops."""
    ran.write("secret.txt", "5")
    report = audit(ran)
    assert statuses(report) == {
        "numbers": "same",
        "weigh": "differs",
        "total": "not-audited",
        "save": "not-audited",
        "load": "not-audited",
    }
    assert str(report.nodes["weigh"].difference) == "value['weights'][0]: 0.0 → 5.0"
    assert set(why(report).values()) == {"the audit stopped at the first difference"}
    assert not report.ok


def test_nodes_below_get_the_cached_inputs_and_stay_the_same(ran: Project) -> None:
    """Going on, a node that differs accuses no other."""
    ran.write("secret.txt", "5")
    report = audit(ran, keep_going=True)
    assert statuses(report) == {**dict.fromkeys(ran.nodes, "same"), "weigh": "differs"}


def test_nothing_of_the_store_changes(one: Project) -> None:
    """No record, artifact, export or run is made, replaced or touched, whatever comes out."""
    one.write("secret.txt", "5")
    (one.folder / "out" / "model.json").write_text("edited")
    before = contents(one)
    audit(one, keep_going=True)
    assert contents(one) == before
    assert (one.folder / "out" / "model.json").read_text() == "edited"
    assert len(list(one.runner()._storage.runs())) == 1
    assert list((one.folder / ".cache" / "fr" / "tmp").iterdir()) == []


def test_folders_are_compared_by_their_files(one: Project) -> None:
    """The path inside the resource is named."""
    text = STEPS.replace('f"{total:.0f}"', 'f"{total:.0f}" + Path("secret.txt").read_text()')
    one.write("steps.py", text)
    one.good()
    one.write("secret.txt", "12")
    report = audit(one, "save")
    assert str(report.nodes["save"].difference) == ("resource/model.json: contents differ (8 B → 9 B)")


def test_only_the_named_nodes_are_audited(ran: Project) -> None:
    """And what they need isn't."""
    assert statuses(audit(ran, "total", "numbers")) == {"numbers": "same", "total": "same"}
    assert statuses(audit(ran, targets=["weigh"])) == {"numbers": "same", "weigh": "same"}


def test_a_failing_node_is_reported_with_its_own_traceback(one: Project) -> None:
    """It counts as much as a difference."""
    (one.folder / "secret.txt").unlink()
    report = audit(one)
    node = report.nodes["weigh"]
    assert (node.status, report.ok) == (AuditStatus.FAILED, False)
    assert node.failure is not None and node.failure.error_type == "FileNotFoundError"
    assert "steps.py" in node.failure.traceback and "fingerprint_runner" not in node.failure.traceback
    assert report.as_json()["errors"][0]["node"] == "weigh"


def test_what_cannot_be_audited_is_listed_with_why(one: Project) -> None:
    """Stale and undecided nodes, those without outputs or inputs in the cache, and those that always run."""
    first = one.good()
    one.nodes["numbers"]["config"]["size"] = 4000
    assert why(audit(one)) == {
        "numbers": "it is stale",
        "weigh": "it waits for numbers",
        "total": "it waits for weigh",
        "save": "it waits for total",
        "load": "it waits for save",
    }
    one.nodes["numbers"]["config"]["size"] = 3000
    one.blob(first, "numbers").unlink()
    report = audit(one)
    assert why(report) == {
        "numbers": "its cached output isn't kept",
        "weigh": "what it needs of numbers isn't kept",
    }
    assert report.ok and statuses(report)["load"] == "same"
    one.nodes["numbers"]["cache"] = "ignore"
    assert why(audit(one, "numbers")) == {"numbers": "it runs whenever it is needed (cache: ignore)"}


def test_a_damaged_input_is_no_difference(one: Project) -> None:
    """The node that needs it wasn't audited, and the damage is told of."""
    report = one.good()
    blob = one.blob(report, "numbers")
    blob.chmod(0o600)
    blob.write_bytes(bytes(len(blob.read_bytes())))
    found = audit(one, "weigh")
    assert why(found) == {"weigh": "the cached output of numbers is missing or damaged"}
    assert len(found.warnings) == 1


def test_a_damaged_cached_output_is_no_difference(one: Project) -> None:
    """What it was can't be told any more."""
    report = one.good()
    blob = one.blob(report, "weigh")
    one.write("secret.txt", "5")
    blob.chmod(0o600)
    blob.write_bytes(bytes(len(blob.read_bytes())))
    assert why(audit(one, "weigh")) == {"weigh": "its cached output is corrupt"}


def test_a_file_that_changes_meanwhile_is_no_difference(serial_project: Project) -> None:
    """A node whose declared file isn't what was planned wasn't audited."""
    text = STEPS.replace("return {", 'spoil(Path("secret.txt"))\n        return {') + SPOIL
    project = serial_project
    project.write("once", "")
    build(project, text)
    project.nodes["weigh"]["files"] = ["secret.txt"]
    project.good()
    (project.folder / "once").unlink()
    assert why(audit(project, "weigh")) == {"weigh": "secret.txt changed while it ran"}


def test_what_an_earlier_node_changes_of_a_later_one_is_no_difference(one: Project) -> None:
    """A node is audited as long as it is up to date by the record that the audit began with."""
    one.nodes["weigh"]["files"] = ["secret.txt"]
    one.write("late.py", "def late():\n    return 1\n")
    one.nodes["late"] = {"uses": "late:late"}
    one.good()
    text = "from pathlib import Path\n\n\ndef spoil():\n    Path('late.py').write_text('')\n"
    one.write("spoil.py", text + "    Path('secret.txt').write_text('7')\n    Path('run').write_text('')\n")
    one.nodes = {"spoil": {"uses": "spoil:spoil"}, **one.nodes}
    kept = {name: (one.folder / name).read_text() for name in ("late.py", "secret.txt")}
    one.good(targets=["spoil"])
    for name, content in kept.items():
        one.write(name, content)
    report = audit(one, "spoil", "weigh", "total")
    assert statuses(report) == {"spoil": "same", "weigh": "not-audited", "total": "same"}
    assert why(report) == {"weigh": "what it depends on changed after the audit began"}


SPOIL = """
    def spoil(path):
        if not Path("once").exists():
            path.write_text("1")
"""


def test_hooks_are_not_called(one: Project) -> None:
    """They are for runs: an audit logs no metric twice."""

    class Loud(GraphNodeHook):
        def on_before_node(self, *arguments: Any) -> dict[str, Any]:
            raise AssertionError("a hook was called")

        def on_run_end(self, report: Any) -> None:
            raise AssertionError("a hook was called")

    assert one.runner([Loud()]).audit().ok


def test_an_output_that_can_no_more_be_stored_differs(serial_project: Project) -> None:
    """With where in it, and why."""
    text = STEPS.replace('"name": "model"', '"name": choose(Path("secret.txt"))') + CHOOSE
    project = build(serial_project, text)
    project.write("secret.txt", "1")
    found = audit(project, "weigh").nodes["weigh"].difference
    assert found is not None and "can't be stored" in str(found)


CHOOSE = """
    def choose(path):
        return "model" if path.read_text() == "0" else (lambda: 1)
"""


OPAQUE = """
    class Opaque:
        def __init__(self, text):
            self.text = text

        def fingerprint(self):
            return None
"""


def test_what_has_no_identity_is_compared_by_its_bytes(serial_project: Project) -> None:
    """Where no place inside can be named, the part that differs is."""
    text = STEPS.replace('"name": "model"', '"name": Opaque(Path("secret.txt").read_text())') + OPAQUE
    project = build(serial_project, text)
    assert statuses(audit(project, "weigh")) == {"weigh": "same"}
    project.write("secret.txt", "00")
    assert str(audit(project, "weigh").nodes["weigh"].difference) == "value['name']: its bytes differ"


def test_a_secret_is_in_no_difference(one: Project) -> None:
    """What a node puts out is its own affair; what is shown of it isn't."""
    one.nodes["numbers"] = {
        "uses": "steps:login",
        "config": {"password": "${PASSWORD}"},
        "secret": ["password"],
    }
    one.write(
        "steps.py",
        STEPS
        + """
    def login(password):
        return np.zeros(3), password * int(Path("secret.txt").read_text() == "1")
    """,
    )
    one.nodes = {"numbers": one.nodes["numbers"]}
    one.environ["PASSWORD"] = "hunter22"
    one.good()
    one.write("secret.txt", "1")
    report = audit(one)
    assert str(report.nodes["numbers"].difference) == "value[1]: '' → '[secret]'"
    del one.environ["PASSWORD"]
    with pytest.raises(InvalidGraph, match="PASSWORD is not set"):
        audit(one)


def test_chance_is_found(ran: Project) -> None:
    """A node without a seed gives another value, in this process and in one of its own."""
    ran.write(
        "steps.py", STEPS.replace("np.arange(size, dtype=float)", "np.random.default_rng().random(size)")
    )
    ran.good()
    report = audit(ran, "numbers")
    found = report.nodes["numbers"].difference
    assert found is not None and found.path == "value[0]"


def test_an_accepted_record_says_so(one: Project) -> None:
    """If what was accepted isn't what a run gives, who accepted it is known."""
    one.write("steps.py", STEPS.replace("dtype=float)", "dtype=float) + 1"))
    one.runner().accept(["numbers"], user="ada")
    node = audit(one, "numbers").nodes["numbers"]
    assert node.status is AuditStatus.DIFFERS and node.origin is not None
    assert (node.origin.kind, node.origin.user) == ("accepted", "ada")
    assert str(node.difference) == "value[0]: 0.0 → 1.0"


def test_unknown_nodes_are_refused(one: Project) -> None:
    """Before anything runs."""
    with pytest.raises(InvalidGraph, match="there is no node 'wiegh'"):
        audit(one, "wiegh")


def test_json_has_every_field(one: Project) -> None:
    """Whatever came of a node."""
    one.write("secret.txt", "5")
    plain = audit(one).as_json()
    assert set(plain) == {"ok", "seconds", "counts", "nodes"}
    for node in plain["nodes"].values():
        assert set(node) == {
            "status",
            "fingerprint",
            "origin",
            "accepted_by",
            "accepted_at",
            "seconds",
            "difference",
            "why",
        }
    assert plain["nodes"]["weigh"]["difference"] == {
        "path": "value['weights'][0]",
        "kind": "value",
        "old": "0.0",
        "new": "5.0",
    }
    assert plain["nodes"]["total"]["fingerprint"] is None


def test_an_interrupted_audit_leaves_nothing(serial_project: Project) -> None:
    """No scratch folder, no record; the interruption goes on to the caller."""
    project = build(serial_project, STEPS.replace("print(", "interrupt(size); print(") + INTERRUPT)
    before = contents(project)
    project.write("go", "")
    with pytest.raises(KeyboardInterrupt):
        audit(project)
    assert contents(project) == before
    assert list((project.folder / ".cache" / "fr" / "tmp").iterdir()) == []


INTERRUPT = """
    def interrupt(size):
        if Path("go").exists():
            raise KeyboardInterrupt
"""
