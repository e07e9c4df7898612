"""`UnitReader`: walks one statement once and collects what it binds, refers to, calls and changes.

Invariants: the walk is iterative; nothing is resolved before all of the statement's scopes are
known; what isn't understood is recorded as wider than it is, never as narrower.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from fingerprint_runner.provenance.scopes import Scope
from fingerprint_runner.provenance.unit_methods import OPERATOR
from fingerprint_runner.provenance.units import ABSOLUTE, BODY, SOFT, Actions, Call, Chain, Flag

Where = int | str | None
"""0: runs at import; 1, 2, 3: in functions, in functions inside them, and deeper; text: in that method of
a class; None: in an annotation, which is evaluated and does nothing."""

DEEPEST = 3

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

_HOLDING = (
    ast.Attribute,
    ast.Tuple,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.IfExp,
    ast.BoolOp,
    ast.Starred,
    ast.NamedExpr,
)
"""Expressions whose value is, or holds, the values inside them."""
_NAME_FLAGS = {
    "exec": "dynamic",
    "eval": "dynamic",
    "globals": "dynamic",
}
_ATTRIBUTE_FLAGS = {
    "__doc__": "docs",
    "getdoc": "docs",
    "getsource": "source",
    "getsourcelines": "source",
    "findsource": "source",
    "getcomments": "source",
    "linecache": "source",
    "__subclasses__": "subclasses",
    "__globals__": "everything",
    "f_globals": "everything",
    "get_objects": "everything",
    "get_referrers": "everything",
    "iter_modules": "listing",
    "walk_packages": "listing",
}
_LISTERS = frozenset({"listdir", "glob", "iglob", "rglob", "iterdir", "scandir", "walk", "files", "contents"})
_PLACES = frozenset({"__file__", "__path__", "__spec__"})
_ACCESS = frozenset({"getattr", "hasattr", "setattr", "delattr"})
_IMPORTERS = frozenset({"import_module", "__import__"})
_KEEPERS = frozenset(
    {"wraps", "update_wrapper", "partial", "setattr", "staticmethod", "classmethod", "property"}
)
"""What is given functions and doesn't call them."""
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*")
_AT_NAME = re.compile(r"@([A-Za-z_][A-Za-z_0-9]*)")


