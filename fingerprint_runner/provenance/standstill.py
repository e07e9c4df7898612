"""A standstill: all that a run looked at and found unchanged, so that the next one looks once more.

    files, folders, absent names  ┐
    variables, sys.path           ├─ as they were ──holds()──> nothing has changed, or what has
    the store's table, artifacts  ┘

Invariants: plain data that `marshal` takes; what was too fresh to be trusted makes no standstill;
checking one imports nothing but `os`, and reads the store's table only if its file was written to.
"""

# Plain strings: pathlib's `stat` takes four times as long as `os.stat`.
# ruff: noqa: PTH116

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from fingerprint_runner.provenance.signatures import UNSETTLED, Signature, is_settled, unrecorded_signature

Standstill = tuple[
    tuple[str, ...],
    list[tuple[str, Signature | None]],
    list[tuple[str, str]],
    list[tuple[str, int]],
    list[tuple[str, Signature | None]] | None,
    str,
]
"""Search path, looks, variables by digest, artifacts by size, the table's files, its generation."""


def make_standstill(
    looks: Mapping[str, Signature | None],
    variables: Mapping[str, str],
    artifacts: Iterable[tuple[str, int]],
    table: Sequence[tuple[str, Signature | None]] | None,
    generation: str,
    since_ns: int,
) -> Standstill | None:
    """What a run looked at; None where some of it changed too shortly before to be sure of.

    Args:
        looks: path → what was seen there.
        variables: environment variable → digest of its value.
        artifacts: path and size of what the run's targets need.
        table: the files of the store's table, as they were during the run; None where they changed.
        generation: of the table, read when the run began.
        since_ns: when the run began, in nanoseconds since the epoch.
    """
    if not all(_is_sure(found, since_ns) for found in looks.values()):
        return None
    if table is not None and not all(_is_sure(found, since_ns) for _, found in table):
        table = None
    return (
        tuple(sys.path),
        sorted(looks.items()),
        sorted(variables.items()),
        sorted(artifacts),
        None if table is None else list(table),
        generation,
    )


def _is_sure(found: Signature | None, since_ns: int) -> bool:
    return found is None or (found != UNSETTLED and is_settled(found, since_ns))


def first_change(
    standstill: Standstill,
    variables: Callable[[Iterable[str]], Mapping[str, str]],
    generation: Callable[[], str | None],
) -> str | None:
    """What isn't any more as it was; None where nothing has changed.

    Args:
        standstill: what a run looked at.
        variables: gives the digests of environment variables as they are now.
        generation: gives the store's generation; only asked if the table was written to.
    """
    search_path, looks, environment, artifacts, table, was = standstill
    if search_path != tuple(sys.path):
        return "sys.path"
    for path, seen in looks:
        if unrecorded_signature(path) != seen:
            return path
    if environment and sorted(variables([name for name, _ in environment]).items()) != environment:
        return "environment"
    for path, size in artifacts:
        try:
            if os.stat(path).st_size != size:
                return path
        except OSError:
            return path
    if table is not None and all(_table_file(path) == seen for path, seen in table):
        return None
    return None if generation() == was else "store"


def table_looks(table: str) -> list[tuple[str, Signature | None]]:
    """The files of a store's table as they are now.

    A log without content is as good as none: whoever reads the table may make one.
    """
    return [(path, _table_file(path)) for path in (table, f"{table}-wal")]


def _table_file(path: str) -> Signature | None:
    found = unrecorded_signature(path)
    return None if found is None or found[0] == 0 else found
