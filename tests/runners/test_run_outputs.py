"""What nodes put out: values that can't be stored, folders, prints, failures."""

from __future__ import annotations

import pytest
from run_project import Project

from fingerprint_runner.fingerprints.record import ReasonKind
from fingerprint_runner.runners.report import NodeStatus

UNSTORABLE = """
    class Holder:
        def __init__(self):
            self.parts = {"rule": lambda x: x + 1}

    def make():
        return Holder()

    def use(holder):
        return holder.parts["rule"](1)

    def last(number):
        return number * 10
"""


def test_not_storable_is_handed_on(serial_project: Project) -> None:
    """What can't be stored reaches its consumer as it is, with a warning that names the path inside it."""
    project = serial_project
    project.write("steps.py", UNSTORABLE)
    project.nodes = {
        "make": {"uses": "steps:make"},
        "use": {"uses": "steps:use", "needs": {"holder": "make"}},
        "last": {"uses": "steps:last", "needs": {"number": "use"}},
    }
    report = project.good()
    assert report.values["last"] == 20
    (warning,) = report.warnings
    assert "'make'" in warning
    assert "parts" in warning
    assert "rule" in warning
    plan = project.runner().plan()
    assert plan.stale == ("make", "use")
    assert plan.counts.undecided == 1
    again = project.good()
    assert again.ran == ("make", "use")
    assert again.nodes["last"].status is NodeStatus.HIT
    assert ReasonKind.NOT_CACHEABLE in [reason.kind for reason in again.nodes["make"].reasons]
    assert ReasonKind.NOT_CACHEABLE in [reason.kind for reason in again.nodes["use"].reasons]


def test_not_storable_target(serial_project: Project) -> None:
    """The caller gets a target that can't be stored as the object that the node made."""
    serial_project.write("steps.py", UNSTORABLE)
    serial_project.nodes = {"make": {"uses": "steps:make"}}
    assert serial_project.good().values["make"].parts["rule"](2) == 3


def test_not_storable_after_a_changed_source(serial_project: Project) -> None:
    """A node that has to leave this process, and whose output can't, runs here after all."""
    project = serial_project
    project.write("steps.py", UNSTORABLE + "\n    def plug(name):\n        return __import__(name).VALUE\n")
    project.write("plugin.py", "VALUE = 1\n")
    project.nodes = {
        "plug": {"uses": "steps:plug", "config": {"name": "plugin"}},
        "make": {"uses": "steps:make"},
        "use": {"uses": "steps:use", "needs": {"holder": "make"}},
    }
    assert project.good(targets=["plug", "use"]).values["use"] == 2


def test_not_storable_fails_in_a_worker(project: Project) -> None:
    """With worker processes an output that can't be stored fails its node, and says where it can't."""
    if project.executor == "serial":
        pytest.skip("values are handed on within one process")
    project.write("steps.py", UNSTORABLE)
    project.nodes = {"make": {"uses": "steps:make"}}
    report = project.run()
    assert "rule" in report.failures[0].error_message


def test_generator_is_refused(project: Project) -> None:
    """A generator could be read only once: the node fails, and the message says what to do."""
    project.write("steps.py", "def make():\n    return (x for x in range(3))\n")
    project.nodes = {"make": {"uses": "steps:make"}}
    (failure,) = project.run().failures
    assert "generator" in failure.error_message
    assert "list" in failure.error_message


FAILING = """
    def good():
        return 1

    def bad(value):
        print("about to fail")
        helper(value)

    def helper(value):
        raise ValueError(f"no {value}")

    def after(value):
        return value

    def other():
        return 2
"""


def failing(project: Project) -> None:
    project.write("steps.py", FAILING)
    project.nodes = {
        "good": {"uses": "steps:good"},
        "bad": {"uses": "steps:bad", "needs": {"value": "good"}},
        "after": {"uses": "steps:after", "needs": {"value": "bad"}},
        "other": {"uses": "steps:other"},
    }


