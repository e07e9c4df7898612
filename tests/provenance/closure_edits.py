"""Edits of small projects, each with the truth: whether what a root gives can change.

An edit maps a file to its new text (None: it is deleted) or to (old, new) texts inside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent


@dataclass(frozen=True)
class Edit:
    """One edit of a project.

    Attributes:
        name: what is edited, for test ids.
        files: the project before: path → text.
        edit: path → new text, None, or (old, new).
        root: of the closure.
        part: a part whose digest must differ, or that must come or go; empty where any will do.
    """

    name: str
    files: dict[str, str]
    edit: dict[str, str | tuple[str, str] | None]
    root: str = "main:run"
    part: str = ""
    packages: dict[str, str] = field(default_factory=dict)


def project(**files: str) -> dict[str, str]:
    """Files by module name, `__` standing for `/`: `pkg__sub` is `pkg/sub.py`, `pkg__init` its `__init__`."""
    named = {}
    for name, text in files.items():
        path = name.replace("__", "/")
        path = path[: -len("init")] + "__init__" if path.endswith("/init") else path
        named[path + ".py"] = dedent(text).lstrip("\n")
    return named


BASIC = project(
    main="""
        '''Doc.'''
        import json
        from helpers import clean, other
        LIMIT = 3
        SPARE = 4
        def run(x):
            '''What it does.'''
            return clean(x)[:LIMIT]
        def idle():
            return other() + SPARE
    """,
    helpers="""
        import re
        PATTERN = "a+"
        UNUSED = 1
        def clean(x):
            # a comment
            return inner(x)
        def inner(x):
            return re.sub(PATTERN, "", x)
        def other():
            return UNUSED
    """,
)

CLASSES = project(
    main="""
        from base import Model, Mixin
        class Run(Mixin, Model):
            size = 3
            def fit(self, x, rate=0.1):
                return self.step(x)
        def unrelated(): return Model
    """,
    base="""
        from deep import Root
        class Model(Root):
            def step(self, x): return x + 1
        class Mixin:
            def extra(self): return 1
        class Unused: pass
    """,
    deep="""
        class Root:
            shared = 5
        class Lonely: pass
    """,
)

REGISTRY = project(
    main="""
        import plugins
        from registry import REG
        def run(name): return REG[name]()
        def quiet(): return 1
    """,
    registry="""
        REG = {}
        def register(name):
            def add(f):
                REG[name] = f
                return f
            return add
    """,
    plugins="""
        from registry import register
        @register("a")
        def a(): return part()
        def part(): return 1
        @register("b")
        def b(): return 2
        def never(): return 3
    """,
)

PATCHED = project(
    main="""
        import helpers
        import patches
        def run(x): return helpers.f(x)
        def calm(): return helpers.g()
    """,
    helpers="""
        def f(x): return x
        def g(): return 1
    """,
    patches="""
        import helpers
        def better(x): return x + 1
        helpers.f = better
    """,
)

PACKAGE = project(
    main="""
        import pkg.tools as t
        from pkg import shown
        def run(x): return t.go(shown(x))
    """,
    pkg__init="""
        from .impl import shown, hidden
        from . import later
        VERSION = "1"
    """,
    pkg__impl="""
        def shown(x): return x
        def hidden(x): return x
    """,
    pkg__tools="""
        from .impl import hidden as h
        def go(x): return x + 1
        def stay(x): return h(x)
    """,
    pkg__later="VALUE = 1\n",
)

STARS = project(
    main="""
        from lib import *
        def run(x): return shout(x)
    """,
    lib="""
        from low import *
        def shout(x): return low_shout(x)
        def quiet(x): return x
    """,
    low="""
        def low_shout(x): return x.upper()
        def low_quiet(x): return x
    """,
)

DYNAMIC = project(
    main="""
        import lazy, consts, table, space, evals, parts
        from functools import partial
        from table import make
        def run(x): return lazy.thing(x)
        def read(x): return getattr(consts, "A")
        def wide(x): return getattr(consts, x)
        def pick(x): return table.TABLE[x]()
        def late(x):
            from inside import deep
            return deep(x)
        half = partial(make, 2)
        def halves(x): return half(x)
        def text(x): return evals.calc(x)
        def space_of(x): return vars(space)
        def walrus(x): return [y for z in x if (y := parts.one(z))]
        cut = lambda x: parts.two(x)
        def cuts(x): return cut(x)
    """,
    lazy="""
        _TABLE = {"thing": len}
        def __getattr__(name): return _TABLE[name]
        def other(): return 1
    """,
    consts="A = 1\nB = 2\n",
    table="""
        def one(): return 1
        def two(): return 2
        def three(): return 3
        TABLE = {"one": one, "two": two}
        def make(n, x): return n * x
    """,
    inside="""
        def deep(x): return x
        def shallow(x): return x
    """,
    space="A = 1\ndef f(): return A\n",
    evals="""
        RATE = 2
        def calc(x): return eval("RATE * x")
        def plain(x): return RATE2
        RATE2 = 3
    """,
    parts="""
        def one(x): return x
        def two(x): return x
        def three(x): return x
    """,
)

CONDITIONAL = project(
    main="""
        import sys
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from typed import T
        try:
            import missing_accelerator as fast
        except ImportError:
            fast = None
        if sys.platform == "nowhere":
            SIZE = 1
        else:
            SIZE = 2
        def run(x: "T") -> "T":
            return SIZE, fast
        if __name__ == "__main__":
            print(run(1))
    """,
    typed="class T: pass\n",
)

HOOKS = project(
    main="""
        from hooks import Base
        import models
        def run(x): return Base.known
        def metas(x): return ALL
        from metas import ALL
        import metal
        def subs(x):
            return Plain.__subclasses__()
        from plain import Plain
        import plains
    """,
    hooks="""
        class Base:
            known = []
            def __init_subclass__(cls):
                Base.known.append(cls)
    """,
    models="""
        from hooks import Base
        class One(Base):
            rate = 1
        class Apart:
            rate = 1
    """,
    metas="""
        ALL = {}
        class Meta(type):
            def __new__(mcs, name, bases, space):
                made = super().__new__(mcs, name, bases, space)
                ALL[name] = made
                return made
    """,
    metal="""
        from metas import Meta
        class Iron(metaclass=Meta):
            rate = 1
    """,
    plain="class Plain: pass\n",
    plains="""
        from plain import Plain
        class Sub(Plain):
            rate = 1
        class Other:
            rate = 1
    """,
)

EFFECTS = project(
    main="""
        import settings
        import setup_all
        import quiet_setup
        def run(x): return settings.OPTIONS["k"]
        def other(x): return settings.FIXED
        def counted(x): return settings.COUNTS
        def grown(x): return settings.GROWN
        def listed(x): return settings.NAMES
    """,
    settings="""
        OPTIONS = {}
        FIXED = 1
        COUNTS = []
        GROWN = []
        NAMES = []
        def add(x):
            COUNTS.append(x)
        def grow(x): extend(x)
        def extend(x):
            global GROWN
            GROWN = GROWN + [x]
    """,
    setup_all="""
        import settings
        from settings import add, grow
        alias = settings.OPTIONS
        alias["k"] = 1
        add(1)
        DONE = grow(1)
        for name in ("a", "b"):
            settings.NAMES.append(name)
    """,
    quiet_setup="""
        import logging
        logger = logging.getLogger(__name__)
        logger.info("loaded")
        SIZE = len("abc")
    """,
)

DOCS = project(
    main="""
        '''Module doc.'''
        import inspect
        import doced
        def run(x): return doced.f.__doc__
        def plain(x): return doced.f(x)
        def source(x): return inspect.getsource(doced.f)
    """,
    doced="""
        def f(x):
            '''Words.'''
            return x  # said
    """,
)

GENERATIVE = project(
    main="""
        from deco import timed
        import dataclasses
        DEFAULT = 3
        def make():
            SCALE = 2
            def inner(x): return x * SCALE
            return inner
        scaled = make()
        @timed
        def run(x, n=DEFAULT): return scaled(x)
        def plain(x): return x
        a, b = 1, 2
        def first(x): return a
        def frame(df): return df.query("x > @THRESHOLD")
        THRESHOLD = 3
        def globals_set(x):
            global STATE
            STATE = x
        def reads(x): return STATE
        async def waits(x):
            async with lock() as l: return l
        def lock(): return 1
        def matches(x):
            match x:
                case Point(y): return y
        class Point: pass
    """,
    deco="""
        STATS = []
        def timed(f):
            def wrapper(*args):
                STATS.append(1)
                return f(*args)
            return wrapper
        def untimed(f): return f
    """,
)

ORDER = project(
    main="""
        import first, second
        from state import STEPS
        def run(x): return STEPS
        def apart(x): return 1
    """,
    state="STEPS = []\n",
    first="""
        from state import STEPS
        STEPS.append("a")
        STEPS.append("b")
    """,
    second="""
        from state import STEPS
        STEPS.append("c")
    """,
)

MUST_CHANGE = [
    Edit("the function itself", BASIC, {"main.py": ("[:LIMIT]", "[1:LIMIT]")}, part="main:run"),
    Edit("a constant", BASIC, {"main.py": ("LIMIT = 3", "LIMIT = 5")}, part="main:LIMIT"),
    Edit("a helper", BASIC, {"helpers.py": ("return inner(x)", "return inner(x + 1)")}, part="helpers:clean"),
    Edit("a helper's helper", BASIC, {"helpers.py": ('PATTERN, ""', 'PATTERN, "-"')}, part="helpers:inner"),
    Edit("a helper's constant", BASIC, {"helpers.py": ('"a+"', '"b+"')}, part="helpers:PATTERN"),
    Edit("a second binding of a constant", BASIC, {"main.py": ("SPARE = 4", "SPARE = 4\nLIMIT = 7")}),
    Edit("a helper deleted", BASIC, {"helpers.py": ("def inner(x)", "def inner2(x)")}),
    Edit("a builtin replaced", BASIC, {"helpers.py": ("UNUSED = 1", "UNUSED = 1\nre = None")}),
    Edit(
        "what a name is imported from", BASIC, {"main.py": ("import clean, other", "import other as clean")}
    ),
    Edit("two aliases swapped", BASIC, {"main.py": ("clean, other", "other as clean, clean as other")}),
    Edit("a module that shadows the standard library", BASIC, {"re.py": "def sub(a, b, c): return c\n"}),
    Edit("the helper's module gone", BASIC, {"helpers.py": None}),
    Edit("a default", CLASSES, {"base.py": ("x + 1", "x + 2")}, "main:Run", "base:Model"),
    Edit("a method's default", CLASSES, {"main.py": ("rate=0.1", "rate=0.2")}, "main:Run"),
    Edit("a class attribute", CLASSES, {"main.py": ("size = 3", "size = 4")}, "main:Run"),
    Edit("a base of a base", CLASSES, {"deep.py": ("shared = 5", "shared = 6")}, "main:Run", "deep:Root"),
    Edit("a mixin", CLASSES, {"base.py": ("return 1", "return 2")}, "main:Run", "base:Mixin"),
    Edit("the order of bases", CLASSES, {"main.py": ("Mixin, Model)", "Model, Mixin)")}, "main:Run"),
    Edit("a registered function", REGISTRY, {"plugins.py": ("return 2", "return 4")}, part="plugins:b"),
    Edit("a registered function's helper", REGISTRY, {"plugins.py": ("return 1", "return 4")}),
    Edit("a registration taken away", REGISTRY, {"plugins.py": ('@register("b")\n', "")}),
    Edit("the registering decorator", REGISTRY, {"registry.py": ("REG[name]", "REG[name + '!']")}),
    Edit("the import that registers", REGISTRY, {"main.py": ("import plugins\n", "")}),
    Edit(
        "the order of registrations",
        REGISTRY,
        {
            "plugins.py": """from registry import register
