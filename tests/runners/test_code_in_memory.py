"""Components of scripts, notebooks and the prompt: found again in the next process, run again when edited."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.provenance.signatures import FINE_GRAIN_NS
from fingerprint_runner.runners.graph_runner import CachingGraphRunner
from fingerprint_runner.runners.report import RunReport
from fingerprint_runner.storage.model_storage import open_storage

CELLS = [
    "import json\nfrom pathlib import Path\nimport fingerprint_runner as fr",
    "FACTOR = 2",
    "def helper(x):\n    return x * FACTOR",
    "def numbers():\n    return [1, 2, 3]",
    """
    class Total(fr.GraphComponent):
        @classmethod
        def create(cls, config, model_storage, resource, execution_context):
            return cls()

        def run(self, numbers):
            return sum(helper(each) for each in numbers)
    """,
    """
    schema = fr.GraphSchema({
        "numbers": fr.SchemaNode(uses=numbers),
        "total": fr.SchemaNode(uses=Total, needs={"numbers": "numbers"}),
        "shown": fr.SchemaNode(uses=lambda total: f"<{total}>", needs={"total": "total"}, is_target=True),
    })
    runner = fr.GraphRunner.create(schema, fr.open_storage(".cache"), fr.ExecutionContext(schema))
    values = runner.run()
    reasons = {name: [reason.what for reason in node.reasons] for name, node in runner.report.nodes.items()}
    print(json.dumps([values["shown"], list(runner.report.ran), reasons]))
    """,
]
KERNEL = """
import json, sys
space = {"__name__": "__main__"}
for number, cell in enumerate(json.loads(sys.argv[1])):
    exec(compile(cell, f"<ipython-input-{number}>", "exec"), space)
"""


def in_notebook(folder: Path, cells: list[str]) -> Any:
    """What a fresh kernel prints that runs these cells."""
    texts = json.dumps([textwrap.dedent(cell) for cell in cells])
    return _last_line(folder, "-c", KERNEL, texts)


def as_script(folder: Path, cells: list[str], name: str = "script.py") -> Any:
    """What a script of these cells prints."""
    (folder / name).write_text("\n\n".join(textwrap.dedent(cell) for cell in cells))
    return _last_line(folder, name)


def _last_line(folder: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def write_long_ago(path: Path, text: str) -> None:
    """Write a file, and come back when a process that starts now has certainly read it as it is."""
    path.write_text(text)
    while time.time_ns() - path.stat().st_ctime_ns < 3 * FINE_GRAIN_NS:
        pass


def edited(old: str, new: str) -> list[str]:
    """The cells after one edit."""
    assert sum(cell.count(old) for cell in CELLS) == 1
    return [cell.replace(old, new) for cell in CELLS]


@pytest.mark.parametrize("run", [in_notebook, as_script])
def test_the_next_process_finds_what_the_last_one_made(tmp_path: Path, run: Any) -> None:
    """All hits with the same code, whatever the cells are called; after an edit what depends on it runs."""
    everything = ["numbers", "total", "shown"]
    assert run(tmp_path, CELLS)[:2] == ["<12>", everything]
    assert run(tmp_path, CELLS)[:2] == ["<12>", []]
    assert run(tmp_path, ["x = 1", *CELLS])[:2] == ["<12>", []]
    value, ran, reasons = run(tmp_path, edited("FACTOR = 2", "FACTOR = 3"))
    assert (value, ran) == ("<18>", ["total", "shown"])
    assert reasons["total"] == ["__main__:helper"]
    assert run(tmp_path, edited("sum(helper", "1 + sum(helper"))[:2] == ["<13>", ["total", "shown"]]
    assert run(tmp_path, edited("<{total}>", "[{total}]"))[:2] == ["[12]", ["shown"]]
    assert run(tmp_path, CELLS)[:2] == ["<12>", []]


def test_scripts_share_what_is_the_same(tmp_path: Path) -> None:
    """A copy of a script, and a notebook with its cells, are hits: where code stands doesn't count."""
    assert as_script(tmp_path, CELLS)[1] != []
    assert as_script(tmp_path, CELLS, "twin.py")[1] == []
    assert in_notebook(tmp_path, CELLS)[1] == []


