"""A symbol's lines in a text, and how they changed."""

from __future__ import annotations

import pytest

from fingerprint_runner.provenance.symbol_text import ModuleText, SymbolLines, symbol_diff

TEXT = '''\
"""A module."""

from os import path as place, sep
import json

LIMIT = 3
FIRST, SECOND = (
    1,
    2,
)


@decorated
@twice(
    3
)
def helper(x):
    # why
    return x + LIMIT


class Model(Base):
    """A model."""

    rate = 0.5

    def fit(self, data):
        return data

    @property
    def size(self):
        return 1

    class Inner:
        def deep(self):
            return 2


if sys.platform == "linux":
    def helper_2():
        return 1
else:
    def helper_2():
        return 2

try:
    import fast
except ImportError:
    fast = None

registry.append(Model)
json.encoder = None; LATER = 5
LIMIT = 4
'''


def lines(name: str, text: str = TEXT) -> tuple[int, list[str]] | None:
    found = ModuleText("steps", text.encode()).symbol(name)
    return None if found is None else (found.first, [line.strip() for line in found.lines])


@pytest.mark.parametrize(
    ("name", "first", "expected"),
    [
        ("place", 3, ["from os import path as place, sep"]),
        ("json", 4, ["import json"]),
        ("LIMIT", 6, ["LIMIT = 3", "LIMIT = 4"]),
        ("SECOND", 7, ["FIRST, SECOND = (", "1,", "2,", ")"]),
        (
            "helper",
            13,
            ["@decorated", "@twice(", "3", ")", "def helper(x):", "# why", "return x + LIMIT"],
        ),
        ("Model.fit", 27, ["def fit(self, data):", "return data"]),
        ("Model.size", 30, ["@property", "def size(self):", "return 1"]),
        ("Model.Inner.deep", 35, ["def deep(self):", "return 2"]),
        ("helper_2", 40, ["def helper_2():", "return 1", "def helper_2():", "return 2"]),
        ("fast", 46, ["try:", "import fast", "except ImportError:", "fast = None"]),
        ("LATER", 52, ["json.encoder = None; LATER = 5"]),
        ("<effect on json.encoder>", 51, ["registry.append(Model)", "json.encoder = None; LATER = 5"]),
    ],
)
def test_a_symbol_is_the_statements_that_bind_it(name: str, first: int, expected: list[str]) -> None:
    """Decorators and comments inside included; each of several bindings; what binds nothing by a label."""
    assert lines(name) == (first, expected)


def test_a_class_is_whole_and_so_is_a_method_that_is_not_there() -> None:
    """From its first line to its last; of what a class inherits the class itself is shown."""
    found = lines("Model")
    assert found is not None
    assert (found[0], len(found[1])) == (22, 15)
    assert lines("Model.inherited") == found


@pytest.mark.parametrize("name", ["nothing", "nothing.inner", "<order>", "<import * from x>"])
def test_what_is_not_there_has_no_lines(name: str) -> None:
    """And neither has the order of statements, which is nowhere."""
    assert lines(name) is None


@pytest.mark.parametrize(
    "text", [b"def f(:\n", b"\xff\xfe\x00", b"", b"# coding: nonsense\nx = 1\n", b"x = 1\x00\n"]
)
def test_a_text_that_is_not_python_has_no_symbols(text: bytes) -> None:
    """What an editor left half written is no error."""
    assert ModuleText("steps", text).symbol("x") is None


def test_lines_are_those_of_the_file_whatever_its_encoding_and_line_breaks() -> None:
    """A form feed ends no line, Windows line breaks do, and a declared encoding is heard."""
    text = "# coding: latin-1\r\nA = 1\r\n\x0cB = 'é'\r\n".encode("latin-1")
    assert ModuleText("steps", text).symbol("B") == SymbolLines(3, ("\x0cB = 'é'",))


def test_the_whole_text_is_a_symbol_too() -> None:
    """For code that reads sources, to which every line of a module matters."""
    assert ModuleText("steps", b"# a\nx = 1\n").symbol("<text>") == SymbolLines(1, ("# a", "x = 1"))


def diff(old: str | None, new: str | None, name: str = "f") -> list[str]:
    found = [None if text is None else ModuleText("m", text.encode()).symbol(name) for text in (old, new)]
    return list(symbol_diff(*found))


def test_a_change_is_shown_with_two_lines_around_it() -> None:
    """Changes that lie apart have a gap between them; what is the same has no lines at all."""
    body = "".join(f"    {letter} = 1\n" for letter in "abcdefghij")
    old = f"def f():\n{body}"
    new = old.replace("b = 1", "b = 2").replace("i = 1", "i = 2")
    assert diff(old, new) == [
        " def f():",
        "     a = 1",
        "-    b = 1",
        "+    b = 2",
        "     c = 1",
        "     d = 1",
        "…",
        "     g = 1",
        "     h = 1",
        "-    i = 1",
        "+    i = 2",
        "     j = 1",
    ]
    assert diff(old, "X = 1\n\n" + old) == []


def test_what_is_new_or_gone_is_shown_whole() -> None:
    """A symbol that wasn't there has only lines that came."""
    assert diff("x = 1\n", "def f(): ...\n") == ["+def f(): ..."]
    assert diff("def f(): ...\n", "x = 1\n") == ["-def f(): ..."]
    assert diff(None, None) == []