@register("b")
def b(): return 2
@register("a")
def a(): return part()
def part(): return 1
"""
        },
    ),
    Edit("what a patch puts in place", PATCHED, {"patches.py": ("x + 1", "x + 2")}, part="patches:better"),
    Edit("the patch itself", PATCHED, {"patches.py": ("helpers.f = better", "helpers.f = None")}),
    Edit("the import of the patch", PATCHED, {"main.py": ("import patches\n", "")}),
    Edit(
        "a re-exported function",
        PACKAGE,
        {"pkg/impl.py": ("def shown(x): return x", "def shown(x): return 1")},
    ),
    Edit(
        "where a re-export comes from",
        PACKAGE,
        {"pkg/__init__.py": (".impl import shown", ".tools import go as shown")},
    ),
    Edit(
        "a function behind `import a.b as c`",
        PACKAGE,
        {"pkg/tools.py": ("x + 1", "x + 2")},
        part="pkg.tools:go",
    ),
    Edit(
        "a name behind a star import",
        STARS,
        {"lib.py": ("low_shout(x)\n", "low_shout(x) + 1\n")},
        part="lib:shout",
    ),
    Edit(
        "a name behind two star imports", STARS, {"low.py": ("x.upper()", "x.lower()")}, part="low:low_shout"
    ),
    Edit(
        "a name that hides a star's", STARS, {"main.py": ("import *\n", "import *\ndef shout(x): return 1\n")}
    ),
    Edit("`__all__` of a star's source", STARS, {"lib.py": ("def quiet", "__all__ = ['quiet']\ndef quiet")}),
    Edit("a module's `__getattr__`", DYNAMIC, {"lazy.py": ("_TABLE[name]", "_TABLE[name + '']")}),
    Edit("what `__getattr__` looks into", DYNAMIC, {"lazy.py": ("len", "max")}, part="lazy:_TABLE"),
    Edit("a constant by getattr", DYNAMIC, {"consts.py": ("A = 1", "A = 2")}, "main:read"),
    Edit("any name by computed getattr", DYNAMIC, {"consts.py": ("B = 2", "B = 3")}, "main:wide"),
    Edit("a name added, by computed getattr", DYNAMIC, {"consts.py": ("B = 2", "B = 2\nC = 3")}, "main:wide"),
    Edit("a member of a dispatch table", DYNAMIC, {"table.py": ("return 2", "return 5")}, "main:pick"),
    Edit(
        "a function behind an import inside",
        DYNAMIC,
        {"inside.py": ("deep(x): return x", "deep(x): return 1")},
        "main:late",
    ),
    Edit("a function behind a partial", DYNAMIC, {"table.py": ("n * x", "n + x")}, "main:halves"),
    Edit("a partial's argument", DYNAMIC, {"main.py": ("make, 2", "make, 3")}, "main:halves"),
    Edit("a name that only eval sees", DYNAMIC, {"evals.py": ("RATE = 2", "RATE = 3")}, "main:text"),
    Edit("a name under vars()", DYNAMIC, {"space.py": ("A = 1", "A = 2")}, "main:space_of"),
    Edit(
        "a function in a comprehension",
        DYNAMIC,
        {"parts.py": ("one(x): return x", "one(x): return 1")},
        "main:walrus",
    ),
    Edit(
        "a function in a lambda", DYNAMIC, {"parts.py": ("two(x): return x", "two(x): return 1")}, "main:cuts"
    ),
    Edit("a conditional's test", CONDITIONAL, {"main.py": ('"nowhere"', '"linux"')}),
    Edit("a conditional's other branch", CONDITIONAL, {"main.py": ("SIZE = 1", "SIZE = 9")}),
    Edit("an absent module that appears", CONDITIONAL, {"missing_accelerator.py": "SPEED = 1\n"}),
    Edit(
        "an absent module that is installed",
        CONDITIONAL,
        {"site-packages/missing_accelerator.py": "SPEED = 1\n"},
    ),
    Edit("the fallback of a try", CONDITIONAL, {"main.py": ("fast = None", "fast = 0")}),
    Edit(
        "a subclass that a hook collects",
        HOOKS,
        {"models.py": ("class One(Base):\n    rate = 1", "class One(Base):\n    rate = 2")},
    ),
    Edit("a class that a metaclass collects", HOOKS, {"metal.py": ("rate = 1", "rate = 2")}, "main:metas"),
    Edit(
        "a subclass under __subclasses__",
        HOOKS,
        {"plains.py": ("class Sub(Plain):\n    rate = 1", "class Sub(Plain):\n    rate = 2")},
        "main:subs",
    ),
    Edit("an item set through an alias", EFFECTS, {"setup_all.py": ('["k"] = 1', '["k"] = 2')}),
    Edit("a call for its effect", EFFECTS, {"setup_all.py": ("add(1)", "add(2)")}, "main:counted"),
    Edit(
        "the called function's effect",
        EFFECTS,
        {"settings.py": ("append(x)", "append(x + 1)")},
        "main:counted",
    ),
    Edit("an effect two calls deep", EFFECTS, {"setup_all.py": ("grow(1)", "grow(2)")}, "main:grown"),
    Edit("an effect in a loop", EFFECTS, {"setup_all.py": ('("a", "b")', '("a", "c")')}, "main:listed"),
    Edit("a docstring that is read", DOCS, {"doced.py": ("Words.", "Other words.")}),
    Edit("a comment where source is read", DOCS, {"doced.py": ("# said", "# unsaid")}, "main:source"),
    Edit("a decorator's wrapper", GENERATIVE, {"deco.py": ("return f(*args)", "return f(*args) + 1")}),
    Edit("a decorator taken away", GENERATIVE, {"main.py": ("@timed\n", "")}),
    Edit("a default's constant", GENERATIVE, {"main.py": ("DEFAULT = 3", "DEFAULT = 4")}),
    Edit("a variable of a closure", GENERATIVE, {"main.py": ("SCALE = 2", "SCALE = 3")}, part="main:make"),
    Edit("a value unpacked", GENERATIVE, {"main.py": ("a, b = 1, 2", "a, b = 2, 2")}, "main:first"),
    Edit(
        "a name in a query's text", GENERATIVE, {"main.py": ("THRESHOLD = 3", "THRESHOLD = 4")}, "main:frame"
    ),
    Edit(
        "a function that sets a global", GENERATIVE, {"main.py": ("STATE = x", "STATE = x + 1")}, "main:reads"
    ),
    Edit(
        "a function in async with",
        GENERATIVE,
        {"main.py": ("lock(): return 1", "lock(): return 2")},
        "main:waits",
    ),
    Edit(
        "a class in a match pattern",
        GENERATIVE,
        {"main.py": ("class Point: pass", "class Point: x = 1")},
        "main:matches",
    ),
    Edit(
        "the order of effects in a module",
        ORDER,
        {"first.py": "from state import STEPS\nSTEPS.append('b')\nSTEPS.append('a')\n"},
    ),
    Edit(
        "the order of imports with effects",
        ORDER,
        {"main.py": ("import first, second", "import second, first")},
    ),
    Edit(
        "a future flag",
        BASIC,
        {"main.py": ("import json", "from __future__ import annotations\nimport json")},
    ),
    Edit(
        "a package that is imported",
        BASIC,
        {"helpers.py": ("import re\n", "import re\nimport lib3\n"), "site-packages/lib3.py": "x = 1\n"},
    ),
]

MUST_NOT_CHANGE = [
    Edit("a comment", BASIC, {"helpers.py": ("# a comment", "# another")}),
    Edit("blank lines", BASIC, {"helpers.py": ("def clean", "\n\n\ndef clean")}),
    Edit("a function's docstring", BASIC, {"main.py": ("What it does.", "Something else.")}),
    Edit("a docstring added", BASIC, {"helpers.py": ("    # a comment\n", "    '''New.'''\n")}),
    Edit("a module's docstring", BASIC, {"main.py": ("Doc.", "Other.")}),
    Edit("quotes and parentheses", BASIC, {"helpers.py": ('"a+"', "('a' '+')")}),
    Edit(
        "a line broken",
        BASIC,
        {
            "helpers.py": (
                're.sub(PATTERN, "", x)',
                're.sub(\n        PATTERN,\n        "",\n        x,\n    )',
            )
        },
    ),
    Edit("an unreached function", BASIC, {"main.py": ("other() + SPARE", "other() - SPARE")}),
    Edit("an unreached constant", BASIC, {"main.py": ("SPARE = 4", "SPARE = 5")}),
    Edit("an unreached function of a helper module", BASIC, {"helpers.py": ("return UNUSED", "return 0")}),
    Edit("a new function", BASIC, {"helpers.py": ("UNUSED = 1", "UNUSED = 1\ndef fresh(): return 9")}),
    Edit(
        "functions moved",
        BASIC,
        {
            "helpers.py": """import re
