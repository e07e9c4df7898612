"""The exact words for what people do wrong most, and no traceback of this program for any of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command_project import Fr, edit

NOTHING = "nothing ran and nothing changed\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["run", "pgae"],
            "error: fr.yml: there is no node 'pgae'\n  hint: did you mean 'page'?\n",
        ),
        (
            ["run", "--force", "x"],
            "error: fr.yml: there is no node 'x'\n  hint: the graph's nodes: numbers, double, total, page\n",
        ),
        (
            ["rnu"],
            "error: there is no command 'rnu'\n  hint: did you mean 'run'?\n",
        ),
        (
            ["run", "--stt", "a.b=1"],
            "error: fr run has no option '--stt'\n  hint: did you mean '--set'? see fr run --help\n",
        ),
        (
            ["run", "-C", "x"],
            "error: fr run has no option '-C'\n  hint: it comes first: fr -C DIR run\n",
        ),
        (
            ["explain"],
            "error: missing argument 'NODE'\n"
            "  hint: name one, or --all for every node that isn't up to date\n",
        ),
        (
            ["-C", "nowhere", "run"],
            "error: -C: can't go to 'nowhere': No such file or directory\n  hint: see fr --help\n",
        ),
        (
            ["plan", "--set", "double.fctor=3"],
            "error: `--set double.fctor`: steps:scale has no parameter 'fctor' "
            "(node 'double', key 'config.fctor')\n  hint: did you mean 'factor'?\n",
        ),
        (
            ["plan", "--set", "dubble.factor=3"],
            "error: `--set dubble.factor`: there is no node 'dubble'\n  hint: did you mean 'double'?\n",
        ),
        (
            ["plan", "--input", "limit=x"],
            "error: `--input limit`: the input 'limit' must be a whole number, and this is the text 'x' "
            "(key 'inputs.limit')\n",
        ),
        (
            ["plan", "--input", "limti=3"],
            "error: `--input limti`: there is no input 'limti'\n  hint: did you mean 'limit'?\n",
        ),
        (
            ["run", "-f", "fr.yaml"],
            "error: fr.yaml: there is no such file\n  hint: did you mean 'fr.yml'?\n",
        ),
        (
            ["cache", "clear"],
            None,
        ),
    ],
)
def test_a_wrong_call_is_told_what_to_do(fr: Fr, arguments: list[str], message: str | None) -> None:
    """Headline, hint and consequence on stderr, nothing on stdout, exit 2."""
    done = fr(*arguments)
    assert done.returncode == 2
    if message is None:
        store = fr.folder / ".cache" / "fr"
        message = f"error: this removes all of {store}\n  hint: confirm with --yes\n"
    assert done.stdout == ""
    assert done.stderr == message + NOTHING


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            "  a: {uses: 'steps:totl'}\n",
            "error: fr.yml:3:7: there is no 'totl' in steps.py (node 'a', key 'uses')\n"
            "  hint: did you mean 'total'?\n",
        ),
        (
            "  a: {uses: 'stps:total'}\n",
            "error: fr.yml:3:7: there is no module 'stps' (node 'a', key 'uses')\n"
            "  hint: did you mean 'steps'?\n",
        ),
        (
            "  a: {uses: 'steps:total'}\n",
            "error: fr.yml:3:3: steps:total needs a value for its parameter 'values' "
            "(node 'a', key 'needs')\n  hint: add 'values' to `needs` or to `config`\n",
        ),
        (
            "  a: {uses: 'steps:plain'}\n"
            "  b: {uses: 'steps:total', needs: {values: a}, config: {vales: 1}}\n",
            "error: fr.yml:4:57: steps:total has no parameter 'vales' (node 'b', key 'config.vales')\n"
            "  hint: did you mean 'values'?\n",
        ),
        (
            "  a: {uses: 'steps:plain', confg: {x: 1}}\n",
            "error: fr.yml:3:28: 'confg' isn't a key of a node (node 'a', key 'confg')\n"
            "  hint: did you mean 'config'?\n",
        ),
        (
            "  a: {uses: 'steps:total', needs: {values: b}}\n"
            "  b: {uses: 'steps:total', needs: {values: a}}\n",
            "error: fr.yml:3:28: these nodes need each other: a -> b -> a (node 'a', key 'needs')\n"
            "  hint: take one of these needs away\n",
        ),
        (
            "  a: {uses: 'steps:plain'\n",
            "error: fr.yml:3:6: this isn't YAML: a bracket isn't closed, or a text in it isn't quoted\n"
            "  3 |   a: {uses: 'steps:plain'\n"
            "    |      ^\n"
            "  hint: close it, and quote a text that holds any of [ ] { } ,\n",
        ),
        (
            "",
            "error: fr.yml:2:1: the graph has no nodes (key 'nodes')\n"
            "  hint: the least graph: `version: 1`, then `nodes: {first: {uses: module:function}}`\n",
        ),
    ],
)
def test_a_wrong_graph_is_told_where(graph_of: Callable[[str], Fr], nodes: str, message: str) -> None:
    """File, line, node and key; exit 2; no store is made (memos may be)."""
    fr = graph_of(nodes)
    done = fr("run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == message + NOTHING
    assert {path.name for path in (fr.folder / ".cache").glob("fr/*")} <= {"memo", "CACHEDIR.TAG"}


def test_all_problems_come_at_once(graph_of: Callable[[str], Fr]) -> None:
    """Two mistakes are two messages, in the order of their lines, and one consequence."""
    done = graph_of("  a: {uses: 'steps:totl'}\n  b: {uses: 'stps:total'}\n")("plan")
    assert done.stderr.splitlines()[::2] == [
        "error: fr.yml:3:7: there is no 'totl' in steps.py (node 'a', key 'uses')",
        "error: fr.yml:4:7: there is no module 'stps' (node 'b', key 'uses')",
        "2 problems: nothing ran and nothing changed",
    ]


def test_a_syntax_error_names_file_and_line(fr: Fr) -> None:
    """A module that can't be parsed: exit 2 and no traceback."""
    edit(fr.folder / "steps.py", "def numbers(limit):", "def numbers(limit:")
    done = fr("run")
    assert done.returncode == 2
    assert done.stderr.startswith("error: steps.py:14:")
    assert done.stderr.endswith("  hint: mend the file\n" + NOTHING)
    assert "Traceback" not in done.stderr


