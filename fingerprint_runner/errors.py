"""Every error a user can meet, in one tree.

    FingerprintRunnerError
    ├── InvalidGraph          the command, config or graph is wrong: nothing ran (exit 2)
    ├── NoIdentity            a value that has no fingerprint: names the path inside it
    ├── NotStorable           a value or folder that can't be stored: names the path inside it
    ├── NodeFailed            a node's own code raised (exit 1)
    ├── SourceChanged         a source or data file is no longer what was planned (R12)
    ├── MissingNeed           a component asked for a resource that its needs don't bring
    └── StorageError          the store can't be used as asked
        ├── DamagedArtifact   an artifact is missing or isn't what its record says
        └── DamagedTable      the table's own bytes are at fault; it can be made anew

Invariants: an error carries the object at fault as attributes; its text is built here, from
facts, and states what to do; nothing else in the package formats a message for users.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a graph, a command or a config.

    Attributes:
        kind: a short stable word for programs, such as `unknown-key`.
        message: the headline, one sentence without a full stop.
        file: path of the file at fault as the user would type it, if there is one.
        line, column: where in `file`, counted from 1.
        node: name of the node at fault.
        key: the key inside the node, dotted for nested ones.
        hint: what to do about it.
        snippet: the text at fault with a caret under it, for people alone.
    """

    kind: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    node: str | None = None
    key: str | None = None
    hint: str | None = None
    snippet: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields that `--json` shows of an error, all of them always there."""
        return {
            "kind": self.kind,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "node": self.node,
            "key": self.key,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        place = self.file or ""
        if self.file is not None and self.line is not None:
            place += f":{self.line}"
            if self.column is not None:
                place += f":{self.column}"
        where = f"{place}: " if place else ""
        facts = []
        if self.node is not None:
            facts.append(f"node {self.node!r}")
        if self.key is not None:
            facts.append(f"key {self.key!r}")
        about = f" ({', '.join(facts)})" if facts else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        snippet = f"\n{self.snippet}" if self.snippet else ""
        return f"{where}{self.message}{about}{snippet}{hint}"


def problems_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """The `errors` of a `--json` answer."""
    return [problem.as_json() for problem in problems]


class FingerprintRunnerError(Exception):
    """The root of every error that this package raises for users."""


class InvalidGraph(FingerprintRunnerError):
    """The command, config or graph is wrong; nothing ran and nothing changed.

    Attributes:
        problems: all that is wrong, in the order of their places.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        consequence = "nothing ran and nothing changed"
        if len(self.problems) > 1:
            consequence = f"{len(self.problems)} problems: {consequence}"
        super().__init__("\n".join([*(str(problem) for problem in self.problems), consequence]))

    @classmethod
    def single(
        cls,
        kind: str,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        node: str | None = None,
        key: str | None = None,
        hint: str | None = None,
    ) -> InvalidGraph:
        """An error of one problem, whose fields are given."""
        return cls([Problem(kind, message, file, line, column, node, key, hint)])


class NoIdentity(FingerprintRunnerError):
    """A value has no fingerprint (R2): nothing falls back to `str()` or `repr()`.

    Attributes:
        path: where inside the value, such as `value['model'][3].callback`.
        type_name: the qualified name of the type at fault.
        reason: why it has none.
    """

    def __init__(self, path: str, type_name: str, reason: str) -> None:
        self.path = path
        self.type_name = type_name
        self.reason = reason
        super().__init__(f"{path} is a {type_name}, which has no fingerprint: {reason}")


class NotStorable(FingerprintRunnerError):
    """A value or a resource folder can't be stored, so nothing can be restored from it.

    Attributes:
        path: where inside the value (`value['reader'].handle`) or folder (`resource/socket`).
        type_name: the qualified name of the type, or the kind of file, at fault.
        reason: why it can't be stored.
    """

    def __init__(self, path: str, type_name: str, reason: str) -> None:
        self.path = path
        self.type_name = type_name
        self.reason = reason
        super().__init__(f"{path} is a {type_name}, which can't be stored: {reason}")


class NodeFailed(FingerprintRunnerError):
    """A node's own code or a hook around it raised, or its output couldn't be exported.

    Attributes:
        node: the node's name.
        component: `module:attribute` of its component.
        kind: `node`, `hook` where a hook raised, or `export` where its output couldn't be exported.
        error_type, error_message: of the user's exception.
        traceback: the user's own traceback as text, without this engine's frames.
        log_tail: the last output of the node.
        place: `file:line` of the node in the graph file, if it has one.
    """

    def __init__(
        self,
        node: str,
        component: str,
        *,
        error_type: str,
        error_message: str,
        traceback: str = "",
        log_tail: str = "",
        place: str | None = None,
        kind: str = "node",
    ) -> None:
        self.node = node
        self.component = component
        self.kind = kind
        self.error_type = error_type
        self.error_message = error_message
        self.traceback = traceback
        self.log_tail = log_tail
        self.place = place
        where = f" at {place}" if place else ""
        super().__init__(f"node {node!r} ({component}){where} failed: {error_type}: {error_message}")


class SourceChanged(FingerprintRunnerError):
    """A source or data file changed between planning and use (R12): what was planned can't run.

    Attributes:
        what: the module or file.
    """

    def __init__(self, what: str, detail: str = "") -> None:
        self.what = what
        super().__init__(f"{what} changed after it was planned{': ' + detail if detail else ''}")


class MissingNeed(FingerprintRunnerError):
    """A component asked the storage for a resource that its needs don't bring.

    Attributes:
        node: the asking node.
        resource: name of the resource that it asked for.
    """

    def __init__(self, node: str, resource: str) -> None:
        self.node = node
        self.resource = resource
        super().__init__(
            f"node {node!r} asked for the resource {resource!r}, which none of its needs brings; "
            f"add {resource!r} to its `needs`"
        )


class StorageError(FingerprintRunnerError):
    """The store can't be used as asked.

    Attributes:
        path: the folder or file at fault.
    """

    def __init__(self, message: str, path: str | None = None) -> None:
        self.path = path
        super().__init__(message)


class DamagedArtifact(StorageError):
    """An artifact is missing or isn't what its record says (R11); it has been set aside.

    Attributes:
        digest: the artifact's name.
        damage: `missing` or `corrupt`.
    """

    def __init__(self, digest: str, damage: str, path: str | None = None) -> None:
        self.digest = digest
        self.damage = damage
        super().__init__(f"artifact {digest} is {damage}", path)


class DamagedTable(StorageError):
    """The table that holds the records is damaged, and nothing was written to it.

    Attributes:
        inode: of the table's file, None where it isn't known.
    """

    def __init__(self, path: str, reason: str, inode: int | None) -> None:
        self.inode = inode
        super().__init__(f"the table {path} is damaged: {reason}", path)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like a misspelt one, or None where none is near.

    Case counts less than letters: `Features` finds `features`.
    """
    candidates = list(known)
    folded = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None
