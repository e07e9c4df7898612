"""`Distributions`: which installed distribution a module comes from, and what counts of it (R4).

Invariants: nothing is imported; a version is the metadata's line, not a folder's name; what was learnt
of a folder holds while its signature does, and the metadata of distributions in use is looked at every
time; a module that belongs to none counts by its bytes.

A package edited in place under a site folder isn't seen: its version stands for it.
"""

# Plain strings: pathlib's `stat` takes four times as long as `os.stat`.
# ruff: noqa: PTH112, PTH118, PTH119, PTH120, PTH208

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from fingerprint_runner.provenance.files import ABSENT, FileDigests, tree_digest
from fingerprint_runner.provenance.installs import read_or_none
from fingerprint_runner.provenance.locate import Locator, absolute_entry
from fingerprint_runner.provenance.memo import Memo, pack, unpack
from fingerprint_runner.provenance.metadata import (
    Metadata,
    Requirement,
    canonical_name,
    parse_metadata,
    parse_requires_txt,
    pinned_source,
    record_top_names,
    top_names,
)
from fingerprint_runner.provenance.signatures import UNSETTLED, Signature, is_settled, signature

ENGINE_DISTRIBUTION = "fingerprint-runner"
MODULE_PREFIX = "module:"

_BLOB = "distributions"
_LAYOUT = 1
_NOT_CODE = frozenset({"__pycache__"})


class _Folder(NamedTuple):
    """What one folder of the search path holds."""

    infos: dict[str, list[str]]
    """Canonical name → paths of its info folders or files; more than one where leftovers lie about."""
    tops: dict[str, list[str]]
    """Top-level module → canonical names of its distributions."""


class _Facts(NamedTuple):
    """What one info folder says, without its modules."""

    metadata: Metadata
    pin: str
    is_local: bool


