"""`FileDigests`: the content of data files, read once and then known by their stat signatures.

Invariants: a digest is of bytes that were there at one moment, or `SourceChanged` is raised; no
signature is trusted that was unsettled when looked at; answers hold no absolute path that the graph's
author didn't write (R3); a look at a folder names every file and folder whose change could alter it.
"""

# Plain strings: pathlib's `stat` takes four times as long as `os.stat`.
# ruff: noqa: PTH100, PTH110, PTH112, PTH116, PTH118, PTH123, PTH208

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import xxhash

from fingerprint_runner.errors import SourceChanged
from fingerprint_runner.provenance.memo import Memo, pack, unpack
from fingerprint_runner.provenance.patterns import is_magic, matches, pattern_parts
from fingerprint_runner.provenance.signatures import UNSETTLED, Signature, is_settled, note_look, signature_of

ABSENT = "absent"
EMPTY_FOLDER = "folder"
LOOP = "loop"
SPECIAL = "special"

BLOCK = 1 << 20
READ_ATTEMPTS = 3
MOST_REMEMBERED = 200_000
_LAYOUT = 1


class Look(NamedTuple):
    """What was seen at one path: plain data, so that a plan can keep it.

    Attributes:
        signature: None where nothing was there.
        digest: of a file's content, of a folder's sorted names; `absent` or `special` else.
        settled: whether the signature may be trusted.
    """

    signature: Signature | None
    digest: str
    settled: bool


@dataclass(frozen=True)
class DeclaredFiles:
    """A node's `files`, or a `path` input, as found at one moment.

    Attributes:
        digests: key → digest of content, sorted; see `FileDigests.declared`.
        looks: absolute path → what was seen of each file and folder on the way.
    """

    digests: Mapping[str, str]
    looks: Mapping[str, Look]

    @property
    def signatures(self) -> dict[str, Signature | None]:
        """Absolute path → signature, for `first_changed`; `UNSETTLED` where it proves nothing."""
        return {path: look.signature if look.settled else UNSETTLED for path, look in self.looks.items()}