def test_a_failing_node_shows_its_own_traceback(graph_of: Callable[[str], Fr]) -> None:
    """The place in the graph file, the user's frames alone, what was skipped, and what stays."""
    fr = graph_of(
        "  start: {uses: 'steps:plain'}\n"
        "  broken: {uses: 'steps:broken', needs: {total: start}}\n"
        "  below: {uses: 'steps:total', needs: {values: broken}}\n"
    )
    done = fr("run")
    assert done.returncode == 1
    assert "failed: fr.yml:4: node 'broken' (steps:broken)\nTraceback (most recent call last):" in done.stderr
    assert f'File "{fr.folder}/steps.py", line' in done.stderr
    assert done.stderr.rstrip().endswith("KeyError: 'missing'")
    assert "before it fails" in done.stderr
    assert "fingerprint_runner" not in done.stderr
    assert "  skipped  below   needs what failed" in done.stdout
    assert done.stdout.endswith("what ran stays in the cache: a next run goes on from there\n")
    assert "hit  start" in fr("run").stdout


def test_quiet_shows_what_a_failing_node_printed(graph_of: Callable[[str], Fr]) -> None:
    """With `-q`, what nodes print is shown only of those that fail."""
    fr = graph_of(
        "  a: {uses: 'steps:numbers', config: {limit: 2}}\n  b: {uses: 'steps:broken', needs: {total: a}}\n"
    )
    done = fr("run", "-q")
    assert "printed by Python" not in done.stderr
    assert done.stderr.count("before it fails") == 1


def test_a_component_that_raises_when_imported_is_named(graph_of: Callable[[str], Fr]) -> None:
    """What only importing shows is found before anything runs, and names node and module."""
    fr = graph_of("  start: {uses: 'steps:plain'}\n  a: {uses: 'computed:f'}\n")
    (fr.folder / "computed.py").write_text(
        "import functools\nimport steps\nf = functools.partial(steps.nothing)\n"
    )
    done = fr("run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: fr.yml:4:7: computed:f can't be used: AttributeError: ")
    assert 'computed.py", line 3' in done.stderr
    assert done.stderr.endswith(NOTHING)


def test_outside_of_any_project(tmp_path: Path) -> None:
    """No graph file here or above."""
    done = Fr(tmp_path)("run")
    assert done.returncode == 2
    assert done.stderr == (
        "error: there is no graph file (fr.yml, fr.yaml, fr.json) in '.' or above it\n"
        "  hint: write one, name one by `-f FILE`, or start elsewhere: `fr -C DIR …`\n" + NOTHING
    )


def test_an_empty_graph_file(tmp_path: Path) -> None:
    """A file with nothing in it says what the least graph is."""
    (tmp_path / "fr.yml").touch()
    done = Fr(tmp_path)("run")
    assert done.returncode == 2
    assert done.stderr.startswith("error: fr.yml: the graph file is empty\n  hint: the least graph: ")


def test_two_graph_files_in_one_folder(fr: Fr) -> None:
    """Which of them is meant must be said; `-f` says it."""
    (fr.folder / "fr.json").write_text("{}")
    done = fr("run")
    assert done.returncode == 2
    assert done.stderr == (
        "error: .: there are fr.yml and fr.json in one folder\n"
        "  hint: keep one of them, or say which: -f fr.yml\n" + NOTHING
    )
    assert fr("run", "-f", "fr.yml").returncode == 0


def test_a_cache_folder_that_is_a_file(fr: Fr) -> None:
    """A file where the cache folder should be: named, exit 2, no traceback."""
    (fr.folder / "taken").write_text("")
    done = fr("run", "--cache-dir", "taken")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the cache folder ")
    assert done.stderr.endswith("/taken is a file\n  hint: name another cache folder: --cache-dir DIR\n")
    assert "Traceback" not in done.stderr


def test_an_export_folder_that_cant_be_written(fr: Fr) -> None:
    """The node's value is in the cache; the export is a failure that names node and line, exit 1."""
    (fr.folder / "out" / "page.txt").unlink()
    (fr.folder / "out").rmdir()
    (fr.folder / "out").write_text("in the way")
    done = fr("run")
    assert done.returncode == 1
    assert "failed: fr.yml:20: exporting node 'page' (steps:page)\n  can't write to 'out/'" in done.stderr
    assert "Traceback" not in done.stderr
    (fr.folder / "out").unlink()
    assert fr.json("run")["counts"]["hit"] == 4
    assert (fr.folder / "out" / "page.txt").read_text() == "Sum: 12\n"
