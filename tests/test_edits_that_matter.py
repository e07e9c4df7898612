"""After an edit those nodes run whose value it can change, and those whose value it can't don't.

A row is one edit of one of the small projects below, the nodes that must run and the nodes that mustn't.
"""

# ruff: noqa: E501

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.runners.graph_runner import CachingGraphRunner
from fingerprint_runner.runners.report import RunReport
from fingerprint_runner.storage.model_storage import open_storage

Nodes = dict[str, dict[str, Any]]
Edit = Callable[[Path, Nodes], object]
Project = tuple[str, Nodes]


def uses(*components: str) -> Nodes:
    """A node of its own name for each function of `main`."""
    return {name: {"uses": f"main:{name}"} for name in components}


def change(path: str, old: str, new: str) -> Edit:
    """Replace a text in a file."""

    def edit(folder: Path, nodes: Nodes) -> None:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))

    return edit


def write(path: str, text: str) -> Edit:
    """Make or replace a file."""
    return lambda folder, nodes: put(folder, path, text)


def node(name: str, **keys: Any) -> Edit:
    """Change keys of a node in the graph file."""
    return lambda folder, nodes: nodes[name].update(keys)


def rename(old: str, new: str) -> Edit:
    """Give a node another name."""
    return lambda folder, nodes: nodes.update({new: nodes.pop(old)})


def same_size_and_time(path: str, text: str) -> Edit:
    """Write another text of the same size, and set the time back."""

    def edit(folder: Path, nodes: Nodes) -> None:
        status = (folder / path).stat()
        assert len(text) == status.st_size
        (folder / path).write_text(text)
        os.utime(folder / path, ns=(status.st_atime_ns, status.st_mtime_ns))

    return edit


