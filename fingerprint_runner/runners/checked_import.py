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
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

import xxhash

from fingerprint_runner.errors import SourceChanged
from fingerprint_runner.provenance.locate import Locator, ModuleLocation, stdlib_folders
from fingerprint_runner.runners import loaded_modules
from fingerprint_runner.runners.entered import importing

_ABSENT = "absent"
_ENGINE = __name__.partition(".")[0]

_current: ImportWatch | None = None
"""Of the node that runs; code may hold on to `import_module` from an earlier node's run."""


class ImportWatch:
    """What a node's run imported.

    Attributes:
        discovered: first-party modules that the plan doesn't list → digest of their text.
        changed: a module whose text isn't the planned one; the importing code may have caught the error.
        unknown: a module that was in use before, and it can't be told from which text it was loaded.
        after_import: is called whenever an import statement is done.
    """

    def __init__(self, planned: Mapping[str, str], locator: Locator) -> None:
        self.planned = planned
        self.locator = locator
        self.discovered: dict[str, str] = {}
        self.changed: str | None = None
        self.unknown: str | None = None
        self.after_import: Callable[[], None] | None = None
        self._loaded: set[str] = set()
        self._held_before = loaded_modules.importers()
        self._first_party: dict[str, bool] = {}

    def compare(self, module: str, digest: str, path: str) -> None:
        """A first-party module has a text of this digest.

        Raises:
            SourceChanged: it isn't the planned one.
        """
        expected = self.planned.get(module)
        if expected is not None and expected != digest:
            self.changed = self.changed or module
            raise SourceChanged(module, path)

    def loading(self, module: str, digest: str, path: str, spec: ModuleSpec | None) -> None:
        """A first-party module is about to be loaded from this text."""
        loaded_modules.remember(module, digest, path, spec)
        self._loaded.add(module)
        if module not in self.planned:
            self.discovered[module] = digest

    def note_use(self, module: str, importer: str | None = None) -> bool:
        """A module is asked for by name, whether or not it was loaded before.

        Returns:
            Whether it is first-party.
        """
        if module in self.planned:
            return True
        if not self._is_first_party(module):
            return False
        if module in sys.modules:
            self._note(module)
            if importer is not None and importer != module:
                loaded_modules.remember_import(importer, module)
        return True

    def note_absent(self, module: str, importer: str) -> None:
        """A module isn't there; what libraries try for themselves is theirs."""
        if module not in self.planned and self._is_first_party(importer):
            self.discovered.setdefault(module, _ABSENT)

    def finish(self, *, here: bool) -> None:
        """The node is done: take in what its modules imported for an earlier node.

        Args:
            here: the node can run in no other process: then what functions imported counts too, since
                they may have kept it; else, where that may be so, it can't be told what the node used.
        """
        if not here:
            held = sorted(self._held_before & self.discovered.keys())
            self.unknown = self.unknown or next(iter(held), None)
        used = [*self.planned, *self.discovered]
        for module in loaded_modules.imported_along(used, from_functions=here):
            if module not in self.planned:
                self._note(module)
        if self.changed is not None:
            loaded_modules.distrust(self._loaded)

    def _note(self, module: str) -> None:
        if module in self.discovered:
            return
        digest = loaded_modules.loaded_digest(module, self.locator)
        if digest is None:
            self.unknown = self.unknown or module
        else:
            self.discovered[module] = digest

    def _is_first_party(self, module: str) -> bool:
        found = self._first_party.get(module)
        if found is None:
            top = module.partition(".")[0]
            found = self._first_party[module] = (
                top not in sys.stdlib_module_names
                and top not in (_ENGINE, "__main__")
                and _has_text(self.locator.locate(module))
            )
        return found


def _has_text(location: ModuleLocation) -> bool:
    """Namespace packages have none."""
    return location.kind == "first-party" and location.path is not None


