"""`Locator`: where a module lies, and whether it is first-party (R4), without importing anything.

Invariants: it finds what Python's own finders would find in the same search path, parents located
the same way; every folder whose change could alter an answer is named in `probed`; answers hold
until `refresh()`.

*First-party*, in this order: the standard library isn't; the engine itself isn't; nothing under a
`site-packages` or `dist-packages` is, unless an editable or path install put it there; everything
else that the search path finds is.
"""

# Plain strings: pathlib's `stat` takes four times as long as `os.stat`.
# ruff: noqa: PTH100, PTH109, PTH113, PTH118, PTH120, PTH123, PTH206, PTH208

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES, FrozenImporter
from sys import builtin_module_names
from typing import Literal

from fingerprint_runner.errors import SourceChanged
from fingerprint_runner.provenance.installs import EditableFinder, SiteFolder, is_site_path
from fingerprint_runner.provenance.signatures import Signature, signature, signature_of

Kind = Literal["first-party", "third-party", "stdlib", "builtin", "engine", "absent"]

ENGINE = "fingerprint_runner"
READ_ATTEMPTS = 3

_SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)  # the order of Python's FileFinder
_BUILTIN = frozenset(builtin_module_names)
_ENGINE_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclass(frozen=True)
class ModuleLocation:
    """Where a module was found, or that it wasn't.

    Attributes:
        name: dotted.
        kind: whose it is; `absent` where nothing was found.
        path: the absolute path of its file (a package's `__init__`; an archive that holds it); None
            for namespace packages, built-in and absent modules.
        is_package: whether it can have submodules.
        is_source: whether `path` is Python source; else a first-party module counts by its bytes.
        search_locations: folders in which submodules are searched.
        probed: absolute paths of folders (and of the files that extend the search path) that were
            looked at, in order; a change of none of them leaves the answer as it is. Some may not
            exist.
    """

    name: str
    kind: Kind
    path: str | None = None
    is_package: bool = False
    is_source: bool = False
    search_locations: tuple[str, ...] = ()
    probed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Found:
    """What one search came to: a file, a namespace's portions, or neither."""

    path: str | None
    locations: tuple[str, ...]
    in_archive: bool = False