def put(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


# fmt: off
# --- code -------------------------------------------------------------------------------------------------

CODE: Project = (
    """
# --- main.py
import pkg.tools as t
from pkg import shown as show, quiet
from base import Mixin, Model
from registry import REGISTRY
import plugins, settings
from shapes import Colour, Point, adder, half, SIZES
def helper(): return t.trim(" a ")
def export(): return show("a")
def still(): return quiet("a")
class Fitted(Mixin, Model):
    rate = 1
def method(): return Fitted().step(1)
def registered(): return REGISTRY["one"]()
def enums(): return Colour.RED.warm()
def points(): return Point(1).norm()
def closure(): return adder(2)
def partial(): return half(4)
def constant(): return SIZES["small"]
def late():
    from lazily import value
    return value()
def setting(): return settings.DEPTH
def optional(): return settings.HAS_FAST
# --- pkg/__init__.py
from .tools import *
from .inner import shout as shown, quiet
# --- pkg/tools.py
from . import inner
def trim(x): return x.strip()[:inner.WIDTH]
def unused(x): return x
# --- pkg/inner.py
WIDTH = 3
def shout(x): return x.upper()
def quiet(x): return x.lower()
# --- base.py
class Root:
    def step(self, x): return x + self.offset()
class Model(Root):
    pass
class Mixin:
    def offset(self): return 1
class Unused: pass
# --- registry.py
REGISTRY = {}
def register(f):
    REGISTRY[f.__name__] = f
    return f
# --- plugins.py
from registry import register
@register
def one(): return part()
def part(): return 1
def never(): return 3
# --- shapes.py
import dataclasses, enum, functools
class Colour(enum.Enum):
    RED = 1
    def warm(self): return self.value
@dataclasses.dataclass
class Point:
    x: int
    y: int = 2
    def norm(self): return self.x + self.y
def make_adder(n):
    def add(x): return x + n
    return add
adder = make_adder(5)
def divide(by, x): return x / by
half = functools.partial(divide, 2)
SIZES = {"small": 1}
SPARE = 1
# --- lazily.py
def value(): return 1
# --- settings.py
from importlib.util import find_spec
DEPTH = 1
HAS_FAST = find_spec("fast_thing") is not None
try:
    from local_settings import *
except ImportError:
    pass
""",
    uses(
        *("helper", "export", "still", "method", "registered", "enums", "points", "closure", "partial"),
        *("constant", "late", "setting", "optional"),
    ),
)

ALL = " ".join(CODE[1])

CODE_EDITS: list[tuple[str, Edit, str, str]] = [
    ("a function behind `import a.b as c`", change("pkg/tools.py", ".strip()", ".lstrip()"), "helper", "export"),
    ("a constant two modules away", change("pkg/inner.py", "WIDTH = 3", "WIDTH = 4"), "helper", "export still"),
    ("a re-exported function", change("pkg/inner.py", "upper()", "title()"), "export", "helper still"),
    ("where a re-export comes from", change("pkg/__init__.py", "shout as", "quiet as"), "export", "helper"),
    ("a method of a mixin", change("base.py", "offset(self): return 1", "offset(self): return 2"), "method", "late"),
    ("a method of a base's base", change("base.py", "return x + self", "return x - self"), "method", "late"),
    ("the order of bases", change("main.py", "(Mixin, Model)", "(Model, Mixin)"), "method", "late"),
    ("a registered function", change("plugins.py", "one(): return part()", "one(): return 9"), "registered", "enums"),
    ("what a registered function calls", change("plugins.py", "part(): return 1", "part(): return 2"), "registered", "enums"),
    ("the registering decorator", change("registry.py", "= f\n", "= f  or f\n"), "registered", "enums"),
    ("a method of an enum", change("shapes.py", "return self.value", "return -self.value"), "enums", "points"),
    ("a member of an enum", change("shapes.py", "RED = 1", "RED = 2"), "enums", "points"),
    ("a default of a dataclass", change("shapes.py", "y: int = 2", "y: int = 3"), "points", "enums"),
    ("what a factory was given", change("shapes.py", "make_adder(5)", "make_adder(6)"), "closure", "partial"),
    ("the function that a factory makes", change("shapes.py", "return x + n", "return x - n"), "closure", "partial"),
    ("what a partial holds", change("shapes.py", "(divide, 2)", "(divide, 4)"), "partial", "closure"),
    ("what a partial calls", change("shapes.py", "x / by", "x // by"), "partial", "closure"),
    ("a value in a dict", change("shapes.py", '"small": 1', '"small": 2'), "constant", "closure"),
    ("a function imported when called", change("lazily.py", "return 1", "return 2"), "late", "helper"),
    ("a default given to a function", change("pkg/tools.py", "trim(x)", "trim(x, y=1)"), "helper", "export"),
    ("a star import that appears", write("local_settings.py", "DEPTH = 2\n"), "setting", ""),
    ("a module that is asked for appears", write("fast_thing.py", "x = 1\n"), "optional", ""),
    ("a comment", change("base.py", "class Mixin:", "# why\nclass Mixin:"), "", ALL),
    ("blank lines", change("shapes.py", "SPARE", "\n\n\nSPARE"), "", ALL),
    ("a docstring", change("lazily.py", "value(): return 1", "value():\n    'Doc.'\n    return 1"), "", ALL),
    ("an unused function", change("pkg/tools.py", "unused(x): return x", "unused(x): return 1"), "", ALL),
    ("an unused constant", change("shapes.py", "SPARE = 1", "SPARE = 2"), "", ALL),
    ("an unused class", change("base.py", "class Unused: pass", "class Unused: y = 1"), "", ALL),
    ("an unregistered function", change("plugins.py", "never(): return 3", "never(): return 4"), "", ALL),
    ("definitions in another order", write("pkg/inner.py", "def quiet(x): return x.lower()\ndef shout(x): return x.upper()\nWIDTH = 3\n"), "", ALL),
    ("a new module beside", write("stranger.py", "x = 1\n"), "", ALL),
    ("a file written again", write("lazily.py", "def value(): return 1\n"), "", ALL),
]


# --- what runs at import ----------------------------------------------------------------------------------

IMPORTED: Project = (
    """
# --- main.py
import csv, io
import state, setup
from state import conf, HANDLERS, TRAIL, HEAP, Sized, Kind, flag
from ordered import FIRST, default
from stars import *
def attached(): return conf.value
def aliased(): return [f() for f in HANDLERS.values()]
def trail(): return TRAIL
def heap(): return HEAP
def virtual(): return isinstance(Kind(), Sized)
def slot(): return Kind.size
def replaced(): return flag()
def first(): return FIRST, default()
def starred(): return low()
def dialect():
    out = io.StringIO()
    csv.writer(out, "mine").writerow([1, 2])
    return out.getvalue()
def plain(): return 1
# --- state.py
import abc
class Conf:
    value = 1
conf = Conf()
class Bus:
    def attach(self, other): other.value += 1
    def __rshift__(self, other):
        TRAIL.append(other)
        return self
    def __enter__(self): TRAIL.append(0)
    def __exit__(self, *error): pass
bus = Bus()
HANDLERS = {}
handle = HANDLERS.setdefault
TRAIL = []
HEAP = [3, 5]
class Sized(abc.ABC): pass
class Kind:
    size = 1
def flag(): return 0
# --- setup.py
import csv, heapq
import state
from state import HEAP, TRAIL, Kind, Sized, bus, conf, handle
bus.attach(conf)
def one(): return 1
handle("one", one)
chain = bus >> 1
list(map(TRAIL.append, [2]))
heapq.heappush(HEAP, 1)
Sized.register(Kind)
type.__setattr__(Kind, "size", 2)
# --- ordered.py
A = 1
FIRST = A
def default(x=A): return x
A = 2
# --- stars.py
def low(): return 1
from lower import *
# --- lower.py
y = 1
# --- dialects.py
import csv
csv.register_dialect("mine", delimiter=";")
# --- patches.py
import state
def better(): return 1
state.__dict__["flag"] = better
# --- tests_of_it.py
from unittest import mock
import state
patcher = mock.patch.object(state, "flag", lambda: 5)
patcher.start()
""",
    uses(
        *("attached", "aliased", "trail", "heap", "virtual", "slot", "first", "starred", "plain"),
    ),
)

IMPORTED_EDITS: list[tuple[str, Edit, str, str]] = [
    ("an object handed to a method", change("setup.py", "bus.attach(conf)\n", ""), "attached", "aliased plain"),
    ("the method that it is handed to", change("state.py", "value += 1", "value += 2"), "attached", "aliased plain"),
    ("a call of a bound method", change("setup.py", "one(): return 1", "one(): return 2"), "aliased", "attached plain"),
    ("an operator of an object", change("setup.py", "bus >> 1", "bus >> 4"), "trail", "aliased plain"),
    ("a method handed to map", change("setup.py", "[2]", "[3]"), "trail", "aliased plain"),
    ("a list handed to the library", change("setup.py", "(HEAP, 1)", "(HEAP, 2)"), "heap", ""),
    ("a virtual subclass", change("setup.py", "Sized.register(Kind)\n", ""), "virtual", "aliased plain"),
    ("an attribute set by type", change("setup.py", '"size", 2', '"size", 3'), "slot", "aliased plain"),
    ("a constant between two values", write("ordered.py", "A = 1\nA = 2\nFIRST = A\ndef default(x=A): return x\n"), "first", "slot plain"),
    ("a star after a definition", write("lower.py", "def low(): return 2\n"), "starred", "slot plain"),
    ("a star after one, of other names", write("lower.py", "y = 2\n"), "", "starred slot plain"),
    ("what else is attached", change("state.py", "value = 1\n", "value = 1\n    other = 1\n"), "attached", "plain"),
]

PATCHED: Project = (IMPORTED[0].replace("import state, setup\n", "import state, dialects, patches\n"), uses("replaced", "dialect", "plain"))

PATCHED_EDITS: list[tuple[str, Edit, str, str]] = [
    ("a module's namespace", change("patches.py", "better(): return 1", "better(): return 2"), "replaced", ""),
    ("a registered dialect", change("dialects.py", '";"', '":"'), "dialect", ""),
    ("a patcher in place of it", change("patches.py", 'state.__dict__["flag"] = better', "import tests_of_it"), "replaced", ""),
    ("another module, not loaded", change("tests_of_it.py", "5", "6"), "", "replaced dialect plain"),
]


# --- values, config, files, wiring ------------------------------------------------------------------------

WIRED: Project = (
    """
# --- main.py
import importlib, os
from pathlib import Path
from fingerprint_runner import OutputDirectory
from things import Pet, bark
def take(x=None, **rest): return repr((x, rest))
def one(): return [1, 2]
def two(): return [1, 2]
def table(v=1): return {"a": 1, "b": v}
def pet(): return Pet(3)
def pets(): return {"pet": [Pet(1)], "n": 1}
def call(): return bark
def speak(x): return x.speak() if hasattr(x, "speak") else x() if callable(x) else x
def speak_all(x): return [each.speak() for each in x]
def read(x=None): return Path("data.txt").read_text()
def listing(): return sorted(str(each) for each in Path("data").glob("*.csv"))
def language(): return 1
def plug(name="a"): return importlib.import_module("plug_" + name).value()
def folder(out: OutputDirectory):
    (out / "a").write_text("1")
    (out / "b").mkdir()
    (out / "a").chmod(0o644)
def look(x: Path): return [(each.name, os.access(each, os.X_OK)) for each in sorted(x.iterdir())]
class Named:
    @classmethod
    def create(cls, config, model_storage, resource, execution_context):
        made = cls()
        made.name = resource.name
        return made
    def run(self): return self.name
# --- things.py
class Pet:
    def __init__(self, n): self.n = n
    def speak(self): return sound() * self.n
def sound(): return "a"
def bark(): return sound() + "!"
# --- plug_a.py
import deep
def value(): return deep.X
# --- deep.py
X = 1
# --- data.txt
1
# --- data/a.csv
1
""",
    {
        "take": {"uses": "main:take", "config": {"x": 1, "y": {"a": 1, "b": [0.0]}}},
        "one": {"uses": "main:one"},
        "two": {"uses": "main:two"},
        "table": {"uses": "main:table", "config": {"v": 1}},
        "list": {"uses": "main:take", "needs": {"x": "one"}},
        "a": {"uses": "main:take", "needs": {"x": "table[a]"}},
        "b": {"uses": "main:take", "needs": {"x": "table[b]"}},
        "pet": {"uses": "main:pet"},
        "pets": {"uses": "main:pets"},
        "speak": {"uses": "main:speak", "needs": {"x": "pet"}},
        "speak_all": {"uses": "main:speak_all", "needs": {"x": "pets[pet]"}},
        "count": {"uses": "main:take", "needs": {"x": "pets[n]"}},
        "call": {"uses": "main:call"},
        "called": {"uses": "main:speak", "needs": {"x": "call"}},
        "read": {"uses": "main:read", "files": ["data.txt"]},
        "listing": {"uses": "main:listing", "files": ["data/*.csv"]},
        "plug": {"uses": "main:plug"},
        "folder": {"uses": "main:folder"},
        "look": {"uses": "main:look", "needs": {"x": "folder"}},
        "named": {"uses": "main:Named", "fn": "run"},
        "pinned": {"uses": "main:read", "files": ["data.txt"], "version": "1"},
    },
)

WIRED_EDITS: list[tuple[str, Edit, str, str]] = [
    ("1 to 1.0", node("take", config={"x": 1.0, "y": {"a": 1, "b": [0.0]}}), "take", "list one"),
    ("1 to true", node("take", config={"x": True, "y": {"a": 1, "b": [0.0]}}), "take", "list one"),
    ("1 to a text", node("take", config={"x": "1", "y": {"a": 1, "b": [0.0]}}), "take", "list one"),
    ("0.0 to -0.0, deep inside", node("take", config={"x": 1, "y": {"a": 1, "b": [-0.0]}}), "take", "list one"),
    ("a nested dict's order", node("take", config={"x": 1, "y": {"b": [0.0], "a": 1}}), "take", "list one"),
    ("the config's own order", node("take", config={"y": {"a": 1, "b": [0.0]}, "x": 1}), "", "take"),
    ("a need given another node of the same value", node("list", needs={"x": "two"}), "", "list one two"),
    ("a need given another key", node("a", needs={"x": "table[b]"}), "", "table"),
    ("one key of a dict", node("table", config={"v": 2}), "table b", "a"),
    ("code that gives the same value", change("main.py", "one(): return [1, 2]", "one(): return [1] + [2]"), "one", "list"),
    ("a method of a stored object", change("things.py", "sound() *", "2 * sound() *"), "speak speak_all", "count called"),
    ("a function that it calls", change("things.py", '"a"', '"b"'), "speak speak_all called", "count"),
    ("a function that is a value", change("things.py", '"!"', '"?"'), "called", "speak speak_all count"),
    ("a name that a function's parameter has", rename("list", "renamed"), "", "renamed one"),
    ("a node's name that a class sees", rename("named", "other"), "other", "take"),
    ("a data file", write("data.txt", "2\n"), "read pinned", "listing"),
    ("a data file, its size and time kept", same_size_and_time("data.txt", "2\n"), "read pinned", "listing"),
    ("a data file written again", write("data.txt", "1\n"), "", "read pinned"),
    ("a file that a glob finds", write("data/b.csv", "1"), "listing", "read"),
    ("a file that it doesn't find", write("data/b.txt", "1"), "", "read"),
    ("a module found while running", change("plug_a.py", "deep.X", "-deep.X"), "plug", "take"),
    ("what that module imports", change("deep.py", "1", "2"), "plug", "take"),
    ("a module's comment found while running", change("deep.py", "X = 1", "X = 1  # why"), "", "plug"),
    ("a declared variable", node("take", env=["FR_TEST_VARIABLE"]), "take", "list"),
    ("an executable bit in a folder", change("main.py", "0o644", "0o755"), "folder look", "take"),
    ("an empty folder", change("main.py", '    (out / "b").mkdir()\n', ""), "folder look", "take"),
    ("the code of a folder of the same content", change("main.py", '"a").write_text("1")', '"a").write_bytes(b"1")'), "folder", "look"),
    ("the code of a pinned node", change("main.py", "read_text()", "read_text() + ''"), "read", "pinned"),
    ("a source's text, its size and time kept", same_size_and_time("deep.py", "X = 2\n"), "plug", "take"),
    ("a retry", node("take", retries=2), "", "take"),
    ("a key left out", node("take", ignore_config=["x"]), "take", "list"),
]


# --- running ----------------------------------------------------------------------------------------------

ROWS = [
    pytest.param(project, *row[1:], id=row[0])
    for project, rows in (
        (CODE, CODE_EDITS),
        (IMPORTED, IMPORTED_EDITS),
        (PATCHED, PATCHED_EDITS),
        (WIRED, WIRED_EDITS),
    )
    for row in rows
]


def run(folder: Path, nodes: Nodes, cache: str = ".cache") -> RunReport:
    """Run all nodes, with no module of the project loaded before."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).is_relative_to(folder):
            del sys.modules[name]
    schema = GraphSchema.from_dict({"version": 1, "targets": sorted(nodes), "nodes": nodes})
    storage = open_storage(folder / cache, durability="fast")
    runner = CachingGraphRunner(schema, storage, ExecutionContext(schema), environ={}, folder=folder)
    report = runner.execute()
    assert report.ok, [failure.traceback for failure in report.failures]
    return report


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Project], Path]:
    """A folder in which a project was run once; made when first asked for."""
    folders: dict[str, Path] = {}

    def make(project: Project) -> Path:
        text, wanted = project
        if text not in folders:
            folder = folders[text] = tmp_path_factory.mktemp("project")
            for part in text.split("# --- ")[1:]:
                path, _, content = part.partition("\n")
                put(folder, path.strip(), content)
            run(folder, wanted)
        return folders[text]

    return make


@pytest.mark.parametrize(("project", "edit", "must_run", "must_not_run"), ROWS)
def test_edit(
    tmp_path: Path,
    made: Callable[[Project], Path],
    project: Project,
    edit: Edit,
    must_run: str,
    must_not_run: str,
) -> None:
    """What an edit can change runs, and what it can't doesn't, in a copy of the folder elsewhere."""
    folder = tmp_path / "copy"
    shutil.copytree(made(project), folder)
    nodes = {name: dict(keys) for name, keys in project[1].items()}
    edit(folder, nodes)
    ran = set(run(folder, nodes).ran)
    assert set(must_run.split()) <= ran
    assert not set(must_not_run.split()) & ran


@pytest.mark.parametrize("project", [CODE, IMPORTED, PATCHED, WIRED], ids=["code", "imported", "patched", "wired"])
def test_no_edit(tmp_path: Path, made: Callable[[Project], Path], project: Project) -> None:
    """Without an edit nothing runs, wherever the folder lies."""
    shutil.copytree(made(project), tmp_path / "copy")
    assert not run(tmp_path / "copy", project[1]).ran
