"""What a narrowed trace answers changes exactly with what can have shaped the run that it is of."""

# ruff: noqa: E501  (the table keeps a row on a line)
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fingerprint_runner.provenance.memo import MemoryMemo
from fingerprint_runner.provenance.narrowed import Ran

sys.path.insert(0, str(Path(__file__).parent))
from closure_edits import project
from test_closure_search import reader, write

PROJECT = project(
    main="""
        import json
        from helpers import clean, unused, TABLE, Model, Child, register, cached
        from helpers import make as produce
        LIMIT = 3
        SPARE = LIMIT + 1
        UNREAD = 5
        def run(x, depth=LIMIT):
            if x:
                return clean(x)[:LIMIT]
            return unused(x)
        def dispatch(x):
            return TABLE[x](x)
        def build():
            return Child(2).size()
        def ask():
            return hasattr(Child, "colour")
        def late():
            import lazily
            return lazily.value()
        def never():
            import lazily
            return lazily.other()
        @register
        def plug(x):
            return x
        def shadow(x):
            return len(x)
        def several(x):
            return [produce(each) for each in x]
        def reflect():
            return globals()["LIMIT"]
    """,
    helpers="""
        import re
        PATTERN = "a+"
        OTHER = "b"
        SEEN = []
        def clean(x):
            return [re.sub(PATTERN, each) for each in x]
        def unused(x):
            return OTHER
        def one(x):
            return 1
        def two(x):
            return inner(2)
        def inner(x):
            return x
        TABLE = {"one": one, "two": two}
        class Model:
            start = 1
            def __init__(self, size):
                self._size = size + self.start
            def size(self):
                return self._size
            def spare(self):
                return OTHER
            def look(self):
                return globals()["PATTERN"]
        class Child(Model):
            def extra(self):
                return 0
        def register(function):
            SEEN.append(function)
            return function
        def cached(function):
            return function
        def make(x):
            def each(y):
                return y + 1
            return each(x)
    """,
    lazily="""
        FACTOR = 2
        LEFT = 3
        def value():
            return FACTOR
        def other():
            return LEFT
    """,
)

BUILD = ("main:build", "helpers:Child", "helpers:Model.__init__", "helpers:Model.size")


@dataclass(frozen=True)
class Row:
    """An edit of the project above, and whether it can have shaped a run of what `ran`."""

    name: str
    ran: tuple[str, ...]
    file: str
    old: str
    new: str
    counts: bool