def test_what_a_notebook_uses_of_a_module_counts(tmp_path: Path) -> None:
    """Functions of files are read from source: an edit of one that is used reruns, of another doesn't."""
    module = tmp_path / "shared.py"
    first = "def used(x):\n    return x\n\ndef unused(x):\n    return x\n"
    write_long_ago(module, first)
    cells = edited("return x * FACTOR", "return shared.used(x)")
    cells.insert(0, "import sys; sys.path.insert(0, '')\nimport shared")
    assert in_notebook(tmp_path, cells)[0] == "<6>"
    write_long_ago(module, first.replace("unused(x):\n    return x", "unused(x):\n    return x + 1"))
    assert in_notebook(tmp_path, cells)[1] == []
    write_long_ago(module, first.replace("def used(x):\n    return x", "def used(x):\n    return -x"))
    value, ran, reasons = in_notebook(tmp_path, cells)
    assert (value, ran, reasons["total"]) == ("<-6>", ["total", "shown"], ["shared:used"])


STATE: dict[str, Any] = {}


def run_nodes(folder: Path, **nodes: SchemaNode) -> RunReport:
    """Run nodes whose components are given as objects."""
    schema = GraphSchema(nodes)
    storage = open_storage(folder / ".cache", durability="fast")
    runner = CachingGraphRunner(schema, storage, ExecutionContext(schema), folder=folder)
    report = runner.execute()
    assert report.ok, [failure.traceback for failure in report.failures]
    return report


def test_local_functions_and_lambdas(tmp_path: Path) -> None:
    """What a closure holds counts; a second run is a hit."""

    def make(start: int) -> SchemaNode:
        return SchemaNode(uses=lambda: start + 1)

    assert run_nodes(tmp_path, one=make(1), two=make(2)).ran == ("one", "two")
    report = run_nodes(tmp_path, one=make(1), two=make(2))
    assert (report.ran, dict(report.values)) == ((), {"one": 2, "two": 3})
    report = run_nodes(tmp_path, one=make(1), two=make(5))
    assert (report.ran, dict(report.values)) == (("two",), {"one": 2, "two": 6})


def test_an_object_is_run_and_not_its_namesake(tmp_path: Path) -> None:
    """A function that no module has under its name is the one that runs."""

    def doubled(function: Any) -> Any:
        def wrapper() -> Any:
            return 2 * function()

        wrapper.__module__, wrapper.__qualname__ = function.__module__, function.__qualname__
        return wrapper

    assert run_nodes(tmp_path, one=SchemaNode(uses=doubled(plain_one))).values["one"] == 2
    assert run_nodes(tmp_path, one=SchemaNode(uses=plain_one)).values["one"] == 1


def plain_one() -> int:
    """A function of a module."""
    return 1


def test_what_an_earlier_node_changes_in_memory_is_seen(tmp_path: Path) -> None:
    """A node is planned again if what it refers to isn't what was planned when it starts."""
    counter = {"value": 1}

    def changes() -> int:
        counter["value"] = 7
        return 0

    def reads(first: int) -> int:
        return first + counter["value"]

    nodes = {
        "first": SchemaNode(uses=changes, cache=_recompute()),
        "second": SchemaNode(uses=reads, needs={"first": "first"}),
    }
    report = run_nodes(tmp_path, **nodes)
    assert report.values["second"] == 7
    assert any("is planned and run again" in warning for warning in report.warnings)
    counter["value"] = 1
    assert run_nodes(tmp_path, **nodes).values["second"] == 7
    assert run_nodes(tmp_path, **nodes).ran == ("first",)


def _recompute() -> Any:
    from fingerprint_runner.graph.node import CacheMode

    return CacheMode.RECOMPUTE


def test_what_cannot_be_told_runs_each_time_and_says_why(tmp_path: Path) -> None:
    """A function that evaluates text may run anything."""

    def evaluates() -> Any:
        return eval("1 + 1")

    for _ in range(2):
        report = run_nodes(tmp_path, one=SchemaNode(uses=evaluates))
        assert report.ran == ("one",)
        assert any("eval()" in warning for warning in report.warnings)
    pinned = SchemaNode(uses=evaluates, version="1")
    assert run_nodes(tmp_path, one=pinned).ran == ("one",)
    assert run_nodes(tmp_path, one=pinned).ran == ()


def test_a_module_that_changed_since_it_was_imported_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node runs with what this process has, and the result is this run's alone."""
    module = tmp_path / "loaded_before.py"
    module.write_text("def value():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import loaded_before  # type: ignore[import-not-found]

    try:
        module.write_text("def value():\n    return 2\n")
        node = SchemaNode(uses=lambda: loaded_before.value())
        report = run_nodes(tmp_path, one=node)
        assert report.values["one"] == 1
        assert any("'loaded_before'" in warning and "isn't kept" in warning for warning in report.warnings)
        assert run_nodes(tmp_path, one=node).ran == ("one",)
    finally:
        sys.modules.pop("loaded_before", None)
