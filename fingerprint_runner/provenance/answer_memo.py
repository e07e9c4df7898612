"""`AnswerMemo`: answers about source, remembered with all that they were found from.

Invariants: an answer is given only if each path that it was found from is as it was, by its signature
or else by its content; what was remembered under other rules, another Python or another search path
is never used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from fingerprint_runner.provenance.memo import Memo
from fingerprint_runner.provenance.sources import READER_VERSION, Sources, pack, unpack

BLOB = "closures"


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
        # path → (signature, digest); answer → (data, paths)
        self._paths: dict[str, tuple[tuple[int, ...], str]] = {}
        self._answers: dict[str, tuple[Any, tuple[str, ...]]] = {}
        self._same: dict[str, bool] = {}

    def refresh(self) -> None:
        """Forget what was seen of files; answers stay, to be checked again."""
        self._same.clear()

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        data = unpack(self._memo.load(BLOB))
        if not (isinstance(data, tuple) and len(data) == 3 and data[0] == self._validity):
            return
        _, rows, answers = data
        names = [row[0] for row in rows]
        self._paths = {row[0]: (row[1], row[2]) for row in rows}
        self._answers = {
            key: (answer, tuple(names[index] for index in indices))
            for key, (answer, indices) in answers.items()
        }

    def answer(self, key: str) -> Any:
        """What was remembered for a key, as plain data; None where nothing holds."""
        self._load()
        found = self._answers.get(key)
        if found is None:
            return None
        return found[0] if all(self._is_same(path) for path in found[1]) else None

    def _is_same(self, path: str) -> bool:
        same = self._same.get(path)
        if same is None:
            same = self._same[path] = self._compare(path)
        return same

    def _compare(self, path: str) -> bool:
        sig, digest = self._paths[path]
        now = self._sources.signature(path)
        if sig and sig == ((-1,) if now is None else now):
            self._sources.know(path, digest)
            return True
        if self._sources.digest(path) != digest:
            return False
        settled = self._sources.settled(path)
        if settled != sig:
            self._paths[path] = (settled, digest)
            self._changed = True
        return True

    def put(self, key: str, data: Any, paths: Iterable[str]) -> None:
        """Remember an answer.

        Args:
            key: of the answer.
            data: plain, as `marshal` keeps it.
            paths: every file that was read for it, and folder that was searched.
        """
        self._load()
        kept = tuple(dict.fromkeys(paths))
        for path in kept:
            digest = self._sources.digest(path)  # first: reading takes the signature of what was read
            self._paths[path] = (self._sources.settled(path), digest)
            self._same[path] = True
        self._answers[key] = (data, kept)
        self._changed = True

    def save(self) -> None:
        """Write the answers to the memo, if anything is new; answers that don't hold are dropped."""
        if not self._changed:
            return
        answers = {
            key: found
            for key, found in self._answers.items()
            if all(self._same.get(path, True) for path in found[1])
        }
        used = dict.fromkeys(path for _, paths in answers.values() for path in paths)
        index = {path: number for number, path in enumerate(used)}
        rows = [(path, *self._paths[path]) for path in used]
        plain = {key: (data, [index[path] for path in paths]) for key, (data, paths) in answers.items()}
        self._memo.save(BLOB, pack((self._validity, rows, plain)))
        self._changed = False
