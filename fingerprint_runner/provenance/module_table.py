"""`read_module`: the table of a module from its text.

Invariants: `if` is transparent (its statements are units that carry its test), `try`, loops, `with`
and `match` are one unit each; bodies under `TYPE_CHECKING` and `__name__ == "__main__"` don't
count; each name of an import is a unit of its own; comments, positions and blank lines are nowhere
in a table but as line numbers for messages.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.provenance.normal_form import apart_form, docstring_of, normal_form
from fingerprint_runner.provenance.unit_reader import FUNCTIONS, UnitReader, plain_chain
from fingerprint_runner.provenance.units import ABSOLUTE, BODY, Actions, Flag, ModuleTable, Unit, make_table

Digest = Callable[[bytes], str]


@dataclass(frozen=True)
class _Statement:
    """A top-level statement, the tests that it stands under, and whether each must hold."""

    node: ast.stmt | None
    tests: tuple[tuple[ast.expr, bool], ...]


def parse(text: bytes, path: str) -> ast.Module:
    """The tree of a module's text.

    Raises:
        InvalidGraph: kind `syntax-error`, with file and line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape is for the user's own run to warn of
            return ast.parse(text, path)
    except SyntaxError as error:
        raise InvalidGraph.single(
            "syntax-error",
            f"this file isn't valid Python: {error.msg}",
            file=path,
            line=error.lineno,
            column=error.offset,
            hint="mend the file",
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidGraph.single(
            "syntax-error",
            f"this file can't be parsed: {error}",
            file=path,
            hint="mend the file",
        ) from error


def read_module(module: str, is_package: bool, path: str, text: bytes, digest: Digest) -> ModuleTable:
    """The table of a module.

    Args:
        module: its full name.
        is_package: whether it is a package's `__init__`.
        path: of its file, for messages.
        text: the file's bytes.
        digest: of bytes, as hex; passed in so that tables of different Pythons can be compared.

    Raises:
        InvalidGraph: kind `syntax-error`, if the text isn't Python.
    """
    tree = parse(text, path)
    future = sorted(
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    )
    prefix = ("future " + " ".join(future) + "\n") if future else ""
    units = [
        unit
        for statement in _statements(tree.body, _checking_is_false(tree.body))
        for unit in _units(statement, module, is_package, prefix, digest)
    ]
    bound = {name for unit in units for name in unit.names}
    units = [_without_own_names(unit, bound) for unit in units]
    doc = docstring_of(tree.body)
    docs = digest(ascii(doc).encode()) if doc is not None else ""
    return make_table(module, is_package, path, digest(text), docs, tuple(units))


def _without_own_names(unit: Unit, bound: set[str]) -> Unit:
    """A unit less the flags of builtins that the module replaces, such as its own `eval`."""
    flags = tuple(
        flag for flag in unit.flags if not (flag.what.endswith("(...)") and flag.what[:-5] in bound)
    )
    return unit if flags == unit.flags else unit._replace(flags=flags)


def _checking_is_false(body: list[ast.stmt]) -> bool:
    """Whether `TYPE_CHECKING` means typing's: nothing in the module gives it another value."""
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = any(isinstance(each, ast.Name) and each.id == "TYPE_CHECKING" for each in targets)
            value = node.value
            if named and not (isinstance(value, ast.Constant) and not value.value):
                return False
    return True


def _statements(body: list[ast.stmt], checking_is_false: bool) -> Iterator[_Statement]:
    """Statements in source order, those under `if` with its tests."""
    stack = [_Statement(node, ()) for node in reversed(body)]
    while stack:
        statement = stack.pop()
        node = statement.node
        if not isinstance(node, ast.If):
            if not isinstance(node, ast.Pass) and not (
                isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            ):
                yield statement
            continue
        static = _static_test(node.test, checking_is_false)
        inner: list[_Statement] = []
        if static is None:
            if any(isinstance(each, ast.Call | ast.NamedExpr) for each in ast.walk(node.test)):
                inner.append(_Statement(None, (*statement.tests, (node.test, True))))
            inner += [_Statement(each, (*statement.tests, (node.test, True))) for each in node.body]
            inner += [_Statement(each, (*statement.tests, (node.test, False))) for each in node.orelse]
        else:
            inner += [_Statement(each, statement.tests) for each in (node.body if static else node.orelse)]
        stack.extend(reversed(inner))


def _static_test(test: ast.expr, checking_is_false: bool) -> bool | None:
    """What a test is known to be in an imported module, None where that is open."""
    negated = False
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        negated = not negated
        test = test.operand
    chain = plain_chain(test)
    value: bool | None = None
    if (chain is not None and chain[-1] == "TYPE_CHECKING" and checking_is_false) or (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.Eq)
        and {_text(test.left), _text(test.comparators[0])} == {"__name__", "'__main__'"}
    ):
        value = False
    if value is None:
        return None
    return value != negated


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return repr(node.value) if isinstance(node, ast.Constant) else ""


