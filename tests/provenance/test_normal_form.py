"""The normal form is blind to formatting and to the Python version, and to nothing that runs."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fingerprint_runner.provenance.normal_form import normal_form

ROOT = Path(__file__).parents[2]


def form(text: str) -> str:
    return normal_form([ast.parse(text)]).code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 'a' 'b'", 'x = ("ab")'),
        ("def f(a, b=1):\n  return a", "def f(\n    a,\n    b = 1,\n):\n    # why\n    return (a)"),
        ("def f():\n  'doc'\n  return 1", "def f():\n  return 1"),
        ("def f(): pass", "def f():\n  '''doc'''"),
        ("x = u'a'", "x = 'a'"),
        ("x = 0x10", "x = 16"),
        ("f'{a}' 'b' 'c'", "f'{a}bc'"),
        ("f'{a:}'", "f'{a}'"),
    ],
)
def test_what_runs_alike_has_one_form(one: str, other: str) -> None:
    """Formatting, docstrings, prefixes and where texts are cut don't count."""
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("x = None", "x = ..."),
        ("f(None)", "f()"),
        ("{None: 1}", "{**None}"),
        ("def f(*, a, b=1): return 1", "def f(*, a=1, b): return 1"),
        ("f'{a!r}'", "f'{a}'"),
        ("f'{a:>3}'", "f'{a}>3'"),
        ("x[1:]", "x[:1]"),
        ("global_ = a", "del global_"),
        ("a + b * c", "(a + b) * c"),
        ("async def f(): return 1", "def f(): return 1"),
        ("from . import a", "from .. import a"),
        ("x: int = 1", "(x): int = 1"),
        ("x = '\\n'", "x = '\\\\n'"),
        ("x = 'a\\n)'", "x = 'a)'"),
    ],
)
def test_what_differs_differs(one: str, other: str) -> None:
    """Types of constants, places of missing parts and shapes of expressions count."""
    assert form(one) != form(other)


def test_docstrings_are_kept_apart() -> None:
    """A docstring changes the docs and not the code."""
    one, other = (
        normal_form([ast.parse(f"class A:\n  def f():\n    {text}\n    return 1")]) for text in ("'a'", "'b'")
    )
    assert one.code == other.code
    assert one.docs != other.docs


def test_deep_trees_work() -> None:
    """A sum of thousands of terms has a form: the walk isn't recursive."""
    node: ast.expr = ast.Name("x", ast.Load())
    for _ in range(100_000):
        node = ast.UnaryOp(ast.USub(), node)
    assert normal_form([node]).code.count("USub") == 100_000
    while isinstance(node, ast.UnaryOp):  # freed from outside in: the interpreter's own teardown recurses
        node = node.operand


SOURCE = '''
from __future__ import annotations
import asyncio, re as r
from . import sibling
"""not a docstring, being second"""
BIG = 123456789012345678901234567890 * 1e308 - 2j + 0x_ff
TEXT = "é\\u2028\\U0001f9ea\\N{BULLET}" if 1 else rb"\\x00"
class A(Base, metaclass=Meta, key=1):
    """Doc."""
    x: int = 1
    __slots__ = ("a", *b)
    async def f(self, a, /, b: int = 1, *args: int, c, d=2, **kw) -> None:
        """Doc."""
        async with a as b, c: await d
        async for i in aiter(): yield i
        return None
    @property
    def g(self): return lambda *a, k=1, **kw: (yield)
def h(x):
    global BIG
    f"{x=} {x!r:>{BIG}.{2}} {{}} {x:%Y-%m-%d} {f'{x}'}" "tail"
    try: pass
    except* ValueError as e: raise e from None
    match x:
        case {"a": 1, **rest} | [1, *_, (2 | 3) as y]: return rest
        case A(x=1) if y: ...
        case None | True: pass
    return [*(y := z, 1), {**x, 1: 2}, {1, 2}, (i for i in x if i if 1), x[1:2, ..., ::3], not -~+x]
while 1 < 2 <= 3 is not 4 in x: break
else: x @= 1
with (open(1) as a, b): del a.b, c[1]
'''

PROGRAM = (
    "import ast, sys, hashlib\n"
    "from fingerprint_runner.provenance.module_table import read_module\n"
    "text = sys.stdin.buffer.read()\n"
    "table = read_module('pkg.mod', False, 'mod.py', text, lambda data: hashlib.sha256(data).hexdigest())\n"
    "print(table.as_plain())\n"
)


def interpreters() -> list[str]:
    found = [sys.executable]
    for version in ("3.11", "3.12", "3.13"):
        paths = sorted(Path.home().glob(f".pyenv/versions/{version}*/bin/python"))
        found.extend(str(path) for path in paths[:1])
        named = shutil.which(f"python{version}")
        found.extend([named] if named is not None else [])
    return [python for python in found if _runs(python)]


def _runs(python: str) -> bool:
    return subprocess.run([python, "-c", "pass"], capture_output=True).returncode == 0


def test_every_python_gives_the_same_table() -> None:
    """Whichever interpreters of 3.11, 3.12 and 3.13 are there agree on every kind of syntax."""
    seen: dict[str, str] = {}
    for python in interpreters():
        done = subprocess.run(
            [python, "-c", PROGRAM], input=SOURCE, capture_output=True, text=True, cwd=ROOT, encoding="utf-8"
        )
        assert done.returncode == 0, (python, done.stderr)
        seen[python] = done.stdout
    assert len(set(seen.values())) == 1, seen