def test_failure_shows_the_users_traceback(project: Project) -> None:
    """A failing node's error has the user's frames and none of the engine's, and its last output."""
    failing(project)
    report = project.run(targets=["after"])
    (failure,) = report.failures
    assert (failure.node, failure.error_type, failure.error_message) == ("bad", "ValueError", "no 1")
    assert failure.component == "steps:bad"
    assert "helper(value)" in failure.traceback
    assert "fingerprint_runner" not in failure.traceback
    assert "importlib" not in failure.traceback
    assert failure.log_tail == "about to fail\n"
    assert report.nodes["after"].status is NodeStatus.SKIPPED
    assert not report.ok


def test_failure_keeps_what_was_done(project: Project) -> None:
    """What finished before a failure stays; the next run goes on from there."""
    failing(project)
    assert project.run(targets=["after"]).ran == ("good",)
    project.write("steps.py", FAILING.replace("helper(value)\n", "return value\n", 1))
    assert project.good(targets=["after"]).ran == ("bad", "after")


@pytest.mark.parametrize("keep_going", [False, True])
def test_keep_going(project: Project, keep_going: bool) -> None:
    """After a failure nothing more starts, unless asked to: then what doesn't depend on it runs."""
    failing(project)
    report = project.run(targets=["after", "other"], keep_going=keep_going)
    expected = NodeStatus.RAN if keep_going else NodeStatus.CANCELLED
    assert report.nodes["other"].status is expected


def test_failed_node_stays_stale(project: Project) -> None:
    """A failure leaves no record: the node runs again."""
    failing(project)
    project.run(targets=["after"])
    assert [failure.node for failure in project.run(targets=["after"]).failures] == ["bad"]


@pytest.mark.parametrize("call", ["sys.exit(0)", "raise SystemExit(3)"])
def test_exiting_is_failing(project: Project, call: str) -> None:
    """A node that exits has failed, whatever its status."""
    project.write("steps.py", f"import sys\n\ndef make():\n    {call}\n")
    project.nodes = {"make": {"uses": "steps:make"}}
    (failure,) = project.run().failures
    assert failure.error_type == "SystemExit"


def test_dying_process_is_failing(project: Project) -> None:
    """A worker process that dies without a word is its node's failure; the run goes on to its end."""
    if project.executor == "serial":
        pytest.skip("it would take this process along")
    project.write("steps.py", "import os\n\ndef make():\n    os._exit(0)\n")
    project.nodes = {"make": {"uses": "steps:make"}}
    (failure,) = project.run().failures
    assert failure.error_type == "WorkerDied"
    assert "status 0" in failure.error_message


