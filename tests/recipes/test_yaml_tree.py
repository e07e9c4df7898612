"""YAML 1.2 text as plain data with positions."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.recipes.yaml_tree import core_value, read_yaml


def problems(text: str) -> list[Problem]:
    """What is wrong with a text."""
    with pytest.raises(InvalidGraph) as caught:
        read_yaml(text, "fr.yml")
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        ("012", 12),
        ("0o12", 10),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        (".5", 0.5),
        ("5.", 5.0),
        ("+7", 7),
        ("-0", 0),
        ("-0.0", -0.0),
        (".", "."),
        ("-", "-"),
        ("1.2.3", "1.2.3"),
        ("2024-01-01", "2024-01-01"),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("inf", "inf"),
        ("nan", "nan"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("None", "None"),
        ("=", "="),
        ("١٢", "١٢"),
    ],
)
def test_scalars_by_the_core_schema(text: str, value: Any) -> None:
    """What YAML 1.1 turns into booleans, octals, base 60 and dates is text or decimal here."""
    read = core_value(text)
    assert (read, type(read), str(read)) == (value, type(value), str(value))


def test_nan_is_a_float() -> None:
    """The one value that isn't equal to itself."""
    assert math.isnan(core_value(".nan"))


def test_quoted_scalars_are_texts() -> None:
    """Whatever they look like."""
    assert read_yaml("['1', \"true\", ! 2, !!str 3]").value == ["1", "true", "2", "3"]


def test_core_tags_are_kept_to() -> None:
    """A tag may say what a scalar is, and must be right."""
    assert read_yaml("[!!int '3', !!float 3, !!null '', !!bool 'true', !!map {}, !!seq []]").value == [
        3,
        3.0,
        None,
        True,
        {},
        [],
    ]
    assert [problem.kind for problem in problems("!!int x")] == ["bad-value"]


def test_positions_of_keys_and_items() -> None:
    """Lines and columns count from 1, in characters."""
    tree = read_yaml("a:\n  é: [1, 'x']\n  ü: {k: 2}\n- ".rstrip("- \n") + "\n")
    assert tree.positions == {
        (): (1, 1),
        ("a",): (1, 1),
        ("a", "é"): (2, 3),
        ("a", "é", "0"): (2, 7),
        ("a", "é", "1"): (2, 10),
        ("a", "ü"): (3, 3),
        ("a", "ü", "k"): (3, 7),
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems(end: str) -> None:
    """CRLF counts as one line end."""
    tree = read_yaml(end.join(["a: 1", "b:", "  c: x", ""]))
    assert tree.value == {"a": 1, "b": {"c": "x"}}
    assert tree.positions["b", "c"] == (3, 3)


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "null"])
def test_an_empty_text_is_none(text: str) -> None:
    """Comments aren't content."""
    assert read_yaml(text).value is None


def test_every_duplicate_key_is_told_with_the_first_one() -> None:
    """PyYAML would keep the last without a word."""
    found = problems("a: 1\nb: {x: 1, x: 2}\na: {x: 1}\na: {x: 1}\n")
    assert [(problem.kind, problem.line, problem.column) for problem in found] == [
        ("duplicate-key", 2, 11),
        ("duplicate-key", 3, 1),
        ("duplicate-key", 4, 1),
    ]
    assert found[1].hint == "the first is in line 1; keep one of the two"


def test_equal_keys_of_different_mappings_are_no_duplicates() -> None:
    """Nor are a text and itself as an item."""
    assert read_yaml("[{a: 1}, {a: 2}, {b: {a: 1}, a: 2}]").value == [
        {"a": 1},
        {"a": 2},
        {"b": {"a": 1}, "a": 2},
    ]


def test_an_alias_bomb_is_refused_before_it_goes_off() -> None:
    """Nine lines that would make 9^9 leaves; each alias is told once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{index}: &a{index} [{', '.join([f'*a{index - 1}'] * 9)}]" for index in range(1, 10)]
    found = problems("\n".join(lines))
    assert [problem.kind for problem in found] == ["alias"] * 9


def test_a_recursive_alias_is_refused() -> None:
    """A list that holds itself isn't plain data."""
    assert [problem.kind for problem in problems("a: &a [*a]")] == ["alias"]
    assert [problem.kind for problem in problems("*a : 1")] == ["alias"]