class Locator:
    """Finds modules in a search path.

    Args:
        search_path: as `sys.path`, relative entries and `''` meaning the working directory; folders
            that editable installs add are searched where Python would, listed or not.
    """

    def __init__(self, search_path: Sequence[str]) -> None:
        self.search_path = tuple(search_path)
        self.refresh()

    def refresh(self) -> None:
        """Forget everything seen, so that the next answers are of the present."""
        self._names: dict[str, frozenset[str] | None] = {}
        self._located: dict[str, ModuleLocation] = {}
        self._sites: dict[str, SiteFolder] = {}
        self._folder_kinds: dict[str, Kind] = {}
        self._archives: dict[str, object] = {}
        self._finders: list[EditableFinder] = []
        # Entry, and the files that put it on the path: probed wherever the entry is.
        self._entries: list[tuple[str, tuple[str, ...]]] = []
        self._expand()

    def _expand(self) -> None:
        """Fill the search entries: those given, each site folder followed by what its `.pth` files add."""
        given = [absolute_entry(entry) for entry in self.search_path]
        seen: set[str] = set()
        listed = set(given)
        for entry in given:
            if entry in seen:
                continue
            seen.add(entry)
            self._entries.append((entry, ()))
            if not is_site_path(entry):
                continue
            site = self._site(entry)
            for pth, folder in site.added_folders():
                if folder not in listed and folder not in seen:
                    seen.add(folder)
                    self._entries.append((folder, (pth,)))
            self._finders.extend(site.finders())

    def locate(self, module: str) -> ModuleLocation:
        """Where a module lies, its parent packages located the same way.

        Args:
            module: an absolute dotted name.

        Returns:
            Its location; kind `absent` where Python would raise ModuleNotFoundError. Linear in the
            number of search entries for each part of the name, with every folder listed once.
        """
        known = self._located.get(module)
        if known is not None:
            return known
        parent: ModuleLocation | None = None
        name = ""
        for part in module.split("."):
            name = f"{name}.{part}" if name else part
            location = self._located.get(name)
            if location is None:
                location = self._locate_in(name, part, parent)
                self._located[name] = location
            if location.kind == "absent" and name != module:
                return ModuleLocation(module, "absent", probed=location.probed)
            parent = location
        assert parent is not None  # `split` gives one part at least
        return parent

    def _locate_in(self, name: str, tail: str, parent: ModuleLocation | None) -> ModuleLocation:
        if not tail:
            return ModuleLocation(name, "absent")
        if parent is None:
            if tail in _BUILTIN:
                return ModuleLocation(name, "builtin")
            if FrozenImporter.find_spec(tail) is not None:
                # Frozen modules come before the search path: no file can shadow them.
                entries = [(folder, ()) for folder in stdlib_folders()]
                return self._search(name, tail, entries, (), frozen=True)
            return self._search(name, tail, self._entries, ())
        if not parent.is_package:
            return ModuleLocation(name, "absent", probed=parent.probed)
        return self._search(name, tail, [(place, ()) for place in parent.search_locations], parent.probed)

    def _search(
        self,
        name: str,
        tail: str,
        entries: Sequence[tuple[str, tuple[str, ...]]],
        probed_before: tuple[str, ...],
        *,
        frozen: bool = False,
    ) -> ModuleLocation:
        """Walk search entries as `PathFinder` does: the first module wins, folders without one add up."""
        probed = dict.fromkeys(probed_before)
        portions: list[str] = []
        found: _Found | None = None
        for entry, causes in entries:
            probed.update(dict.fromkeys(causes))
            probed[entry] = None
            hit = self._look_in(entry, name, tail, probed)
            if hit is None:
                continue
            if hit.path is not None:
                found = hit
                break
            portions.extend(hit.locations)
        if found is None and not frozen:
            found = self._look_in_finders(name, tail, portions, probed)
        if found is None and portions:
            found = _Found(None, tuple(dict.fromkeys(portions)))
        if found is None:
            return ModuleLocation(name, "stdlib" if frozen else "absent", probed=tuple(probed))
        return self._location(name, found, tuple(probed))

    def _look_in(self, entry: str, name: str, tail: str, probed: dict[str, None]) -> _Found | None:
        """What one search entry holds of a module, by the rules of `FileFinder` and `zipimporter`."""
        names = self._listing(entry)
        if names is None:
            return self._look_in_archive(entry, name)
        is_folder = False
        if tail in names:
            base = os.path.join(entry, tail)
            inside = self._listing(base)
            if inside is not None:
                is_folder = True
                probed[base] = None  # an `__init__` that appears in it changes the answer
                for suffix in _SUFFIXES:
                    init = "__init__" + suffix
                    if init in inside and os.path.isfile(path := os.path.join(base, init)):
                        return _Found(path, (base,))
        for suffix in _SUFFIXES:
            if tail + suffix in names and os.path.isfile(path := os.path.join(entry, tail + suffix)):
                return _Found(path, ())
        return _Found(None, (base,)) if is_folder else None

    def _look_in_archive(self, entry: str, name: str) -> _Found | None:
        from zipimport import zipimporter

        if entry not in self._archives:
            try:
                importer = zipimporter(entry)
                importer.invalidate_caches()  # the module keeps directories of archives for good
                self._archives[entry] = importer
            except (ImportError, OSError):
                self._archives[entry] = None
        importer = self._archives[entry]  # type: ignore[assignment]
        if importer is None:
            return None
        spec = importer.find_spec(name)
        if spec is None:
            return None
        locations = tuple(spec.submodule_search_locations or ())
        if spec.loader is None:
            return _Found(None, locations, in_archive=True)
        return _Found(importer.archive, locations, in_archive=True)

    def _look_in_finders(
        self, name: str, tail: str, portions: list[str], probed: dict[str, None]
    ) -> _Found | None:
        """What editable installs map: asked after the search path, as their finders come last."""
        parent = name.rpartition(".")[0]
        for finder in self._finders:
            target = finder.mapping.get(name)
            if target is not None:
                probed[finder.path] = None
                folder, base = os.path.split(target)
                probed[folder] = None
                hit = self._look_in(folder, name, base, probed)
                if hit is not None and hit.path is not None:
                    return hit
                portions.extend(hit.locations if hit is not None else ())
            elif parent and parent in finder.mapping:
                probed[finder.path] = None
                probed[finder.mapping[parent]] = None
                hit = self._look_in(finder.mapping[parent], name, tail, probed)
                if hit is not None and hit.path is not None:
                    return hit
            if name in finder.namespaces:
                probed[finder.path] = None
                portions.extend(finder.namespaces[name])
        return None

    def _location(self, name: str, found: _Found, probed: tuple[str, ...]) -> ModuleLocation:
        if name == ENGINE or name.startswith(ENGINE + "."):
            kind: Kind = "engine"
        elif found.in_archive:
            kind = "third-party"
        elif found.path is not None:
            kind = self.origin_of_path(found.path)
        else:
            kinds = {self.origin_of_path(folder) for folder in found.locations}
            ranked: tuple[Kind, ...] = ("first-party", "third-party", "stdlib", "engine")
            kind = next(each for each in ranked if each in kinds)
        return ModuleLocation(
            name,
            kind,
            found.path,
            is_package=found.path is None or bool(found.locations),
            is_source=not found.in_archive and found.path is not None and found.path.endswith(".py"),
            search_locations=found.locations,
            probed=probed,
        )

    def origin_of_path(self, path: str) -> Kind:
        """Whose a file or folder is, by where it lies.

        Args:
            path: absolute, or relative to the working directory.

        Returns:
            `first-party`, `third-party`, `stdlib` or `engine`, by the rule above.
        """
        folder, base = os.path.split(os.path.abspath(path))
        kind = self._folder_kinds.get(folder)
        if kind is None:
            kind = _kind_of_folder(folder)
            self._folder_kinds[folder] = kind
        if kind == "third-party" or base in ("site-packages", "dist-packages"):
            full = os.path.join(folder, base)
            return "first-party" if self._is_path_install(full) else "third-party"
        if kind == "first-party" and os.path.join(folder, base) == _ENGINE_FOLDER:
            return "engine"
        return kind

    def _is_path_install(self, path: str) -> bool:
        """Whether an editable or path install put a file under a site folder there."""
        parts = path.split(os.sep)
        innermost = None
        for index in range(len(parts) - 1, 0, -1):
            if parts[index] in ("site-packages", "dist-packages"):
                folder = os.sep.join(parts[: index + 1])
                innermost = innermost or folder
                if self._site(folder).holds_path_install(path):
                    return True
        # A project that holds its own environment (`.venv` beside its source) doesn't own what is
        # installed there: only a project inside the site folder is an exception to the rule.
        return any(
            _is_under(path, project) and (innermost is None or _is_under(project, innermost))
            for site in self._sites.values()
            for project in site.editable_projects()
        )

    def _site(self, folder: str) -> SiteFolder:
        site = self._sites.get(folder)
        if site is None:
            site = self._sites[folder] = SiteFolder(folder)
        return site

    def _listing(self, folder: str) -> frozenset[str] | None:
        """Names in a folder, None where it isn't one; unreadable folders are empty, as to Python."""
        if folder in self._names:
            return self._names[folder]
        names: frozenset[str] | None
        try:
            names = frozenset(os.listdir(folder))
        except PermissionError:
            names = frozenset()
        except (OSError, ValueError):
            names = None
        self._names[folder] = names
        return names

    def read_text(self, path: str) -> tuple[bytes, Signature]:
        """A source file's bytes with the signature that belongs to them.

        Returns:
            Bytes and signature. Whether that signature may be trusted later is `is_settled`'s to say,
            with the time before this call.

        Raises:
            FileNotFoundError: there is no such file.
            SourceChanged: it kept changing while it was read.
        """
        for _ in range(READ_ATTEMPTS):
            with open(path, "rb") as file:
                before = signature_of(os.fstat(file.fileno()))
                data = file.read()
                after = signature_of(os.fstat(file.fileno()))
            if before == after and len(data) == before[0] and signature(path) == before:
                return data, before
        raise SourceChanged(path, "it kept changing while it was read")


