"""What an editor shows of a graph file: the real YAML language server with the JSON Schema.

`FR_TEST_EDITOR=1` runs these tests; they need npm, which fetches the server into a temporary folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from graph_files import BEYOND, BROKEN, GOOD
from language_server import LanguageServer

from fingerprint_runner.graph.json_schema import graph_file_schema
from fingerprint_runner.graph.node import CacheMode
from fingerprint_runner.graph.plain import GRAPH_KEYS
from fingerprint_runner.graph.plain_key import Key
from fingerprint_runner.graph.plain_nodes import NODE_KEYS

# 1.15.0, 1.19.2 and 2.0.0 pass these tests as well; the last asks for a newer Node.
SERVER = "yaml-language-server@1.25.0"
FIRST_LINE = "# yaml-language-server: $schema=fr.schema.json\n"
REFUSED = "`timeout_s` is refused in this version"

pytestmark = [
    pytest.mark.skipif(os.environ.get("FR_TEST_EDITOR") != "1", reason="asked for by FR_TEST_EDITOR=1"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the schema in it, as `fr validate --schema > fr.schema.json` leaves it."""
    made = tmp_path_factory.mktemp("project")
    (made / "fr.schema.json").write_text(json.dumps(graph_file_schema(), indent=2) + "\n")
    return made


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    """The language server, running."""
    npm = shutil.which("npm")
    assert npm is not None, "there is no npm"
    place = tmp_path_factory.mktemp("npm")
    subprocess.run(
        [npm, "install", "--prefix", str(place), "--no-audit", "--no-fund", "--no-save", SERVER],
        cwd=place,
        check=True,
        capture_output=True,
    )
    program = place / "node_modules" / ".bin" / "yaml-language-server"
    with LanguageServer([str(program), "--stdio"], folder) as running:
        yield running


class Editor:
    """Files open in an editor, each with the line that names the schema in front."""

    def __init__(self, server: LanguageServer, folder: Path) -> None:
        self.server = server
        self._paths = (folder / f"fr-{number}.yml" for number in count())

    def open(self, text: str) -> Path:
        """Open a text in a window of its own."""
        path = next(self._paths)
        self.server.open(path, FIRST_LINE + text)
        return path

    def marked(self, path: Path) -> list[tuple[int, int, str]]:
        """Line (from 1), column (from 1) and message of all that is marked, in the order of the places."""
        return sorted(
            (each["range"]["start"]["line"] + 1, each["range"]["start"]["character"] + 1, each["message"])
            for each in self.server.diagnostics(path)
        )

    def offered(self, text: str) -> dict[str, Any]:
        """Label → item of what is offered where `|` stands in a text."""
        before, _, after = text.partition("|")
        place = self.open(before + after)
        lines = (FIRST_LINE + before).split("\n")
        items = self.server.completions(place, len(lines) - 1, len(lines[-1]))
        return {item["label"]: item for item in items}

    def told(self, text: str) -> str:
        """What is shown when the pointer rests on what follows `|`."""
        before, _, after = text.partition("|")
        lines = (FIRST_LINE + before).split("\n")
        return self.server.hover(self.open(before + after), len(lines) - 1, len(lines[-1]))


@pytest.fixture(scope="module")
def editor(server: LanguageServer, folder: Path) -> Editor:
    """An editor that the language server helps."""
    return Editor(server, folder)


def sentence(key: Key) -> str:
    """A key's meaning as editors show it."""
    return f"{key.about[0].upper()}{key.about[1:]}."


def test_the_keys_of_a_node_are_offered_with_what_they_mean(editor: Editor) -> None:
    """All but the one that is there and the one that this version refuses."""
    found = editor.offered("version: 1\nnodes:\n  corpus:\n    uses: pipeline:load\n    |\n")
    assert list(found) == [key.name for key in NODE_KEYS if key.name not in ("uses", "timeout_s")]
    for key in NODE_KEYS:
        if key.name in found:
            assert found[key.name]["documentation"]["value"] == sentence(key)


def test_the_keys_of_the_graph_are_offered(editor: Editor) -> None:
    """In a file that has nothing but its first line yet."""
    assert {key.name for key in GRAPH_KEYS} <= editor.offered("|\n").keys()


