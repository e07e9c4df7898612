"""`find_records`: the records that a word on the command line means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fingerprint_runner.fingerprints.record import NodeRecord
    from fingerprint_runner.storage.model_storage import ModelStorage

_RUN = re.compile(r"\d{8}T\d{6}-[0-9a-f]{10}")
_DIGEST = re.compile(r"[0-9a-f]{4,32}")


def find_records(storage: ModelStorage, what: str, file: str | None) -> list[NodeRecord]:
    """The record of a node's last run, of a fingerprint's beginning, or the records of a run.

    Args:
        storage: where they are.
        what: a node of the graph, the beginning of a fingerprint, or a run's id.
        file: the graph file; None: searched for, and nothing is a node where there is none.

    Raises:
        InvalidGraph: nothing is meant, or several records are.
    """
    from fingerprint_runner.errors import InvalidGraph

    if _RUN.fullmatch(what):
        run = storage.run(what)
        if run is None:
            raise InvalidGraph.single(
                "unknown-run", f"there is no run {what!r}", hint="`fr history` lists the runs"
            )
        lines = [line.fingerprint for line in run.nodes.values() if line.fingerprint is not None]
        return list(storage.records(lines).values())
    line = storage.last_lines(_graph_id(file)).get(what)
    if line is not None and line.fingerprint is not None:
        return list(storage.records([line.fingerprint]).values())
    found = storage.records_below(what) if _DIGEST.fullmatch(what) else []
    if len(found) == 1:
        return found
    if found:
        names = ", ".join(f"{record.fingerprint[:12]} ({record.node})" for record in found[:5])
        raise InvalidGraph.single(
            "ambiguous", f"several records begin with {what!r}: {names}", hint="write more of it"
        )
    raise InvalidGraph.single(
        "unknown-record",
        f"{what!r} is no node that has run, no record and no run",
        hint="`fr cache ls` lists records, `fr history` runs; a node has a record once it has run",
    )


def _graph_id(file: str | None) -> str:
    from fingerprint_runner.errors import InvalidGraph
    from fingerprint_runner.recipes.graph_file import find_graph_file, read_graph_file
    from fingerprint_runner.runners.graph_runner import graph_id_of

    try:
        path = find_graph_file(Path.cwd()) if file is None else Path(file)
    except InvalidGraph:
        return ""
    return graph_id_of(read_graph_file(path))
