"""Finding and reading graph files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.graph.node import CacheMode, InputDeclaration, Need, SchemaNode
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.recipes.graph_file import find_graph_file, read_graph_file, shown_path

GOOD = """\
version: 1
name: intents
targets: [report]
inputs: {limit: {type: int, default: 1000}}
nodes:
  corpus:
    uses: pipeline:load_corpus
    files: [data/corpus.csv]
    needs: [limit]
  features:
    uses: pipeline:Vectorizer
    needs: {corpus: "corpus[train]"}
    config: {ngrams: [1, 2], lower: no, rate: 1e3}
  report:
    uses: pipeline:evaluate
    needs: [features]
    env: [REPORT_LANG]
    export: reports/
    cache: recompute
"""


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test stands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(content: str | bytes, name: str = "fr.yml") -> list[Problem]:
    """What is wrong with a file of this content."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InvalidGraph) as caught:
        read_graph_file(name)
    return list(caught.value.problems)


def test_the_contracts_example_is_read(working_folder: Path) -> None:
    """Every key lands where it belongs."""
    Path("fr.yml").write_text(GOOD)
    schema = GraphSchema.from_file("fr.yml")
    assert (schema.name, schema.targets, schema.recipe) == ("intents", ("report",), "graph.v1")
    assert schema.inputs == {"limit": InputDeclaration("int", 1000)}
    assert schema.nodes["features"].parents == {"corpus": Need("corpus", "train")}
    assert schema.nodes["features"].config == {"ngrams": [1, 2], "lower": "no", "rate": 1000.0}
    assert schema.nodes["report"] == SchemaNode(
        needs={"features": "features"},
        uses="pipeline:evaluate",
        env=("REPORT_LANG",),
        export="reports/",
        cache=CacheMode.RECOMPUTE,
    )
    assert schema.origin is not None
    assert (schema.origin.file, schema.origin.shown) == (working_folder / "fr.yml", "fr.yml")


def test_the_origin_knows_lines_of_keys_and_of_listed_needs() -> None:
    """A need in a list is found by its parameter's name too."""
    Path("fr.yml").write_text(GOOD)
    origin = read_graph_file("fr.yml").origin
    assert origin is not None
    assert origin.place("nodes", "features", "config") == (13, 5)
    assert origin.place("nodes", "features", "config", "lower") == (13, 30)
    assert origin.place("nodes", "report", "needs", "features") == (16, 13)
    assert origin.place("nodes", "report", "retries") == (14, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        lambda text: ("# größe\n" + text).encode(),
    ],
)
def test_marks_and_line_ends_of_other_systems(change: Callable[[str], bytes]) -> None:
    """A byte-order mark and CRLF change nothing."""
    Path("fr.yml").write_text(GOOD)
    Path("other.yml").write_bytes(change(GOOD))
    assert read_graph_file("other.yml") == read_graph_file("fr.yml")


def test_json_says_the_same_as_yaml() -> None:
    """A schema's plain form is a graph file."""
    Path("fr.yml").write_text(GOOD)
    schema = read_graph_file("fr.yml")
    Path("fr.json").write_text(json.dumps(schema.as_dict(), indent=2))
    again = read_graph_file("fr.json")
    assert again == schema
    assert again.origin is not None
    assert again.origin.place("nodes", "corpus", "uses")[0] > 1


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"\n# nothing\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\x00\x01\x02\x03", "not-text"),
        (b"\x7fELF\x02\x01", "not-text"),
        (b"\xff\xfev\x00e\x00", "not-text"),
        (b"name: \xe9\n", "not-text"),
        (b"just words\n", "bad-type"),
        (b"- a\n- b\n", "bad-type"),
        (b"version: 1\n", "missing-key"),
        (b"version: 1\nnodes: {}\n", "missing-key"),
        (b"nodes: {a: {uses: 'm:f'}}\n", "missing-key"),
        (b"version: 2\nnodes: {a: {uses: 'm:f'}}\n", "unknown-version"),
        (b"version: '1'\nnodes: {a: {uses: 'm:f'}}\n", "bad-type"),
        (b"version: true\nnodes: {a: {uses: 'm:f'}}\n", "bad-type"),
        (b"version: 1\nrecipe: mine\nnodes: {whatever: 3}\n", "unknown-recipe"),
        (b"version: 1\nnodes: {a: {}}\n", "missing-key"),
        (b"version: 1\nnodes: {a: }\n", "missing-key"),
    ],
)
def test_files_that_are_no_graphs(content: bytes, kind: str) -> None:
    """Each is one problem that names the file."""
    (problem,) = problems(content)
    assert (problem.kind, problem.file) == (kind, "fr.yml")


