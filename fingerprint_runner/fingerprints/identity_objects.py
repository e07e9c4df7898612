"""Identity of objects: classes and functions by name, the standard library, the reduce protocol.

Invariants: an object counts by its class's name and by what pickle would keep of it, never by
memory; the version of a third-party class isn't in it; what pickle refuses has no identity, and
neither has what is used up by reading (iterators, files).
"""

from __future__ import annotations

import copyreg
import enum
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from types import (
    BuiltinFunctionType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from fingerprint_runner.fingerprints.parts import NOTHING, Part, Refused, type_name

_IGNORED: dict[str, frozenset[str]] = {
    # The `id()` of a list of stop words, kept to see whether it was replaced.
    "sklearn.feature_extraction.text:_VectorizerMixin": frozenset({"_stop_words_id"}),
    # How many threads this machine has.
    "sklearn.ensemble._hist_gradient_boosting.binning:_BinMapper": frozenset({"n_threads"}),
    "sklearn.cluster._kmeans:_BaseKMeans": frozenset({"_n_threads"}),
    # Made anew by its constructor, which unpickling leaves out.
    "sklearn.utils._bunch:Bunch": frozenset({"_deprecated_key_to_warnings"}),
    # Which release wrote the pickle: versions are counted with the code that uses the value.
    "sklearn.base:BaseEstimator": frozenset({"_sklearn_version"}),
}
"""Class → attributes of its and its subclasses' instances that say nothing of the value."""


@dataclass(frozen=True)
class _Counters:
    """Where in a state tuple of length `of` counters of past queries stand."""

    start: int
    stop: int
    of: int


_COUNTERS = {
    f"sklearn.neighbors._{module}:{name}": _Counters(7, 11, 13)
    for module, name in [
        (module, f"{name}{size}")
        for module, name in [("kd_tree", "KDTree"), ("ball_tree", "BallTree")]
        for size in ("", "32", "64")
    ]
}
_DICT_OR_NONE = (dict, type(None))
_newobj: Any = getattr(copyreg, "__newobj__")  # noqa: B009 (unknown to type checkers)
_newobj_ex: Any = getattr(copyreg, "__newobj_ex__")  # noqa: B009
_SCALARS = frozenset({bool, int, float, complex, str, bytes, type(None)})
_ITERATOR = "reading it uses it up; put out what it yields"


def rule_for(kind: type) -> Callable[[Any], Any] | None:
    """The rule for a type of the language or the standard library; None for all others."""
    if issubclass(kind, type):
        return by_name
    found = _RULES.get(kind) or _RULES_BY_NAME.get((kind.__module__, kind.__qualname__))
    if found is not None:
        return found
    if issubclass(kind, ModuleType):
        return _refusal("a module isn't a value; name what is used of it")
    if kind.__module__ in ("weakref", "_weakref") or kind.__name__ in ("weakproxy", "weakcallableproxy"):
        return _refusal("what it refers to may go away")
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        return _refusal(_ITERATOR)
    if issubclass(kind, enum.Enum):
        return _enum_member
    if issubclass(kind, PurePath):
        return _path
    if issubclass(kind, set | frozenset):
        return _set_subclass
    return None


def _refusal(reason: str) -> Callable[[Any], Any]:
    def rule(value: Any) -> Any:
        raise Refused(type_name(type(value)), reason)

    return rule


def by_fingerprint(value: Any) -> Part:
    """What an object says of itself, beside its class's name."""
    text = value.fingerprint()
    if type(text) is not str:
        raise Refused(type_name(type(value)), f"its fingerprint() returned {type_name(type(text))}, not str")
    return Part(b"p", [type(value), text], ["", ".fingerprint()"])


def by_name(value: Any) -> Part:
    """A class or function by the name under which it can be imported."""
    module, qualname = value.__module__, value.__qualname__
    return _global(value, module, qualname)


def _global(value: Any, module: str | None, qualname: str) -> Part:
    kind = type(value)
    label = type_name(value) if isinstance(value, type) else f"{type_name(kind)} {qualname!r}"
    if "<lambda>" in qualname:
        raise Refused(label, "a lambda has no name to import it by; write a function in a module")
    if "<locals>" in qualname:
        raise Refused(label, "it is defined inside a function; move it to the top of its module")
    if any(value is unnamed for unnamed in _UNNAMED):
        return Part(b"g", [f"types:{qualname}"])
    found = sys.modules.get(module) if module else None
    for step in qualname.split("."):
        found = getattr(found, step, None)
    if found is not value:
        raise Refused(label, f"{module}:{qualname} isn't it, so it can't be imported by its name")
    name = f"{module}:{qualname}"
    return Part(b"g", [name], None, NOTHING if module == "builtins" else frozenset({name}))


_UNNAMED = (type(None), type(...), type(NotImplemented))


def _builtin_function(value: Any) -> Part:
    owner = value.__self__
    if owner is None or isinstance(owner, ModuleType):
        return _global(value, owner.__name__ if owner is not None else value.__module__, value.__qualname__)
    return Part(b"m", [owner, value.__name__], [".__self__", ""])


def _method(value: Any) -> Part:
    return Part(b"m", [value.__self__, value.__func__.__name__], [".__self__", ""])


def _enum_member(value: Any) -> Part:
    inner = value._value_
    # Other values are code: they stand in the class's body.
    return Part(b"e", [type(value), value._name_, inner if type(inner) in _SCALARS else None])


def _path(value: Any) -> Part:
    kind = type(value)
    # Where the classes live differs between Python versions, so the standard ones have fixed names.
    name: Any
    if kind is PurePosixPath or kind is PureWindowsPath:
        name = f"pathlib:{kind.__name__}"
    else:
        name = "pathlib:Path" if kind is type(Path()) else kind
    return Part(b"/", [name, str(value)])


def _set_subclass(value: Any) -> Part:
    state = getattr(value, "__dict__", None)
    return Part(b"u", [type(value), frozenset(value), attributes(type(value), state) if state else None])


def _pattern(value: Any) -> Part:
    return Part(b"o", ["re:Pattern", value.pattern, value.flags])


def _zone(value: Any) -> Part:
    if value.key is None:
        raise Refused(type_name(type(value)), "it was made from a file, without a key")
    return Part(b"o", ["zoneinfo:ZoneInfo", value.key])


def _mapping_proxy(value: Any) -> Part:
    return Part(b"o", ["types:MappingProxyType", value.copy()])


def attributes(kind: type, state: dict[Any, Any]) -> Part | None:
    """Instance state by attribute, in its order: `vars()` of records shows it. None where it is empty."""
    ignored = _ignored(kind)
    names = [name for name in state if name not in ignored] if ignored else list(state)
    if not names:
        return None
    steps = [""] * len(names)
    steps += [f".{name}" if type(name) is str else "" for name in names]
    return Part(b"a", [*names, *[state[name] for name in names]], steps)


def _ignored(kind: type) -> frozenset[str]:
    found = [_IGNORED.get(f"{base.__module__}:{base.__qualname__}") for base in kind.__mro__]
    return NOTHING.union(*[names for names in found if names])


def by_reduction(value: Any) -> Part:
    """An object by pickle's reduce protocol: callable, arguments, state, items, setter of the state."""
    kind = type(value)
    special = copyreg.dispatch_table.get(kind)
    reduced: Any = special(value) if special is not None else value.__reduce_ex__(4)
    if isinstance(reduced, str):
        # A singleton such as `pandas.NA`, which pickles as the name of a global.
        return _global(value, getattr(value, "__module__", None) or kind.__module__, reduced)
    function, arguments, state, listed, mapped, setter = (*reduced, None, None, None, None)[:6]
    how = "call"
    if function is _newobj:
        how, function, arguments = "new", arguments[0], arguments[1:]
    elif function is _newobj_ex:
        how, function, arguments = "new with names", arguments[0], arguments[1:]
    items = None if listed is None else list(listed)
    pairs = None if mapped is None else _pairs(mapped)
    head = [how, function, len(arguments), *arguments]
    return Part(b"o", [*head, _state(kind, state), items, pairs, setter], ())


def _state(kind: type, state: Any) -> Any:
    """An object's state: attributes of `__dict__` and of slots by name, all else as it is."""
    place = _COUNTERS.get(f"{kind.__module__}:{kind.__qualname__}")
    if place is not None and type(state) is tuple and len(state) == place.of:
        return (*state[: place.start], *state[place.stop :])
    if type(state) is dict:
        return attributes(kind, state)
    if type(state) is tuple and len(state) == 2 and all(type(each) in _DICT_OR_NONE for each in state):
        parts = [None if each is None else attributes(kind, each) for each in state]
        return Part(b"2", parts, ())
    return state


def _pairs(mapped: Any) -> Part:
    pairs = list(mapped)
    return Part(b"d", [*[key for key, _ in pairs], *[item for _, item in pairs]])


_RULES: dict[type, Callable[[Any], Any]] = {
    FunctionType: by_name,
    functools._lru_cache_wrapper: by_name,
    BuiltinFunctionType: _builtin_function,
    WrapperDescriptorType: by_reduction,
    MethodType: _method,
    MappingProxyType: _mapping_proxy,
}
_RULES_BY_NAME: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("re", "Pattern"): _pattern,
    ("zoneinfo", "ZoneInfo"): _zone,
}
"""Types whose modules needn't be loaded."""
