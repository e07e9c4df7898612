"""The JSON Schema of the graph file says what its readers say."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph_files import BEYOND, BROKEN, GOOD
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.graph.json_schema import graph_file_schema
from fingerprint_runner.graph.node import NODE_NAME
from fingerprint_runner.graph.plain import GRAPH_KEYS
from fingerprint_runner.graph.plain_fields import BLANK
from fingerprint_runner.graph.plain_inputs import INPUT_KEYS, INPUT_TYPES
from fingerprint_runner.graph.plain_key import Key
from fingerprint_runner.graph.plain_mappings import RESOURCE_KEYS, RESOURCES_KEYS
from fingerprint_runner.graph.plain_nodes import NODE_KEYS
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.recipes.graph_file import RECIPES, read_graph_text
from fingerprint_runner.recipes.yaml_tree import read_yaml

SCHEMA = graph_file_schema()
VALIDATOR = Draft7Validator(SCHEMA)
DOCS = Path(__file__).parents[2] / "docs"

PLACES = {
    "graph": GRAPH_KEYS,
    "input": INPUT_KEYS,
    "node": NODE_KEYS,
    "resource": RESOURCE_KEYS,
    "resources": RESOURCES_KEYS,
}
"""Every table of keys that there is."""
EVERY_KEY = [(place, key) for place, keys in PLACES.items() for key in keys]


def problems_of(text: str, name: str = "fr.yml") -> list[Problem]:
    """What the readers and the wiring find wrong with a graph file."""
    try:
        read_graph_text(text, Path("/project") / name)
    except InvalidGraph as error:
        return list(error.problems)
    return []


def accepts(plain: Any) -> bool:
    """Whether plain data fits the schema."""
    return bool(VALIDATOR.is_valid(plain))


def graph_with(place: str, key: str, value: Any) -> dict[str, Any]:
    """A graph in which one key has this value and all else is right; a node `b` and no input are there."""
    node: dict[str, Any] = {"uses": "m:f"}
    graph: dict[str, Any] = {"version": 1, "nodes": {"a": node, "b": {"uses": "m:g"}}}
    if place == "graph":
        graph[key] = value
    elif place == "input":
        graph["inputs"] = {"x": {key: value}}
    elif place == "node":
        node[key] = value
    else:
        node[place] = {"name": "a", key: value} if place == "resource" else {key: value}
    return graph


def parts(schema: Any, *path: str) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every mapping in the schema, with the words and names that lead to it."""
    if isinstance(schema, dict):
        yield path, schema
        for word, value in schema.items():
            if word not in ("examples", "default"):
                yield from parts(value, *path, word)
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from parts(value, *path, str(index))


def test_it_is_a_schema_of_its_draft() -> None:
    """Valid by draft-07's own schema, whole as it is, and plain data."""
    Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft7Validator.META_SCHEMA["$schema"]
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert not any("$ref" in part or "$id" in part for _, part in parts(SCHEMA))


@pytest.mark.parametrize("wrong", BROKEN)
def test_a_broken_graph_file_is_refused_by_both(wrong: str) -> None:
    """The readers find one mistake, and the schema sees it."""
    text = BROKEN[wrong]
    assert len(problems_of(text)) == 1
    assert not accepts(read_yaml(text).value)


@pytest.mark.parametrize("shown", GOOD)
def test_a_good_graph_file_is_accepted_by_both(shown: str) -> None:
    """Whatever the contract allows is no mistake in an editor either."""
    text = GOOD[shown]
    assert problems_of(text) == []
    assert accepts(read_yaml(text).value)


@pytest.mark.parametrize("wrong", BEYOND)
def test_what_no_schema_can_see_is_refused_by_the_readers_alone(wrong: str) -> None:
    """The limits that `docs/how-to/editor.md` lists are these: a schema that learns one moves its row."""
    text = BEYOND[wrong]
    assert len(problems_of(text)) == 1
    assert accepts(read_yaml(text).value)


def test_the_graph_files_of_the_docs_are_accepted() -> None:
    """The example of the reference, and the digits graph."""
    (example,) = re.findall(r"```yaml\n(version: 1\n.*?)```", (DOCS / "graph-file.md").read_text(), re.DOTALL)
    for text in (example, (DOCS / "examples" / "digits" / "fr.yml").read_text(encoding="utf-8")):
        assert problems_of(text) == []
        assert list(VALIDATOR.iter_errors(read_yaml(text).value)) == []