def test_words_are_offered_with_what_they_mean(editor: Editor) -> None:
    """The cache modes behind `cache:`, and true and false behind what is either."""
    found = editor.offered("version: 1\nnodes:\n  corpus:\n    uses: pipeline:load\n    cache: |\n")
    assert {mode.value for mode in CacheMode} <= found.keys()
    assert "and not stored" in found["disable"]["documentation"]["value"]
    truths = editor.offered("version: 1\nnodes:\n  corpus:\n    uses: pipeline:load\n    eager: |\n")
    assert {"true", "false"} <= truths.keys()


@pytest.mark.parametrize("key", [key for key in NODE_KEYS if key.name != "uses"], ids=lambda key: key.name)
def test_the_pointer_on_a_key_shows_what_it_means(editor: Editor, key: Key) -> None:
    """The sentence that stands in the reference."""
    value = json.dumps(key.examples[0])
    text = f"version: 1\nnodes:\n  corpus:\n    uses: pipeline:load\n    |{key.name}: {value}\n"
    assert sentence(key) in editor.told(text)


def test_a_misspelt_key_and_a_wrong_word_are_marked(editor: Editor) -> None:
    """Each where it stands, and nothing else."""
    path = editor.open(
        "version: 1\nnodes:\n  corpus:\n    uses: pipeline:load\n    confg: {a: 1}\n    cache: nevr\n"
    )
    (key, word) = editor.marked(path)
    assert key == (6, 5, "Property confg is not allowed.")
    assert word[:2] == (7, 12)
    assert word[2].startswith('Value is not accepted. Valid values: "default", "recompute", "disable"')


def test_what_is_marked_is_told_in_our_words(editor: Editor) -> None:
    """Where a pattern or a type doesn't fit, no pattern is shown."""
    path = editor.open(
        "version: 1\nnodes:\n  a b:\n    uses: load\n    eager: yes\n    env: LC_*\n    timeout_s: 3\n"
    )
    assert [message for _, _, message in editor.marked(path)] == [
        "a name starts with a letter or _ and goes on with letters, digits, _ . or -, 128 characters at most",
        "write module:attribute, such as pipeline:load_corpus",
        "write true or false",
        "write the name of an environment variable, such as LANG",
        REFUSED,
    ]


def test_every_broken_graph_file_is_marked(editor: Editor) -> None:
    """What `fr validate` refuses and a schema can say, the editor marks."""
    paths = {wrong: editor.open(text) for wrong, text in BROKEN.items()}
    assert [wrong for wrong, path in paths.items() if not editor.marked(path)] == []


def test_no_good_graph_file_is_marked(editor: Editor) -> None:
    """Nor is what only `fr validate` sees."""
    paths = {name: editor.open(text) for name, text in {**GOOD, **BEYOND}.items()}
    marks = {
        name: [mark for _, _, mark in editor.marked(path) if mark != REFUSED] for name, path in paths.items()
    }
    assert {name: found for name, found in marks.items() if found} == {}


def _patterns(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return own.union(*map(_patterns, schema.values()))
    return set().union(*map(_patterns, schema)) if isinstance(schema, list) else set()


MATCH = """
const [patterns, texts] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const verdicts = flag => patterns.map(each => texts.map(text => new RegExp(each, flag).test(text)));
console.log(JSON.stringify([verdicts("u"), verdicts("")]));
"""


def test_a_pattern_matches_the_same_texts_in_ecmascript() -> None:
    """With the flag for Unicode, which editors set, and without; for texts around everything that matters."""
    node = shutil.which("node")
    assert node is not None
    patterns = sorted(_patterns(graph_file_schema()))
    pieces = [
        "",
        "a",
        "Z9",
        "m:f",
        "a.b",
        "_x-1",
        "b[c]",
        "é",
        "\U0001f600",
        "8GB",
        "0.5 MiB",
        "0",
        "..",
        ".",
    ]
    pieces += [
        *"\t\n\r\v\f\0 /\\~:[]$=*,{}-\x1c\x1f\x7f\x85\xa0",
        "\u1680",
        "\u2028",
        "\u2029",
        "\u3000",
        "\ufeff",
    ]
    texts = [one + two + three for one in pieces for two in pieces for three in ("", "a", "\n", "/b", "..")]
    done = subprocess.run(
        [node, "-e", MATCH], input=json.dumps([patterns, texts]), capture_output=True, text=True, check=True
    )
    ours = [[re.search(pattern, text) is not None for text in texts] for pattern in patterns]
    for theirs in json.loads(done.stdout):
        for pattern, mine, other in zip(patterns, ours, theirs, strict=True):
            differing = [text for text, one, two in zip(texts, mine, other, strict=True) if one != two]
            assert differing == [], pattern
