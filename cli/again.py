"""`fr run` again: answered from what the last such call printed, while nothing has changed that it looked at.

    answer      at a call: look again at what the same call looked at, and print again
    remember    after a run in which all were hits: what it looked at, and what it printed

Invariants: a call is answered only if it is word for word the same, from the same folder, to the same
kind of terminal; what isn't understood, can't be read or differs is left to the command itself. Nothing
is imported here but what every look needs.
"""

# Plain strings: pathlib takes longer to import than an answer takes.
# ruff: noqa: PTH100, PTH109, PTH118, PTH120, PTH123

from __future__ import annotations

import marshal
import os
import stat
import sys
import time
from collections.abc import Iterable, Mapping, Sequence

from fingerprint_runner import __version__
from fingerprint_runner.provenance.signatures import signature
from fingerprint_runner.recipes.finding import candidates_above, graph_files_above

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fingerprint_runner.provenance.standstill import Standstill
    from fingerprint_runner.storage.memo import FolderMemo

Piece = tuple[int, "bytes | str"]
"""Descriptor, and what is written to it: bytes as they are, or one of the words below."""
RUN_ID = "run id"
SECONDS = "seconds"
EXACT_SECONDS = "exact seconds"

_SLOTS = 16
"""So many different calls are remembered of one graph file."""

_asked: _Call | None = None
"""What this process was called for."""


def answer(arguments: Sequence[str]) -> bool:
    """Print what this call printed last time, if nothing has changed since; gives whether that is done."""
    global _asked
    started = time.perf_counter()
    try:
        call = _asked = _call(arguments)
        data = None if call is None else _load(call)
        if call is None or data is None or not _holds(call, data[0]):
            return False
    except (OSError, ValueError, TypeError, IndexError, KeyError):
        return False  # the command itself says what is wrong
    _print(data[1], started)
    return True


def remember(memo: FolderMemo, standstill: Standstill, pieces: Sequence[Piece]) -> None:
    """Keep what this process's call looked at and printed."""
    call = _asked
    if call is not None and memo.folder == os.path.join(call.store, "memo"):
        plain: Any = (_key(call), standstill, list(pieces))
        memo.save(_slot(call), marshal.dumps(plain))


class _Call:
    """One call of `fr run`: its words, and where its graph file and store are."""

    def __init__(self, arguments: Sequence[str], folder: str, graph_file: str, cache: str) -> None:
        self.arguments = tuple(arguments)
        self.folder = folder
        self.graph_file = graph_file
        self.store = os.path.join(cache, "fr")


def _call(arguments: Sequence[str]) -> _Call | None:
    """What is called for, as far as finding the store takes; None for what isn't plainly `fr run`."""
    words = list(arguments)
    folder = os.getcwd()
    if words[:1] == ["-C"] and len(words) > 1:
        folder = os.path.join(folder, words[1])
        words = words[2:]
    if words[:1] != ["run"]:
        return None
    file = _option(words, "--file", "-f")
    cache = _option(words, "--cache-dir") or os.environ.get("FR_CACHE_DIR") or None
    files = graph_files_above(os.path.abspath(folder)) if file is None else [os.path.join(folder, file)]
    if len(files) != 1:
        return None
    found = files[0]
    beside = os.path.join(os.path.dirname(os.path.realpath(found)), ".cache")
    store = beside if cache is None else os.path.join(folder, os.path.expanduser(cache))  # noqa: PTH111
    return _Call(arguments, folder, found, os.path.abspath(store))


def _option(words: Sequence[str], *names: str) -> str | None:
    """The value of an option where it stands as a word of its own, or after `=`."""
    for index, word in enumerate(words):
        if word in names and index + 1 < len(words):
            return words[index + 1]
        name, equals, value = word.partition("=")
        if equals and name in names and name.startswith("--"):
            return value
    return None


def look_for_graph_file(file: str | None) -> None:
    """Look at every path that the search for the graph file asks for, so that a new file there shows."""
    if file is not None:
        signature(os.path.abspath(file))
        return
    for paths in candidates_above(os.getcwd()):
        found = [signature(path) for path in paths]
        if any(found):
            return


def _key(call: _Call) -> tuple[object, ...]:
    """All that must be the same for a call to be the same."""
    environment = [os.environ.get(name, "") for name in ("FR_CACHE_DIR", "NO_COLOR", "TERM")]
    terminals = [os.isatty(descriptor) for descriptor in (1, 2)]
    return (
        __version__,
        sys.version,
        list(call.arguments),
        call.folder,
        call.graph_file,
        call.store,
        environment,
        terminals,
    )


def _slot(call: _Call) -> str:
    from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

    number = xxh3_64_intdigest(repr(call.arguments).encode("utf-8", "backslashreplace")) % _SLOTS
    return f"again-{xxh3_64_hexdigest(os.fsencode(call.graph_file))}-{number}"


def _load(call: _Call) -> tuple[Standstill, list[Piece]] | None:
    """What is remembered of a call, from a store that nobody else can have written to."""
    if not all(_is_own(folder) for folder in (call.store, os.path.join(call.store, "memo"))):
        return None
    with open(os.path.join(call.store, "memo", _slot(call)), "rb") as file:
        content = file.read()
    from xxhash import xxh3_128_digest

    # The checksum comes first: `marshal` may do anything with damaged bytes.
    if content[:16] != xxh3_128_digest(content[16:]):
        return None
    key, standstill, pieces = marshal.loads(content[16:])
    return (standstill, pieces) if key == _key(call) else None


def _is_own(folder: str) -> bool:
    status = os.lstat(folder)
    owned = status.st_uid in (os.geteuid(), 0)
    return stat.S_ISDIR(status.st_mode) and owned and not status.st_mode & 0o022


def _holds(call: _Call, standstill: Standstill) -> bool:
    from fingerprint_runner.provenance.standstill import first_change

    return first_change(standstill, _variables, lambda: _generation(call)) is None


def _variables(names: Iterable[str]) -> Mapping[str, str]:
    from fingerprint_runner.provenance.environment import environment_digests

    return environment_digests(names, os.environ)


def _generation(call: _Call) -> str | None:
    from fingerprint_runner.storage.model_storage import open_storage

    with open_storage(os.path.dirname(call.store)) as storage:
        return storage.generation()


def _print(pieces: Sequence[Piece], started: float) -> None:
    from fingerprint_runner.runners.run_id import new_run_id

    seconds = time.perf_counter() - started
    words = {RUN_ID: new_run_id(), SECONDS: f"{seconds:.2f} s", EXACT_SECONDS: repr(seconds)}
    for descriptor, piece in pieces:
        left = memoryview(words[piece].encode() if isinstance(piece, str) else piece)
        try:
            while left:
                left = left[os.write(descriptor, left) :]
        except OSError:
            pass  # the reader has gone: that is no error of a run