def loaded_otherwise(planned: Mapping[str, str], locator: Locator) -> str | None:
    """The first planned module of which this process has loaded other, or unknown, text."""
    for module, digest in planned.items():
        if module in sys.modules and loaded_modules.loaded_digest(module, locator) != digest:
            return module
    return None


@contextlib.contextmanager
def checked_imports(watch: ImportWatch) -> Iterator[None]:
    """Serve first-party modules from planned text inside the block, and note what is discovered."""
    global _current
    # What the locator needs of `sysconfig` is asked before imports are watched: while that module is
    # being set up, it imports, and can't answer yet.
    stdlib_folders()
    finder = _Finder(watch)
    plain = builtins.__import__, importlib.import_module
    outer = _current
    builtins.__import__, importlib.import_module = _noting_import, _noting_import_module
    sys.meta_path.insert(0, finder)
    _current = watch
    try:
        yield
    finally:
        _current = outer
        sys.meta_path.remove(finder)
        builtins.__import__, importlib.import_module = plain


_plain_import = builtins.__import__
_plain_import_module = importlib.import_module


def _noting_import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    try:
        module: ModuleType = _plain_import(name, globals, locals, fromlist, level)
    except ModuleNotFoundError as error:
        _note_absent(error, sys._getframe(1).f_globals.get("__name__"))
        raise
    watch = _current
    if watch is not None:
        importer = None if globals is None else str(globals.get("__name__"))
        found = name if level == 0 else module.__name__
        watch.note_use(found, importer)
        for part in fromlist or ():
            watch.note_use(f"{found}.{part}", importer)
        if watch.after_import is not None:
            watch.after_import()
    return module


def _noting_import_module(name: str, package: str | None = None) -> ModuleType:
    try:
        module: ModuleType = _plain_import_module(name, package)
    except ModuleNotFoundError as error:
        _note_absent(error, sys._getframe(1).f_globals.get("__name__"))
        raise
    watch = _current
    if watch is not None:
        watch.note_use(module.__name__, str(sys._getframe(1).f_globals.get("__name__")))
    return module


def _note_absent(error: ModuleNotFoundError, importer: object) -> None:
    """First-party code asked for a module that isn't there: that it appears must show."""
    if _current is not None and error.name is not None:
        _current.note_absent(error.name, str(importer))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, watch: ImportWatch) -> None:
        self._watch = watch
        # Top-level name → whether nothing below it can be first-party.
        self._foreign: dict[str, bool] = {}
        self._busy = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
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
        spec = ModuleSpec(
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
        digest = xxhash.xxh3_128_hexdigest(data)
        self._watch.compare(fullname, digest, location.path)
        self._watch.loading(fullname, digest, location.path, None)


class _CheckedLoader(importlib.machinery.SourceFileLoader):
    """Compiles the text whose digest was compared; never reads or writes bytecode.

    All else is as Python's own loader has it, so that `importlib.resources`, `pkgutil` and
    `inspect` find what they look for.
    """

    def __init__(self, fullname: str, location: ModuleLocation, watch: ImportWatch) -> None:
        assert location.path is not None
        super().__init__(fullname, location.path)
        self._watch = watch
        self._text: bytes | None = None

    def exec_module(self, module: ModuleType) -> None:
        code = self.get_code(module.__name__)
        digest = xxhash.xxh3_128_hexdigest(self._checked_text())
        self._watch.loading(self.name, digest, self.path, module.__spec__)
        with importing(module, self.path):
            exec(code, module.__dict__)

    def get_source(self, fullname: str) -> str:
        import importlib.util

        return importlib.util.decode_source(self._checked_text())

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self._checked_text(), self.path, "exec", dont_inherit=True)
        return code

    def _checked_text(self) -> bytes:
        if self._text is None:
            text, _ = self._watch.locator.read_text(self.path)
            self._watch.compare(self.name, xxhash.xxh3_128_hexdigest(text), self.path)
            self._text = text
        return self._text
