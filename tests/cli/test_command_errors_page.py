"""`docs/errors.md` names every kind of error that there is, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from fingerprint_runner import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
MAKERS = {"Problem", "single"}
NOTING = {"add", "note", "fail", "problem"}
"""Methods of what collects problems while a graph file is read; elsewhere they mean other things."""


def _kinds() -> Iterator[str]:
    for folder in ("fingerprint_runner", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            reads = path.parent.name in ("recipes", "graph")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                kind = getattr(node.args[0], "value", None)
                if isinstance(kind, str) and (name in MAKERS or (reads and name in NOTING)):
                    yield kind


def _classes() -> Iterator[str]:
    """Kinds that come from the names of errors."""
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.FingerprintRunnerError):
            yield re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


KINDS = {kind for kind in _kinds() if re.fullmatch(r"[a-z]+(-[a-z]+)*", kind)}
GENERAL = {"fingerprint-runner-error", "invalid-graph", "node-failed"}
"""Errors that are shown by what they hold."""


def test_every_kind_has_its_row() -> None:
    """Programs that meet a kind find it, with what to do."""
    cells = re.findall(r"^\| (`[^|]+) \|", PAGE, re.MULTILINE)
    rows = {kind for cell in cells for kind in re.findall(r"`([a-z-]+)`", cell)}
    known = KINDS | {*_classes()} - GENERAL | {"hook", "export"}
    assert sorted(known - rows) == []
    assert sorted(rows - known) == []
