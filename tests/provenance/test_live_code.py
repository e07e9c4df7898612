"""Code without a file counts by what is in memory: bytecode, constants, and whatever it refers to."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from fingerprint_runner.provenance.live_code import LiveCode, is_of_no_module, live_code
from fingerprint_runner.provenance.locate import Kind, Locator

LOCATOR = Locator(sys.path)


def kind_of(module: str) -> Kind:
    """Whose a module is here."""
    return LOCATOR.locate(module).kind


def kind_on_path(module: str) -> Kind:
    """Whose a module is, now."""
    return Locator(sys.path).locate(module).kind


def read(text: str, name: str = "target") -> LiveCode:
    """What is read of a name after some text was typed at the prompt."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(textwrap.dedent(text), "<cell>", "exec"), space)
    return live_code(space[name], kind_of)


BASE = """
import dataclasses, enum, functools
import numpy as np

FACTOR = 2
UNUSED = 1
TABLE = {"double": lambda x: x * 2, "same": lambda x: x}
COUNTED = {"a": 1}

class Color(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Point:
    x: int = 1
    tags: list = dataclasses.field(default_factory=lambda: ["t"])

    def length(self):
        return self.x * FACTOR

class Base:
    bias = 1

    def shift(self, x):
        return x + self.bias

class Model(Base):
    @property
    def name(self):
        return "model"

    @classmethod
    def create(cls):
        return cls()

    @staticmethod
    def scale(x):
        return helper(x)

    def fit(self, x):
        return self.scale(x) + self.shift(x) + TABLE["double"](x) + Color.RED.value

def helper(x, power=1):
    "Says what it does."
    return cached(x) ** power

@functools.lru_cache
def cached(x):
    return x + 1

def unused():
    return 0

def make(start):
    def inner(x):
        return start + x
    return inner

inner = make(3)
bound = functools.partial(helper, power=2)

def target(x, point=Point(2)):
    return Model().fit(x) + inner(x) + bound(x) + point.length() + np.sum([x]) + COUNTED["a"]
"""

COUNTS = [
    ("a constant", "FACTOR = 2", "FACTOR = 3"),
    ("the type of a constant", "FACTOR = 2", "FACTOR = 2.0"),
    ("a lambda in a table", "lambda x: x * 2", "lambda x: x * 3"),
    ("a key of a table", '"double": lambda', '"twice": lambda'),
    ("a value in a dict", '{"a": 1}', '{"a": 2}'),
    ("a member of an enum", "RED = 1", "RED = 2"),
    ("a default of a dataclass", "x: int = 1", "x: int = 2"),
    ("what a default factory gives", '["t"]', '["u"]'),
    ("a method of a dataclass", "self.x * FACTOR", "self.x + FACTOR"),
    ("an attribute of a base class", "bias = 1", "bias = 2"),
    ("a method of a base class", "x + self.bias", "x - self.bias"),
    ("a base class", "class Model(Base):", "class Model:"),
    ("a property", 'return "model"', 'return "other"'),
    ("a class method", "return cls()", "return cls.__new__(cls)"),
    ("a static method", "return helper(x)", "return helper(x) + 0"),
    ("a helper two calls away", "return x + 1", "return x + 2"),
    ("a default", "power=1", "power=3"),
    ("what a closure holds", "make(3)", "make(4)"),
    ("an argument of a partial", "power=2", "power=4"),
    ("a value in a default", "Point(2)", "Point(5)"),
    ("a decorator", "@functools.lru_cache\n", ""),
    ("its own body", "inner(x) + bound(x)", "bound(x) + inner(x)"),
    ("what a function of a module is", "np.sum", "np.prod"),
]
DOES_NOT = [
    ("a constant that nothing uses", "UNUSED = 1", "UNUSED = 2"),
    ("a function that nothing calls", "return 0", "return 1"),
    ("a comment", "def helper", "# says what it does\ndef helper"),
    ("a docstring", "Says what it does.", "Says it otherwise."),
    ("where it stands", "\nFACTOR", "\n\n\n\nFACTOR"),
    ("the order of definitions", "FACTOR = 2\nUNUSED = 1", "UNUSED = 1\nFACTOR = 2"),
    ("brackets", "return start + x", "return (start + x)"),
    ("a name that another is imported under, unused", "import numpy as np", "import numpy as np, csv"),
]


