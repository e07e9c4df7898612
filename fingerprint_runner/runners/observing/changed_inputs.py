"""`InputStates`: whether a node left what it was given as it was.

Invariants: a value is compared by its identity (R6), so only what a consumer could tell apart counts; of
what has no identity nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints.identity import Identified, identify
from fingerprint_runner.provenance.files import FileDigests
from fingerprint_runner.provenance.memo import NoMemo


class InputStates:
    """What a node's parameters hold before it is called.

    Args:
        values: parameter → value; those that are paths of folders stand for what is in these.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._folders = {name: _tree(value) for name, value in values.items() if isinstance(value, Path)}
        self._identities = {
            name: _identity(value) for name, value in values.items() if name not in self._folders
        }

    def changed(self) -> Iterator[str]:
        """Each parameter that isn't as it was; with the key, where one of its top level tells."""
        for name, before in self._folders.items():
            now = _tree(self._values[name])
            path = next((path for path in sorted({*before, *now}) if before.get(path) != now.get(path)), None)
            if path is not None:
                yield f"{name} (the file {path} in it)"
        for name, identity in self._identities.items():
            found = None if identity is None else _identity(self._values[name])
            if identity is not None and found is not None and identity.identity != found.identity:
                yield name + _key(identity, found)


def _key(before: Identified, now: Identified) -> str:
    old, new = before.keys or {}, now.keys or {}
    different = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return f"[{different[0]!r}]" if different else ""


def _tree(folder: Path) -> dict[str, str]:
    """Path below a folder → digest of what lies there."""
    if not folder.is_dir():
        return {}
    _, looks = FileDigests(NoMemo()).identity_with_looks(folder)
    return {str(Path(path).relative_to(folder)): look.digest for path, look in looks.items()}


def _identity(value: object) -> Identified | None:
    try:
        return identify(value)
    except (NoIdentity, RecursionError):
        return None
