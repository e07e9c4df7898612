"""Plain data with the position of every key, put together as a text is read.

Invariants: iterative, whatever the nesting; keys are text and stand once; positions count from 1.
"""

from __future__ import annotations

import marshal
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import xxhash

from fingerprint_runner.errors import InvalidGraph, Problem

DEEPEST = 200
"""How many mappings and lists may stand inside each other."""

# Finding a line walks the whole text, so thousands of problems must not each do it.
_SHOWN_LINES = 20

_RULES = 1
"""Raised whenever a text may say something else than before."""

Positions = dict[tuple[str, ...], tuple[int, int]]


def split_lines(text: str) -> Sequence[str]:
    """The lines of a text by YAML's line ends."""
    return re.split(r"\r\n|\r|\n", text)


@dataclass(frozen=True)
class Tree:
    """What a text says.

    Attributes:
        value: plain data.
        positions: path of keys and list indices (as text) → line and column of the key, or of the
            list's item; the empty path is the whole.
        end: line and column (from 1) behind a value that is a scalar or in brackets; None elsewhere.
    """

    value: Any
    positions: Positions
    end: tuple[int, int] | None = None


class TreeMemo(Protocol):
    """Small byte blobs that may vanish at any time."""

    def load(self, name: str) -> bytes | None:
        """What was saved under a name."""
        ...

    def save(self, name: str, data: bytes) -> None:
        """Keep bytes under a name."""
        ...


def recalled_tree(memo: TreeMemo, path: str, text: str) -> Tree | None:
    """What a text said when it was parsed before; None where it wasn't, or the memo is another's."""
    blob = memo.load(_memo_name(path))
    if blob is None or blob[:16] != _memo_key(text):
        return None
    try:
        value, positions, end = marshal.loads(blob[16:])
    except (ValueError, EOFError, TypeError):
        return None
    return Tree(value, positions, end)


def remember_tree(memo: TreeMemo, path: str, text: str, tree: Tree) -> None:
    """Keep what a text says."""
    memo.save(_memo_name(path), _memo_key(text) + marshal.dumps((tree.value, tree.positions, tree.end)))


def _memo_name(path: str) -> str:
    return f"graph-{xxhash.xxh3_128_hexdigest(path.encode('utf-8', 'surrogatepass'))}"


def _memo_key(text: str) -> bytes:
    """Of the text and of all that decides how it is read."""
    rules = f"{_RULES} {sys.version}\n"
    return xxhash.xxh3_128_digest((rules + text).encode("utf-8", "surrogatepass"))


class _Frame:
    """A mapping or list that is still open."""

    __slots__ = ("items", "key", "keys", "path", "repeated")

    def __init__(self, path: tuple[str, ...], keys: dict[str, Any] | None, items: list[Any] | None) -> None:
        self.path = path
        self.keys = keys
        self.items = items
        self.key: str | None = None
        self.repeated = False


class TreeBuilder:
    """Puts scalars and collections together and notes where they stand."""

    def __init__(self, text: str, file: str | None) -> None:
        self.text = text
        self.file = file
        self.problems: list[Problem] = []
        self.positions: Positions = {}
        self.value: Any = None
        self._open: list[_Frame] = []

    @property
    def is_complete(self) -> bool:
        """Whether no mapping or list is open."""
        return not self._open

    @property
    def wants_key(self) -> bool:
        """Whether what comes next is a mapping's key."""
        if not self._open:
            return False
        frame = self._open[-1]
        return frame.keys is not None and frame.key is None

    def problem(self, kind: str, message: str, line: int, column: int, hint: str | None = None) -> Problem:
        """A problem at a place, with the line shown for the first few."""
        few = len(self.problems) < _SHOWN_LINES
        snippet = _snippet(self.text, line, column) if few else None
        return Problem(kind, message, self.file, line, column, hint=hint, snippet=snippet)

    def note(self, kind: str, message: str, line: int, column: int, hint: str | None = None) -> None:
        """Remember a problem and go on."""
        self.problems.append(self.problem(kind, message, line, column, hint))

    def fail(self, kind: str, message: str, line: int, column: int, hint: str | None = None) -> InvalidGraph:
        """The error that ends the reading, with all that was noted before."""
        return InvalidGraph([*self.problems, self.problem(kind, message, line, column, hint)])

    def too_deep(self, line: int, column: int) -> InvalidGraph:
        """The error that ends the reading where the nesting goes too far."""
        message = f"more than {DEEPEST} mappings and lists stand inside each other"
        return self.fail(
            "too-deep", message, line, column, "keep such data in a file of its own, named by `files`"
        )

    def key(self, key: str, line: int, column: int) -> None:
        """The next key of the innermost mapping."""
        frame = self._open[-1]
        path = (*frame.path, key)
        first = self.positions.setdefault(path, (line, column))
        frame.repeated = first != (line, column)
        if frame.repeated:
            self.note(
                "duplicate-key",
                f"the key {key!r} stands here a second time",
                line,
                column,
                f"the first is in line {first[0]}; keep one of the two",
            )
        frame.key = key

    def scalar(self, value: Any, line: int, column: int) -> None:
        """A value that holds no others."""
        self._put(value, line, column)

    def open(self, container: dict[str, Any] | list[Any], line: int, column: int) -> None:
        """A mapping or list begins.

        Raises:
            InvalidGraph: it is nested too deeply.
        """
        if len(self._open) >= DEEPEST:
            raise self.too_deep(line, column)
        path = self._put(container, line, column)
        is_mapping = isinstance(container, dict)
        self._open.append(
            _Frame(path, container, None) if is_mapping else _Frame(path, None, container)  # type: ignore[arg-type]
        )

    def close(self) -> None:
        """The innermost mapping or list ends."""
        self._open.pop()

    def tree(self, end: tuple[int, int] | None = None) -> Tree:
        """All of it.

        Raises:
            InvalidGraph: problems were noted.
        """
        if self.problems:
            raise InvalidGraph(self.problems)
        return Tree(self.value, self.positions, end)

    def _put(self, value: Any, line: int, column: int) -> tuple[str, ...]:
        if not self._open:
            self.value = value
            self.positions[()] = (line, column)
            return ()
        frame = self._open[-1]
        if frame.items is not None:
            path = (*frame.path, str(len(frame.items)))
            self.positions[path] = (line, column)
            frame.items.append(value)
        else:
            assert frame.keys is not None and frame.key is not None
            # What stands below a repeated key isn't compared with what stands below the first.
            path = (*frame.path, frame.key, f"line {line}") if frame.repeated else (*frame.path, frame.key)
            frame.keys[frame.key] = value
            frame.key = None
        return path


def _snippet(text: str, line: int, column: int) -> str | None:
    lines = split_lines(text)
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return None
    # A window of the line keeps a caret in a line of 100,000 characters readable.
    start = max(0, column - 61)
    shown = lines[line - 1][start : start + 100].replace("\t", "→")
    margin = " " * len(str(line))
    return f"  {line} | {shown}\n  {margin} | {' ' * (column - 1 - start)}^"