@pytest.mark.parametrize(("what", "old", "new"), COUNTS, ids=[row[0] for row in COUNTS])
def test_what_counts(what: str, old: str, new: str) -> None:
    """Whatever running the function can reach changes its digest."""
    assert old in BASE
    assert read(BASE.replace(old, new)).digest != read(BASE).digest


@pytest.mark.parametrize(("what", "old", "new"), DOES_NOT, ids=[row[0] for row in DOES_NOT])
def test_what_does_not_count(what: str, old: str, new: str) -> None:
    """What can't be reached, and what Python leaves out of bytecode, changes nothing."""
    assert old in BASE
    changed = read(BASE.replace(old, new))
    assert (changed.parts, changed.untold) == (read(BASE).parts, None)


def test_third_party_modules_are_packages() -> None:
    """What is used of an installed package counts by its version; the standard library by Python's."""
    found = read(BASE)
    assert found.packages == ("numpy",)
    assert found.roots == ()


@pytest.mark.parametrize(
    ("use", "roots"),
    [
        ("import shop_of_tests\ndef target(): return shop_of_tests.price(1)", ["shop_of_tests:price"]),
        ("import shop_of_tests\ndef target(): return [shop_of_tests]", ["shop_of_tests:*"]),
        ("from shop_of_tests import price\ndef target(): return price(1)", ["shop_of_tests:price"]),
        ("from shop_of_tests import Till\nclass target(Till): pass", ["shop_of_tests:Till"]),
        ("def target():\n import shop_of_tests\n return shop_of_tests", ["shop_of_tests:*"]),
        ("from shop_of_tests import RATES\ndef target(): return RATES", []),
    ],
)
def test_first_party_modules_are_read_from_source(
    use: str, roots: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a cell uses of a module with a file is a root of its source; a value from there is a value."""
    (tmp_path / "shop_of_tests.py").write_text(
        "RATES = [1, 2]\ndef price(x): return x\nclass Till:\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(use, space)
        found = live_code(space["target"], kind_on_path)
        assert list(found.roots) == roots
        assert found.untold is None
    finally:
        sys.modules.pop("shop_of_tests", None)


def test_a_function_put_into_a_module_by_hand_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's function that a cell replaced is read as it is in memory, not only from the file."""
    (tmp_path / "shop_of_tests.py").write_text("def price(x): return x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        digests = []
        for body in ("x + 1", "x + 2"):
            space: dict[str, Any] = {"__name__": "__main__"}
            text = f"import shop_of_tests\nshop_of_tests.price = lambda x: {body}\n"
            exec(text + "def target(): return shop_of_tests.price(1)", space)
            digests.append(live_code(space["target"], kind_on_path).digest)
        assert digests[0] != digests[1]
    finally:
        sys.modules.pop("shop_of_tests", None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def target(): return eval('1')", "eval()"),
        ("def target(): return globals()", "globals()"),
        ("import sys\ndef target(): return sys.modules", "sys.modules"),
        ("lines = iter([1])\ndef target(): return next(lines)", "lines"),
        ("import threading\nlock = threading.Lock()\ndef target(): return lock", "lock"),
    ],
)
def test_what_cannot_be_told_is_named(text: str, says: str) -> None:
    """Code that reaches names which it doesn't mention, or holds what has no value, has no fingerprint."""
    assert says in str(read(text).untold)


def test_cycles_and_shared_objects_end() -> None:
    """Functions that call each other and containers that hold themselves are read once."""
    text = """
    def one(n): return two(n)
    def two(n): return one(n) if n else loop
    loop = [lambda: loop]
    loop.append(loop)
    target = one
    """
    found = read(text)
    assert found.untold is None
    assert read(text).parts == found.parts
    assert read(text.replace("if n else", "if not n else")).digest != found.digest


def test_same_names_are_told_apart() -> None:
    """Two lambdas of one name are two parts, and swapping them counts."""
    text = "pair = (lambda: 1, lambda: 2)\ndef target(): return pair[0]() - pair[1]()"
    swapped = text.replace("lambda: 1, lambda: 2", "lambda: 2, lambda: 1")
    assert read(text).digest != read(swapped).digest


def test_whether_a_module_has_it() -> None:
    """A function found under its name in a module with a file is that module's."""
    local = FunctionType((lambda: 0).__code__, {}, "local")
    assert not is_of_no_module(textwrap.dedent)
    assert not is_of_no_module(Path)
    assert is_of_no_module(local)
    assert is_of_no_module(lambda: 0)
