"""The benchmark suite itself: statistics, tables, graphs, layouts, the table of edits, and the page."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.catalogue import ROWS
from benchmarks.command import PAGE, RESULTS
from benchmarks.edits.function_edits import random_edits
from benchmarks.edits.import_closure import ImportGraph
from benchmarks.edits.shop_graph import shop_project
from benchmarks.edits.table import EDITS, Edit
from benchmarks.edits.truth import Truth
from benchmarks.engines.bare import Bare
from benchmarks.engines.doit import Doit
from benchmarks.engines.dvc import Dvc
from benchmarks.engines.fr import Fr
from benchmarks.engines.hamilton import Hamilton
from benchmarks.engines.joblib_memory import JoblibMemory
from benchmarks.engines.ninja import Ninja
from benchmarks.engines.protocol import Engine
from benchmarks.engines.pytask import Pytask
from benchmarks.engines.redun import Redun
from benchmarks.engines.snakemake import Snakemake
from benchmarks.environments import PINS
from benchmarks.graphs import Project, chain, fan, ladder, layered
from benchmarks.overview import losses, parts_of
from benchmarks.processes import Command, CommandFailed
from benchmarks.results import Conditions, Figure, Result, Verdict, read_results, write_results
from benchmarks.samples import Samples, in_turn
from benchmarks.tables import PageError, rows_of, shown, write_page
from benchmarks.workspace import Workspace

ENGINES: list[Engine] = [
    Fr(),
    Bare(),
    Doit(),
    Dvc(),
    Hamilton(),
    JoblibMemory(),
    Ninja(),
    Pytask(),
    Redun(),
    Snakemake(),
]
CONDITIONS = Conditions("2026-01-01", "abc", "2 cores", "3.11.7", {"ninja": "1"}, 3, False, 60.0)


def result(row: str, *figures: Figure, verdicts: tuple[Verdict, ...] = ()) -> Result:
    """A result with some figures."""
    return Result(row, figures, verdicts, CONDITIONS)


# --- statistics ---------------------------------------------------------------------------------------


def test_a_ratio_is_the_median_of_ratios_pair_by_pair() -> None:
    """Machines drift, so pairs that were measured one after the other are compared, not medians."""
    ours, theirs = Samples((2.0, 20.0, 3.0)), Samples((1.0, 10.0, 3.0, 99.0))
    assert ours.ratio_to(theirs).values == (2.0, 2.0, 1.0)
    assert ours.ratio_to(theirs).median == 2.0


def test_things_are_measured_in_turn_and_the_first_round_does_not_count() -> None:
    """A warm-up each, then A B A B."""
    log: list[str] = []

    def thing(name: str) -> float:
        log.append(name)
        return float(len(log))

    found = in_turn({"a": lambda: thing("a"), "b": lambda: thing("b")}, 2, lambda value: 0.1)
    assert log == ["a", "b", "a", "b", "a", "b"]
    assert found == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_slow_things_are_measured_in_fewer_rounds() -> None:
    """Three rounds for what takes seconds; what takes long is measured once, which counts."""
    found = in_turn({"quick": lambda: 0.1, "slow": lambda: 5.0, "very": lambda: 50.0}, 7, lambda value: value)
    assert [len(values) for values in found.values()] == [7, 3, 1]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.5e-6, "s", "2.5 µs"),
        (0.0213, "s", "21 ms"),
        (0.0026, "s", "2.6 ms"),
        (1.234, "s", "1.23 s"),
        (754.2, "s", "754 s"),
        (1234.0, "us", "1,234 µs"),
        (2.0**30, "bytes", "1,024 MiB"),
        (99.0, "count", "99"),
        (17.5, "count", "17.5"),
        (1.499, "ratio", "1.50"),
    ],
)
def test_numbers_are_shown_with_their_unit(value: float, unit: str, text: str) -> None:
    """Two or three digits, and the unit that fits."""
    assert shown(value, unit) == text


# --- results and the page -----------------------------------------------------------------------------


def test_results_are_merged_row_by_row(tmp_path: Path) -> None:
    """A row that isn't run keeps its result; rows stand in the page's order."""
    path = tmp_path / "results.json"
    verdict = Verdict("at most 2", 2, "ratio", (1.5, 2.5), note="a note")
    write_results(path, [result("b", Figure("fr", "x", "s", (1.0,)))], ["a", "b"])
    write_results(path, [result("a", Figure("fr", "y", note="fails"), verdicts=(verdict,))], ["a", "b"])
    found = read_results(path)
    assert list(found) == ["a", "b"]
    assert found["a"].verdicts == (verdict,)
    assert found["a"].figures[0].note == "fails"
    assert found["b"].figures[0].median == 1.0


def test_goals_are_met_within_their_bound_and_unknown_without_figures() -> None:
    """Most figures must stay within a bound, accuracy must reach one."""
    assert Verdict("", 2, "ratio", (1.0, 2.0, 9.0)).met
    assert not Verdict("", 2, "ratio", (3.0,)).met
    assert Verdict("", 10, "count", (10.0,), at_least=True).met
    assert not Verdict("", 10, "count", (9.0,), at_least=True).met
    assert Verdict("", 2, "ratio", note="not yet").met is None


def test_the_page_is_written_between_markers_alone(tmp_path: Path) -> None:
    """Text outside of the markers stays; a part without markers, or markers without a part, is an error."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures: a -->\nold\n<!-- end -->\nafter\n")
    write_page(page, {"a": "new\n"})
    assert page.read_text() == "before\n<!-- figures: a -->\nnew\n<!-- end -->\nafter\n"
    with pytest.raises(PageError, match="no markers for b"):
        write_page(page, {"a": "", "b": ""})
    with pytest.raises(PageError, match="no results for a"):
        write_page(page, {})


