"""Value identity (R6): one digest for equal values, however they were built, stored or pickled.

    identify(value) ──walk──> Identified(identity, keys, globals, …)

Built-in containers go by the canonical encoding; every other value is taken apart by the first of:
what `register_identity` says of its type, its own `fingerprint()`, the rules for the standard
library, numpy, scipy and pandas, and last pickle's reduce protocol.

Invariants: never equal for values that a consumer can tell apart by normal use, where unsure
different; no `str()` or `repr()`; no I/O; nothing is imported that the value's own type hasn't
already brought.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fingerprint_runner.fingerprints.encoding import Walk
from fingerprint_runner.fingerprints.parts import NOTHING, Part, Refused, type_name

Reduce = Callable[[Any], Any]
"""Gives a plainer value (or a `Part`) whose identity stands for the one it is given."""

_REGISTERED: dict[type | str, Reduce] = {}
_FAMILIES = {
    "numpy": "fingerprint_runner.fingerprints.identity_arrays",
    "scipy": "fingerprint_runner.fingerprints.identity_arrays",
    "pandas": "fingerprint_runner.fingerprints.identity_frames",
    "pyarrow": "fingerprint_runner.fingerprints.identity_arrow",
    "polars": "fingerprint_runner.fingerprints.identity_polars",
    "torch": "fingerprint_runner.fingerprints.identity_tensors",
}
"""Modules with rules for the types of a package, loaded when a value of such a type is met."""


@dataclass(frozen=True)
class Identified:
    """What there is to know of a value for its consumers' fingerprints.

    Attributes:
        identity: 32 hex characters; equal for equal values.
        keys: identity of each top-level key, where the value is exactly a dict with text keys.
        globals: sorted `module:qualname` of every class and function met, built-in ones left out.
        key_globals: the same for each top-level key that refers to any.
        payload_digest: xxh3-128 of the raw payload of a bare array or bytes, which is also the name
            of the artifact that holds it; None of all else.
    """

    identity: str
    keys: Mapping[str, str] | None = None
    globals: tuple[str, ...] = ()
    key_globals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    payload_digest: str | None = None


def identify(value: object, *, path: str = "value") -> Identified:
    """The identity of a value, and of its top-level keys.

    Linear in the value's size; shared parts are walked once. The value must not change meanwhile.

    Args:
        path: how messages name the value, such as `config['model']`.

    Raises:
        NoIdentity: some part of it has none; names the path to it.
    """
    expander = _Expander()
    walk = Walk(expander, path)
    identity = walk.identity(value).hex()
    met = walk.names_of(value)
    keys: dict[str, str] | None = None
    key_globals: dict[str, tuple[str, ...]] = {}
    if type(value) is dict and all(type(key) is str for key in value):
        keys = {key: walk.identity(item).hex() for key, item in value.items()}
        if met:
            named = {key: walk.names_of(item) for key, item in value.items()}
            key_globals = {key: tuple(sorted(names)) for key, names in named.items() if names}
    return Identified(identity, keys, tuple(sorted(met)), key_globals, _payload_digest(value, expander))


def value_walk(path: str = "value") -> Walk:
    """A walk by these rules, for those who compare values part by part."""
    return Walk(_Expander(), path)


def register_identity(kind: type | str, function: Reduce) -> None:
    """Say what the identity of a type's instances is made of.

    Args:
        kind: the type, or `module:qualname` of one that needn't be imported yet. Subclasses aren't
            covered: they may hold more.
        function: gives a plainer value whose identity stands for the instance's; the type's name is
            added to it.
    """
    _REGISTERED[kind] = function


def _payload_digest(value: object, expander: _Expander) -> str | None:
    if type(value) is bytes:
        from xxhash import xxh3_128_hexdigest

        return str(xxh3_128_hexdigest(value))
    return expander.payloads.get(id(value))


class _Expander:
    """Takes values apart; resolves the rule for each type once a walk.

    Attributes:
        payloads: xxh3-128 of the raw payload of arrays met, by `id()`.
    """

    def __init__(self) -> None:
        self.payloads: dict[int, str] = {}
        self._rules: dict[type, Reduce] = {}

    def __call__(self, value: Any) -> Any:
        kind = type(value)
        rule = self._rules.get(kind)
        if rule is None:
            rule = self._rules[kind] = self._resolve(kind)
        try:
            return rule(value)
        except (Refused, MemoryError):
            raise
        except Exception as error:  # the value's own code: __reduce_ex__, __getstate__, fingerprint
            raise Refused(type_name(kind), f"{type(error).__name__}: {error}") from error

    def _resolve(self, kind: type) -> Reduce:
        """The rule for a type; see the module's docstring for their order."""
        from fingerprint_runner.fingerprints import identity_objects as objects

        registered = _REGISTERED.get(kind) or _REGISTERED.get(f"{kind.__module__}:{kind.__qualname__}")
        if registered is not None:
            return _named(registered)
        if not issubclass(kind, type) and callable(getattr(kind, "fingerprint", None)):
            return objects.by_fingerprint
        found = objects.rule_for(kind)
        if found is not None:
            return found
        for base in kind.__mro__:
            family = _FAMILIES.get(base.__module__.partition(".")[0])
            if family is not None:
                from importlib import import_module

                rules: Any = import_module(family)
                special: Reduce | None = rules.rule_for(kind, self.payloads)
                if special is not None:
                    return special
        return objects.by_reduction


def _named(function: Reduce) -> Reduce:
    def rule(value: Any) -> Part:
        return Part(b"R", [type(value), function(value)], ["", ""], NOTHING)

    return rule