@pytest.mark.parametrize(("place", "key"), EVERY_KEY, ids=lambda each: getattr(each, "name", each))
def test_every_key_is_described_with_examples_that_are_right(place: str, key: Key) -> None:
    """Each example is accepted by reader and schema, and the default means the same as no key."""
    assert re.fullmatch(r"(?!.*\.$)[a-z`{].+", key.about), "no capital in front, no full stop behind"
    assert key.examples
    for example in (*key.examples, *([] if key.required else [None])):
        graph = graph_with(place, key.name, example)
        assert not visible(problems_of(json.dumps(graph), "fr.json"), graph), example
        assert accepts(graph), example
    if key.default is not None:
        graph = graph_with(place, key.name, key.default)
        other = graph_with(place, key.name, None)
        assert accepts(graph)
        assert GraphSchema.from_dict(graph) == GraphSchema.from_dict(other)


def test_every_mapping_has_its_keys_and_no_others() -> None:
    """The tables of keys are all in the schema, in their order, closed, with what is required."""
    found = [part for _, part in parts(SCHEMA) if isinstance(part.get("additionalProperties"), bool)]
    assert [list(part["properties"]) for part in found] == [
        [key.name for key in keys]
        for keys in (GRAPH_KEYS, INPUT_KEYS, NODE_KEYS, RESOURCE_KEYS, RESOURCES_KEYS)
    ]
    for part in found:
        assert part["additionalProperties"] is False
        assert all(each["description"] and each["examples"] for each in part["properties"].values())
    assert [part.get("required") for part in found] == [["version", "nodes"], None, ["uses"], ["name"], None]


def test_every_word_that_may_be_chosen_is_described() -> None:
    """As many meanings as words, for people who read Markdown and for those who don't."""
    chosen = [part for _, part in parts(SCHEMA) if "enum" in part]
    assert len(chosen) == 4
    for part in chosen:
        assert len(part["enum"]) == len(part["enumDescriptions"]) == len(part["markdownEnumDescriptions"])
        assert not any("`" in text for text in part["enumDescriptions"])
    assert SCHEMA["properties"]["recipe"]["enum"] == [*RECIPES, None]


PATTERNS = sorted({part["pattern"] for _, part in parts(SCHEMA) if "pattern" in part})


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_means_the_same_in_ecmascript_and_in_python(pattern: str) -> None:
    """Nothing that the two read differently: classes by letter, dots, names of groups, a bare `$`."""
    escapes = set(re.findall(r"\\(u[0-9a-f]{4}|x[0-9a-f]{2}|.)", pattern))
    assert {escape for escape in escapes if len(escape) == 1} <= set("\\.[]trn$")
    outside_classes = re.sub(r"\\.|\[(?:\\.|[^\]])*\]", "", pattern)
    assert "." not in outside_classes and "(?P" not in pattern and not re.search(r"\(\?[imsux<]", pattern)
    # Behind a class that takes the line end, too, Python's `$` matches at the end alone.
    assert re.fullmatch(r".*\$\(\?!\\n\)|.*\[\^\\x00\]\*\$", pattern)


def test_blank_is_what_strip_takes_away() -> None:
    """For every character there is: `\\s` means another set in each language, so it is written out."""
    blank = re.compile(f"[{BLANK}]")
    characters = map(chr, range(sys.maxunicode + 1))
    assert [each for each in characters if (blank.match(each) is None) == each.isspace()] == []


SEEN_BY_VALIDATE_ALONE = frozenset(
    ("unknown-need", "cycle", "name-twice", "parameter-twice", "unknown-secret", "bad-secret")
)


def visible(problems: list[Problem], graph: dict[str, Any]) -> list[Problem]:
    """The problems that a JSON Schema can see."""
    return [problem for problem in problems if not _is_beyond(problem, graph)]


def _is_beyond(problem: Problem, graph: dict[str, Any]) -> bool:
    if problem.kind in SEEN_BY_VALIDATE_ALONE:
        return True
    if problem.kind == "unknown-target":
        assert problem.key is not None
        return NODE_NAME.fullmatch(graph["targets"][int(problem.key.partition(".")[2])]) is not None
    if problem.kind == "bad-value" and problem.key in ("uses", "fn", "constructor_name"):
        # Which letters outside ASCII an identifier may have, no pattern can say in both languages.
        assert problem.node is not None
        value = graph["nodes"][problem.node][problem.key]
        letters = re.sub(r"[^\x00-\x7f]", "a", value)
        return value != letters and not problems_of(json.dumps(graph_with("node", problem.key, letters)))
    return False


