"""A component is described from its text alone, and incompletely where only importing tells."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

from fingerprint_runner.provenance.component import ComponentSource, Parameter
from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.memo import MemoryMemo, NoMemo
from fingerprint_runner.provenance.source_reader import SourceReader

PIPELINE = dedent(
    '''
    from __future__ import annotations
    import functools
    from pathlib import Path
    from fingerprint_runner import GraphComponent, OutputDirectory
    from fingerprint_runner.graph.component import GraphComponent as Engine
    from bases import Trained, moved
    from outside import Foreign
    import bases as b

    def load(path: Path, /, limit: int = 3, *rest, out: OutputDirectory, deep=None, **options):
        """Doc."""
        return path

    def rows(n: "int"):
        yield from range(n)

    def not_rows():
        def inner(): yield 1
        return list(inner())

    @functools.wraps(load)
    def wrapped(*args): return load(*args)

    twice = load
    if load:
        def tested(): return 1

    class Model(Trained):
        def run(self, x: int) -> int: return x
        @staticmethod
        def required_packages(): return ["sklearn"]
        def own(self, a): return a

    class Plain(GraphComponent):
        @classmethod
        def create(cls, config, model_storage, resource, execution_context): return cls()

    class Through(b.Trained, Engine):
        pass

    class Odd(Foreign): pass
    class Computed(make_base()): pass
    class Simple:
        def run(self): return 1
        class Inner:
            def run(self, y): return y
        def helper(self): return 1
    def async_free(): return 1
    async def waits(): return 1
    def again(): return 1
    def again(): return 2
    '''
)

BASES = dedent(
    """
    from fingerprint_runner import GraphComponent
    class Trained(GraphComponent):
        @classmethod
        def create(cls, config, model_storage, resource, execution_context): return cls()
        @classmethod
        def fingerprint_addon(cls, config): return "x"
        def run(self, z): return z
    def moved(x): return x
    """
)


def describe(folder: Path, uses: str, memo: MemoryMemo | None = None) -> ComponentSource:
    """Describe a component; an answer from the memo is the same."""
    (folder / "site-packages").mkdir(exist_ok=True)
    (folder / "site-packages" / "outside.py").write_text("class Foreign: pass\n")
    (folder / "pipeline.py").write_text(PIPELINE)
    (folder / "bases.py").write_text(BASES)
    root = Path(__file__).parents[2]
    path = [str(folder), str(folder / "site-packages"), str(root), str(Path(os.__file__).parent)]
    memo = MemoryMemo()
    first = SourceReader(Locator(path), memo)
    found = first.component(uses)
    first.save()
    again = SourceReader(Locator(path), memo)
    assert again.component(uses) == found
    assert again._finder is None
    assert SourceReader(Locator(path), NoMemo()).component(uses) == found
    return found


def test_a_function_shows_its_parameters(tmp_path: Path) -> None:
    """Kinds, defaults and annotations are as written."""
    found = describe(tmp_path, "pipeline:load")
    assert (found.kind, found.plain, found.complete) == ("function", True, True)
    assert found.function is not None
    assert found.function.parameters == (
        Parameter("path", False, "positional-only", "Path"),
        Parameter("limit", True, "normal", "int"),
        Parameter("rest", False, "var-positional"),
        Parameter("out", False, "keyword-only", "OutputDirectory"),
        Parameter("deep", True, "keyword-only"),
        Parameter("options", False, "var-keyword"),
    )
    assert found.file == str(tmp_path / "pipeline.py")
    assert found.line == PIPELINE[: PIPELINE.index("def load")].count("\n") + 1


@pytest.mark.parametrize(("name", "yields"), [("rows", True), ("not_rows", False), ("load", False)])
def test_generators_are_told(tmp_path: Path, name: str, yields: bool) -> None:
    """A function that yields itself is a generator; one that holds a generator isn't."""
    function = describe(tmp_path, f"pipeline:{name}").function
    assert function is not None
    assert function.is_generator is yields


@pytest.mark.parametrize(
    ("uses", "kind", "plain", "complete"),
    [
        ("pipeline:wrapped", "function", False, False),
        ("pipeline:moved", "function", True, True),
        ("pipeline:twice", "unreadable", False, False),
        ("pipeline:tested", "unreadable", False, False),
        ("pipeline:again", "unreadable", False, False),
        ("pipeline:waits", "function", False, False),
        ("pipeline:Odd", "class", False, False),
        ("pipeline:Computed", "class", False, False),
        ("pipeline:Simple", "class", False, True),
        ("pipeline:Foreign", "third-party", False, False),
        ("outside:Foreign", "third-party", False, False),
        ("json:dumps", "third-party", False, False),
    ],
)
def test_what_cannot_be_told_is_said(
    tmp_path: Path, uses: str, kind: str, plain: bool, complete: bool
) -> None:
    """Decorators, other bindings, tests and foreign or computed bases make a description uncertain."""
    found = describe(tmp_path, uses)
    assert (found.kind, found.plain, found.complete) == (kind, plain, complete)


def test_a_class_shows_methods_of_its_bases(tmp_path: Path) -> None:
    """Methods are those that a lookup finds, the engine's included, without `self` and `cls`."""
    found = describe(tmp_path, "pipeline:Model")
    assert (found.kind, found.complete) == ("class", True)
    names = {name: [each.name for each in method.parameters] for name, method in found.methods.items()}
    assert names["run"] == ["x"]
    assert names["create"] == ["config", "model_storage", "resource", "execution_context"]
    assert names["required_packages"] == []
    assert names["own"] == ["a"]
    assert "load" in names and "get_default_config" in names
    assert found.overridden == {"create", "fingerprint_addon", "required_packages"}
    assert found.methods["create"].file.endswith("bases.py")


def test_the_engines_defaults_are_no_overrides(tmp_path: Path) -> None:
    """A class that defines `create` alone overrides that alone, whichever way the base is imported."""
    assert describe(tmp_path, "pipeline:Plain").overridden == {"create"}
    through = describe(tmp_path, "pipeline:Through")
    assert through.overridden == {"create", "fingerprint_addon"}
    assert through.complete


def test_a_nested_class_is_found(tmp_path: Path) -> None:
    """`module:Outer.Inner` is a class of its own."""
    found = describe(tmp_path, "pipeline:Simple.Inner")
    assert found.kind == "class"
    assert [each.name for each in found.methods["run"].parameters] == ["y"]


@pytest.mark.parametrize(
    ("uses", "kind", "nearest"),
    [
        ("pipelin:load", "missing-module", "pipeline"),
        ("pipeline:laod", "missing-attribute", "load"),
        ("pipeline:model", "missing-attribute", "Model"),
        ("pipeline:Simple.helpr", "missing-attribute", "helper"),
        ("zzz:load", "missing-module", None),
    ],
)
def test_what_is_missing_has_a_nearest_name(
    tmp_path: Path, uses: str, kind: str, nearest: str | None
) -> None:
    """A misspelt module or attribute is told from the other, with what may have been meant."""
    found = describe(tmp_path, uses)
    assert (found.kind, found.nearest) == (kind, nearest)


def test_a_module_with_getattr_may_have_anything(tmp_path: Path) -> None:
    """Where a module makes names as they are asked for, a name isn't called missing."""
    (tmp_path / "lazy.py").write_text("def __getattr__(name): return print\n")
    assert describe(tmp_path, "lazy:anything").kind == "unreadable"