class UnitReader:
    """Collects the facts of one top-level statement.

    Args:
        module: full name of the module that it stands in.
        is_package: whether that is a package's `__init__`.
    """

    def __init__(self, module: str, is_package: bool) -> None:
        self._package = module if is_package else module.rpartition(".")[0]
        self._module = module
        self._top = Scope("module", None)
        self._stack: list[tuple[Any, Scope, Where]] = []
        self._uses: list[tuple[Chain, Scope, Where, bool]] = []
        self._calls: list[tuple[Chain, Scope, Where, int, bool, str, list[Chain]]] = []
        self._stores: list[tuple[Chain, Scope, Where]] = []
        self._receivers: list[tuple[Chain, Scope, Where, str, bool]] = []
        self._global_stores: list[tuple[str, Scope, Where]] = []
        self._attributes: dict[Where, set[str]] = {}
        self._name_flags: list[tuple[str, Scope, Where, int]] = []
        self._flags: dict[Flag, Where] = {}
        self._bound: dict[str, None] = {}
        self._discarded: set[int] = set()
        self._inner_calls: set[Where] = set()
        self._mentions_place = False
        self._lists: int | None = None
        self.imports: dict[tuple[str, str], None] = {}
        self._lazy_imports: dict[Where, dict[tuple[str, str], None]] = {}
        self.bases: list[Chain] = []
        self.hooked = False

    # -- reading -------------------------------------------------------------------------------

    def read(self, nodes: Iterable[ast.AST]) -> None:
        """Walk some nodes as code that runs at import."""
        self._stack.extend((node, self._top, 0) for node in reversed(list(nodes)))
        while self._stack:
            node, scope, where = self._stack.pop()
            visitor = _VISITORS.get(node.__class__)
            if visitor is not None:
                visitor(self, node, scope, where)
            else:
                self._push_children(node, scope, where)

    def _push(self, nodes: Iterable[ast.AST | None], scope: Scope, where: Where) -> None:
        self._stack.extend((node, scope, where) for node in nodes if node is not None)

    def _push_children(self, node: ast.AST, scope: Scope, where: Where) -> None:
        for name in node._fields:
            value = getattr(node, name, None)
            if value.__class__ is list:
                self._push((each for each in value if isinstance(each, ast.AST)), scope, where)
            elif isinstance(value, ast.AST):
                self._stack.append((value, scope, where))

    def _bind(self, name: str, scope: Scope) -> None:
        if name in scope.outer or scope.parent is None:
            self._bound[name] = None
        if scope.parent is not None:
            scope.bound.add(name)

    # -- names ---------------------------------------------------------------------------------

    def _name(self, node: ast.Name, scope: Scope, where: Where) -> None:
        if isinstance(node.ctx, ast.Load):
            self._use((node.id,), scope, where, node.lineno)
        else:
            self._bind(node.id, scope)
            if where != 0:
                self._global_stores.append((node.id, scope, where))

    def _use(self, chain: Chain, scope: Scope, where: Where, line: int, soft: bool = False) -> None:
        self._uses.append((chain, scope, where, soft))
        if chain[0] in _NAME_FLAGS:
            self._name_flags.append((chain[0], scope, where, line))
        if chain[:2] == ("sys", "modules"):
            self._flag("everything", line, "sys.modules", where)
        for position, name in enumerate(chain):
            kind = _ATTRIBUTE_FLAGS.get(name)
            if kind is not None:
                self._flag(kind, line, name, where)
            if name in _LISTERS:
                self._lists = line
            if position:
                self._attributes.setdefault(where, set()).add(name)
            if name in _PLACES:
                self._mentions_place = True
        if len(chain) > 1 and chain[-1] in _NAME_FLAGS and chain[-2] in ("builtins", "__builtins__"):
            self._flag("dynamic", line, f"{chain[-1]}(...)", where)

    def _flag(self, kind: str, line: int, what: str, where: Where) -> None:
        flag = Flag(kind, line, what)
        if flag not in self._flags or where == 0:
            self._flags[flag] = where

    def _attribute(self, node: ast.Attribute, scope: Scope, where: Where) -> None:
        stored = not isinstance(node.ctx, ast.Load)
        chain = self._follow(node, scope, where, soft=stored)
        if stored:
            self._store_into(node.value, scope, where, chain)

    def _follow(self, node: ast.expr, scope: Scope, where: Where, soft: bool = False) -> Chain | None:
        """Record a dotted expression; what its base is made of goes onto the stack."""
        names: list[str] = []
        base: ast.expr = node
        while True:
            if isinstance(base, ast.Attribute):
                names.append(base.attr)
                base = base.value
                continue
            step = self._access(base)
            if step is None:
                break
            names.append(step[1])
            assert isinstance(base, ast.Call)
            self._push([base.func, *base.args[2:]], scope, where)
            base = step[0]
        names.reverse()
        root = self._root(base, scope, where)
        line = node.lineno
        if root is not None:
            chain = (*root, *names)
            self._use(chain, scope, where, line, soft)
            return chain
        self._attributes.setdefault(where, set()).update(names)
        for name in names:
            kind = _ATTRIBUTE_FLAGS.get(name)
            if kind is not None:
                self._flag(kind, line, name, where)
            if name in _LISTERS:
                self._lists = line
            if name in _PLACES:
                self._mentions_place = True
        self._stack.append((base, scope, where))
        return None

    @staticmethod
    def _access(node: ast.expr) -> tuple[ast.expr, str] | None:
        """The object and name of `getattr(object, "name")` and its like."""
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _ACCESS
            and len(node.args) >= 2
            and isinstance(node.args[1], ast.Constant)
            and isinstance(node.args[1].value, str)
            and node.args[1].value.isidentifier()
        ):
            return node.args[0], node.args[1].value
        return None

    def _root(self, base: ast.expr, scope: Scope, where: Where) -> Chain | None:
        """The start of a chain: a name, or an expression that plainly gives a module."""
        if isinstance(base, ast.Name):
            return (base.id,)
        if isinstance(base, ast.Call):
            module = self._imported_module(base)
            if module is None:
                module = _module_got(base)
                if module is not None:
                    return (ABSOLUTE, module)
            else:
                self._push([base.func], scope, where)
                self._imports_at(where)[module, ""] = None
                name = _called(base.func)
                return (ABSOLUTE, module.partition(".")[0] if name == "__import__" else module)
        if isinstance(base, ast.Subscript) and _is_sys_modules(base.value):
            if isinstance(base.slice, ast.Constant) and isinstance(base.slice.value, str):
                return (ABSOLUTE, base.slice.value)
            if isinstance(base.slice, ast.Name) and base.slice.id == "__name__":
                return (ABSOLUTE, self._module)
        return None

    def _imported_module(self, call: ast.Call) -> str | None:
        """The module that `import_module("name")` imports, where that is a constant."""
        if _called(call.func) not in _IMPORTERS or not call.args:
            return None
        first = call.args[0]
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
            return None
        name = first.value
        if name.startswith("."):
            level = len(name) - len(name.lstrip("."))
            return self._absolute(name.lstrip(".") or None, level)
        return name if all(part.isidentifier() for part in name.split(".")) else None

    # -- stores --------------------------------------------------------------------------------

    def _store_into(self, target: ast.expr, scope: Scope, where: Where, chain: Chain | None = None) -> None:
        if chain is not None:
            self._stores.append((chain, scope, where))
            return
        for each in names_in(target):
            self._stores.append((each, scope, where))

    def _subscript(self, node: ast.Subscript, scope: Scope, where: Where) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._store_into(node.value, scope, where)
        if _is_sys_modules(node.value):
            root = self._root(node, scope, where)
            if root is not None and isinstance(node.ctx, ast.Load):
                self._use(root, scope, where, node.lineno)
                return
        self._push([node.value, node.slice], scope, where)

    def _compare(self, node: ast.Compare, scope: Scope, where: Where) -> None:
        # `"torch" in sys.modules` asks for a name alone.
        rest = [each for each in node.comparators if not _is_sys_modules(each)]
        self._push([node.left, *rest], scope, where)

    def _augmented(self, node: ast.AugAssign, scope: Scope, where: Where) -> None:
        if isinstance(node.target, ast.Name):
            self._use((node.target.id,), scope, where, node.lineno)
            self._stores.append(((node.target.id,), scope, where))
        self._push([node.target, node.value], scope, where)

    def _origin(self, target: ast.AST, value: ast.AST | None, scope: Scope, inside: Scope) -> None:
        """Remember what a variable's value may come from.

        Args:
            target: what is assigned to, in `inside`.
            value: in `scope`.
        """
        if value is None or inside.parent is None:
            return
        names = [each.id for each in ast.walk(target) if isinstance(each, ast.Name)]
        if not names:
            return
        chains = [(chain, scope, made) for chain, made in origins_in(value)]
        for name in names:
            inside.origins.setdefault(name, []).extend(chains)

    def _assign(self, node: ast.Assign, scope: Scope, where: Where) -> None:
        for target in node.targets:
            self._origin(target, node.value, scope, scope)
        self._push([*node.targets, node.value], scope, where)

    def _annotated(self, node: ast.AnnAssign, scope: Scope, where: Where) -> None:
        self._origin(node.target, node.value, scope, scope)
        self._annotation(node.annotation, scope)
        self._push([node.target, node.value], scope, where)

    def _named(self, node: ast.NamedExpr, scope: Scope, where: Where) -> None:
        owner = scope.owner(node.target.id)
        self._origin(node.target, node.value, scope, owner)
        self._bind(node.target.id, owner)
        self._push([node.value], scope, where)

    def _loop(self, node: ast.For | ast.AsyncFor, scope: Scope, where: Where) -> None:
        self._origin(node.target, node.iter, scope, scope)
        self._operate((node.iter,), scope, where)
        self._push_children(node, scope, where)

    def _with_item(self, node: ast.withitem, scope: Scope, where: Where) -> None:
        if node.optional_vars is not None:
            self._origin(node.optional_vars, node.context_expr, scope, scope)
        self._operate((node.context_expr,), scope, where)
        self._push_children(node, scope, where)

    def _operation(self, node: ast.BinOp, scope: Scope, where: Where) -> None:
        self._operate((node.left, node.right), scope, where, id(node) in self._discarded)
        self._push_children(node, scope, where)

    def _operate(
        self, operands: Iterable[ast.expr], scope: Scope, where: Where, discarded: bool = False
    ) -> None:
        """Note objects whose methods the language itself calls; only at import is that worth the room."""
        if where != 0:
            return
        for operand in operands:
            chain = plain_chain(operand)
            if chain is not None:
                self._receivers.append((chain, scope, where, OPERATOR, discarded))

    def _global(self, node: ast.Global, scope: Scope, where: Where) -> None:
        scope.outer.update(node.names)
        for name in node.names:
            if name in scope.bound:
                self._bound[name] = None

    def _nonlocal(self, node: ast.Nonlocal, scope: Scope, where: Where) -> None:
        scope.nonlocals.update(node.names)

    def _handler(self, node: ast.ExceptHandler, scope: Scope, where: Where) -> None:
        if node.name is not None:
            self._bind(node.name, scope)
        self._push_children(node, scope, where)

    def _match_name(self, node: Any, scope: Scope, where: Where) -> None:
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if name is not None:
            self._bind(name, scope)
        self._push_children(node, scope, where)

    # -- imports -------------------------------------------------------------------------------

    def _absolute(self, module: str | None, level: int) -> str | None:
        """The full name of what an import names; None where it leaves the top package."""
        if level == 0:
            return module
        parts = self._package.split(".") if self._package else []
        if level - 1 >= len(parts):
            return None
        base = parts[: len(parts) - (level - 1)]
        return ".".join([*base, module] if module else base)

    def _imports_at(self, where: Where) -> dict[tuple[str, str], None]:
        return self.imports if where == 0 else self._lazy_imports.setdefault(where, {})

    def _import(self, node: ast.Import, scope: Scope, where: Where) -> None:
        found = self._imports_at(where)
        for alias in node.names:
            found[alias.name, ""] = None
            name = alias.asname or alias.name.partition(".")[0]
            target = alias.name if alias.asname else name
            self._bind(name, scope)
            scope.imported.setdefault(name, []).append((ABSOLUTE, target))

    def _import_from(self, node: ast.ImportFrom, scope: Scope, where: Where) -> None:
        found = self._imports_at(where)
        module = self._absolute(node.module, node.level)
        if module is None:
            return
        for alias in node.names:
            found[module, alias.name] = None
            if alias.name == "*":
                continue
            if (module, alias.name) == ("sys", "modules"):
                self._flag("everything", node.lineno, "sys.modules", where)
            name = alias.asname or alias.name
            self._bind(name, scope)
            scope.imported.setdefault(name, []).append((ABSOLUTE, module, alias.name))

    # -- definitions ---------------------------------------------------------------------------

    def _with_type_parameters(self, node: ast.AST, scope: Scope) -> Scope:
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return scope
        inner = Scope("function", scope)
        for parameter in parameters:
            inner.bound.add(parameter.name)
            for name in ("bound", "default_value"):
                value = getattr(parameter, name, None)
                if value is not None:
                    self._annotation(value, inner)
        return inner

    def _annotation(self, node: ast.expr | None, scope: Scope) -> None:
        """References in an annotation, those inside texts too: some libraries evaluate them."""
        if node is None:
            return
        self._stack.append((node, scope, None))
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                for text in _DOTTED.findall(each.value):
                    self._use(tuple(text.split(".")), scope, None, each.lineno, soft=True)

    def _decorators(self, node: Any, scope: Scope, where: Where) -> None:
        rank = "top" if scope.parent is None else "inner"
        for decorator in node.decorator_list:
            self._stack.append((decorator, scope, where))
            levels = 1
            callee = decorator
            if isinstance(decorator, ast.Call):
                levels = 2
                callee = decorator.func
            for chain in _callees(callee):
                handed: list[Chain] = [(node.name,)] if scope.parent is None else []
                self._calls.append((chain, scope, where, levels, False, rank, handed))

    @staticmethod
    def _inside(where: Where, scope: Scope, name: str) -> Where:
        if where is None or isinstance(where, str):
            return where
        if where == 0:
            return name if scope.kind == "class" else 1
        return min(where + 1, DEEPEST)

    def _function(self, node: Any, scope: Scope, where: Where) -> None:
        self._bind(node.name, scope)
        scope.functions.add(node.name)
        if where != 0:
            self._global_stores.append((node.name, scope, where))
        self._decorators(node, scope, where)
        outer = self._with_type_parameters(node, scope)
        inner = Scope("function", outer)
        self._arguments(node.args, outer, inner, where)
        self._annotation(node.returns, outer)
        if scope.kind == "class" and node.name == "__init_subclass__":
            self.hooked = True
        self._push(node.body, inner, self._inside(where, scope, node.name))

    def _lambda(self, node: ast.Lambda, scope: Scope, where: Where) -> None:
        inner = Scope("function", scope)
        self._arguments(node.args, scope, inner, where)
        self._stack.append((node.body, inner, self._inside(where, scope, "<lambda>")))

    def _arguments(self, arguments: ast.arguments, outer: Scope, inner: Scope, where: Where) -> None:
        every = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            *(each for each in (arguments.vararg, arguments.kwarg) if each is not None),
        ]
        for argument in every:
            inner.bound.add(argument.arg)
            inner.parameters.add(argument.arg)
            self._annotation(argument.annotation, outer)
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self._stack.append((default, outer, where))
        # A default is what the parameter may be: `def f(x=REGISTRY)`.
        for position, default in enumerate(reversed(arguments.defaults)):
            name = [*arguments.posonlyargs, *arguments.args][-1 - position].arg
            inner.origins.setdefault(name, []).extend(
                (chain, outer, made) for chain, made in origins_in(default)
            )
        for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if value is not None:
                inner.origins.setdefault(argument.arg, []).extend(
                    (chain, outer, made) for chain, made in origins_in(value)
                )

    def _class(self, node: ast.ClassDef, scope: Scope, where: Where) -> None:
        self._bind(node.name, scope)
        if where != 0:
            self._global_stores.append((node.name, scope, where))
        self._decorators(node, scope, where)
        outer = self._with_type_parameters(node, scope)
        self._push([*node.bases, *(keyword.value for keyword in node.keywords)], outer, where)
        if where == 0:
            for base in node.bases:
                self.bases.extend(names_in(base))
            for keyword in node.keywords:
                self.bases.extend(names_in(keyword.value))
                self.hooked = self.hooked or keyword.arg in ("metaclass", None)
        self._push(node.body, Scope("class", outer), where)

    def _comprehension(self, node: Any, scope: Scope, where: Where) -> None:
        inner = Scope("comprehension", scope)
        for position, generator in enumerate(node.generators):
            around = scope if position == 0 else inner
            self._origin(generator.target, generator.iter, around, inner)
            for each in ast.walk(generator.target):
                if isinstance(each, ast.Name):
                    inner.bound.add(each.id)
            self._stack.append((generator.iter, around, where))
            self._push([generator.target, *generator.ifs], inner, where)
        for name in ("elt", "key", "value"):
            value = getattr(node, name, None)
            if value is not None:
                self._stack.append((value, inner, where))

    # -- calls ---------------------------------------------------------------------------------

    def _expression(self, node: ast.Expr, scope: Scope, where: Where) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            self._call(value, scope, where, discarded=True)
            return
        # `[register(each) for each in ALL]`: everything in it is there for its effect.
        self._discarded.update(id(each) for each in ast.walk(value) if isinstance(each, ast.Call | ast.BinOp))
        self._stack.append((value, scope, where))

    def _call(self, node: ast.Call, scope: Scope, where: Where, discarded: bool = False) -> None:
        discarded = discarded or id(node) in self._discarded
        access = self._access(node)
        if access is not None:
            assert isinstance(node.func, ast.Name)
            stored = node.func.id in ("setattr", "delattr")
            chain = self._follow(node, scope, where, soft=stored or node.func.id == "hasattr")
            if stored:
                self._store_into(access[0], scope, where, chain)
            return
        root = self._root(node, scope, where)
        if root is not None:
            self._use(root, scope, where, node.lineno)
            return
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        name = _called(node.func)
        if name == "find_spec":
            self._sought(node, where)
        if name in ("setattr", "delattr", "next", "exec") and node.args:
            self._store_into(node.args[0], scope, where)
        if name in ("vars", "locals", "dir") and not arguments and where == 0:
            self._flag("dynamic", node.lineno, f"{name}()", where)
        if name in ("query", "eval") and isinstance(node.func, ast.Attribute):
            self._names_in_text(arguments, name, scope, where)
        handed: list[Chain] = []
        for argument in arguments:
            if isinstance(argument, ast.Lambda):
                self._inner_calls.add(where)
            handed.extend(names_in(argument, calls=False))
        self._record_call(node.func, scope, where, discarded, handed)
        self._push([node.func, *arguments], scope, where)

    def _sought(self, node: ast.Call, where: Where) -> None:
        """`find_spec("name")` asks whether a module is there, as an import would."""
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value:
            self._imports_at(where)[first.value, ""] = None

    def _record_call(
        self, func: ast.expr, scope: Scope, where: Where, discarded: bool, handed: list[Chain]
    ) -> None:
        chain = plain_chain(func)
        if chain is not None:
            self._calls.append((chain, scope, where, 1, discarded, "", handed))
            return
        if isinstance(func, ast.Attribute):
            for each in names_in(func.value):
                self._receivers.append((each, scope, where, func.attr, discarded))
            if handed:
                # `get_bus().attach(handler)` may do to what it is given what `get_bus(handler)` may.
                for each in names_in(func.value, calls=False):
                    self._calls.append((each, scope, where, 2, False, "", handed))
            return
        for each in _callees(func):
            self._calls.append((each, scope, where, 2, discarded, "", handed))

    def _names_in_text(self, arguments: list[ast.expr], name: str, scope: Scope, where: Where) -> None:
        """Data frames' `query` and `eval` find names of the caller in their text."""
        pattern = _AT_NAME if name == "query" else _DOTTED
        for argument in arguments:
            for each in ast.walk(argument):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    for text in pattern.findall(each.value):
                        self._use(tuple(text.split(".")), scope, where, each.lineno, soft=True)

    # -- results -------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The globals that the statement binds, functions with `global` included."""
        return tuple(self._bound)

    def targets(self) -> tuple[tuple[str, Chain], ...]:
        """What imports bind globals to."""
        return tuple((name, chain) for name, chains in self._top.imported.items() for chain in chains)

    @property
    def lazy_imports(self) -> dict[tuple[str, str], None]:
        """What functions import, whichever they are."""
        return {each: None for found in self._lazy_imports.values() for each in found}

    def references(self, places: Collection[Where] | None = None) -> tuple[Chain, ...]:
        """Every chain outside local names, in a fixed order.

        Args:
            places: which count; None: all.
        """
        found: dict[Chain, None] = {}
        for chain, scope, where, soft in self._uses:
            if places is None or where in places:
                for each in scope.meanings(chain):
                    found[(SOFT, *each) if soft and each[0] != SOFT else each] = None
        return tuple(sorted(found))

    def surface_references(self, kind: str) -> tuple[Chain, ...]:
        """The chains that stand outside of a function's body, or of a class's methods."""
        if kind == "def":
            return self.references((0, None))
        return self.references((0, 1, 2, DEEPEST, None)) if kind == "class" else ()

    def flags(self) -> tuple[Flag, ...]:
        """Where reading can't follow."""
        for name, scope, where, line in self._name_flags:
            if scope.holder(name).parent is None:
                self._flag(_NAME_FLAGS[name], line, f"{name}(...)", where)
        self._name_flags.clear()
        if self._mentions_place and self._lists is not None:
            self._flag("listing", self._lists, "a folder's listing", None)
        placed = (
            flag._replace(inside=where if isinstance(where, str) else BODY if where else "")
            for flag, where in self._flags.items()
        )
        return tuple(sorted(placed, key=lambda flag: (flag.line, flag)))

    def actions(self) -> dict[Where, Actions]:
        """What it does: at import (0), and in each function."""
        self.flags()
        opaque = {where for flag, where in self._flags.items() if flag.kind in ("dynamic", "everything")}
        calls: dict[Where, dict[Call, None]] = {}
        calling: set[Where] = set()
        for chain, scope, where, levels, discarded, decorator, handed in self._calls:
            if chain[0] in scope.holder(chain[0]).parameters:
                calling.add(where)
            given = handed if chain[-1] not in _KEEPERS and not decorator else []
            if any(each[0] in scope.holder(each[0]).functions for each in (chain, *given)):
                self._inner_calls.add(where)
            arguments: dict[Chain, None] = {}
            for each in handed:
                arguments.update((source, None) for source, _ in scope.sources(each))
            plain = set(scope.meanings(chain))
            for callee in dict.fromkeys(source for source, _ in scope.sources(chain)):
                depth = levels if callee in plain else 2
                call = Call(callee, depth, discarded, decorator, tuple(arguments))
                calls.setdefault(where, {})[call] = None
        stores: dict[Where, dict[tuple[Chain, bool], None]] = {}
        for chain, scope, where in self._stores:
            stores.setdefault(where, {}).update(dict.fromkeys(scope.sources(chain)))
        for name, scope, where in self._global_stores:
            if scope.holder(name).parent is None:
                stores.setdefault(where, {})[(name,), False] = None
        receivers: dict[Where, dict[tuple[Chain, str, bool], None]] = {}
        for chain, scope, where, method, discarded in self._receivers:
            found = receivers.setdefault(where, {})
            found.update(
                ((each, method, discarded and not made), None) for each, made in scope.sources(chain)
            )
        uses: dict[Where, dict[Chain, None]] = {}
        for chain, scope, where, soft in self._uses:
            if not soft:
                uses.setdefault(where, {}).update(dict.fromkeys(scope.meanings(chain)))
        # Of methods alone: a function counts as a whole, and so do its references.
        methods = {where for _, _, where, _ in self._uses if isinstance(where, str)}
        methods |= {where for where in self._lazy_imports if isinstance(where, str)}
        places = {
            *calls,
            *methods,
            *calling,
            *self._inner_calls,
            *stores,
            *receivers,
            *uses,
            *opaque,
            *self._attributes,
        } - {None}
        return {
            where: Actions(
                tuple(calls.get(where, ())),
                tuple(stores.get(where, ())),
                tuple(receivers.get(where, ())),
                tuple(sorted(self._attributes.get(where, ()))),
                tuple(uses.get(where, ())),
                where in opaque,
                where in calling,
                where in self._inner_calls,
                self.references((where,)) if where in methods else (),
                tuple(self._lazy_imports.get(where, ())) if where in methods else (),
            )
            for where in sorted(places, key=str)
        }