def test_whoever_is_better_than_fr_is_named() -> None:
    """Column by column, with how many times; like is compared with like."""
    figures = [
        Figure("fr", "10 nodes", "s", (2.0,)),
        Figure("fr, nothing to do", "10 nodes", "s", (1.0,)),
        Figure("ninja", "10 nodes", "s", (3.0,)),
        Figure("ninja, nothing to do", "10 nodes", "s", (0.5,)),
        Figure("doit", "10 nodes", "s", (1.0,)),
        Figure("redun", "10 nodes", note="RecursionError"),
    ]
    text = losses({"chain": result("chain", *figures)})
    assert "| 10 nodes: fr | doit 2.00 |" in text
    assert "| 10 nodes: fr, nothing to do | ninja, nothing to do 2.00 |" in text
    assert "redun" not in text


def test_every_row_has_a_section_and_a_result() -> None:
    """The page has markers and an anchor for each row, in the order of the catalogue."""
    text = PAGE.read_text(encoding="utf-8")
    assert rows_of(text) == ["goals", "losses", *ROWS]
    assert re.findall(r'<a id="([\w-]+)"></a>', text) == list(ROWS)
    assert list(read_results(RESULTS)) == list(ROWS)


def test_the_page_shows_what_the_results_hold() -> None:
    """No figure of the page's tables is typed in: writing it again changes nothing."""
    text = PAGE.read_text(encoding="utf-8")
    for name, part in parts_of(read_results(RESULTS)).items():
        assert f"<!-- figures: {name} -->\n{part}<!-- end -->" in text, f"run.py --write-docs: {name}"


def test_every_row_of_the_results_is_of_the_full_size() -> None:
    """What `--quick` finds isn't kept, and every row has a goal."""
    found = read_results(RESULTS)
    assert not [name for name, each in found.items() if each.conditions.quick]
    assert not [name for name, each in found.items() if not each.verdicts]


def test_pins_are_versions_alone() -> None:
    """No index, no address, no digest: an environment is made from names and versions."""
    for path in PINS.glob("*.txt"):
        for line in path.read_text().splitlines():
            assert re.fullmatch(r"[\w.-]+==[\w.+!]+", line), f"{path.name}: {line}"


# --- processes ----------------------------------------------------------------------------------------


def test_a_command_that_fails_says_why_in_a_word(tmp_path: Path) -> None:
    """The name of the error that it printed last, as a cell can show it."""
    with pytest.raises(CommandFailed) as failed:
        Command((sys.executable, "-c", "def f(): f()\nf()"), tmp_path).time()
    assert failed.value.reason == "RecursionError"


def test_a_command_is_killed_at_its_bound(tmp_path: Path) -> None:
    """With all that it started."""
    with pytest.raises(CommandFailed) as failed:
        Command((sys.executable, "-c", "while True: pass"), tmp_path, bound_s=0.2).time()
    assert failed.value.reason == "over 0 s"


def test_a_command_is_timed_with_its_memory(tmp_path: Path) -> None:
    """Wall clock, CPU and peak memory of the process, and what it printed."""
    code = "text = b'x' * (1 << 26)\nprint(len(text))"
    timing, text = Command((sys.executable, "-c", code), tmp_path).time_and_read()
    assert text == "67108864\n"
    assert timing.peak_bytes > 1 << 26
    assert timing.wall_s > 0
    assert timing.cpu_s > 0


# --- graphs and layouts -------------------------------------------------------------------------------