FRACTIONS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
WORDS = st.sampled_from(
    [
        "a",
        "b",
        "a.b",
        "m:f",
        "x-1",
        "b[c]",
        "default",
        "auto",
        "int",
        "load",
        "1",
        "8GB",
        "1.5 MiB",
        "0",
        "yes",
    ]
) | st.text("ab_1.:-/\\~[]{}$=, *\n\0\u00a0\u2003éΩ", max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.integers(-1, 2) | FRACTIONS | WORDS
NAMES = st.sampled_from(sorted({key.name for _, key in EVERY_KEY})) | WORDS
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=4,
)


@st.composite
def bent(draw: st.DrawFn, value: Any) -> Any:
    """A value with one thing in it changed: a character, an item, a key, or all of it."""
    if draw(st.integers(0, 4)) == 0:
        return draw(PLAIN)
    if isinstance(value, str):
        place = draw(st.integers(0, len(value)))
        cut = draw(st.integers(0, 1))
        return value[:place] + draw(WORDS) + value[place + cut :]
    if isinstance(value, bool) or value is None or not value:
        return draw(SCALARS)
    if isinstance(value, int | float):
        return draw(st.sampled_from([-value, -1, 0, value + 0.5, str(value), [value]]))
    if isinstance(value, list):
        place = draw(st.integers(0, len(value) - 1))
        new = draw(st.lists(bent(value[place]) | st.just(value[place]), max_size=2))
        return [*value[:place], *new, *value[place + 1 :]]
    name = draw(st.sampled_from(sorted(value)))
    others = {key: each for key, each in value.items() if key != name}
    if draw(st.integers(0, 3)) == 0:
        return others | draw(st.dictionaries(NAMES, PLAIN, max_size=1))
    return others | {name: draw(bent(value[name]))}


def assert_same_verdict(graph: dict[str, Any]) -> None:
    """Readers and schema agree, but for what no schema can see."""
    found = visible(problems_of(json.dumps(graph), "fr.json"), graph)
    errors = [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(graph)]
    assert bool(found) == bool(errors), f"readers: {[str(each) for each in found]}, schema: {errors}"


@pytest.mark.parametrize(("place", "key"), EVERY_KEY, ids=lambda each: getattr(each, "name", each))
def test_readers_and_schema_agree_on_every_key(place: str, key: Key) -> None:
    """For values that are nearly right, or anything at all, under one key of a graph that is right."""

    @settings(max_examples=80, deadline=None)
    @given(st.sampled_from(key.examples).flatmap(bent) | PLAIN)
    def agree(value: Any) -> None:
        assert_same_verdict(graph_with(place, key.name, value))

    agree()


@pytest.mark.parametrize("kind", INPUT_TYPES)
def test_readers_and_schema_agree_on_the_default_of_every_type(kind: str) -> None:
    """Examples are right; for values that are nearly right, or anything at all, the verdicts are the same."""
    examples = INPUT_TYPES[kind].examples
    for example in examples:
        graph = graph_with("graph", "inputs", {"x": {"type": kind, "default": example}})
        assert problems_of(json.dumps(graph), "fr.json") == [] and accepts(graph)

    @settings(max_examples=80, deadline=None)
    @given(st.sampled_from(examples).flatmap(bent) | PLAIN)
    def agree(value: Any) -> None:
        assert_same_verdict(graph_with("graph", "inputs", {"x": {"type": kind, "default": value}}))

    agree()


GOOD_GRAPHS = [
    plain
    for plain in (read_yaml(text).value for text in GOOD.values())
    if "inf" not in json.dumps(plain).lower()
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(GOOD_GRAPHS).flatmap(bent))
def test_readers_and_schema_agree_on_files_that_are_nearly_right(graph: Any) -> None:
    """A good file with one thing changed, wherever it stands."""
    if isinstance(graph, dict):
        assert_same_verdict(graph)
    else:
        assert problems_of(json.dumps(graph), "fr.json") and not accepts(graph)