ROWS = [
    Row("what ran", ("main:run", "helpers:clean"), "main", "clean(x)[:LIMIT]", "clean(x)[1:LIMIT]", True),
    Row("a helper that ran", ("main:run", "helpers:clean"), "helpers", "re.sub(", "re.subn(", True),
    Row("a helper that didn't", ("main:run", "helpers:clean"), "helpers", "return OTHER\ndef", "return 7\ndef", False),
    Row("a constant of a helper that ran", ("main:run", "helpers:clean"), "helpers", '"a+"', '"a*"', True),
    Row("a constant of one that didn't", ("main:run", "helpers:clean"), "helpers", '"b"', '"c"', False),
    Row("a default", ("main:run", "helpers:clean"), "main", "depth=LIMIT", "depth=4", True),
    Row("what a constant is made of", ("main:run", "helpers:clean"), "main", "LIMIT = 3", "LIMIT = 2 + 1", True),
    Row("a constant that nobody read", ("main:run", "helpers:clean"), "main", "UNREAD = 5", "UNREAD = 6", False),
    Row("the default of one that didn't run", ("main:run", "helpers:clean"), "helpers", "def unused(x)", "def unused(x, y=1)", True),
    Row("a comment", ("main:run", "helpers:clean"), "helpers", "def clean(x):", "def clean(x):  # well", False),
    Row("an entry of a table", ("main:dispatch", "helpers:one"), "helpers", '"two": two', '"two": one', True),
    Row("a function in a table that ran", ("main:dispatch", "helpers:one"), "helpers", "return 1", "return 3", True),
    Row("a function in a table that didn't", ("main:dispatch", "helpers:one"), "helpers", "inner(2)", "inner(3)", False),
    Row("what such a one calls", ("main:dispatch", "helpers:one"), "helpers", "def inner(x):\n    return x", "def inner(x):\n    return -x", False),
    Row("a method that ran", BUILD, "helpers", "return self._size", "return -self._size", True),
    Row("a constructor that ran", BUILD, "helpers", "size + self.start", "size - self.start", True),
    Row("a method that didn't", BUILD, "helpers", "    def spare(self):\n        return OTHER", "    def spare(self):\n        return 8", False),
    Row("a class attribute", BUILD, "helpers", "start = 1", "start = 2", True),
    Row("a method that now hides one that ran", BUILD, "helpers", "def extra(self):", "def size(self):", True),
    Row("a base", BUILD, "helpers", "class Child(Model)", "class Child(Model, dict)", True),
    Row("a subclass's method that didn't run", BUILD, "helpers", "return 0", "return 9", False),
    Row("a method more, which hasattr can see", ("main:ask",), "helpers", "def extra(self):", "def colour(self):", True),
    Row("the body of a method that hasattr sees", ("main:ask",), "helpers", "return 0", "return 9", False),
    Row("what an import inside brings", ("main:late", "lazily:value"), "lazily", "FACTOR = 2", "FACTOR = 4", True),
    Row("beside what it brings", ("main:late", "lazily:value"), "lazily", "LEFT = 3", "LEFT = 4", False),
    Row("a module that only what didn't run imports", ("main:run", "helpers:clean"), "lazily", "FACTOR = 2", "FACTOR = 4", False),
    Row("what registers at import", ("main:plug", "helpers:register"), "helpers", "SEEN.append(function)", "SEEN.append(None)", True),
    Row("who is registered", ("main:plug", "helpers:register"), "main", "@register\n", "@cached\n", True),
    Row("a builtin's name", ("main:shadow",), "main", "UNREAD = 5", "len = max", True),
    Row("that name where nobody uses it", ("main:build", *BUILD), "main", "UNREAD = 5", "len = max", False),
    Row("a function inside one that ran", ("main:several", "helpers:make"), "helpers", "y + 1", "y + 2", True),
    Row("where an alias leads", ("main:several", "helpers:make"), "main", "import make as produce", "import one as produce", True),
    Row("globals by name, in a method", ("main:build", "helpers:Child", "helpers:Model.look"), "helpers", '"a+"', '"a*"', True),
    Row("globals by name, in a method that didn't run", BUILD, "helpers", '"a+"', '"a*"', False),
    Row("globals by name", ("main:reflect",), "main", "UNREAD = 5", "UNREAD = 6", True),
    Row("functions that globals may name and that didn't run", ("main:reflect",), "main", "clean(x)[:LIMIT]", "clean(x)[1:]", False),
    Row("a generator", ("main:run", "helpers:clean"), "helpers", "def unused(x):\n    return", "def unused(x):\n    yield", True),
]  # fmt: skip


def answers(folder: Path, row: Row, memo: MemoryMemo | None = None) -> dict[tuple[str, str], str]:
    """What the narrowed trace of a row's run answers in the folder's present state."""
    source = reader(folder, memo)
    begun = Ran(("main",), (), tuple(sorted(row.ran)))
    entered = source.narrow(begun, row.ran).entered
    found = dict(source.narrowed(Ran(("main",), (), tuple(sorted({*row.ran, *entered})))))
    source.save()
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_answers_change_with_what_can_have_shaped_the_run(tmp_path: Path, row: Row) -> None:
    """An edit of what ran, or of what that could see, changes them; an edit of what never ran doesn't."""
    write(tmp_path, PROJECT)
    (tmp_path / "site-packages").mkdir()
    memo = MemoryMemo()
    before = answers(tmp_path, row, memo)
    path = tmp_path / f"{row.file}.py"
    text = path.read_text()
    assert row.old in text
    path.write_text(text.replace(row.old, row.new, 1))
    ran = Ran(("main",), (), tuple(name for kind, name in before if kind == "symbol"))
    after = dict(reader(tmp_path).narrowed(ran))
    assert (before != after) is row.counts
    assert dict(reader(tmp_path, memo).narrowed(ran)) == after, "as remembered"


