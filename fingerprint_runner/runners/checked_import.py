"""First-party modules are imported from the text that was planned (R12).

While a node runs, a finder in front of all others serves first-party modules: it reads the file
once, compares its digest with the plan's, and compiles that very text; a `.pyc`, which Python
trusts by time and size, is never used. Modules that the plan doesn't list are noted: they become
further queries of the node's trace.

Invariants: a module whose text isn't the planned one is never executed; what this process has
loaded is remembered for its lifetime, so that later nodes know what text they would run.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, ModuleType
from typing import Any

import xxhash

from fingerprint_runner.errors import SourceChanged
from fingerprint_runner.provenance.locate import Locator, ModuleLocation
from fingerprint_runner.runners.loaded_text import unchanged_since_start

_loaded: dict[str, str] = {}
"""Module → digest of the text that this process compiled for it."""


class ImportWatch:
    """What a node's run imported.

    Attributes:
        discovered: first-party modules that the plan doesn't list → digest of their text.
    """

    def __init__(self, planned: Mapping[str, str], locator: Locator) -> None:
        self.planned = planned
        self.locator = locator
        self.discovered: dict[str, str] = {}
        self._seen: set[str] = set()
        self._own_thread = threading.get_ident()

    def note(self, module: str, digest: str) -> None:
        """A first-party module was loaded or used."""
        if module not in self.planned:
            self.discovered[module] = digest

    def note_use(self, module: str) -> None:
        """A module that was loaded before is asked for by name."""
        if module in self._seen:
            return
        self._seen.add(module)
        digest = _loaded.get(module)
        if digest is not None and module not in self.planned:
            self.discovered[module] = digest


def loaded_otherwise(planned: Mapping[str, str], locator: Locator) -> str | None:
    """The first planned module of which this process has loaded other, or unknown, text."""
    for module, digest in planned.items():
        present = sys.modules.get(module)
        if present is None:
            continue
        known = _loaded.get(module)
        if known is None and unchanged_since_start(present, locator.locate(module), digest):
            known = _loaded[module] = digest
        if known != digest:
            return module
    return None


@contextlib.contextmanager
def checked_imports(watch: ImportWatch) -> Iterator[None]:
    """Serve first-party modules from planned text inside the block, and note what is discovered."""
    finder = _Finder(watch)
    plain_import = builtins.__import__
    plain_import_module = importlib.import_module
    builtins.__import__ = _noting_import(watch, plain_import)
    importlib.import_module = _noting_import_module(watch, plain_import_module)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        builtins.__import__ = plain_import
        importlib.import_module = plain_import_module


def _noting_import(watch: ImportWatch, plain: Callable[..., Any]) -> Callable[..., Any]:
    def noting(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        module: ModuleType = plain(name, globals, locals, fromlist, level)
        if level == 0:
            watch.note_use(name)
        else:
            watch.note_use(module.__name__)
        for part in fromlist or ():
            watch.note_use(f"{module.__name__}.{part}")
        return module

    return noting


def _noting_import_module(watch: ImportWatch, plain: Callable[..., Any]) -> Callable[..., Any]:
    def noting(name: str, package: str | None = None) -> ModuleType:
        module: ModuleType = plain(name, package)
        watch.note_use(module.__name__)
        return module

    return noting


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, watch: ImportWatch) -> None:
        self._watch = watch
        # Top-level name → whether nothing below it can be first-party.
        self._foreign: dict[str, bool] = {}
        self._busy = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        # What the locator itself imports while it looks is the engine's, and never first-party.
        if self._foreign.get(fullname.partition(".")[0], False) or getattr(self._busy, "looking", False):
            return None
        self._busy.looking = True
        try:
            location = self._watch.locator.locate(fullname)
            if location.kind == "absent":
                # It may have appeared since the locator looked; Python's own finders would see it.
                self._watch.locator.refresh()
                location = self._watch.locator.locate(fullname)
        finally:
            self._busy.looking = False
        if location.kind in ("stdlib", "builtin", "engine", "third-party") and "." not in fullname:
            # A namespace package may have first-party portions beside foreign ones.
            self._foreign[fullname] = location.path is not None or location.kind == "builtin"
        if location.kind != "first-party" or location.path is None:
            return None
        if not location.is_source:
            self._compare_extension(fullname, location)
            return None
        spec = importlib.machinery.ModuleSpec(
            fullname,
            _CheckedLoader(fullname, location, self._watch),
            origin=location.path,
            is_package=location.is_package,
        )
        if location.is_package:
            spec.submodule_search_locations = list(location.search_locations)
        spec.has_location = True
        return spec

    def _compare_extension(self, fullname: str, location: ModuleLocation) -> None:
        """Extension modules are loaded by Python; their bytes are compared beforehand."""
        assert location.path is not None
        data, _ = self._watch.locator.read_text(location.path)
        _compare(self._watch, fullname, xxhash.xxh3_128_hexdigest(data), location.path)


class _CheckedLoader(importlib.abc.InspectLoader):
    """Compiles the text whose digest was compared; never reads or writes bytecode."""

    def __init__(self, fullname: str, location: ModuleLocation, watch: ImportWatch) -> None:
        assert location.path is not None
        self.path = location.path
        self._name = fullname
        self._location = location
        self._watch = watch
        self._text: bytes | None = None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.get_code(self._name), module.__dict__)

    def get_filename(self, fullname: str | None = None) -> str:
        return self.path

    def is_package(self, fullname: str) -> bool:
        return self._location.is_package

    def get_source(self, fullname: str) -> str:
        import importlib.util

        return importlib.util.decode_source(self._checked_text())

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self._checked_text(), self.path, "exec", dont_inherit=True)
        return code

    def _checked_text(self) -> bytes:
        if self._text is None:
            text, _ = self._watch.locator.read_text(self.path)
            _compare(self._watch, self._name, xxhash.xxh3_128_hexdigest(text), self.path)
            self._text = text
        return self._text


def _compare(watch: ImportWatch, module: str, digest: str, path: str) -> None:
    expected = watch.planned.get(module)
    if expected is not None and expected != digest:
        raise SourceChanged(module, path)
    _loaded[module] = digest
    watch.note(module, digest)
