"""A schema as plain data and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprint_runner.errors import InvalidGraph, problems_json
from fingerprint_runner.graph.component import GraphComponent, Resource
from fingerprint_runner.graph.node import (
    MISSING,
    CacheMode,
    InputDeclaration,
    NodeResources,
    SchemaNode,
)
from fingerprint_runner.graph.plain import GRAPH_KEYS
from fingerprint_runner.graph.plain_inputs import INPUT_TYPES
from fingerprint_runner.graph.plain_nodes import NODE_KEYS
from fingerprint_runner.graph.schema import GraphSchema

NAMES = st.from_regex(r"[a-z_][a-z0-9_.-]{0,6}", fullmatch=True)
WORDS = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
DEFAULTS = {
    "int": st.integers(),
    "float": st.floats(allow_nan=False),
    "str": st.text(max_size=5),
    "bool": st.booleans(),
    "json": PLAIN,
    "path": WORDS,
}


@st.composite
def declarations(draw: st.DrawFn) -> InputDeclaration:
    """A declared input with or without default."""
    kind = draw(st.sampled_from(list(INPUT_TYPES)))
    return InputDeclaration(kind, draw(st.just(MISSING) | DEFAULTS[kind]))


@st.composite
def schemas(draw: st.DrawFn) -> GraphSchema:
    """A sound schema whose components are texts."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    split = draw(st.integers(0, len(names) - 1))
    inputs = {f"in_{name}": draw(declarations()) for name in names[:split]}
    nodes: dict[str, SchemaNode] = {}
    for name in names[split:]:
        known = [*inputs, *nodes, *(f"{node}[key]" for node in nodes)]
        needs = draw(st.dictionaries(WORDS, st.sampled_from(known), max_size=3)) if known else {}
        config = draw(st.dictionaries(WORDS, PLAIN, max_size=3))
        nodes[name] = SchemaNode(
            needs=needs,
            uses=draw(st.sampled_from(["m:f", "a.b:C.d", "a.b.C"])),
            config={key: value for key, value in config.items() if key not in needs},
            fn=draw(st.sampled_from(["run", "train"])),
            constructor_name=draw(st.sampled_from(["create", "load"])),
            eager=draw(st.booleans()),
            is_target=draw(st.booleans()),
            is_input=draw(st.booleans()),
            resource=draw(st.none() | st.builds(Resource, WORDS, st.just("") | WORDS)),
            files=tuple(draw(st.lists(WORDS, max_size=2))),
            env=tuple(draw(st.lists(WORDS, max_size=2))),
            cache=draw(st.sampled_from(CacheMode)),
            version=draw(st.none() | WORDS),
            ignore_config=tuple(draw(st.lists(WORDS, max_size=2))),
            track=draw(st.sampled_from(["report", "auto"])),
            export=draw(st.none() | WORDS),
            retries=draw(st.integers(0, 3)),
            timeout_s=draw(st.none() | st.floats(0.1, 10)),
            resources=draw(
                st.builds(
                    NodeResources, st.integers(1, 4), st.integers(0, 2), st.none() | st.integers(1, 10**12)
                )
            ),
        )
    targets = draw(st.lists(st.sampled_from(list(nodes)), max_size=2, unique=True))
    return GraphSchema(
        nodes, inputs, tuple(targets), draw(st.none() | WORDS), draw(st.sampled_from(["graph.v1", "x"]))
    )


@settings(max_examples=60, deadline=None)
@given(schemas())
def test_reading_what_was_written_gives_an_equal_schema(schema: GraphSchema) -> None:
    """`from_dict(as_dict(s)) == s`, also when JSON carried it."""
    plain = schema.as_dict()
    assert GraphSchema.from_dict(plain) == schema
    assert GraphSchema.from_dict(json.loads(json.dumps(plain))) == schema


def test_defaults_are_not_written() -> None:
    """A small graph stays small."""
    plain = GraphSchema({"a": SchemaNode(uses="m:f")}).as_dict()
    assert plain == {"version": 1, "nodes": {"a": {"uses": "m:f"}}}


def test_classes_and_functions_become_import_paths() -> None:
    """What Python holds as an object, plain data holds by name."""
    plain = GraphSchema({"a": SchemaNode(uses=GraphComponent), "b": SchemaNode(uses=problems_json)}).as_dict()
    assert plain["nodes"]["a"]["uses"] == "fingerprint_runner.graph.component:GraphComponent"
    assert plain["nodes"]["b"]["uses"] == "fingerprint_runner.errors:problems_json"