def plain_chain(node: ast.expr) -> Chain | None:
    """A dotted name as a chain; None for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return (node.id, *reversed(names))


def names_in(node: ast.AST, calls: bool = True) -> Iterator[Chain]:
    """Every dotted name in an expression.

    Args:
        calls: whether to look at what calls inside it are given; else at what they call alone.
    """
    stack: list[ast.AST] = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, ast.Attribute | ast.Name):
            chain = plain_chain(each)
            if chain is not None:
                yield chain
                continue
        if isinstance(each, ast.Call) and not calls:
            stack.append(each.func)
            continue
        stack.extend(ast.iter_child_nodes(each))


def origins_in(node: ast.AST) -> Iterator[tuple[Chain, bool]]:
    """Every dotted name that a value may come from, and whether it is made from it by a call or the like."""
    stack: list[tuple[ast.AST, bool]] = [(node, False)]
    while stack:
        each, made = stack.pop()
        if isinstance(each, ast.Attribute | ast.Name):
            chain = plain_chain(each)
            if chain is not None:
                yield chain, made
                continue
        if isinstance(each, ast.Subscript):
            stack += [(each.value, made), (each.slice, True)]
            continue
        made = made or not isinstance(each, _HOLDING)
        stack.extend((inner, made) for inner in ast.iter_child_nodes(each))


def _callees(func: ast.expr) -> Iterator[Chain]:
    chain = plain_chain(func)
    if chain is not None:
        yield chain
    else:
        yield from names_in(func, calls=False)


def _called(func: ast.expr) -> str:
    """The last name of what is called."""
    if isinstance(func, ast.Name):
        return func.id
    return func.attr if isinstance(func, ast.Attribute) else ""


def _is_sys_modules(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute) and node.attr == "modules" and plain_chain(node) == ("sys", "modules")
    )


def _module_got(call: ast.Call) -> str | None:
    """The module that `sys.modules.get("name")` gives."""
    func = call.func
    if isinstance(func, ast.Attribute) and func.attr == "get" and _is_sys_modules(func.value):
        first = call.args[0] if call.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return first.value
    return None


_VISITORS: dict[type, Any] = {
    ast.Name: UnitReader._name,
    ast.Attribute: UnitReader._attribute,
    ast.Subscript: UnitReader._subscript,
    ast.Compare: UnitReader._compare,
    ast.BinOp: UnitReader._operation,
    ast.Call: UnitReader._call,
    ast.Expr: UnitReader._expression,
    ast.Assign: UnitReader._assign,
    ast.AnnAssign: UnitReader._annotated,
    ast.AugAssign: UnitReader._augmented,
    ast.NamedExpr: UnitReader._named,
    ast.For: UnitReader._loop,
    ast.AsyncFor: UnitReader._loop,
    ast.withitem: UnitReader._with_item,
    ast.Global: UnitReader._global,
    ast.Nonlocal: UnitReader._nonlocal,
    ast.ExceptHandler: UnitReader._handler,
    ast.MatchAs: UnitReader._match_name,
    ast.MatchStar: UnitReader._match_name,
    ast.MatchMapping: UnitReader._match_name,
    ast.Import: UnitReader._import,
    ast.ImportFrom: UnitReader._import_from,
    ast.FunctionDef: UnitReader._function,
    ast.AsyncFunctionDef: UnitReader._function,
    ast.ClassDef: UnitReader._class,
    ast.Lambda: UnitReader._lambda,
    ast.ListComp: UnitReader._comprehension,
    ast.SetComp: UnitReader._comprehension,
    ast.DictComp: UnitReader._comprehension,
    ast.GeneratorExp: UnitReader._comprehension,
}
