"""`LiveCode`: what a component without a source file runs, read from its loaded objects (R4).

Cells of a notebook, `__main__` and the prompt have no module that another process could import, so
their functions and classes are taken as they are in memory: bytecode with its constants, defaults,
closures, and whatever they refer to by name, from there on.

    target ─> functions, classes, values of no module ─> parts
                 ├─> first-party modules with a file ─> roots, read from source as any other
                 └─> third-party modules             ─> packages

Invariants: nothing is called, imported or changed; file names, line numbers and comments don't count;
what can't be followed is named, and then the component has no fingerprint (R1).
"""

from __future__ import annotations

import builtins
import dis
import functools
import importlib.util
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.identity import identify
from fingerprint_runner.provenance.locate import Kind

_UNREADABLE = frozenset({"exec", "eval", "globals", "locals", "vars", "__import__", "compile"})
"""Built-in functions that reach names which the code doesn't mention."""
_NAMES_GLOBAL = frozenset(
    {"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
)
_TAKES_ATTRIBUTE = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_OF_EVERY_CLASS = frozenset(
    {
        "__dict__",
        "__weakref__",
        "__module__",
        "__doc__",
        "__firstlineno__",
        "__static_attributes__",
        "__annotate__",
        "__annotate_func__",
        "__annotations__",
        "__annotations_cache__",
        "__abstractmethods__",
        "_abc_impl",
    }
)
"""What Python adds to a class by itself; abstract methods follow from the methods."""
_DESCRIPTORS = (types.GetSetDescriptorType, types.MemberDescriptorType)


@dataclass(frozen=True)
class LiveCode:
    """What a component runs.

    Attributes:
        parts: name → digest of each function, class and value of no module, in the order of reach.
        roots: `module:name` (`module:*` for all of it) of what it uses of first-party modules; sorted.
        packages: top-level names of third-party modules that it uses; sorted.
        untold: why it can't be told what it runs; None where it can.
    """

    parts: Mapping[str, str]
    roots: tuple[str, ...]
    packages: tuple[str, ...]
    untold: str | None = None

    @property
    def digest(self) -> str:
        """One digest of all parts."""
        return digest(dict(sorted(self.parts.items())))


class _Untold(Exception):
    """Something can't be followed."""


def live_code(target: Callable[..., Any] | type, kind_of: Callable[[str], Kind]) -> LiveCode:
    """Read a component from memory.

    Linear in the size of what it refers to. Shared objects are read once; cycles are fine.

    Args:
        target: a function, a class, or anything that is called like one.
        kind_of: says whose a module is, by its full name.
    """
    reader = _Reader(kind_of)
    untold = None
    try:
        reader.read(target)
    except _Untold as error:
        untold = str(error)
    return LiveCode(dict(reader.parts), tuple(sorted(reader.roots)), tuple(sorted(reader.packages)), untold)


def is_of_no_module(value: Any) -> bool:
    """Whether no module with a file has a function or class under its name."""
    module = getattr(value, "__module__", None)
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    if found is None or module == "__main__" or getattr(found, "__spec__", None) is None:
        return True
    for step in str(getattr(value, "__qualname__", "")).split("."):
        found = getattr(found, step, None)
    return found is not value


class _Reader:
    """One reading.

    Attributes:
        parts, roots, packages: as of `LiveCode`.
    """

    def __init__(self, kind_of: Callable[[str], Kind]) -> None:
        self.parts: dict[str, str] = {}
        self.roots: set[str] = set()
        self.packages: set[str] = set()
        self._kind_of = kind_of
        self._names: dict[int, str] = {}
        self._counts: dict[str, int] = {}
        self._kept: list[Any] = []  # so that no `id` is given twice
        self._waiting: list[tuple[str, Any]] = []

    def read(self, target: Any) -> None:
        """Read a target and all that it refers to."""
        self._reference(target, "component")
        while self._waiting:
            name, value = self._waiting.pop()
            self.parts[name] = digest(self._form(value, name))

    # -- references ----------------------------------------------------------------------------

    def _reference(self, value: Any, where: str) -> Any:
        """What stands for a value in the part that refers to it; has the value read in its turn.

        Args:
            where: how messages name the place.

        Raises:
            _Untold: it can't be told what it runs.
        """
        if isinstance(value, types.ModuleType):
            return ["module", self._module(value.__name__, "*")]
        if isinstance(value, types.CodeType):
            return ["code", self._code(value, where)]
        if isinstance(value, type | types.FunctionType):
            return self._named(value)
        taken = _taken_apart(value)
        if taken is not None:
            return [type(value).__name__, *(self._reference(each, where) for each in taken)]
        known = self._names.get(id(value))
        return ["part", known] if known is not None else self._value(value, where)

    def _named(self, value: type | types.FunctionType) -> Any:
        if not is_of_no_module(value):
            return ["name", self._module(value.__module__, value.__qualname__)]
        known = self._names.get(id(value))
        if known is None:
            name = f"{value.__module__}:{value.__qualname__}"
            count = self._counts[name] = self._counts.get(name, 0) + 1
            return self._later(name if count == 1 else f"{name}#{count}", value)
        return ["part", known]

    def _later(self, name: str, value: Any) -> Any:
        """Have a value read in its turn, under a name."""
        self._names[id(value)] = name
        self._kept.append(value)
        self._waiting.append((name, value))
        return ["part", name]

    def _module(self, module: str, name: str) -> str:
        """Count a name of a module as used; gives how it is called."""
        kind = self._kind_of(module)
        if kind == "first-party":
            self.roots.add(f"{module}:{name.partition('.')[0]}")
        elif kind == "third-party":
            self.packages.add(module.partition(".")[0])
        elif kind == "absent":
            raise _Untold(f"module {module!r} isn't found where modules are looked for")
        return f"{module}:{name}"

    def _value(self, value: Any, where: str) -> Any:
        try:
            identified = identify(value, path=where)
        except NoIdentity as error:
            if isinstance(value, set | frozenset) or not _has_members(value):
                raise _Untold(f"{where} refers to what has no fingerprint: {error}") from error
            # It holds what has no identity, such as a lambda: it counts member by member.
            return self._later(f"{where} ({type(value).__name__} {len(self._names)})", value)
        for name in identified.globals:
            module, _, qualname = name.partition(":")
            found: Any = sys.modules.get(module)
            for step in qualname.split("."):
                found = getattr(found, step, None)
            if isinstance(found, type | types.FunctionType) or _taken_apart(found) is not None:
                self._reference(found, name)
            else:
                self._module(module, qualname)
        return ["value", identified.identity]

    # -- forms ---------------------------------------------------------------------------------

    def _form(self, value: Any, name: str) -> Any:
        """One part, taken apart."""
        if isinstance(value, types.FunctionType):
            return self._function(value, name)
        if isinstance(value, type):
            return self._class(value, name)
        if type(value) is dict:
            pairs = [
                [self._reference(key, name), self._reference(item, f"{name}[…]")]
                for key, item in value.items()
            ]
            return ["dict", *pairs]
        if type(value) in (list, tuple):
            return [type(value).__name__, *(self._reference(each, f"{name}[…]") for each in value)]
        function, arguments, state, items, pairs, *setter = (*value.__reduce_ex__(4), None, None, None)[:6]
        rest = [state, None if items is None else list(items), None if pairs is None else dict(pairs), setter]
        return [self._reference(each, f"{name}.…") for each in (function, arguments, *rest)]

    def _function(self, function: types.FunctionType, name: str) -> Any:
        cells = []
        for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:
                cells.append([variable])
                continue
            cells.append([variable, self._reference(content, f"{name}: {variable}")])
        return [
            self._code(function.__code__, name),
            self._globals(function, name),
            self._reference(function.__defaults__, f"{name}: defaults"),
            self._reference(function.__kwdefaults__, f"{name}: defaults"),
            self._reference(_annotations(function), f"{name}: annotations"),
            self._reference(dict(function.__dict__), f"{name}: attributes"),
            cells,
        ]

    def _globals(self, function: types.FunctionType, name: str) -> Any:
        """The names that a function looks up when it runs, and what they stand for now."""
        found: dict[str, Any] = {}
        space = function.__globals__
        for used, attribute in sorted(_looked_up(function.__code__)):
            if used in space:
                value = space[used]
                if isinstance(value, types.ModuleType):
                    found[f"{used}.{attribute}"] = self._taken(value, attribute, name)
                else:
                    found[used] = self._reference(value, f"{name}: {used}")
            elif used in _UNREADABLE:
                raise _Untold(f"{name} uses {used}(), which reaches names that it doesn't mention")
            else:
                found[used] = "builtin" if hasattr(builtins, used) else "absent"
        for module, level in sorted(_imported(function.__code__)):
            full = module
            if level:
                package = space.get("__package__")
                if not package:
                    raise _Untold(f"{name} imports {'.' * level}{module}, and isn't in a package")
                full = importlib.util.resolve_name("." * level + module, package)
            self._module(full, "*")
        return found

    def _taken(self, module: types.ModuleType, attribute: str, name: str) -> Any:
        """A module that a function mentions, with what it takes of it."""
        if module is sys and attribute in ("modules", ""):
            raise _Untold(f"{name} uses sys.modules, which reaches any name")
        used = self._module(module.__name__, attribute or "*")
        value = getattr(module, attribute, None) if attribute else None
        if isinstance(value, type | types.FunctionType) and is_of_no_module(value):
            return [used, self._reference(value, used)]  # put there by hand
        return [used]

    def _class(self, kind: type, name: str) -> Any:
        members = []
        for key, value in kind.__dict__.items():
            # How many a class has of these depends on the version of Python, and on who asked for them.
            if key in _OF_EVERY_CLASS or isinstance(value, _DESCRIPTORS):
                continue
            members.append([key, self._reference(value, f"{name}.{key}")])
        return [
            [self._reference(base, name) for base in (type(kind), *kind.__bases__)],
            self._reference(_annotations(kind), f"{name}: annotations"),
            members,
        ]

    def _code(self, code: types.CodeType, name: str) -> Any:
        """Bytecode and its constants, without where it stands in a file."""
        constants = []
        for index, constant in enumerate(code.co_consts):
            if isinstance(constant, types.CodeType):
                constants.append(self._code(constant, name))
            elif index == 0 and isinstance(constant, str) and _is_docstring(code):
                constants.append(["value", None])
            else:
                constants.append(self._reference(constant, name))
        return [
            code.co_code,
            code.co_exceptiontable,
            constants,
            list(code.co_names),
            list(code.co_varnames),
            list(code.co_freevars),
            list(code.co_cellvars),
            [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags],
        ]


def _taken_apart(value: Any) -> list[Any] | None:
    """The functions inside what wraps functions; None of anything else."""
    if isinstance(value, staticmethod | classmethod):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, functools.cached_property):
        return [value.func]
    if isinstance(value, functools.partial):
        return [value.func, list(value.args), dict(value.keywords)]
    if isinstance(value, functools.partialmethod):
        return [value.func, list(value.args), dict(value.keywords)]
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, functools._lru_cache_wrapper):
        return [value.__wrapped__]
    return None