def test_the_form_of_other_engines_is_read() -> None:
    """No version, every field written out, a resource as a mapping, None for what isn't there."""
    schema = GraphSchema.from_dict(
        {
            "nodes": {
                "train": {
                    "needs": {},
                    "uses": "pkg.models.Ridge",
                    "constructor_name": "load",
                    "fn": "train",
                    "config": {"alpha": 1},
                    "eager": False,
                    "is_target": True,
                    "is_input": False,
                    "resource": {"name": "train", "output_fingerprint": "abc"},
                },
                "b": {"needs": {"x": "train"}, "uses": "m.f", "resource": None, "config": None},
            }
        }
    )
    assert schema.nodes["train"].resource == Resource("train", "abc")
    assert schema.nodes["b"].resource is None
    assert GraphSchema.from_dict({"nodes": {}}) == GraphSchema({})


def test_values_are_typed() -> None:
    """Sizes become bytes, single texts lists, a whole `version` text, a list of needs a mapping."""
    schema = GraphSchema.from_dict(
        {
            "inputs": {"rate": {"type": "float", "default": 1}, "any": None},
            "nodes": {
                "a": {
                    "uses": "m:f",
                    "needs": ["rate"],
                    "files": "data/*.csv",
                    "env": "LANG",
                    "version": 2,
                    "timeout_s": 3,
                    "resources": {"cpu": 0.5, "gpu": 1, "memory": "8GB"},
                }
            },
        }
    )
    node = schema.nodes["a"]
    assert schema.inputs["any"] == InputDeclaration()
    assert repr(schema.inputs["rate"].default) == "1.0"
    assert (node.needs, node.files, node.env, node.version) == (
        {"rate": "rate"},
        ("data/*.csv",),
        ("LANG",),
        "2",
    )
    assert node.resources == NodeResources(0.5, 1, 8 * 10**9)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GB", 8 * 10**9),
        ("512MiB", 512 * 2**20),
        ("1.5 kB", 1500),
        ("7", 7),
        ("1T", 10**12),
        ("9GiB", 9 * 2**30),
        ("0.0001k", 1),
        ("999999999999999T", 999999999999999 * 10**12),
    ],
)
def test_memory_sizes(text: str, size: int) -> None:
    """Decimal and binary units are both exact."""
    plain = {"nodes": {"a": {"uses": "m:f", "resources": {"memory": text}}}}
    assert GraphSchema.from_dict(plain).nodes["a"].resources.memory == size


def problem_of(node: Any) -> tuple[str, str | None]:
    """Kind and key of the one problem of a node."""
    with pytest.raises(InvalidGraph) as caught:
        GraphSchema.from_dict({"nodes": {"a": node}})
    (problem,) = caught.value.problems
    assert problem.node == "a"
    return problem.kind, problem.key


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("uses", 3),
        ("needs", 3),
        ("needs", "a"),
        ("needs", {"x": 3}),
        ("needs", {"x": ["a"]}),
        ("config", [1]),
        ("config", {1: 2}),
        ("fn", "a b"),
        ("constructor_name", ""),
        ("eager", "yes"),
        ("is_target", 1),
        ("is_input", "true"),
        ("resource", 3),
        ("resource", {"name": 3}),
        ("resource", {"name": "a", "output_fingerprint": 0}),
        ("resource", {"name": "a", "output_fingerprint": False}),
        ("resource", {"output_fingerprint": "a"}),
        ("files", 3),
        ("files", ["/etc/passwd"]),
        ("files", "~/x"),
        ("files", "C:\\x"),
        ("files", [3]),
        ("env", ["A=1"]),
        ("env", "$A"),
        ("env", "LC_*"),
        ("env", "LANG, TZ"),
        ("env", " LANG"),
        ("secret", {"a": 1}),
        ("cache", False),
        ("cache", "never"),
        ("version", 1.5),
        ("version", True),
        ("ignore_config", 1),
        ("track", "all"),
        ("export", "/tmp/x"),
        ("export", "../x"),
        ("export", "a/../.."),
        ("export", "a/../b"),
        ("export", "./."),
        ("export", "."),
        ("export", ""),
        ("retries", -1),
        ("retries", True),
        ("retries", 1.0),
        ("timeout_s", 0),
        ("timeout_s", float("nan")),
        ("timeout_s", float("inf")),
        ("resources", 3),
        ("resources", {"cpu": 0}),
        ("resources", {"gpu": -1}),
        ("resources", {"memory": "8 elephants"}),
        ("resources", {"memory": "8i"}),
        ("resources", {"memory": "0.0GB"}),
        ("resources", {"ram": 1}),
    ],
)
def test_each_wrong_value_is_one_problem_at_its_key(key: str, value: Any) -> None:
    """No value of a wrong type gets through, and none makes two problems."""
    kind, found = problem_of({"uses": "m:f", key: value})
    assert kind.startswith("bad-") or kind in ("unknown-key", "missing-key")
    assert found is not None and found.split(".")[0] == key


