"""`ComponentReader`: describes a component from its source.

Invariants: nothing is imported; what can't be told from the text makes a description incomplete
rather than wrong.
"""

# Plain strings: pathlib is slow where many paths are looked at.
# ruff: noqa: PTH100, PTH208

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator

from fingerprint_runner.errors import nearest
from fingerprint_runner.provenance.component import (
    CallableSource,
    ComponentSource,
    Parameter,
    ParameterKind,
)
from fingerprint_runner.provenance.links import Hit, Links, kind_of
from fingerprint_runner.provenance.module_table import parse
from fingerprint_runner.provenance.sources import Sources
from fingerprint_runner.provenance.unit_reader import FUNCTIONS, plain_chain
from fingerprint_runner.provenance.units import ABSOLUTE, ModuleTable, Unit

ENGINE_BASE = ("fingerprint_runner.graph.component", "GraphComponent")
ENGINE_NAMES = frozenset(
    {"fingerprint_runner", "fingerprint_runner.graph", "fingerprint_runner.graph.component"}
)

_KEEPING = frozenset({"staticmethod", "classmethod", "abstractmethod", "override", "final", "no_type_check"})
"""Decorators that leave a signature, and what is called, as they are."""
_QUIET_BASES = frozenset({"object", "ABC", "Generic", "Protocol"})
"""Bases that bring none of a component's methods."""
_QUIET_CLASS_DECORATORS = frozenset({"final", "total_ordering", "runtime_checkable"})

_ClassKey = tuple[str, str]


class _Unreadable(Exception):
    """Only importing tells."""