class FileDigests:
    """Digests of files' content, remembered between runs.

    Args:
        memo: where signatures and digests are kept.
        name: of the blob in it.
        clock: the time in nanoseconds since the epoch.
    """

    def __init__(self, memo: Memo, name: str = "files", clock: Callable[[], int] = time.time_ns) -> None:
        self._memo = memo
        self._name = name
        self._clock = clock
        self._known: dict[str, tuple[Signature, str]] | None = None
        self._used: set[str] = set()
        self._changed = False

    def digest(self, path: str | Path) -> str | None:
        """The digest of a file's content.

        Args:
            path: relative ones are of the working directory.

        Returns:
            32 hex digits (xxh3-128); None where there is no regular file.

        Raises:
            SourceChanged: the file kept changing while it was read.
            PermissionError: it can't be read.
        """
        look = self._look_at_file(os.path.abspath(path), self._clock())
        return None if look.digest in (ABSENT, SPECIAL) else look.digest

    def declared(self, root: str | Path, patterns: Sequence[str]) -> dict[str, str]:
        """The files that a node declares.

        Patterns are paths relative to `root` with `/`, with `*`, `?`, `[…]` inside a part and `**`
        for any number of folders; names that start with a dot are matched too. A folder means its
        whole tree. Links are followed for content.

        Args:
            root: the graph file's folder.
            patterns: as written.

        Returns:
            Path as written (globs filled in, `/` between parts) → digest of the file's content;
            `absent` for a pattern that matches nothing and for a dangling link, `folder` for an
            empty folder (its key ends with `/`), `loop` for a link to a folder that it lies in,
            `special` for sockets and the like. Sorted.

        Raises:
            SourceChanged: a file kept changing while it was read.
        """
        return dict(self.look(root, patterns).digests)

    def look(
        self, root: str | Path, patterns: Sequence[str], skip: frozenset[str] = frozenset()
    ) -> DeclaredFiles:
        """As `declared`, with what was looked at on the way.

        Args:
            skip: names of files and folders that don't count wherever they lie.
        """
        return _Walk(self, os.path.abspath(root), skip, self._clock()).declared(patterns)

    def content_identity(self, path: str | Path) -> str:
        """The identity of a `path` input: of a file's content, or of a folder's tree.

        Names inside a folder count, the path's own name doesn't (R3).

        Raises:
            FileNotFoundError: there is neither.
            SourceChanged: a file kept changing while it was read.
        """
        return self.identity_with_looks(path)[0]

    def identity_with_looks(self, path: str | Path) -> tuple[str, dict[str, Look]]:
        """As `content_identity`, with what was looked at on the way."""
        path = os.path.abspath(path)
        if not os.path.exists(path):
            raise FileNotFoundError(f"there is no file or folder {path!r}")
        found = _Walk(self, path, frozenset(), self._clock()).tree_or_file()
        if found.digests.get("") in (ABSENT, SPECIAL):
            raise FileNotFoundError(f"{path!r} is neither a file nor a folder")
        if "" in found.digests:
            return found.digests[""], dict(found.looks)
        return tree_digest(found.digests), dict(found.looks)

    def changed_since(self, planned: Mapping[str, Look], *, by_content_alone: bool = False) -> list[str]:
        """The files and folders that aren't any more what they were when looked at (R12).

        Args:
            planned: absolute path → what was seen then.
            by_content_alone: take a file that was written again with the same bytes for unchanged.
                By default it counts as changed: what lay there in between may have been read.

        Returns:
            Their paths, sorted.
        """
        now = self._clock()
        return sorted(
            path for path, old in planned.items() if self._differs(path, old, now, by_content_alone)
        )

    def _differs(self, path: str, old: Look, now: int, by_content_alone: bool) -> bool:
        sig = _signature(path)
        if sig == old.signature and old.settled:
            return False
        if sig is None or old.signature is None:
            return sig != old.signature
        if stat.S_IFMT(sig[4]) != stat.S_IFMT(old.signature[4]):
            return True
        if stat.S_ISDIR(sig[4]):
            return _names_digest(_names(path)) != old.digest
        # ctime alone moves when a file is linked or its mode set: then its content decides.
        rewritten = (sig[0], sig[1], sig[3]) != (old.signature[0], old.signature[1], old.signature[3])
        if rewritten and not by_content_alone:
            return True
        return self._look_at_file(path, now).digest != old.digest

    def refresh(self) -> None:
        """Forget what this object holds; what the memo keeps is read again."""
        self._known = None
        self._used.clear()
        self._changed = False

    def save(self) -> None:
        """Keep what was learnt, if anything was; when it is too much, only what was used."""
        if not self._changed or self._known is None:
            return
        if len(self._known) > MOST_REMEMBERED:
            self._known = {path: entry for path, entry in self._known.items() if path in self._used}
        self._memo.save(self._name, pack(_LAYOUT, self._known))
        self._changed = False

    def _remembered(self) -> dict[str, tuple[Signature, str]]:
        if self._known is None:
            data = unpack(self._memo.load(self._name), _LAYOUT)
            self._known = data if isinstance(data, dict) else {}
        return self._known

    def _look_at_file(self, path: str, now: int) -> Look:
        """What lies at a path that is no folder; `now` is the time before the look."""
        for _ in range(READ_ATTEMPTS):
            sig = _signature(path)
            if sig is None:
                return Look(None, ABSENT, True)
            if not stat.S_ISREG(sig[4]):
                return Look(sig, SPECIAL, is_settled(sig, now))
            known = self._remembered().get(path)
            if known is not None and known[0] == sig:
                self._used.add(path)
                return Look(sig, known[1], True)
            try:
                digest = _read_digest(path, sig)
            except FileNotFoundError:
                continue
            if digest is None:
                continue
            settled = is_settled(sig, now)
            if settled:
                self._remembered()[path] = (sig, digest)
                self._used.add(path)
                self._changed = True
            return Look(sig, digest, settled)
        raise SourceChanged(path, "it kept changing while it was read")