def _has_members(value: Any) -> bool:
    """Whether `_Reader._form` can take a value apart that has no identity as a whole."""
    if type(value) in (dict, list, tuple):
        return True
    if hasattr(type(value), "__next__"):
        return False  # reading it uses it up
    try:
        return isinstance(value.__reduce_ex__(4), tuple)
    except Exception:  # the value's own code
        return False


def _annotations(value: Any) -> dict[str, Any]:
    """What a function or class says of types; some code reads it."""
    return inspect.get_annotations(value)


def _is_docstring(code: types.CodeType) -> bool:
    """Whether a function's first constant is its docstring: no instruction loads it."""
    if not code.co_flags & inspect.CO_OPTIMIZED or code.co_name == "<lambda>":
        return False
    return not any(
        each.opname.startswith(("LOAD_CONST", "RETURN_CONST")) and each.arg == 0
        for each in dis.get_instructions(code)
    )


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those inside it."""
    waiting = [code]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(inner for inner in each.co_consts if isinstance(inner, types.CodeType))


def _looked_up(code: types.CodeType) -> set[tuple[str, str]]:
    """Global names that code mentions, each with the attribute that is taken of it at once, or ''."""
    found = set()
    for each in _nested(code):
        instructions = list(dis.get_instructions(each))
        for index, instruction in enumerate(instructions):
            if instruction.opname in _NAMES_GLOBAL:
                following = instructions[index + 1] if index + 1 < len(instructions) else None
                takes = following is not None and following.opname in _TAKES_ATTRIBUTE
                attribute = str(following.argval) if takes and following is not None else ""
                found.add((str(instruction.argval), attribute))
    return found


def _imported(code: types.CodeType) -> set[tuple[str, int]]:
    """Modules that code imports when it runs, each with the level of a relative import."""
    found = set()
    for each in _nested(code):
        instructions = list(dis.get_instructions(each))
        for index, instruction in enumerate(instructions):
            if instruction.opname == "IMPORT_NAME":
                # Pushed before it: the level of a relative import, then the names.
                level = instructions[index - 2].argval if index >= 2 else 0
                found.add((str(instruction.argval), level if isinstance(level, int) else 0))
    return found
