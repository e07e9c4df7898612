"""What first-party modules read while they were imported in this process: they hold it for good.

A node that uses such a module later, in this process, reads the same things as in a process of its own,
though no file is opened; and once they have changed, it can't run here.

Invariant: what a module of a name read is forgotten once another is loaded under that name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from fingerprint_runner.provenance.environment import environment_digests
from fingerprint_runner.provenance.files import FileDigests
from fingerprint_runner.provenance.glance import listing_digest
from fingerprint_runner.provenance.memo import NoMemo
from fingerprint_runner.runners.observing.reads import EVERYTHING, Read

_of_modules: dict[str, dict[tuple[str, str], Read]] = {}


def remember(reads: Iterable[Read]) -> None:
    """Keep what modules read while they were imported."""
    for read in reads:
        if read.module is not None:
            _of_modules.setdefault(read.module, {})[read.kind, read.name] = read


def of(modules: Iterable[str]) -> list[Read]:
    """What these modules read while they were imported."""
    if not _of_modules:
        return []
    return [read for module in modules for read in _of_modules.get(module, {}).values()]


def forget(module: str) -> None:
    """A module is loaded anew."""
    _of_modules.pop(module, None)


def first_outdated(modules: Iterable[str]) -> str | None:
    """The first of these modules that is loaded, and holds what it would now read otherwise."""
    for module in modules:
        if module in sys.modules and any(map(_has_changed, _of_modules.get(module, {}).values())):
            return module
    return None


def _has_changed(read: Read) -> bool:
    if read.kind == "env":
        return read.name != EVERYTHING and (
            environment_digests([read.name], os.environ)[read.name] != read.digest
        )
    if read.look is None:
        return True
    if read.name.endswith("/"):
        return listing_digest(read.path) != read.look.digest
    return bool(FileDigests(NoMemo()).changed_since({read.path: read.look}))