def test_an_anchor_that_nobody_uses_does_no_harm() -> None:
    """It says nothing."""
    assert read_yaml("a: &x 1").value == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object:os.system {}",
        "a: !!python/object/apply:os.system ['true']",
        "[!!python/name:os.system x]",
        "!local x",
        "!!binary aGk=",
        "!!set {a, b}",
        "!!timestamp 2024-01-01",
    ],
)
def test_tags_that_make_objects_are_refused(text: str) -> None:
    """Data is data."""
    assert "tag" in {problem.kind for problem in problems(text)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1: x", "bad-key"),
        ("true: x", "bad-key"),
        ("null: x", "bad-key"),
        ("?\n: x", "bad-key"),
        ("1.5: x", "bad-key"),
        ("? [a]\n: x", "bad-key"),
        ("? {a: b}\n: x", "bad-key"),
        ("<<: {a: 1}", "merge-key"),
        ("a: 1\n---\nb: 2", "two-documents"),
        ("%YAML 1.1\n---\na: 1", "yaml-version"),
        ("a: " + "9" * 5_000, "bad-number"),
        ("a: \0", "not-text"),
        ("a: \x1b[31m", "not-text"),
        ("\ud800", "not-text"),
    ],
)
def test_what_is_refused(text: str, kind: str) -> None:
    """One problem each, with its kind."""
    assert [problem.kind for problem in problems(text)] == [kind]


def test_quoted_keys_that_look_like_more() -> None:
    """Quotes make a text of anything."""
    assert read_yaml("{'1': a, '<<': b, 'true': c, on: d}").value == {
        "1": "a",
        "<<": "b",
        "true": "c",
        "on": "d",
    }


@pytest.mark.parametrize(
    ("text", "line"), [("a:\n\tb: 1", 2), ("\ta: 1", 1), ("a: |\n  x\n\ty\n", 3), ("a:\n  b: 1\n \tc: 2", 3)]
)
def test_tabs_are_named(text: str, line: int) -> None:
    """A character that nobody sees gets a name."""
    (problem,) = problems(text)
    assert (problem.message, problem.hint) == ("this isn't YAML: a tab can't indent", "indent with spaces")
    assert problem.line == line


def test_tabs_elsewhere_are_content() -> None:
    """Between and behind values, YAML takes them."""
    assert read_yaml("a:\t1\t# x\nb: 'x\ty'").value == {"a": 1, "b": "x\ty"}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_and_no_recursion(opening: str) -> None:
    """2,000 levels are a problem with a place, not a crash."""
    found = problems("x: " + opening * 2_000 if opening != "- " else opening * 2_000)
    assert found[0].kind in ("too-deep", "bad-key", "syntax")
    assert opening == "? " or found[0].kind == "too-deep"


def test_nesting_that_is_allowed() -> None:
    """200 levels are more than anyone writes."""
    value = read_yaml("[" * 200 + "]" * 200).value
    for _ in range(199):
        (value,) = value
    assert value == []


def test_a_snippet_of_a_long_line_is_a_window() -> None:
    """The caret stands under the place, in a line that fits a screen."""
    (problem,) = problems("a: [" + "x, " * 50_000 + "*y]")
    assert problem.snippet is not None
    shown, caret = problem.snippet.split("\n")
    assert len(shown) < 120
    assert shown[caret.index("^")] == "*"


def test_many_problems_stay_linear() -> None:
    """20,000 duplicates are told, and only the first few lines shown."""
    found = problems("a: 1\n" * 20_000)
    assert len(found) == 19_999
    assert found[0].snippet is not None and found[-1].snippet is None


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc: #'\"-", min_size=1, max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


class _WithoutAliases(yaml.SafeDumper):
    """Quotes texts that are numbers in YAML 1.2 and weren't in 1.1, such as `0E0` and `0o7`."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_WithoutAliases.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z|0o[0-7]+\Z"),
    list("-+.0123456789"),
)


@settings(max_examples=150, deadline=None)
@given(VALUES, st.sampled_from([True, False, None]))
@example("0E0", True)
@example(["0o7", "1e5", ".5", "-1.", "+0"], False)
def test_what_is_dumped_is_read_back(value: Any, flow: bool | None) -> None:
    """What a dumper wrote that quotes what would be read as a number is the value again."""
    text = yaml.dump(value, Dumper=_WithoutAliases, default_flow_style=flow, allow_unicode=True)
    assert read_yaml(text).value == value


@settings(max_examples=200, deadline=None)
@given(st.text("abn:1 -[]{}#&*!|>'\"%@`?,\n\t~<.\0\r\ufeff", max_size=30))
def test_any_text_is_data_or_a_list_of_problems(text: str) -> None:
    """No text makes another error."""
    try:
        read_yaml(text)
    except InvalidGraph as error:
        assert all(problem.line is not None for problem in error.problems)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_the_pure_parser_reads_the_same(value: Any) -> None:
    """Where PyYAML came without its C loader, nothing but speed differs."""
    text = yaml.dump(value, Dumper=_WithoutAliases, allow_unicode=True)
    with pytest.MonkeyPatch.context() as patch:
        fast = read_yaml(text)
        patch.delattr(yaml, "CSafeLoader")
        slow = read_yaml(text)
    assert (slow.value, slow.positions) == (fast.value, fast.positions)
