"""`AnswerMemo`: answers about source, remembered with all that they were found from.

Invariants: an answer is given only if each file that it was found from is as it was, by its signature
or else by its content, and each module that was looked for lies where it lay: so say the signatures
of all folders that were searched, or else another search; what was remembered under other rules,
another Python or another search path is never used. What an answer was found from is its own: that
another answer was found anew says nothing about it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fingerprint_runner.provenance.memo import Memo
from fingerprint_runner.provenance.signatures import Signature
from fingerprint_runner.provenance.sources import ABSENT, READER_VERSION, UNSETTLED, Sources, pack, unpack

BLOB = "closures"

_Place = tuple[str, str, str | None]
"""A module, whose it is and where its file lies."""


@dataclass
class _Answer:
    """One remembered answer.

    Attributes:
        data: plain.
        files: path → digest of what was read.
        folders: path → signature when it was searched.
        places: indices of what was found of each module.
    """

    data: Any
    files: dict[str, str]
    folders: dict[str, Signature]
    places: tuple[int, ...]


class AnswerMemo:
    """Remembers answers by a key.

    Args:
        memo: where they are kept between runs.
        sources: the files as they are now.
        search_path: absolute entries.
    """

    def __init__(self, memo: Memo, sources: Sources, search_path: Sequence[str]) -> None:
        self._memo = memo
        self._sources = sources
        self._validity = [READER_VERSION, sys.version, list(search_path)]
        self._loaded = False
        self._changed = False
        self._answers: dict[str, _Answer] = {}
        self._seen: dict[str, tuple[Signature, str]] = {}  # file → signature and digest, as last seen
        self._places: dict[_Place, int] = {}
        self._numbered: list[_Place] = []
        self._present: dict[str, str] = {}

    def refresh(self) -> None:
        """Forget what was seen of files; answers stay, to be checked again."""
        self._present.clear()

    def answer(self, key: str) -> Any:
        """What was remembered for a key, as plain data; None where nothing holds."""
        self._load()
        found = self._answers.get(key)
        if found is None or not self._lies_as_it_lay(found):
            return None
        return found.data if all(self._digest(path) == was for path, was in found.files.items()) else None

    def _lies_as_it_lay(self, answer: _Answer) -> bool:
        if all(self._is_unmoved(folder, was) for folder, was in answer.folders.items()):
            return True
        for index in answer.places:
            module, kind, path = self._numbered[index]
            where = self._sources.located(module)
            if (where.kind, where.path) != (kind, path):
                return False
        # The search that was just made stands for the folders as they are now.
        folders = {folder: self._sources.settled(folder) for folder in answer.folders}
        if folders != answer.folders:
            answer.folders = folders
            self._changed = True
        return True

    def _is_unmoved(self, folder: str, was: Signature) -> bool:
        now = self._sources.signature(folder)
        return was != UNSETTLED and was == (ABSENT if now is None else now)

    def _digest(self, path: str) -> str:
        """The present digest of a file, by its signature where that can be trusted."""
        digest = self._present.get(path)
        if digest is None:
            digest = self._present[path] = self._look(path)
        return digest

    def _look(self, path: str) -> str:
        sig, digest = self._seen.get(path, (UNSETTLED, ""))
        now = self._sources.signature(path)
        if sig != UNSETTLED and sig == (ABSENT if now is None else now):
            self._sources.know(path, digest)
            return digest
        digest = self._sources.digest(path)  # first: reading takes the signature of what was read
        seen = (self._sources.settled(path), digest)
        if seen != self._seen.get(path):
            self._seen[path] = seen
            self._changed = True
        return digest

    def put(self, key: str, data: Any, modules: Iterable[str], listed: Iterable[str] = ()) -> None:
        """Remember an answer.

        Args:
            key: of the answer.
            data: plain, as `marshal` keeps it.
            modules: every one that was looked for, there or not; those of first-party files were read.
            listed: folders whose listing is part of the answer.
        """
        self._load()
        files = dict.fromkeys(listed)
        folders: dict[str, None] = {}
        places = []
        for module in dict.fromkeys(modules):
            where = self._sources.located(module)
            places.append(self._number((module, where.kind, where.path)))
            folders.update(dict.fromkeys(where.probed))
            if where.path is not None and where.kind in ("first-party", "engine"):
                files[where.path] = None
        self._answers[key] = _Answer(
            data,
            {path: self._digest(path) for path in files},
            {folder: self._sources.settled(folder) for folder in folders},
            tuple(places),
        )
        self._changed = True

    def _number(self, place: _Place) -> int:
        index = self._places.get(place)
        if index is None:
            index = self._places[place] = len(self._numbered)
            self._numbered.append(place)
        return index

    # -- the blob ------------------------------------------------------------------------------

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        data = unpack(self._memo.load(BLOB))
        if not (isinstance(data, tuple) and len(data) == 4 and data[0] == self._validity):
            return
        _, seen, places, answers = data
        self._seen = {path: (sig, digest) for path, sig, digest in seen}
        self._numbered = places
        self._places = {place: index for index, place in enumerate(places)}
        paths = [row[0] for row in seen]
        self._answers = {
            key: _Answer(
                answer,
                {paths[index]: digest for index, digest in zip(*files, strict=True)},
                folders,
                numbers,
            )
            for key, (answer, files, folders, numbers) in answers.items()
        }

    def save(self) -> None:
        """Write the answers to the memo, if anything is new; answers that don't hold are dropped."""
        if not self._changed:
            return
        kept = {
            key: found
            for key, found in self._answers.items()
            if all(self._present.get(path, was) == was for path, was in found.files.items())
        }
        paths = dict.fromkeys(path for found in kept.values() for path in found.files)
        numbers = {path: index for index, path in enumerate(paths)}
        used = dict.fromkeys(index for found in kept.values() for index in found.places)
        renumbered = {old: new for new, old in enumerate(used)}
        answers = {
            key: (
                found.data,
                ([numbers[path] for path in found.files], list(found.files.values())),
                found.folders,
                tuple(renumbered[index] for index in found.places),
            )
            for key, found in kept.items()
        }
        blob = (
            self._validity,
            [(path, *self._seen[path]) for path in paths],
            [self._numbered[index] for index in used],
            answers,
        )
        self._memo.save(BLOB, pack(blob))
        self._changed = False