@pytest.mark.parametrize(
    "part",
    [
        {"name": 10**400},
        {"version": 10**400},
        {"inputs": {"x": {"type": "float", "default": 10**400}}},
        {"inputs": {"x": {"type": "float", "default": 10**5000}}},
        {"nodes": {"a": {"uses": 10**5000}}},
        {"nodes": {"a": {"uses": "m:f", "timeout_s": 10**400}}},
        {"nodes": {"a": {"uses": "m:f", "version": 10**5000}}},
        {"nodes": {"a": {"uses": "m:f", "retries": -(10**5000)}}},
        {"nodes": {"a": {"uses": "m:f", "resources": {"cpu": 10**400}}}},
        {"nodes": {"a": {"uses": "m:f", "resources": {"memory": "9" * 5000}}}},
        {"nodes": {"a": {"uses": "m:f", "resources": {"memory": "9" * 400 + ".5GB"}}}},
    ],
)
def test_numbers_of_thousands_of_digits_are_refused(part: dict[str, Any]) -> None:
    """A number that no float holds, or that Python won't write, is a problem and no crash."""
    with pytest.raises(InvalidGraph) as caught:
        GraphSchema.from_dict({"version": 1, "nodes": {}, **part})
    (problem,) = [problem for problem in caught.value.problems if problem.kind != "missing-key"]
    assert problem.kind == "bad-type" and len(problem.message) < 200


@pytest.mark.parametrize(
    ("key", "value", "message", "hint"),
    [
        ("files", ["a.csv", " "], "item 2 of `files` is an empty text", None),
        ("secret", [3], "item 1 of `secret` is the number 3, not a text", 'quote it: "3"'),
        ("fn", True, "`fn` is true, not a text", 'quote it: "true"'),
        (
            "env",
            ["LANG", "LC_*"],
            "'LC_*' isn't the name of an environment variable",
            "write the names one by one, such as [LANG, TZ]; there are no wildcards",
        ),
        (
            "env",
            "LANG, TZ",
            "'LANG, TZ' isn't the name of an environment variable",
            "write a list: [LANG, TZ]",
        ),
        (
            "env",
            ["${LANG}"],
            "'${LANG}' isn't the name of an environment variable",
            "write the name alone, such as LANG",
        ),
        ("resource", {}, "this resource has no name", "add `name: …`"),
        (
            "inputs",
            ["b"],
            "'inputs' is a key of the graph, not of a node",
            "what a node takes goes into `needs`",
        ),
        ("targets", ["b"], "'targets' is a key of the graph, not of a node", "it stands beside `nodes`"),
        ("eager", "true", "`eager` is the text 'true', not true or false", "write true without quotes"),
        ("retries", "2", "`retries` is the text '2', not a whole number from 0", "write 2 without quotes"),
        (
            "timeout_s",
            "10 min",
            "`timeout_s` is the text '10 min', not a number of seconds above 0",
            "write seconds, such as 600; leave it out for no limit",
        ),
        (
            "export",
            "/tmp/reports",
            "the path '/tmp/reports' isn't relative to the graph file's folder",
            "name a folder below it, such as reports/",
        ),
        (
            "export",
            "out/../reports",
            "the export folder 'out/../reports' isn't below the graph file's folder",
            "name a folder of its own, such as reports/, without `..`",
        ),
    ],
)
def test_a_wrong_value_is_told_in_words(key: str, value: Any, message: str, hint: str | None) -> None:
    """Items of a list are counted from 1, and the hint shows what would be right."""
    with pytest.raises(InvalidGraph) as caught:
        GraphSchema.from_dict({"nodes": {"a": {"uses": "m:f", key: value}}})
    (problem,) = caught.value.problems
    assert (problem.message, problem.hint) == (message, hint)


def test_a_key_of_the_graph_in_a_node_is_told_apart_from_a_misspelt_one() -> None:
    """Every one of them: `inputs` would be taken for a misspelt `is_input`."""
    for key in {key.name for key in GRAPH_KEYS} - {key.name for key in NODE_KEYS}:
        with pytest.raises(InvalidGraph, match=f"'{key}' is a key of the graph, not of a node"):
            GraphSchema.from_dict({"nodes": {"a": {"uses": "m:f", key: 1}}})


def test_what_is_empty_is_as_if_it_were_not_there() -> None:
    """Everywhere but for what must be there; an input's `default` may be null, which is a value."""
    empty = {"uses": "m:f", **dict.fromkeys(("needs", "files", "cache", "eager", "version", "resources"))}
    schema = GraphSchema.from_dict(
        {
            "name": None,
            "targets": None,
            "inputs": {"x": None, "y": {"type": None, "default": None}},
            "nodes": {"a": empty},
        }
    )
    assert schema.nodes["a"] == SchemaNode(uses="m:f")
    assert schema.inputs == {"x": InputDeclaration(), "y": InputDeclaration("json", None)}