def _units(
    statement: _Statement, module: str, is_package: bool, prefix: str, digest: Digest
) -> Iterator[Unit]:
    node = statement.node
    tests = "".join(
        f"{'if' if holds else 'unless'} {normal_form([test]).code}\n" for test, holds in statement.tests
    )
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            if isinstance(node, ast.Import):
                single: ast.stmt = ast.Import([alias], lineno=node.lineno, col_offset=0)
            else:
                if node.module == "__future__" and not node.level:
                    continue
                single = ast.ImportFrom(node.module, [alias], node.level, lineno=node.lineno, col_offset=0)
            yield _import_unit(single, alias, statement, module, is_package, prefix + tests, digest)
        return
    reader = UnitReader(module, is_package)
    nodes: list[ast.AST] = [test for test, _ in statement.tests]
    if node is not None:
        nodes.append(node)
    reader.read(nodes)
    apart = apart_form(node)
    actions = reader.actions()
    names = reader.names
    kind = _kind(node, names)
    surface = digest((prefix + tests + apart.surface.code).encode())
    bodies = [(name, digest(form.code.encode())) for name, form in apart.bodies]
    docs = "\n".join(form.docs for form in (apart.surface, *(form for _, form in apart.bodies)) if form.docs)
    for each in _stars_inside(node):
        yield _import_unit(each, each.names[0], statement, module, is_package, prefix + tests, digest)
    line = node.lineno if node is not None else statement.tests[-1][0].lineno
    yield Unit(
        names,
        kind,
        digest("".join([surface, *(body for _, body in bodies)]).encode()) if bodies else surface,
        digest(docs.encode()) if docs else "",
        min([line, *(each.lineno for each in getattr(node, "decorator_list", []))]),
        reader.references(),
        tuple(reader.imports),
        tuple(reader.lazy_imports),
        reader.targets(),
        actions.pop(0, Actions()),
        tuple((where, done) for where, done in actions.items() if where is not None),
        reader.flags(),
        tuple(dict.fromkeys(reader.bases)),
        reader.hooked,
        bool(statement.tests) or kind == "block",
        surface if bodies else "",
        tuple(bodies) if kind == "class" else tuple((BODY, body) for _, body in bodies),
        reader.surface_references(kind),
    )


def _stars_inside(node: ast.stmt | None) -> list[ast.ImportFrom]:
    """Star imports in a block, as in `try: from local_settings import *`."""
    if node is None or isinstance(node, (*FUNCTIONS, ast.ClassDef)) or not hasattr(node, "body"):
        return []
    found = (each for each in ast.walk(node) if isinstance(each, ast.ImportFrom))
    return [each for each in found if each.names[0].name == "*"]


def _import_unit(
    node: ast.stmt,
    alias: ast.alias,
    statement: _Statement,
    module: str,
    is_package: bool,
    prefix: str,
    digest: Digest,
) -> Unit:
    """One name of an import: its form is its absolute target, however it was written."""
    reader = UnitReader(module, is_package)
    reader.read([*(test for test, _ in statement.tests), node])
    targets = reader.targets()
    star = alias.name == "*"
    said = [(name, *chain) for name, chain in targets] or sorted(reader.imports)
    found = tuple(reader.imports)
    if isinstance(node, ast.Import):
        said = [*said, ("loads", alias.name)] if alias.asname is None else said
    return Unit(
        reader.names,
        "star" if star else "import",
        digest((prefix + "import " + ascii(said)).encode()),
        "",
        node.lineno,
        reader.references(),
        found,
        tuple(reader.lazy_imports),
        targets if not star else (("*", (ABSOLUTE, found[0][0])),) if found else (),
        reader.actions().get(0, Actions()) if statement.tests else Actions(),
        (),
        tuple(flag for flag in reader.flags() if isinstance(flag, Flag)),
    )


def _kind(node: ast.stmt | None, names: tuple[str, ...]) -> str:
    if isinstance(node, FUNCTIONS):
        return "def"
    if isinstance(node, ast.ClassDef):
        return "class"
    if not names:
        return "effect"
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return "constant" if node.value is None or _is_literal(node.value) else "assign"
    return "block" if isinstance(node, ast.stmt) and hasattr(node, "body") else "assign"


def _is_literal(node: ast.expr) -> bool:
    """Whether a value is an immutable literal, so that nothing done elsewhere can change it."""
    stack: list[ast.AST] = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, ast.Constant | ast.operator | ast.unaryop | ast.expr_context):
            continue
        if not isinstance(each, ast.Tuple | ast.UnaryOp | ast.BinOp):
            return False
        stack.extend(ast.iter_child_nodes(each))
    return True