def test_names_that_would_leave_a_folder_are_refused() -> None:
    """Unicode, 300 bytes, line ends and paths are no names; each is told where it stands."""
    names = ["../x", "/etc/x", "ü", "x" * 300, "a\\nb", "CON"]
    text = "version: 1\nnodes:\n" + "".join(f'  "{name}": {{uses: "m:f"}}\n' for name in names)
    assert [(problem.kind, problem.line) for problem in problems(text)] == [
        ("bad-name", line) for line in (3, 4, 5, 6, 7)
    ]
    assert problems('version: 1\nnodes: {"a\\0b": {uses: "m:f"}}\n')[0].kind == "bad-name"


def test_problems_come_in_the_order_of_their_lines() -> None:
    """Values, wiring and targets together."""
    found = problems(
        "targets: [c]\nversion: 1\nnodes:\n  a:\n    needs: [zz]\n    uses: m:f\n    retries: x\n"
        "  b: {uses: 'm:f', needs: [a, yy]}\n  b2: {needs: [b]}\n"
    )
    assert [(problem.kind, problem.line) for problem in found] == [
        ("unknown-target", 1),
        ("unknown-need", 5),
        ("bad-type", 7),
        ("unknown-need", 8),
        ("missing-key", 9),
    ]


def test_20_000_nodes() -> None:
    """A big file is read; a wrong need in its last line is found."""
    lines = ["version: 1", "nodes:", "  n0: {uses: m:f}"]
    lines += [f"  n{index}: {{uses: m:f, needs: [n{index - 1}]}}" for index in range(1, 20_000)]
    text = "\n".join(lines)
    Path("fr.yml").write_text(text)
    assert len(read_graph_file("fr.yml").nodes) == 20_000
    (problem,) = problems(text.replace("needs: [n19998]", "needs: [n19999]"))
    assert (problem.kind, problem.line, problem.node) == ("cycle", 20_002, "n19999")


def test_files_that_cannot_be_read(working_folder: Path) -> None:
    """Missing files, folders and closed ones are problems, not tracebacks."""
    (working_folder / "fr.yml").write_text(GOOD)

    def problem(path: str) -> Problem:
        with pytest.raises(InvalidGraph) as caught:
            read_graph_file(path)
        return caught.value.problems[0]

    assert (problem("f.yml").kind, problem("f.yml").hint) == ("no-file", "did you mean 'fr.yml'?")
    assert problem("nowhere/fr.yml").kind == "no-file"
    assert problem(".").kind == "not-readable"
    assert problem("fr.yml/x").kind == "not-readable"
    assert problem("x" * 5_000).kind == "not-readable"
    assert problem("a\0b").kind == "not-readable"


def test_the_nearest_file_upwards_is_found(working_folder: Path) -> None:
    """As git finds its repository; a folder of that name doesn't count."""
    deep = working_folder / "a" / "b"
    (deep / "fr.yml").mkdir(parents=True)
    (working_folder / "fr.yaml").write_text(GOOD)
    assert find_graph_file(deep) == working_folder / "fr.yaml"
    (working_folder / "a" / "fr.json").write_text("{}")
    assert find_graph_file(deep) == working_folder / "a" / "fr.json"
    assert find_graph_file("a/b") == working_folder / "a" / "fr.json"


def test_two_graph_files_in_one_folder_are_an_error(working_folder: Path) -> None:
    """Which one is meant can't be told."""
    (working_folder / "fr.yml").write_text(GOOD)
    (working_folder / "fr.json").write_text("{}")
    with pytest.raises(InvalidGraph, match=r"fr\.yml and fr\.json in one folder"):
        find_graph_file(working_folder)


def test_no_graph_file_says_how_to_get_one(working_folder: Path) -> None:
    """The first message that a newcomer sees."""
    with pytest.raises(
        InvalidGraph, match=r"there is no graph file \(fr\.yml, fr\.yaml, fr\.json\)(.|\n)*-f FILE"
    ):
        find_graph_file(working_folder)


def test_paths_are_shown_as_typed(working_folder: Path) -> None:
    """Relative inside the working folder, else absolute."""
    assert shown_path(working_folder / "a" / "fr.yml") == "a/fr.yml"
    assert shown_path("/elsewhere/fr.yml") == "/elsewhere/fr.yml"
