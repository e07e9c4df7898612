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
        # path → (signature, digest) as last seen; answer → (data, path → the digest it was found from).
        # An answer has digests of its own: another answer may be found anew from a later text.
        self._paths: dict[str, tuple[tuple[int, ...], str]] = {}
        self._answers: dict[str, tuple[Any, dict[str, str]]] = {}
        self._present: dict[str, str] = {}

    def refresh(self) -> None:
        """Forget what was seen of files; answers stay, to be checked again."""
        self._present.clear()

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        data = unpack(self._memo.load(BLOB))
        if not (isinstance(data, tuple) and len(data) == 3 and data[0] == self._validity):
            return
        _, rows, answers = data
        self._paths = {path: (sig, digest) for path, sig, digest in rows}
        self._answers = {
            key: (answer, {rows[index][0]: rows[index][2] for index in indices})
            for key, (answer, indices) in answers.items()
        }

    def answer(self, key: str) -> Any:
        """What was remembered for a key, as plain data; None where nothing holds."""
        self._load()
        found = self._answers.get(key)
        if found is None:
            return None
        same = all(self._digest(path) == digest for path, digest in found[1].items())
        return found[0] if same else None

    def _digest(self, path: str) -> str:
        """The present digest of a path, by its signature where that can be trusted."""
        digest = self._present.get(path)
        if digest is None:
            digest = self._present[path] = self._look(path)
        return digest

    def _look(self, path: str) -> str:
        sig, digest = self._paths.get(path, ((), ""))
        now = self._sources.signature(path)
        if sig and sig == ((-1,) if now is None else now):
            self._sources.know(path, digest)
            return digest
        digest = self._sources.digest(path)  # first: reading takes the signature of what was read
        settled = self._sources.settled(path)
        if (settled, digest) != (sig, self._paths.get(path, ((), ""))[1]):
            self._paths[path] = (settled, digest)
            self._changed = True
        return digest

    def put(self, key: str, data: Any, paths: Iterable[str]) -> None:
        """Remember an answer.

        Args:
            key: of the answer.
            data: plain, as `marshal` keeps it.
            paths: every file that was read for it, and folder that was searched.
        """
        self._load()
        self._answers[key] = (data, {path: self._digest(path) for path in paths})
        self._changed = True

    def save(self) -> None:
        """Write the answers to the memo, if anything is new; answers that don't hold are dropped."""
        if not self._changed:
            return
        answers = {
            key: found
            for key, found in self._answers.items()
            if all(self._paths[path][1] == digest for path, digest in found[1].items())
        }
        used = dict.fromkeys(path for _, paths in answers.values() for path in paths)
        index = {path: number for number, path in enumerate(used)}
        rows = [(path, *self._paths[path]) for path in used]
        plain = {key: (data, [index[path] for path in paths]) for key, (data, paths) in answers.items()}
        self._memo.save(BLOB, pack((self._validity, rows, plain)))
        self._changed = False