def test_the_path_of_an_input_is_not_empty() -> None:
    """An empty default would be the graph file's folder, and all of it would count."""
    with pytest.raises(InvalidGraph) as caught:
        GraphSchema.from_dict({"inputs": {"data": {"type": "path", "default": ""}}, "nodes": {}})
    assert [(problem.kind, problem.key) for problem in caught.value.problems] == [
        ("bad-value", "inputs.data.default")
    ]


def test_targets_are_not_looked_up_where_the_nodes_cannot_be_read() -> None:
    """One mistake makes one problem."""
    with pytest.raises(InvalidGraph) as caught:
        GraphSchema.from_dict({"targets": ["a"], "nodes": [{"a": {"uses": "m:f"}}]})
    assert [problem.key for problem in caught.value.problems] == ["nodes"]


@pytest.mark.parametrize(
    "uses", ["f", "m:", ":f", "m:f:g", "a b:f", "../m:f", "/etc/x", "m.py:f", "a/b.py:f", "a..b"]
)
def test_what_is_no_import_path(uses: str) -> None:
    """Only `module:attribute` and `module.attribute` are."""
    if uses == "m.py:f":  # A module `py` in a package `m` can't be told from a file.
        GraphSchema.from_dict({"nodes": {"a": {"uses": uses}}})
    else:
        assert problem_of({"uses": uses}) == ("bad-value", "uses")


def test_a_secret_in_the_config_is_never_repeated() -> None:
    """The message names the key; the value stays where it is."""
    with pytest.raises(InvalidGraph) as caught:
        GraphSchema.from_dict(
            {"nodes": {"a": {"uses": "m:f", "config": {"token": "hunter2"}, "secret": ["token"]}}}
        )
    assert caught.value.problems[0].kind == "bad-secret"
    assert "hunter2" not in str(caught.value) + repr(problems_json(caught.value.problems))


def test_secrets_are_references_to_variables() -> None:
    """`${VAR}` and nothing around it."""
    plain = {"uses": "m:f", "config": {"token": "${TOKEN}"}, "secret": "token"}
    assert GraphSchema.from_dict({"nodes": {"a": plain}}).nodes["a"].secret == ("token",)
    assert problem_of({**plain, "config": {"token": "x${TOKEN}"}}) == ("bad-secret", "config.token")
    assert problem_of({**plain, "config": {"tokn": "${TOKEN}"}}) == ("unknown-secret", "secret")


def test_all_problems_come_at_once_in_order_of_the_nodes() -> None:
    """Wrong values and wrong wiring beside each other; a node that can't be read isn't missed elsewhere."""
    with pytest.raises(InvalidGraph) as caught:
        GraphSchema.from_dict(
            {
                "version": 1,
                "recipee": "x",
                "inputs": {"n": {"type": "integer"}},
                "nodes": {
                    "a": {"uses": "m:f", "needs": ["n", "zzz", "x[y]"], "retries": "many"},
                    "b": "m:f",
                    "c": {"needs": ["b", "d"], "uses": "m:f"},
                },
            }
        )
    assert [(problem.kind, problem.node) for problem in caught.value.problems] == [
        ("unknown-key", None),
        ("bad-type", None),
        ("bad-need", "a"),
        ("bad-type", "a"),
        ("unknown-need", "a"),
        ("bad-type", "b"),
        ("unknown-need", "c"),
    ]
    assert str(caught.value).endswith("7 problems: nothing ran and nothing changed")


def test_problems_as_json_have_the_fields_of_the_contract() -> None:
    """All fields, always."""
    with pytest.raises(InvalidGraph) as caught:
        GraphSchema.from_dict({"nodes": {"a": {"uses": "m:f", "confg": {}}}})
    assert problems_json(caught.value.problems) == [
        {
            "kind": "unknown-key",
            "message": "'confg' isn't a key of a node",
            "file": None,
            "line": None,
            "node": "a",
            "key": "confg",
            "hint": "did you mean 'config'?",
        }
    ]


@settings(max_examples=150, deadline=None)
@given(
    PLAIN
    | st.fixed_dictionaries({"nodes": PLAIN})
    | st.dictionaries(st.sampled_from(["nodes", "inputs"]), st.dictionaries(st.text(max_size=3), PLAIN))
)
def test_any_plain_data_is_a_schema_or_a_list_of_problems(plain: Any) -> None:
    """Nothing else is ever raised."""
    try:
        schema = GraphSchema.from_dict(plain)
    except InvalidGraph as error:
        assert error.problems
    else:
        assert GraphSchema.from_dict(schema.as_dict()) == schema