def absolute_entry(entry: str) -> str:
    """A search entry as an absolute path; `''` is the working directory.

    `..` stays, since behind a link it doesn't mean what the text says.
    """
    path = os.path.join(os.getcwd(), entry) if entry else os.getcwd()
    return path if ".." in path.split(os.sep) else os.path.normpath(path)


_STDLIB: list[str] = []


def stdlib_folders() -> tuple[str, ...]:
    """The folders of the running Python's standard library, links resolved and not."""
    if not _STDLIB:
        import sysconfig

        folders = [
            sysconfig.get_path("stdlib"),
            sysconfig.get_path("platstdlib"),
            os.path.dirname(os.__file__),
        ]
        _STDLIB.extend(dict.fromkeys([*folders, *(os.path.realpath(folder) for folder in folders)]))
    return tuple(_STDLIB)


def _kind_of_folder(folder: str) -> Kind:
    """Whose the files of a folder are; `third-party` under any site folder, path installs aside."""
    real = os.path.realpath(folder)
    if any(_is_under(place, _ENGINE_FOLDER) for place in (folder, real)):
        return "engine"
    if is_site_path(folder) or is_site_path(real):
        return "third-party"
    if any(_is_under(place, top) for place in (folder, real) for top in stdlib_folders()):
        return "stdlib"
    return "first-party"


def _is_under(path: str, top: str) -> bool:
    return path == top or path.startswith(top + os.sep)