PATTERN = "a+"
def other(): return UNUSED
def inner(x): return re.sub(PATTERN, "", x)
def clean(x): return inner(x)
UNUSED = 1
"""
        },
    ),
    Edit("a sibling on the import line", BASIC, {"main.py": ("import clean, other", "import clean")}),
    Edit(
        "an import of the standard library, unused",
        BASIC,
        {"helpers.py": ("import re\n", "import re\nimport os\n")},
    ),
    Edit("a pass", BASIC, {"helpers.py": ("    # a comment\n", "    pass\n")}),
    Edit("an unrelated new module", BASIC, {"fresh.py": "X = 1\n"}),
    Edit("an unreached module of the standard library shadowed", BASIC, {"statistics.py": "X = 1\n"}),
    Edit(
        "an import split in two",
        BASIC,
        {
            "main.py": (
                "from helpers import clean, other",
                "from helpers import clean\nfrom helpers import other",
            )
        },
    ),
    Edit(
        "a class that isn't a base",
        CLASSES,
        {"base.py": ("class Unused: pass", "class Unused: x = 1")},
        "main:Run",
    ),
    Edit(
        "a sibling of a base's base",
        CLASSES,
        {"deep.py": ("class Lonely: pass", "class Lonely: x = 1")},
        "main:Run",
    ),
    Edit("a function beside a class", CLASSES, {"main.py": ("return Model", "return Mixin")}, "main:Run"),
    Edit(
        "a registered function, the registry unreached",
        REGISTRY,
        {"plugins.py": ("return 2", "return 4")},
        "main:quiet",
    ),
    Edit("a function of a plugin that nothing calls", REGISTRY, {"plugins.py": ("return 3", "return 4")}),
    Edit("a patch of something else", PATCHED, {"patches.py": ("x + 1", "x + 2")}, "main:calm"),
    Edit(
        "another re-export", PACKAGE, {"pkg/impl.py": ("def hidden(x): return x", "def hidden(x): return 1")}
    ),
    Edit("a package's constant", PACKAGE, {"pkg/__init__.py": ('"1"', '"2"')}),
    Edit("an unused submodule", PACKAGE, {"pkg/later.py": "VALUE = 2\n"}),
    Edit("a relative import made absolute", PACKAGE, {"pkg/__init__.py": ("from .impl", "from pkg.impl")}),
    Edit(
        "another name behind a star", STARS, {"lib.py": ("def quiet(x): return x", "def quiet(x): return 1")}
    ),
    Edit(
        "another name behind two stars",
        STARS,
        {"low.py": ("def low_quiet(x): return x", "def low_quiet(x): return 1")},
    ),
    Edit("a function beside `__getattr__`", DYNAMIC, {"lazy.py": ("return 1", "return 2")}),
    Edit("another constant, by getattr of one", DYNAMIC, {"consts.py": ("B = 2", "B = 3")}, "main:read"),
    Edit(
        "a function outside the dispatch table", DYNAMIC, {"table.py": ("return 3", "return 4")}, "main:pick"
    ),
    Edit(
        "a neighbour behind an import inside",
        DYNAMIC,
        {"inside.py": ("shallow(x): return x", "shallow(x): return 1")},
        "main:late",
    ),
    Edit(
        "a neighbour of a function in a lambda",
        DYNAMIC,
        {"parts.py": ("three(x): return x", "three(x): return 1")},
        "main:cuts",
    ),
    Edit("eval in an unreached function", DYNAMIC, {"evals.py": ("RATE2 = 3", "RATE2 = 4")}, "main:pick"),
    Edit("what only type checkers see", CONDITIONAL, {"typed.py": "class T: x = 1\n"}),
    Edit("what only runs as a script", CONDITIONAL, {"main.py": ("print(run(1))", "print(run(2))")}),
    Edit(
        "a class that no hook sees",
        HOOKS,
        {"models.py": ("class Apart:\n    rate = 1", "class Apart:\n    rate = 2")},
    ),
    Edit(
        "a class that is no subclass",
        HOOKS,
        {"plains.py": ("class Other:\n    rate = 1", "class Other:\n    rate = 2")},
        "main:subs",
    ),
    Edit("an effect on something else", EFFECTS, {"setup_all.py": ('["k"] = 1', '["k"] = 2')}, "main:other"),
    Edit(
        "a call with an effect on something else",
        EFFECTS,
        {"setup_all.py": ("add(1)", "add(2)")},
        "main:other",
    ),
    Edit("what a loaded module logs", EFFECTS, {"quiet_setup.py": ('"loaded"', '"here"')}, "main:counted"),
    Edit("an unreached value computed by builtins", EFFECTS, {"quiet_setup.py": ('"abc"', '"abcd"')}),
    Edit("a docstring that isn't read", DOCS, {"doced.py": ("Words.", "Other words.")}, "main:plain"),
    Edit("a comment where source isn't read", DOCS, {"doced.py": ("# said", "# unsaid")}, "main:plain"),
    Edit(
        "another decorator", GENERATIVE, {"deco.py": ("def untimed(f): return f", "def untimed(f): return 1")}
    ),
    Edit(
        "a decorated function, seen from another",
        GENERATIVE,
        {"main.py": ("return scaled(x)", "return scaled(1)")},
        "main:plain",
    ),
    Edit(
        "the order of effects, unreached",
        ORDER,
        {"main.py": ("import first, second", "import second, first")},
        "main:apart",
    ),
]

SHAPES = project(
    main="""
        import pkg
        import reg, plug, patchers, base
        from reg import Registry, R, box, COUNT, handle
        def run(x): return pkg.sub.f(x)
        def classed(x): return R.items
        def instanced(x): return box.found
        def grown(x): return COUNT
        def dispatched(x): return handle(x)
        def called(x): return reg.CALLED
        def looped(x): return reg.LOOPED
        def listed(x): return reg.LISTED
        def method(x): return base.Model().step(x)
        def set_method(x): return base.Set().step(x)
        def deep_method(x): return base.Deep().step(x)
        def alias_method(x): return base.Aliased().step(x)
        def injected(x): return base.injected(x)
        def mapped(xs): return list(map(plug.mapped, xs))
        def constant_import(x):
            import importlib
            return importlib.import_module("plain").go(x)
        def whole_import(x):
            return __import__("plain")
        def text(x): return f"{base.WORD!r:>{base.WIDTH}}"
        def factory(x): return base.Made()
        def string_annotated(x: "base.Noted"): return x
        def relay(x): return base.relayed(x)
        def walrus(x): return base.measured
        def default_mutable(x): return base.collect(x)
        def both(x): return base.either(x)
        def tried(x): return base.tried(x)
        def inner_name(x): return base.Outer.value
        def unmaking(x): return base.unmade
        def grandchild(x): return base.Grand().who()
        def enumerated(x): return base.Colour.RED
        def computed(x):
            import importlib
            return importlib.import_module(x).go(1)
    """,
    pkg__init="""
        import pkg.sub
        from . import fix
    """,
    pkg__sub="""
        def f(x): return x
        def g(x): return x
    """,
    pkg__fix="""
        from pkg import sub
        def traced(x): return 1
        sub.g = traced
    """,
    reg="""
        import functools
        class R:
            items = {}
            @classmethod
            def add(cls, f):
                cls.items[f.__name__] = f
                return f
        class Registry:
            def __init__(self): self.found = []
            def put(self, f):
                self.found.append(f)
                return f
        box = Registry()
        COUNT = []
        CALLED = []
        LOOPED = []
        LISTED = []
        def loop(x): LOOPED.append(x)
        def note(x): LISTED.append(x)
        def run_now(f):
            f()
            return f
        @functools.singledispatch
        def handle(x): return x
    """,
    plug="""
        import reg
        from reg import R, box, run_now, handle, loop, note
        @R.add
        def classed(): return 1
        @box.put
        def instanced(): return 1
        reg.COUNT += [1]
        @run_now
        def called(): reg.CALLED.append(1)
        @handle.register
        def _(x: int): return x + 1
        for each in (classed, instanced):
            loop(each)
        [note(n) for n in (1, 2)]
        def mapped(x): return x
        def idle(): return 0
    """,
    patchers="""
        import base
        def new_step(self, x): return 1
        base.Model.step = new_step
        setattr(base.Set, "step", new_step)
        def apply():
            base.Deep.step = new_step
        apply()
        M = base.Aliased
        M.step = new_step
        def made(x): return 3
        base.injected = made
    """,
    base="""
        import enum
        from dataclasses import dataclass, field
        class Model:
            def step(self, x): return x
        class Set:
            def step(self, x): return x
        class Deep:
            def step(self, x): return x
        class Aliased:
            def step(self, x): return x
        WORD = "w"
        WIDTH = 5
        def start(): return 7
        @dataclass
        class Made:
            n: int = field(default_factory=start)
        class Noted:
            x = 1
        def relayed(x):
            def inner():
                def innermost(): return far
                return innermost
            return inner()()
        far = 1
        total = [measured := 3]
        def collect(x, seen=[1]): return seen
        if WIDTH:
            def either(x): return 1
        else:
            def either(x): return 2
        try:
            from nowhere import tried
        except ImportError:
            def tried(x): return 1
        class Outer:
            far = far
            value = far
        unmade = 1
        del unmade
        class Old:
            def who(self): return "old"
        class Parent(Old): pass
        class Grand(Parent):
            def who(self): return super().who()
        class Colour(enum.Enum):
            RED = 1
    """,
    plain="def go(x): return x\ndef stay(x): return x\n",
)

WIDE = project(
    main="""
        import base, plug, argued, own
        def module_patched(x): return base.patched_by_argument(x)
        def by_globals(x): return plug.made_b
        def by_own_name(x): return own.own
    """,
    base="def patched_by_argument(x): return x\n",
    plug="""
        for name in ("a", "b"):
            globals()["made_" + name] = name
    """,
    own="""
        import sys
        sys.modules[__name__].own = 4
    """,
    argued="""
        import base
        def put(module, f): module.patched_by_argument = f
        def other(x): return 2
        put(base, other)
    """,
)

MUST_CHANGE += [
    Edit("a submodule by attribute", SHAPES, {"pkg/sub.py": ("f(x): return x", "f(x): return 1")}),
    Edit(
        "a function that a class collects",
        SHAPES,
        {"plug.py": ("def classed(): return 1", "def classed(): return 2")},
        "main:classed",
    ),
    Edit(
        "a function that an object collects",
        SHAPES,
        {"plug.py": ("def instanced(): return 1", "def instanced(): return 2")},
        "main:instanced",
    ),
    Edit(
        "a list made longer from elsewhere",
        SHAPES,
        {"plug.py": ("COUNT += [1]", "COUNT += [2]")},
        "main:grown",
    ),
    Edit("a case of a single dispatch", SHAPES, {"plug.py": ("x + 1", "x + 2")}, "main:dispatched"),
    Edit(
        "a function that its decorator calls",
        SHAPES,
        {"plug.py": ("CALLED.append(1)", "CALLED.append(2)")},
        "main:called",
    ),
    Edit("a loop that calls", SHAPES, {"plug.py": ("(classed, instanced)", "(classed,)")}, "main:looped"),
    Edit("a comprehension for its effect", SHAPES, {"plug.py": ("(1, 2)", "(1, 3)")}, "main:listed"),
    Edit(
        "a method set from elsewhere",
        SHAPES,
        {"patchers.py": ("new_step(self, x): return 1", "new_step(self, x): return 2")},
        "main:method",
    ),
    Edit(
        "a method set by setattr",
        SHAPES,
        {"patchers.py": ("new_step(self, x): return 1", "new_step(self, x): return 2")},
        "main:set_method",
    ),
    Edit(
        "a method set by a function",
        SHAPES,
        {"patchers.py": ("new_step(self, x): return 1", "new_step(self, x): return 2")},
        "main:deep_method",
    ),
    Edit(
        "a method set through an alias",
        SHAPES,
        {"patchers.py": ("new_step(self, x): return 1", "new_step(self, x): return 2")},
        "main:alias_method",
    ),
    Edit(
        "a module changed as an argument",
        WIDE,
        {"argued.py": ("return 2", "return 9")},
        "main:module_patched",
    ),
    Edit("a name put into a module", SHAPES, {"patchers.py": ("return 3", "return 9")}, "main:injected"),
    Edit("a name made by globals()", WIDE, {"plug.py": ('("a", "b")', '("a", "c")')}, "main:by_globals"),
    Edit("a name set on its own module", WIDE, {"own.py": ("own = 4", "own = 5")}, "main:by_own_name"),
    Edit(
        "a function handed to map",
        SHAPES,
        {"plug.py": ("mapped(x): return x", "mapped(x): return 1")},
        "main:mapped",
    ),
    Edit(
        "a module imported by a constant",
        SHAPES,
        {"plain.py": ("go(x): return x", "go(x): return 1")},
        "main:constant_import",
    ),
    Edit(
        "a module imported as a value",
        SHAPES,
        {"plain.py": ("stay(x): return x", "stay(x): return 1")},
        "main:whole_import",
    ),
    Edit("a value in an f-string", SHAPES, {"base.py": ('WORD = "w"', 'WORD = "v"')}, "main:text"),
    Edit("a width in an f-string", SHAPES, {"base.py": ("WIDTH = 5", "WIDTH = 6")}, "main:text"),
    Edit("a default factory", SHAPES, {"base.py": ("return 7", "return 8")}, "main:factory"),
    Edit(
        "an annotation in quotes",
        SHAPES,
        {"base.py": ("class Noted:\n    x = 1", "class Noted:\n    x = 2")},
        "main:string_annotated",
    ),
    Edit(
        "a global three functions deep",
        SHAPES,
        {"base.py": ("far = 1\ntotal", "far = 2\ntotal")},
        "main:relay",
    ),
    Edit("a walrus", SHAPES, {"base.py": ("measured := 3", "measured := 4")}, "main:walrus"),
    Edit("a mutable default", SHAPES, {"base.py": ("seen=[1]", "seen=[2]")}, "main:default_mutable"),
    Edit(
        "the other of two definitions",
        SHAPES,
        {"base.py": ("def either(x): return 2", "def either(x): return 3")},
        "main:both",
    ),
    Edit(
        "a definition in an except",
        SHAPES,
        {"base.py": ("def tried(x): return 1", "def tried(x): return 3")},
        "main:tried",
    ),
    Edit("the module before an except", SHAPES, {"nowhere.py": "def tried(x): return 5\n"}, "main:tried"),
    Edit(
        "a global of the name of a class attribute",
        SHAPES,
        {"base.py": ("far = 1\ntotal", "far = 2\ntotal")},
        "main:inner_name",
    ),
    Edit("a name deleted", SHAPES, {"base.py": ("del unmade\n", "")}, "main:unmaking"),
    Edit("a grandparent", SHAPES, {"base.py": ('"old"', '"older"')}, "main:grandchild"),
    Edit("an enum's member", SHAPES, {"base.py": ("RED = 1", "RED = 2")}, "main:enumerated"),
]

QUIET = project(
    main="""
        import near
        import logging
        import warnings
        from pathlib import Path
        from typing import NamedTuple, TypeVar
        import functools, dataclasses, enum
        import click, lib
        warnings.filterwarnings("ignore")
        ROOT = Path(__file__).resolve().parent
        T = TypeVar("T")
        logger = logging.getLogger(__name__)
        def run(x): return near.go(x)
        @click.command()
        def command(): return 1
        @functools.lru_cache(maxsize=None)
        def cached(): return 1
        @dataclasses.dataclass
        class Row:
            n: int = 1
        class Pair(NamedTuple):
            a: int = 1
        class Size(enum.Enum):
            SMALL = 1
        class Estimator(lib.Base):
            rate = 1
        def make_table(n):
            rows = []
            rows.append(n)
            return {"n": n}
        TABLE = make_table(1)
        MODEL = lib.Model(depth=1)
        handlers = {"a": command}
        NAMES = sorted({"b", "a"})
        class Thing:
            def __init__(self): self.x = 1
            def save(self): lib.write(self.x)
        thing = Thing()
        lambda_one = lambda x: x + 1
        assert NAMES != [1]
    """,
    near="def go(x): return x\n",
) | {"site-packages/click.py": "x = 1\n", "site-packages/lib.py": "x = 1\n"}

MUST_NOT_CHANGE += [
    Edit("another function of a patched submodule", SHAPES, {"pkg/fix.py": ("return 1", "return 2")}),
    Edit(
        "a computed import's possible module", SHAPES, {"plain.py": ("return x", "return 1")}, "main:computed"
    ),
    Edit(
        "a neighbour of a module imported by a constant",
        SHAPES,
        {"plain.py": ("stay(x): return x", "stay(x): return 1")},
        "main:constant_import",
    ),
    Edit("a method's neighbour class", SHAPES, {"base.py": ("RED = 1", "RED = 2")}, "main:method"),
    Edit("a command beside", QUIET, {"main.py": ("def command(): return 1", "def command(): return 2")}),
    Edit(
        "a cached function beside", QUIET, {"main.py": ("def cached(): return 1", "def cached(): return 2")}
    ),
    Edit("a dataclass beside", QUIET, {"main.py": ("n: int = 1", "n: int = 2")}),
    Edit("a named tuple beside", QUIET, {"main.py": ("a: int = 1", "a: int = 2")}),
    Edit("an enum beside", QUIET, {"main.py": ("SMALL = 1", "SMALL = 2")}),
    Edit("a subclass of a package's class beside", QUIET, {"main.py": ("rate = 1", "rate = 2")}),
    Edit("a table made by a quiet function beside", QUIET, {"main.py": ("make_table(1)", "make_table(2)")}),
    Edit("that function", QUIET, {"main.py": ('{"n": n}', '{"n": n + 1}')}),
    Edit("a package's object beside", QUIET, {"main.py": ("depth=1", "depth=2")}),
    Edit("an instance beside", QUIET, {"main.py": ("self.x = 1", "self.x = 2")}),
    Edit("a filter of warnings", QUIET, {"main.py": ('"ignore"', '"default"')}),
    Edit("a path beside", QUIET, {"main.py": ("resolve().parent", "resolve().parent.parent")}),
    Edit("a lambda beside", QUIET, {"main.py": ("x + 1", "x + 2")}),
    Edit("a table of handlers beside", QUIET, {"main.py": ('{"a": command}', '{"b": command}')}),
]

NESTED = project(
    main="""
        import state, setter, tuned
        from hooked import Base
        import branch
        def inner(x): return state.INNER
        def lambdas(x): return state.LAMBDAS
        def tuning(x): return 1
        def family(x): return Base.known
        def method_made(x): return state.MADE
        def logged(x): return setter.book
        def logged_within(x): return setter.books
    """,
    state="INNER = []\nLAMBDAS = []\nMADE = []\n",
    setter="""
        import state
        def fill(x):
            def put(): state.INNER.append(x)
            put()
        fill(1)
        list(map(lambda x: state.LAMBDAS.append(x), [1]))
        class Maker:
            def __init__(self, x): self.note(x)
            def note(self, x): state.MADE.append(x)
        maker = Maker(1)
        class Book:
            def __init__(self): self.lines = []
            def log(self, x): self.lines.append(x)
        book = Book()
        book.log("a")
        books = {"a": Book()}
        books["a"].log("b")
    """,
    tuned="""
        import lib
        lib.set_option("a", 1)
    """,
    hooked="""
        class Base:
            known = []
            def __init_subclass__(cls): Base.known.append(cls)
    """,
    branch="""
        from hooked import Base
        class Middle(Base): pass
        class Side: pass
        class Leaf(Middle, Side):
            rate = 1
    """,
) | {"site-packages/lib.py": "x = 1\n"}

MUST_CHANGE += [
    Edit(
        "a call of a function that calls one inside it",
        NESTED,
        {"setter.py": ("fill(1)", "fill(2)")},
        "main:inner",
    ),
    Edit("a lambda that runs at import", NESTED, {"setter.py": ("[1])", "[2])")}, "main:lambdas"),
    Edit("an option of a package set at import", NESTED, {"tuned.py": ('"a", 1', '"a", 2')}, "main:tuning"),
    Edit(
        "a subclass of a hooked class's subclass",
        NESTED,
        {"branch.py": ("rate = 1", "rate = 2")},
        "main:family",
    ),
    Edit(
        "an instance whose making has an effect",
        NESTED,
        {"setter.py": ("Maker(1)", "Maker(2)")},
        "main:method_made",
    ),
]

MUST_NOT_CHANGE += [
    Edit(
        "a call with an effect on another list", NESTED, {"setter.py": ("fill(1)", "fill(2)")}, "main:tuning"
    ),
    Edit(
        "an instance whose making has an effect elsewhere",
        NESTED,
        {"setter.py": ("Maker(1)", "Maker(2)")},
        "main:inner",
    ),
]

MUST_CHANGE += [
    Edit("a method with a reader's name", NESTED, {"setter.py": ('log("a")', 'log("c")')}, "main:logged"),
    Edit("that method on an item", NESTED, {"setter.py": ('log("b")', 'log("c")')}, "main:logged_within"),
]