class _Walk:
    """One look at some patterns below a root: collects digests by key, and looks by path."""

    def __init__(self, files: FileDigests, root: str, skip: frozenset[str], now: int) -> None:
        self._files = files
        self._root = root
        self._skip = skip
        self._now = now
        self._digests: dict[str, str] = {}
        self._looks: dict[str, Look] = {}

    def declared(self, patterns: Sequence[str]) -> DeclaredFiles:
        for pattern in patterns:
            before = len(self._digests)
            matched = False
            for path, key in self._matching(pattern):
                matched = True
                self._add(path, key)
            if not matched and len(self._digests) == before:
                self._digests[pattern] = ABSENT
        return self._result()

    def tree_or_file(self) -> DeclaredFiles:
        self._add(self._root, "")
        return self._result()

    def _result(self) -> DeclaredFiles:
        return DeclaredFiles({key: self._digests[key] for key in sorted(self._digests)}, self._looks)

    def _matching(self, pattern: str) -> Iterator[tuple[str, str]]:
        """The paths that a pattern means, each with its key; folders are not opened up here."""
        start, parts = pattern_parts(pattern)
        base = start or self._root
        literal = os.path.join(base, *parts)
        if self._is_there(literal):
            # A name may hold `[`: what exists as written is what was meant.
            yield literal, _key(start, "/".join(parts))
            return
        if not any(is_magic(part) for part in parts):
            return
        seen: set[tuple[str, int]] = set()
        states: list[tuple[str, str, int, _Chain]] = [(base, start, 0, None)]
        while states:
            path, key, index, above = states.pop()
            if (key, index) in seen:
                continue
            seen.add((key, index))
            part, is_last = parts[index], index == len(parts) - 1
            if part == "**":
                if is_last:
                    yield path, key
                    continue
                states.append((path, key, index + 1, above))
            if not is_magic(part):
                child = os.path.join(path, part)
                if self._is_there(child):
                    if is_last:
                        yield child, _key(key, part)
                    else:
                        states.append((child, _key(key, part), index + 1, above))
                continue
            chain = self._enter(path, above)
            if chain is None:
                continue
            for name in self._list(path):
                child = os.path.join(path, name)
                if part == "**":
                    if os.path.isdir(child):
                        states.append((child, _key(key, name), index, chain))
                elif matches(name, part):
                    if is_last:
                        yield child, _key(key, name)
                    else:
                        states.append((child, _key(key, name), index + 1, chain))

    def _add(self, path: str, key: str) -> None:
        """Count a file, or the whole tree of a folder; linear in what is there, without recursion."""
        stack: list[tuple[str, str, _Chain]] = [(path, key, None)]
        while stack:
            path, key, above = stack.pop()
            if not os.path.isdir(path):
                look = self._looks[path] = self._files._look_at_file(path, self._now)
                self._digests[_shown(key)] = look.digest
                continue
            chain = self._enter(path, above)
            if chain is None:
                self._digests[_shown(f"{key or '.'}/")] = LOOP
                continue
            names = self._list(path)
            if not names:
                self._digests[_shown(f"{key or '.'}/")] = EMPTY_FOLDER
            stack.extend((os.path.join(path, name), _key(key, name), chain) for name in names)

    def _enter(self, folder: str, above: _Chain) -> _Chain:
        """The chain of folders down to this one; None where it can't be entered or lies in itself."""
        try:
            status = os.stat(folder)
        except OSError:
            self._looks[folder] = Look(None, ABSENT, True)
            note_look(folder, None)
            return None
        if not stat.S_ISDIR(status.st_mode):
            return None
        this = (status.st_dev, status.st_ino)
        link = above
        while link is not None:
            if link[0] == this:
                return None
            link = link[1]
        return (this, above)

    def _list(self, folder: str) -> list[str]:
        """The names in a folder that count, sorted; looked at once in a walk."""
        sig = _signature(folder)  # before listing: what comes later then shows
        names = _names(folder)
        self._looks[folder] = Look(sig, _names_digest(names), sig is None or is_settled(sig, self._now))
        return [name for name in names if name not in self._skip]

    def _is_there(self, path: str) -> bool:
        """Whether anything lies at a path, dangling links too; absence is an input and is kept."""
        if os.path.lexists(path):
            return True
        self._looks[path] = Look(None, ABSENT, True)
        note_look(path, None)
        return False


_Chain = tuple[tuple[int, int], "_Chain"] | None


def tree_digest(digests: Mapping[str, str]) -> str:
    """The digest of a tree: its relative paths, sorted, each with the digest of its content."""
    from fingerprint_runner.fingerprints.encoding import digest

    return digest(["tree", [[key, digests[key]] for key in sorted(digests)]])


def _read_digest(path: str, expected: Signature) -> str | None:
    """The digest of a file that keeps a signature while it is read; None where it doesn't."""
    hasher = xxhash.xxh3_128()
    with open(path, "rb", buffering=0) as file:
        if signature_of(os.fstat(file.fileno())) != expected:
            return None
        block = memoryview(bytearray(min(BLOCK, expected[0] + 1)))
        while count := file.readinto(block):
            hasher.update(block[:count])
        if signature_of(os.fstat(file.fileno())) != expected:
            return None
    # The path may lead to another file by now.
    return hasher.hexdigest() if _signature(path) == expected else None


def _signature(path: str) -> Signature | None:
    """As `signature`, but a path that may not be looked at is an error, not an absence."""
    found: Signature | None = None
    try:
        found = signature_of(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        if error.errno != errno.ELOOP:  # a link to itself leads nowhere
            raise
    note_look(path, found)
    return found


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _names_digest(names: Sequence[str]) -> str:
    return xxhash.xxh3_128_hexdigest("\0".join(names).encode("utf-8", "surrogateescape"))


def _key(folder: str, name: str) -> str:
    return f"{folder}{name}" if folder in ("", "/") else f"{folder}/{name}"


def _shown(key: str) -> str:
    """A key as text that any encoding takes: names that aren't UTF-8 get escapes."""
    return os.fsencode(key).decode("utf-8", "backslashreplace")