class Distributions:
    """The distributions installed in a search path.

    Args:
        search_path: as `sys.path`.
        memo: where what was learnt is kept.
        clock: the time in nanoseconds since the epoch.
    """

    def __init__(
        self, search_path: Sequence[str], memo: Memo, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._entries = tuple(dict.fromkeys(absolute_entry(entry) for entry in search_path))
        self._memo = memo
        self._clock = clock
        self._files = FileDigests(memo, "package-files", clock)
        self._locator = Locator(search_path)
        self._loaded: tuple[dict[str, tuple[Signature, _Folder]], dict[str, tuple[object, _Facts]]] | None
        self._loaded = None
        self._changed = False
        self._forget()

    def _forget(self) -> None:
        self._folders: dict[str, _Folder] = {}
        self._facts: dict[str, _Facts] = {}
        self._answers: dict[str, str] = {}
        self._looks: dict[str, Signature | None] = {}

    def refresh(self) -> None:
        """Look at everything again when next asked; unchanged signatures keep what was learnt."""
        self._forget()
        self._locator.refresh()

    def owners(self, module: str) -> tuple[str, ...]:
        """The canonical names of all distributions that put something under a top-level module.

        More than one for namespace packages, whose parts come from several.
        """
        top = module.partition(".")[0]
        names: dict[str, None] = {}
        for folder in self._all_folders():
            names.update(dict.fromkeys(folder.tops.get(top, ())))
        return tuple(sorted(names))

    def owner(self, top_module: str) -> str | None:
        """The canonical name of the distribution that provides a top-level module.

        The first on the search path; None where none does.
        """
        for folder in self._all_folders():
            names = folder.tops.get(top_module)
            if names:
                return min(names)
        return None

    def query_names(self, module: str) -> tuple[str, ...]:
        """What to ask `answer` about a third-party module: its distributions, or `module:<top name>`."""
        return self.owners(module) or (MODULE_PREFIX + module.partition(".")[0],)

    def version(self, distribution: str) -> str | None:
        """The version that a distribution's metadata states; None where it isn't installed.

        Where a folder holds several versions of one, all of them, joined: which one Python's tools
        would name is chance.
        """
        infos = self._infos(canonical_name(distribution))
        if not infos:
            return None
        return ", ".join(sorted({self._facts_of(info).metadata.version or "unknown" for info in infos}))

    def with_requirements(self, names: Iterable[str]) -> tuple[str, ...]:
        """Distributions with all that they require, canonical and sorted.

        Requirements of extras that nobody asks for are left out, and so are those under a marker that
        aren't installed. An unconditional one that isn't installed stays, as an absence that counts.
        The engine itself is left out: it counts by its format version.
        """
        pending: list[tuple[str, str]] = [(canonical_name(name), "") for name in names]
        seen = set(pending)
        while pending:
            name, extra = pending.pop()
            if name == ENGINE_DISTRIBUTION:
                continue
            for requirement in self._requirements(name):
                applies = extra in requirement.only_for if extra else not requirement.only_for
                if not applies or (requirement.conditional and not self._infos(requirement.name)):
                    continue
                for wanted in ("", *requirement.extras):
                    step = (requirement.name, wanted)
                    if step not in seen:
                        seen.add(step)
                        pending.append(step)
        return tuple(sorted({name for name, _ in seen} - {ENGINE_DISTRIBUTION}))

    def answer(self, name: str) -> str:
        """What counts of a distribution, or of a module that belongs to none.

        Args:
            name: a distribution, a top-level module, or `module:` and a top-level module.

        Returns:
            The version, with the commit or archive digest that it was installed from and, where it
            was installed from a local folder, the digest of its modules; `bytes:<digest>` for a
            module without distribution; `absent` where there is neither.

        Raises:
            SourceChanged: a file that counts by its bytes kept changing.
        """
        known = self._answers.get(name)
        if known is None:
            known = self._answers[name] = self._answer(name)
        return known

    def _answer(self, name: str) -> str:
        if name.startswith(MODULE_PREFIX):
            return self._bytes_answer(name.removeprefix(MODULE_PREFIX))
        infos = self._infos(canonical_name(name))
        if infos:
            return self._installed_answer(canonical_name(name), infos)
        owners = self.owners(name)
        if owners:
            return "; ".join(f"{owner} {self.answer(owner)}" for owner in owners)
        return self._bytes_answer(name)

    def _installed_answer(self, name: str, infos: Sequence[str]) -> str:
        parts = [self.version(name) or "unknown"]
        parts.extend(sorted({f"@{facts.pin}" for facts in map(self._facts_of, infos) if facts.pin}))
        if any(self._facts_of(info).is_local for info in infos):
            # The version of a local folder stays while its code is edited.
            tops = {top for folder in self._all_folders() for top in folder.tops if name in folder.tops[top]}
            parts.extend(f"{top}={self._bytes_answer(top)}" for top in sorted(tops))
        return " ".join(parts)

    def _bytes_answer(self, top: str) -> str:
        location = self._locator.locate(top)
        for probed in location.probed:
            self._note(probed)
        if location.kind == "absent":
            return ABSENT
        if location.kind in ("builtin", "stdlib", "engine"):
            return location.kind
        path, places = location.path, location.search_locations
        if path is not None and os.path.dirname(path) not in places:
            places = (path,)  # a single file, or the archive that holds the module
        digests: dict[str, str] = {}
        for index, place in enumerate(places):
            # One name is a pattern too, and means itself where it exists as written.
            found = self._files.look(os.path.dirname(place), [os.path.basename(place)], _NOT_CODE)
            digests.update({f"{index}/{key}": value for key, value in found.digests.items()})
            self._looks.update(found.signatures)
        return f"bytes:{tree_digest(digests)}"

    def looked_at(self) -> dict[str, Signature | None]:
        """Absolute path → signature of all that answers since `refresh()` rest on, for `first_changed`."""
        return dict(self._looks)

    def save(self) -> None:
        """Keep what was learnt, if anything was."""
        self._files.save()
        if not self._changed or self._loaded is None:
            return
        folders, facts = self._loaded
        plain_folders = {path: (sig, tuple(folder)) for path, (sig, folder) in folders.items()}
        plain_facts = {path: (sigs, _plain(entry)) for path, (sigs, entry) in facts.items()}
        self._memo.save(_BLOB, pack(_LAYOUT, (plain_folders, plain_facts)))
        self._changed = False

    def _remembered(
        self,
    ) -> tuple[dict[str, tuple[Signature, _Folder]], dict[str, tuple[object, _Facts]]]:
        if self._loaded is None:
            data: Any = unpack(self._memo.load(_BLOB), _LAYOUT) or ({}, {})
            self._loaded = (
                {path: (sig, _Folder(*folder)) for path, (sig, folder) in data[0].items()},
                {path: (sigs, _facts(entry)) for path, (sigs, entry) in data[1].items()},
            )
        return self._loaded

    def _note(self, path: str) -> Signature | None:
        """A path's signature, kept as looked at."""
        now = self._clock()
        sig = signature(path)
        self._looks[path] = sig if sig is None or is_settled(sig, now) else UNSETTLED
        return sig

    def _all_folders(self) -> Iterator[_Folder]:
        for entry in self._entries:
            folder = self._folders.get(entry)
            if folder is None:
                folder = self._folders[entry] = self._folder(entry)
            yield folder

    def _folder(self, entry: str) -> _Folder:
        sig = self._note(entry)
        known = self._remembered()[0].get(entry)
        if known is not None and known[0] == sig:
            return known[1]
        folder = self._read_folder(entry)
        if sig is not None and self._looks[entry] == sig:
            self._remembered()[0][entry] = (sig, folder)
            self._changed = True
        return folder

    def _read_folder(self, entry: str) -> _Folder:
        infos: dict[str, list[str]] = {}
        tops: dict[str, list[str]] = {}
        for info in _info_paths(entry):
            name = self._facts_of(info).metadata.name or _name_of_info(info)
            infos.setdefault(name, []).append(info)
            for top in sorted(_modules_of(info, name)):
                owners = tops.setdefault(top, [])
                if name not in owners:
                    owners.append(name)
        return _Folder(infos, tops)

    def _infos(self, name: str) -> list[str]:
        """The info folders of a distribution, in the first folder of the path that has any."""
        for folder in self._all_folders():
            infos = folder.infos.get(name)
            if infos:
                return infos
        return []

    def _requirements(self, name: str) -> Iterator[Requirement]:
        for info in self._infos(name):
            yield from self._facts_of(info).metadata.requirements

    def _facts_of(self, info: str) -> _Facts:
        facts = self._facts.get(info)
        if facts is not None:
            return facts
        paths = _fact_paths(info)
        sigs = tuple(self._note(path) for path in paths)
        known = self._remembered()[1].get(info)
        if known is not None and known[0] == sigs:
            facts = known[1]
        else:
            facts = _read_facts(paths)
            if all(self._looks[path] == sig for path, sig in zip(paths, sigs, strict=True)):
                self._remembered()[1][info] = (sigs, facts)
                self._changed = True
        self._facts[info] = facts
        return facts


def _info_paths(entry: str) -> list[str]:
    """The info folders and files in a folder of the search path, sorted."""
    if entry.endswith(".egg"):
        inside = os.path.join(entry, "EGG-INFO")
        return [inside] if os.path.isdir(inside) else []
    try:
        names = sorted(os.listdir(entry))
    except OSError:
        return []
    return [os.path.join(entry, name) for name in names if name.endswith((".dist-info", ".egg-info"))]


def _fact_paths(info: str) -> tuple[str, ...]:
    """Metadata, direct URL and requirements: the files whose change can alter a distribution's facts."""
    if info.endswith(".dist-info"):
        return (os.path.join(info, "METADATA"), os.path.join(info, "direct_url.json"))
    if os.path.isdir(info):
        return tuple(os.path.join(info, name) for name in ("PKG-INFO", "direct_url.json", "requires.txt"))
    return (info,)


def _read_facts(paths: Sequence[str]) -> _Facts:
    texts = [read_or_none(path) or "" for path in paths]
    metadata = parse_metadata(texts[0])
    if len(texts) > 2 and not metadata.requirements:
        metadata = metadata._replace(requirements=parse_requires_txt(texts[2]))
    pin, is_local = pinned_source(texts[1]) if len(texts) > 1 and texts[1] else ("", False)
    return _Facts(metadata, pin, is_local)


def _name_of_info(info: str) -> str:
    return canonical_name(os.path.basename(info).rpartition(".")[0].partition("-")[0])


def _modules_of(info: str, name: str) -> set[str]:
    """The top-level modules that a distribution installed, or, by its name, seems to have."""
    declared = read_or_none(os.path.join(info, "top_level.txt")) or ""
    modules = {line.strip() for line in declared.splitlines() if line.strip().isidentifier()}
    modules |= record_top_names(read_or_none(os.path.join(info, "RECORD")) or "")
    if not modules and not info.endswith(".dist-info"):
        listed = read_or_none(os.path.join(info, "installed-files.txt")) or ""
        # Relative to the info folder: `../package/module.py`.
        firsts = (line[3:].partition("/") for line in listed.splitlines() if line.startswith("../"))
        modules = top_names(first + slash for first, slash, _ in firsts)
    return modules or {name.replace("-", "_")}


def _plain(facts: _Facts) -> tuple[object, ...]:
    """Facts as tuples of plain data: `marshal` takes no subclass of tuple."""
    metadata = facts.metadata
    requirements = tuple(tuple(each) for each in metadata.requirements)
    return (metadata.name, metadata.version, requirements, facts.pin, facts.is_local)


def _facts(plain: tuple[str | None, str | None, tuple[tuple[object, ...], ...], str, bool]) -> _Facts:
    name, version, requirements, pin, is_local = plain
    return _Facts(Metadata(name, version, tuple(Requirement(*each) for each in requirements)), pin, is_local)  # type: ignore[arg-type]