class ComponentReader:
    """Reads components' sources.

    Args:
        sources: of one state of the files.
        links: of the same.
    """

    def __init__(self, sources: Sources, links: Links) -> None:
        self._sources = sources
        self._links = links
        self._trees: dict[str, ast.Module] = {}
        self._complete = True
        self.consulted: dict[str, None] = {}
        """Modules that the last description was made from."""

    def read(self, uses: str) -> ComponentSource:
        """The description of `module:attribute`.

        Raises:
            InvalidGraph: kind `syntax-error`, if a file on the way can't be parsed.
        """
        self.consulted = {}
        self._complete = True
        module, _, name = uses.partition(":")
        self.consulted[module] = None
        kind = kind_of(self._sources, module)
        if kind == "absent":
            return ComponentSource(uses, "missing-module", nearest=self._nearest_module(module))
        if kind != "first-party":
            return ComponentSource(uses, "third-party")
        table = self._sources.table(module)
        if table is None:
            return ComponentSource(uses, "unreadable")
        names = name.split(".")
        followed = self._links.follow(module, (ABSOLUTE, module, names[0]))
        self.consulted.update(dict.fromkeys(followed.consulted))
        try:
            return self._describe(uses, table, names, followed.hits)
        except _Unreadable:
            return ComponentSource(uses, "unreadable", file=table.path)

    def _describe(
        self, uses: str, table: ModuleTable, names: list[str], hits: tuple[Hit, ...]
    ) -> ComponentSource:
        finals = [hit for hit in hits if hit.kind == "symbol" and hit.final]
        if any(hit.kind in ("third-party", "stdlib") for hit in hits) and not finals:
            return ComponentSource(uses, "third-party")
        if len(finals) != 1:
            raise _Unreadable
        home = self._sources.table(finals[0].module)
        name = str(finals[0].name)
        if home is None or (name == "__getattr__" and names[0] != name):
            raise _Unreadable
        if name not in home.by_name:
            if name != names[0] or home is not table or _is_dynamic(home):
                raise _Unreadable
            known = self._known_names(table)
            return ComponentSource(
                uses, "missing-attribute", file=table.path, line=None, nearest=nearest(names[0], known)
            )
        unit, node = self._definition(home, name)
        plain = isinstance(node, ast.FunctionDef) and not node.decorator_list and unit is not None
        for inner in names[1:]:
            plain = False
            found = self._inner(node, inner)
            if found is None:
                known = self._known_methods(home, unit)
                return ComponentSource(
                    uses, "missing-attribute", file=home.path, line=unit.line, nearest=nearest(inner, known)
                )
            node = found
        if isinstance(node, FUNCTIONS):
            bound = 1 if len(names) > 1 and not _has_decorator(node, "staticmethod") else 0
            function = self._callable(home.path, node, bound if _has_decorator(node, "classmethod") else 0)
            complete = self._keeps_signature(node) and isinstance(node, ast.FunctionDef)
            return ComponentSource(
                uses, "function", plain, home.path, node.lineno, function, complete=complete
            )
        assert isinstance(node, ast.ClassDef)
        return self._class(uses, home, name, node, len(names) > 1)

    def _known_names(self, table: ModuleTable) -> list[str]:
        return [name for name in table.by_name if not name.startswith("__")]

    def _known_methods(self, table: ModuleTable, unit: Unit) -> list[str]:
        node = self._node(table, unit)
        return [
            each.name for each in getattr(node, "body", []) if isinstance(each, (*FUNCTIONS, ast.ClassDef))
        ]

    def _definition(self, table: ModuleTable, name: str) -> tuple[Unit, ast.stmt]:
        """The one `def` or `class` that binds a name.

        Raises:
            _Unreadable: something else binds it too, or perhaps.
        """
        indices = table.by_name[name]
        unit = table.units[indices[0]]
        if len(indices) != 1 or unit.kind not in ("def", "class"):
            raise _Unreadable
        node = self._node(table, unit)
        if node is None:
            raise _Unreadable
        return unit, node

    def _tree(self, path: str) -> ast.Module:
        if path not in self._trees:
            text, _ = self._sources.locator.read_text(path)
            self._trees[path] = parse(text, path)
        return self._trees[path]

    def _node(self, table: ModuleTable, unit: Unit) -> ast.stmt | None:
        """The tree of a definition, unless it stands under a test."""
        for node in self._tree(table.path).body:
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name in unit.names:
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                if first == unit.line:
                    return node
        return None

    def _inner(self, node: ast.stmt, name: str) -> ast.stmt | None:
        if not isinstance(node, ast.ClassDef):
            raise _Unreadable
        found = [
            each for each in node.body if isinstance(each, (*FUNCTIONS, ast.ClassDef)) and each.name == name
        ]
        if len(found) == 1:
            return found[0]
        if found or node.bases or node.keywords or node.decorator_list or name in _bound_in_class(node):
            raise _Unreadable
        return None

    # -- functions -----------------------------------------------------------------------------

    def _keeps_signature(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        return all(_last_name(each) in _KEEPING for each in node.decorator_list)

    def _callable(
        self, path: str, node: ast.FunctionDef | ast.AsyncFunctionDef, bound: int
    ) -> CallableSource:
        parameters = list(_parameters(node.args))
        return CallableSource(tuple(parameters[bound:]), node.lineno, _yields(node), path)

    # -- classes -------------------------------------------------------------------------------

    def _class(
        self, uses: str, table: ModuleTable, name: str, node: ast.ClassDef, nested: bool
    ) -> ComponentSource:
        methods: dict[str, CallableSource] = {}
        overridden: set[str] = set()
        engine = self._engine_methods()
        if nested and node.bases:
            self._complete = False
        order = [(table, node)] if nested else self._order(table, name)
        reaches_engine = False
        for each, definition in order:
            own = each is None
            if own:
                reaches_engine = True
                for key, method in engine.items():
                    methods.setdefault(key, method)
                continue
            assert each is not None
            assert definition is not None
            found = self._methods(each.path, definition)
            for key, method in found.items():
                if key in engine and key not in methods:
                    overridden.add(key)
                methods.setdefault(key, method)
        if not reaches_engine:
            overridden = {key for key in engine if key in methods}
        return ComponentSource(
            uses,
            "class",
            False,
            table.path,
            node.lineno,
            None,
            methods,
            frozenset(overridden),
            self._complete,
        )

    def _engine_methods(self) -> dict[str, CallableSource]:
        """The methods of `GraphComponent`, from the engine's own source."""
        where = self._sources.located(ENGINE_BASE[0])
        if where.path is None or not where.is_source:
            # The engine that runs may lie elsewhere than on the search path.
            from fingerprint_runner.graph import component

            path = os.path.abspath(component.__file__)
        else:
            self.consulted[ENGINE_BASE[0]] = None
            path = where.path
        for node in self._tree(path).body:
            if isinstance(node, ast.ClassDef) and node.name == ENGINE_BASE[1]:
                complete = self._complete
                found = self._methods(path, node)
                self._complete = complete
                return found
        return {}

    def _order(self, table: ModuleTable, name: str) -> list[tuple[ModuleTable | None, ast.ClassDef | None]]:
        """A class and its bases as attributes are looked up; (None, None) is the engine's own base."""
        linear = self._linear((table.module, name), ())
        found: list[tuple[ModuleTable | None, ast.ClassDef | None]] = []
        for key in linear:
            if key == ENGINE_BASE:
                found.append((None, None))
                continue
            home = self._sources.table(key[0])
            assert home is not None
            _, node = self._definition(home, key[1])
            assert isinstance(node, ast.ClassDef)
            found.append((home, node))
        return found

    def _linear(self, key: _ClassKey, above: tuple[_ClassKey, ...]) -> list[_ClassKey]:
        """C3, as Python does it; recursion is as deep as the inheritance."""
        if key == ENGINE_BASE:
            return [key]
        if key in above:
            raise _Unreadable
        bases = self._bases(key)
        rows = [self._linear(base, (*above, key)) for base in bases]
        rows.append(list(bases))
        merged = [key]
        while any(rows):
            rows = [row for row in rows if row]
            head = next(
                (row[0] for row in rows if not any(row[0] in other[1:] for other in rows)),
                None,
            )
            if head is None:
                raise _Unreadable
            merged.append(head)
            rows = [[each for each in row if each != head] for row in rows]
        return merged

    def _bases(self, key: _ClassKey) -> list[_ClassKey]:
        """The bases of a class that are read; others make the description incomplete."""
        table = self._sources.table(key[0])
        assert table is not None
        _, node = self._definition(table, key[1])
        if not isinstance(node, ast.ClassDef):
            raise _Unreadable
        if node.keywords and not all(
            each.arg == "metaclass" and _last_name(each.value) == "ABCMeta" for each in node.keywords
        ):
            self._complete = False
        if any(_last_name(each) not in _QUIET_CLASS_DECORATORS for each in node.decorator_list):
            self._complete = False
        found: list[_ClassKey] = []
        for base in node.bases:
            if isinstance(base, ast.Subscript):
                base = base.value  # `Generic[T]`, `Base[int]`
            chain = plain_chain(base)
            target = None if chain is None else self._base(table, chain)
            if target is not None:
                found.append(target)
            elif chain is None or chain[-1] not in _QUIET_BASES:
                self._complete = False
        return found

    def _base(self, table: ModuleTable, chain: tuple[str, ...]) -> _ClassKey | None:
        followed = self._links.follow(table.module, chain)
        self.consulted.update(dict.fromkeys(followed.consulted))
        for each in table.units:
            for name, target in each.targets:
                known = name == chain[0] and target[1] in ENGINE_NAMES
                if known and (*target, *chain[1:])[-1] == ENGINE_BASE[1]:
                    return ENGINE_BASE
        finals = [hit for hit in followed.hits if hit.kind == "symbol" and hit.final]
        if len(finals) != 1 or finals[0].rest:
            return None
        home = self._sources.table(finals[0].module)
        name = str(finals[0].name)
        if home is None or name not in home.by_name:
            return None
        return (home.module, name)

    def _methods(self, path: str, node: ast.ClassDef) -> dict[str, CallableSource]:
        found: dict[str, CallableSource] = {}
        for each in node.body:
            if isinstance(each, FUNCTIONS):
                if each.name in found or each.name in ("__init_subclass__", "__getattribute__"):
                    self._complete = False
                if not self._keeps_signature(each) and not _is_property(each):
                    self._complete = False
                if isinstance(each, ast.AsyncFunctionDef):
                    self._complete = False
                found[each.name] = self._callable(
                    path, each, 0 if _has_decorator(each, "staticmethod") else 1
                )
            elif not isinstance(each, ast.Pass | ast.Expr | ast.AnnAssign | ast.ClassDef):
                names = set(_bound_names([each]))
                if not isinstance(each, ast.Assign) or names & {"create", "load", "run", *found}:
                    self._complete = False
        return found

    # -- what is missing -----------------------------------------------------------------------

    def _nearest_module(self, module: str) -> str | None:
        """The known module most like one that isn't there."""
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count])
            where = self._sources.located(name)
            self.consulted[name] = None
            if where.kind != "absent":
                continue
            above = ".".join(parts[: count - 1])
            if above:
                folders: Iterable[str] = self._sources.located(above).search_locations
            else:
                folders = [
                    each
                    for each in where.probed
                    if self._sources.locator.origin_of_path(each) == "first-party"
                ]
            close = nearest(parts[count - 1], sorted(set(_modules_in(folders))))
            if close is None:
                return None
            return ".".join([above, close]) if above else close
        return None