def test_the_answers_of_a_trace_are_those_that_were_recorded(tmp_path: Path) -> None:
    """Asked again in the same state, from the trace alone, nothing differs: else nothing would be a hit."""
    write(tmp_path, PROJECT)
    (tmp_path / "site-packages").mkdir()
    for row in ROWS:
        before = answers(tmp_path, row)
        ran = Ran(("main",), (), tuple(sorted(name for kind, name in before if kind == "symbol")))
        assert dict(reader(tmp_path).narrowed(ran)) == before


def test_a_class_that_came_in_counts_though_nothing_of_it_ran(tmp_path: Path) -> None:
    """Its attributes may have been read."""
    write(tmp_path, PROJECT)
    (tmp_path / "site-packages").mkdir()
    ran = Ran(("main",), (), ("helpers:Model", "main:run"))
    before = reader(tmp_path).narrowed(ran)
    path = tmp_path / "helpers.py"
    path.write_text(path.read_text().replace("start = 1", "start = 2"))
    assert reader(tmp_path).narrowed(ran) != before


def test_a_module_found_by_a_computed_name_counts_but_for_what_never_ran(tmp_path: Path) -> None:
    """Its constants may have been taken out of it; a function that wasn't entered can't matter."""
    write(tmp_path, PROJECT)
    (tmp_path / "site-packages").mkdir()
    ran = Ran(("main",), ("lazily",), ("lazily:value", "main:run"))
    path = tmp_path / "lazily.py"
    original = path.read_text()
    before = reader(tmp_path).narrowed(ran)
    path.write_text(original.replace("LEFT = 3", "LEFT = 4"))
    assert reader(tmp_path).narrowed(ran) != before
    path.write_text(original.replace("return LEFT", "return -LEFT"))
    assert reader(tmp_path).narrowed(ran) == before


@pytest.mark.parametrize(
    ("text", "opaque"),
    [
        ("import numba\n@numba.njit\ndef fast(x): return x\ndef run(x): return fast(x)\n", ("numba",)),
        ("import torch\ndef run(x): return torch.jit.script(run)\n", ("torch",)),
        ("from torch import compile as c\ndef run(x): return c(run)\n", ("torch",)),
        ("import torch\ndef run(x): return torch.zeros(x)\n", ()),
        ("def other():\n    import ray\n    return ray.get(1)\ndef run(x): return x\n", ()),
    ],
)
def test_packages_that_run_functions_unseen_are_named(
    tmp_path: Path, text: str, opaque: tuple[str, ...]
) -> None:
    """Where something that ran uses them, what was entered isn't all that ran."""
    packages = {f"site-packages/{name}/__init__.py": "" for name in ("numba", "torch", "ray")}
    write(tmp_path, {"main.py": text, **packages})
    begun = Ran(("main",), (), ("main:run",))
    assert reader(tmp_path).narrow(begun, {"main:run"}).opaque == opaque


@pytest.mark.parametrize(
    ("decorator", "opaque"),
    [("foreign.speed_up", ("foreign",)), ("foreign.speed_up(level=2)", ("foreign",)), ("click.command", ())],
)
def test_what_a_foreign_decorator_may_compile_may_run_unseen(
    tmp_path: Path, decorator: str, opaque: tuple[str, ...]
) -> None:
    """But for decorators that are known to leave the function to the interpreter."""
    text = f"import foreign, click\n@{decorator}\ndef fast(x): return x + 1\ndef run(x): return fast(x)\n"
    write(tmp_path, {"main.py": text, "site-packages/foreign.py": "", "site-packages/click.py": ""})
    assert reader(tmp_path).narrow(Ran(("main",), (), ("main:run",)), {"main:run"}).opaque == opaque


def test_a_function_whose_code_was_examined_may_run_unseen(tmp_path: Path) -> None:
    """Where it is reached; it doesn't matter to what doesn't reach it."""
    write(
        tmp_path,
        {
            "main.py": "def fast(): ...\nclass C:\n    def m(self): ...\n"
            "def run(): return fast()\ndef other(): return C()\ndef none(): return 1\n"
        },
    )
    (tmp_path / "site-packages").mkdir()
    for name, opaque in (("run", ("main:fast",)), ("other", ("main:C.m",)), ("none", ())):
        begun = Ran(("main",), (), (f"main:{name}",))
        found = reader(tmp_path).narrow(begun, {f"main:{name}"}, {"main:fast", "main:C.m"})
        assert found.opaque == opaque