def test_prints_go_to_the_record(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """What a node prints, in whatever way, never reaches stdout; it is in the record, in order."""
    project.write(
        "steps.py",
        """
        import os, subprocess, sys

        def make():
            print("by print")
            os.write(1, b"by descriptor\\n")
            subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)
            sys.stderr.write("to stderr\\n")
            return 1
        """,
    )
    project.nodes = {"make": {"uses": "steps:make"}}
    report = project.good()
    assert project.record(report, "make").log_tail.splitlines() == [
        "by print",
        "by descriptor",
        "by a child",
        "to stderr",
    ]
    assert capfd.readouterr().out == ""


FOLDERS = """
    from pathlib import Path
    from fingerprint_runner import OutputDirectory

    def write(out: OutputDirectory, text):
        (out / "deep").mkdir()
        (out / "deep" / "a.txt").write_text(text)

    def both(out: OutputDirectory, text):
        (out / "a.txt").write_text(text)
        return {"text": text}

    def read(folder: Path):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return [[str(path.relative_to(folder)), path.read_text()] for path in files]

    def value_of(folder):
        return folder

    def spoil(folder: Path):
        try:
            (folder / "new.txt").write_text("mine")
        except PermissionError:
            pass
        for path in folder.rglob("*.txt"):
            path.chmod(0o600)
            path.write_text("spoilt")
        return 1

    def path_of(out: OutputDirectory):
        return str(out / "a.txt")

    def nested(out: OutputDirectory):
        return {"where": [out / "a.txt"]}
"""


def test_folder_output(project: Project) -> None:
    """A folder that a function fills is its output; a consumer's `Path` has the same files."""
    project.write("steps.py", FOLDERS)
    project.nodes = {
        "write": {"uses": "steps:write", "config": {"text": "hello"}},
        "read": {"uses": "steps:read", "needs": {"folder": "write"}},
    }
    report = project.good()
    assert report.values["read"] == [["deep/a.txt", "hello"]]
    assert report.nodes["write"].resource is not None
    assert report.nodes["write"].value is None
    assert project.good().ran == ()


def test_folder_is_a_consumers_own(project: Project) -> None:
    """What a consumer does to the folder it was given reaches nobody."""
    project.write("steps.py", FOLDERS)
    project.nodes = {
        "write": {"uses": "steps:write", "config": {"text": "hello" * 2000}},
        "spoil": {"uses": "steps:spoil", "needs": {"folder": "write"}},
        "read": {"uses": "steps:read", "needs": {"folder": "write"}},
    }
    for version in ("1", "2"):
        project.nodes["spoil"]["version"] = project.nodes["read"]["version"] = version
        project.good(targets=["spoil"])
        report = project.good(targets=["read"])
        assert report.values["read"] == [["deep/a.txt", "hello" * 2000]]


def test_damaged_folder_is_made_again(project: Project) -> None:
    """A file of a folder that is damaged in the store is found when it is needed, and made again."""
    project.write("steps.py", FOLDERS)
    project.nodes = {
        "write": {"uses": "steps:write", "config": {"text": "hello" * 2000}},
        "read": {"uses": "steps:read", "needs": {"folder": "write"}},
    }
    project.good()
    blobs = [path for path in (project.folder / ".cache/fr/blobs").rglob("*") if path.is_file()]
    for blob in blobs:
        blob.chmod(0o600)
        blob.write_bytes(bytes(len(blob.read_bytes())))
    project.nodes["read"]["version"] = "2"
    report = project.good()
    assert report.values["read"] == [["deep/a.txt", "hello" * 2000]]
    assert "write" in report.ran


def test_folder_and_value(project: Project) -> None:
    """A value and a folder travel together: `Path` takes the folder, others the value."""
    project.write("steps.py", FOLDERS)
    project.nodes = {
        "both": {"uses": "steps:both", "config": {"text": "hello"}},
        "read": {"uses": "steps:read", "needs": {"folder": "both"}},
        "value": {"uses": "steps:value_of", "needs": {"folder": "both"}},
        "key": {"uses": "steps:value_of", "needs": {"folder": "both[text]"}},
    }
    report = project.good(targets=["both", "read", "value", "key"])
    assert dict(report.values) == {
        "both": {"text": "hello"},
        "read": [["a.txt", "hello"]],
        "value": {"text": "hello"},
        "key": "hello",
    }


@pytest.mark.parametrize("function", ["path_of", "nested"])
def test_folders_path_is_no_output(project: Project, function: str) -> None:
    """The folder is gone after the run: a value that holds its path is refused."""
    project.write("steps.py", FOLDERS)
    project.nodes = {"make": {"uses": f"steps:{function}"}}
    (failure,) = project.run().failures
    assert "OutputDirectory" in failure.error_message


COMPONENTS = """
    from fingerprint_runner import GraphComponent, Resource

    class Model(GraphComponent):
        def __init__(self, config, storage, resource, words=None):
            self.config, self.storage, self.resource, self.words = config, storage, resource, words

        @classmethod
        def create(cls, config, model_storage, resource, execution_context):
            return cls(config, model_storage, resource)

        @classmethod
        def load(cls, config, model_storage, resource, execution_context):
            with model_storage.read_from(resource) as folder:
                return cls(config, model_storage, resource, (folder / "words.txt").read_text().split())

        @staticmethod
        def get_default_config():
            return {"lower": True, "deep": {"a": 1, "b": 2}}

        def train(self, text):
            with self.storage.write_to(self.resource) as folder:
                (folder / "words.txt").write_text(text.lower() if self.config["lower"] else text)
            return self.resource

        def count(self, word):
            return [self.words.count(word), self.config["deep"]]

        def write_elsewhere(self):
            with self.storage.write_to(Resource("other")) as folder:
                (folder / "a.txt").write_text("mine")

        def read_elsewhere(self):
            with self.storage.read_from(Resource("train")) as folder:
                return (folder / "words.txt").read_text()

    def text():
        return "a B a " * 1000
"""


def components(project: Project) -> None:
    project.write("steps.py", COMPONENTS)
    project.nodes = {
        "text": {"uses": "steps:text"},
        "train": {"uses": "steps:Model", "fn": "train", "needs": {"text": "text"}},
        "count": {
            "uses": "steps:Model",
            "constructor_name": "load",
            "fn": "count",
            "needs": {"resource": "train"},
            "config": {"word": "a", "deep": {"b": 3}},
        },
    }


def test_component_passes_its_resource_on(project: Project) -> None:
    """`create` writes a resource, `load` reads it; the graph's config lies over the defaults."""
    components(project)
    project.write("more.py", "def word():\n    return 'a'\n")
    project.nodes["word"] = {"uses": "more:word"}
    project.nodes["count"]["needs"]["word"] = "word"
    del project.nodes["count"]["config"]["word"]
    report = project.good(targets=["count"])
    assert report.values["count"] == [2000, {"a": 1, "b": 3}]
    project.nodes["count"]["config"]["deep"] = {"b": 4}
    again = project.good(targets=["count"])
    assert again.ran == ("count",)
    assert again.values["count"] == [2000, {"a": 1, "b": 4}]


def test_damaged_resource_of_a_component(project: Project) -> None:
    """A component that reads a damaged resource finds it made again."""
    components(project)
    project.write("more.py", "def word():\n    return 'a'\n")
    project.nodes["word"] = {"uses": "more:word"}
    project.nodes["count"]["needs"]["word"] = "word"
    del project.nodes["count"]["config"]["word"]
    project.good(targets=["count"])
    for blob in [path for path in (project.folder / ".cache/fr/blobs").rglob("*") if path.is_file()]:
        blob.chmod(0o600)
        blob.write_bytes(bytes(len(blob.read_bytes())))
    project.nodes["count"]["config"]["deep"] = {"b": 5}
    assert project.good(targets=["count"]).values["count"] == [2000, {"a": 1, "b": 5}]


@pytest.mark.parametrize(("method", "resource"), [("write_elsewhere", "other"), ("read_elsewhere", "train")])
def test_foreign_resource_is_refused(project: Project, method: str, resource: str) -> None:
    """A component writes its own resource alone, and reads only those of its needs."""
    components(project)
    project.good(targets=["train"])
    project.nodes["stranger"] = {"uses": "steps:Model", "fn": method}
    (failure,) = project.run(targets=["stranger"]).failures
    assert failure.error_type == "MissingNeed"
    assert resource in failure.error_message


def test_value_of_a_first_party_class(project: Project) -> None:
    """The caller gets objects of the graph's own classes wherever it was started from."""
    project.write(
        "shapes.py",
        "class Point:\n    def __init__(self, x):\n        self.x = x\n\ndef make():\n    return Point(3)\n",
    )
    project.nodes = {"make": {"uses": "shapes:make"}}
    assert project.good().values["make"].x == 3
    report = project.good()
    assert report.ran == ()
    assert report.values["make"].x == 3
