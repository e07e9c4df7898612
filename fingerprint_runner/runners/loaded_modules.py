"""What this process has loaded, and from which text: nodes that run in it may use no other (R12).

Kept for the life of the process:

- of each first-party module that was loaded while a node ran, its text's digest and where it lay;
- what each module imported by names that only running tells, and when: while it was imported itself
  (then it won't again for the next node), or later from a function (which may keep what it found).

Invariants: a module counts as known only as long as it is the very one that was loaded; what was
loaded in a run in which a source turned out to have changed is never relied on again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import xxhash

from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.runners.loaded_text import unchanged_since_start
from fingerprint_runner.runners.observing import import_reads

_DISTRUSTED = ""


@dataclass(frozen=True)
class _Loaded:
    """One loaded module; `spec` is the one it was loaded by, None where Python made its own."""

    digest: str
    path: str
    spec: ModuleSpec | None


_loaded: dict[str, _Loaded] = {}
_at_import: dict[str, set[str]] = {}
_from_functions: dict[str, set[str]] = {}
_has_strays = False


def remember(module: str, digest: str, path: str, spec: ModuleSpec | None) -> None:
    """A module was, or is being, loaded from a text of this digest."""
    _loaded[module] = _Loaded(digest, path, spec)
    # What a module of this name imported before, it imported for another life.
    import_reads.forget(module)
    _at_import.pop(module, None)
    _from_functions.pop(module, None)


def loaded() -> tuple[str, ...]:
    """The first-party modules that nodes of this process have loaded."""
    return tuple(name for name in _loaded if name in sys.modules)


def note_stray() -> None:
    """This process holds code that no located module explains: later nodes could use it unseen."""
    global _has_strays
    _has_strays = True


def has_strays() -> bool:
    """Whether nodes that could run elsewhere should."""
    return _has_strays


def is_text_of_one(path: str) -> bool:
    """Whether a file is the text of a module that was loaded while a node ran."""
    return any(known.path == path for known in _loaded.values())


def distrust(modules: Iterable[str]) -> None:
    """These modules may have come out wrong: no later node may use them in this process."""
    for module in modules:
        if module in _loaded:
            _loaded[module] = replace(_loaded[module], digest=_DISTRUSTED)


def loaded_digest(module: str, locator: Locator) -> str | None:
    """Digest of the text that a module was certainly loaded from.

    Returns:
        None where that can't be told, or where it isn't the module that the locator finds.
    """
    present = sys.modules.get(module)
    if present is None:
        return None
    location = locator.locate(module)
    known = _loaded.get(module)
    if known is not None and _is_same(present, known):
        return known.digest if location.path is not None and _same_path(known.path, location.path) else None
    if location.path is None or not location.is_source:
        return None
    try:
        text, _ = locator.read_text(location.path)
    except OSError:
        return None
    digest = xxhash.xxh3_128_hexdigest(text)
    if not unchanged_since_start(present, location, digest):
        return None
    remember(module, digest, location.path, getattr(present, "__spec__", None))
    return digest


def remember_import(importer: str, module: str) -> None:
    """`importer` imported a first-party module by a name that its source doesn't show."""
    spec = getattr(sys.modules.get(importer), "__spec__", None)
    while_imported = getattr(spec, "_initializing", False)
    (_at_import if while_imported else _from_functions).setdefault(importer, set()).add(module)


def imported_along(modules: Iterable[str], *, from_functions: bool) -> set[str]:
    """All that these modules, once loaded, have imported by names that their source doesn't show.

    Args:
        from_functions: whether what their functions imported counts too.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in sys.modules:
            continue
        brought = set(_at_import.get(module, ()))
        if from_functions:
            brought |= _from_functions.get(module, set())
        waiting.extend(brought - found)
        found |= brought
    return found


def importers() -> frozenset[str]:
    """The loaded modules whose functions may have kept what they imported for an earlier node."""
    return frozenset(name for name in _from_functions if name in sys.modules)


def _is_same(present: ModuleType, known: _Loaded) -> bool:
    if known.spec is not None:
        return getattr(present, "__spec__", None) is known.spec
    file = getattr(present, "__file__", None)
    return file is not None and _same_path(file, known.path)


def _same_path(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