def _modules_in(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            stem = name.removesuffix(".py")
            if stem.isidentifier() and not stem.startswith("__"):
                yield stem


def _is_dynamic(table: ModuleTable) -> bool:
    """Whether a module may have names that no statement of it binds."""
    if "__getattr__" in table.by_name:
        return True
    for unit in table.units:
        if any(flag.kind in ("dynamic", "everything") for flag in unit.flags):
            return True
        if any(chain[:2] == (ABSOLUTE, table.module) for chain in unit.references):
            return True
    return False


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    first_default = len(positional) - len(arguments.defaults)
    for index, each in enumerate(positional):
        kind: ParameterKind = "positional-only" if index < len(arguments.posonlyargs) else "normal"
        yield _parameter(each, index >= first_default, kind)
    if arguments.vararg is not None:
        yield _parameter(arguments.vararg, False, "var-positional")
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(each, default is not None, "keyword-only")
    if arguments.kwarg is not None:
        yield _parameter(arguments.kwarg, False, "var-keyword")


def _parameter(argument: ast.arg, has_default: bool, kind: ParameterKind) -> Parameter:
    annotation = None
    if isinstance(argument.annotation, ast.Constant) and isinstance(argument.annotation.value, str):
        annotation = argument.annotation.value
    elif argument.annotation is not None:
        annotation = ast.unparse(argument.annotation)
    return Parameter(argument.arg, has_default, kind, annotation)


def _yields(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether calling it gives a generator: functions inside it don't count."""
    stack: list[ast.AST] = list(node.body)
    while stack:
        each = stack.pop()
        if isinstance(each, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(each, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(each))
    return False


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _has_decorator(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    return any(_last_name(each) == name for each in node.decorator_list)


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        _last_name(each) in ("property", "cached_property", "setter", "getter")
        for each in node.decorator_list
    )


def _bound_in_class(node: ast.ClassDef) -> set[str]:
    return set(_bound_names(node.body))


def _bound_names(body: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in body:
        for each in ast.walk(statement):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                yield each.id
            elif isinstance(each, (*FUNCTIONS, ast.ClassDef)):
                yield each.name