def test_generated_graphs_have_their_shape() -> None:
    """Nodes come after what they need; counts and needs are as the shape says."""
    for project, count, sinks in ((layered(95), 95, 9), (ladder(50), 100, 2), (chain(99), 99, 1)):
        names = [node.name for node in project.nodes]
        place = {name: number for number, name in enumerate(names)}
        assert len(names) == len(set(names)) == count
        assert len(project.targets) >= sinks
        assert all(
            place[parent] < place[node.name] for node in project.nodes for parent in node.needs.values()
        )
    assert {len(node.needs) for node in layered(95).nodes[10:]} == {2}
    assert {tuple(node.needs.values()) for node in fan(9).nodes[1:]} == {("n0",)}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_a_config_edit_changes_the_graph_and_no_source(engine: Engine) -> None:
    """Else an engine that hashes files would be blamed for what its layout did."""
    project = layered(30)
    before, after = engine.layout(project), engine.layout(project.with_config("n0", spare=1))
    changed = {path for path in before if before[path] != after[path]}
    assert before.keys() == after.keys()
    assert len(changed) in (1, 2)
    assert "steps.py" not in changed


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_layouts_are_whole(engine: Engine) -> None:
    """Every Python file of a layout compiles, for the generated graphs and for the edits' project."""
    for project in (layered(30), shop_project()):
        for path, text in engine.layout(project).items():
            if path.endswith(".py"):
                compile(text, path, "exec")


def test_a_workspace_writes_only_what_changed(tmp_path: Path) -> None:
    """What didn't change keeps its time, and what went is removed."""
    workspace = Workspace(Bare(), Path(sys.executable), tmp_path / "work", 60)
    workspace.write(layered(30))
    steps = workspace.folder / "steps.py"
    before = steps.stat().st_mtime_ns
    project = layered(30).with_config("n0", spare=1)
    workspace.write(Project({**project.files, "more.py": ""}, project.nodes))
    assert (workspace.folder / "more.py").exists()
    workspace.write(project)
    assert not (workspace.folder / "more.py").exists()
    assert steps.stat().st_mtime_ns == before
    workspace.remove()
    assert not workspace.folder.exists()


# --- the table of edits -------------------------------------------------------------------------------


def test_edits_have_names_of_their_own_and_change_something() -> None:
    """Each row's replaced text is there, and each node that it names."""
    project = shop_project()
    assert len({edit.name for edit in EDITS}) == len(EDITS) > 76
    for edit in EDITS:
        edited = edit.change(project)
        assert edited != project or edit.touch, edit.name
        assert edit.must <= {node.name for node in edited.nodes}, edit.name


@pytest.mark.parametrize("edit", EDITS[::14], ids=lambda edit: edit.name)
def test_the_table_is_true(edit: Edit) -> None:
    """What evaluating the project before and after an edit says is what the table says."""
    project = shop_project()
    assert Truth(Path(sys.executable), project).must_run(edit.change(project)) == edit.must


def test_our_engine_runs_what_the_table_says(tmp_path: Path) -> None:
    """A helper's edit, a comment and a config value, in real processes."""
    python = Path(sys.executable)
    if not python.with_name("fr").exists():
        pytest.skip("the command isn't installed beside this Python")
    chosen = ("a mixin's property", "a comment", "a config value that changes no result")
    project = shop_project()
    workspace = Workspace(Fr(), python, tmp_path / "work", 60)
    workspace.write(project)
    assert set(workspace.run_and_list()) == {node.name for node in project.nodes}
    workspace.save()
    for edit in EDITS:
        if edit.name in chosen:
            workspace.write(edit.change(project))
            assert set(workspace.run_and_list()) == edit.must, edit.name
            workspace.restore(project)


def test_random_edits_are_valid_and_change_one_function(tmp_path: Path) -> None:
    """A docstring stays first, and the module still compiles."""
    path = tmp_path / "module.py"
    path.write_text(
        'def one():\n    """Doc."""\n    return 1\n\n\n@staticmethod\ndef two(x):\n    return x\n'
    )
    edits = {edit.name: edit for edit in random_edits([path], 2, 1)}
    assert edits["one"].text.splitlines()[:3] == ["def one():", '    """Doc."""', "    _edited = 1"]
    assert edits["two"].first_line == 6
    compile(edits["two"].text, "module.py", "exec")


def test_import_closures_follow_every_import(tmp_path: Path) -> None:
    """Packages of what is imported count, relative imports too, and nothing else."""
    files = {
        "main.py": "import pkg.a\n",
        "pkg/__init__.py": "",
        "pkg/a.py": "def f():\n    from . import b\n",
        "pkg/b.py": "import json\n",
        "pkg/c.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {str(path.relative_to(tmp_path)) for path in ImportGraph(tmp_path).closure("main")}
    assert found == {"main.py", "pkg/__init__.py", "pkg/a.py", "pkg/b.py"}
