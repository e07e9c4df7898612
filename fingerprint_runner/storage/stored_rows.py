"""`StoredRows`: rows of the table, decoded and remembered until they change.

Invariants: asking for many rows costs one `SELECT` for those that aren't known yet; a row that is damaged or
of another format is as if it weren't there, and is noted; nothing here writes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from fingerprint_runner.fingerprints.manifest import Trace, TracePart
from fingerprint_runner.fingerprints.record import NodeRecord, RunNode, RunRecord
from fingerprint_runner.storage import codec, keys
from fingerprint_runner.storage.reader import RecordReader

T = TypeVar("T")


class StoredRows:
    """What the table says, as this process last saw it.

    Args:
        reader: where rows come from.
        on_damage: told, in a sentence, of each row that can't be read.
    """

    def __init__(self, reader: RecordReader, on_damage: Callable[[str], None]) -> None:
        self._reader = reader
        self._on_damage = on_damage
        self._mutex = threading.RLock()
        self._rows: dict[str, bytes | None] = {}
        self._decoded: dict[str, Any] = {}

    def fetch(self, wanted: Iterable[str]) -> None:
        """Have these rows at hand."""
        with self._mutex:
            missing = [key for key in wanted if key not in self._rows]
        if not missing:
            return
        found = self._reader.rows(missing)
        with self._mutex:
            for key in missing:
                self._rows[key] = found.get(key)

    def row(self, key: str, form: type[T]) -> T | None:
        """A decoded row; None where there is none, or it is damaged."""
        with self._mutex:
            if key in self._decoded:
                decoded: T | None = self._decoded[key]
                return decoded
        self.fetch([key])
        content = self._rows.get(key)
        row = None if content is None else codec.decode_row(key, content, form)
        if content is not None and row is None:
            self._on_damage(f"the row {key} is damaged or of another format; it counts as missing")
        with self._mutex:
            self._decoded[key] = row
        return row

    def record(self, fingerprint: str) -> NodeRecord | None:
        """The record of a fingerprint; its code part is loaded when it is looked into."""
        row = self.row(keys.record_key(fingerprint), codec.RecordRow)
        if row is None or row.record.fingerprint != fingerprint:
            return None
        return codec.with_code(row, lambda: self._code_part(row.code))

    def trace_names(self, key: str) -> tuple[str, ...]:
        """The names of a first key's traces, oldest first."""
        row = self.row(key, codec.TraceListRow)
        return () if row is None else row.traces

    def trace(self, name: str) -> Trace | None:
        """The queries of a trace."""
        row = self.row(keys.trace_key(name), codec.TraceRow)
        trace = None if row is None else row.trace()
        return trace if trace is not None and trace.name == name else None

    def graph(self, graph_id: str) -> codec.GraphRow | None:
        """Where a graph stands."""
        row = self.row(keys.graph_key(graph_id), codec.GraphRow)
        return row if row is not None and row.graph_id == graph_id else None

    def run(self, run_id: str) -> RunRecord | None:
        """What a run did."""
        row = self.row(keys.run_key(run_id), codec.RunRow)
        return None if row is None or row.run_id != run_id else row.run()

    def last_lines(self, graph: codec.GraphRow) -> dict[str, RunNode]:
        """Node → its line in the last run of a graph in which it came to an outcome."""
        lines: dict[str, RunNode] = {}
        for run_id in (graph.run_id, *graph.earlier):
            run = self.run(run_id)
            for name, line in () if run is None else run.nodes.items():
                if line.has_outcome:
                    lines.setdefault(name, line)
        return lines

    def forget(self, changed: Iterable[str] | None = None) -> None:
        """Look these rows up again when they are next asked for; None: all of them."""
        with self._mutex:
            if changed is None:
                self._rows.clear()
                self._decoded.clear()
                return
            for key in changed:
                self._rows.pop(key, None)
                self._decoded.pop(key, None)

    def _code_part(self, name: str) -> TracePart:
        row = self.row(keys.code_key(name), codec.CodeRow)
        return TracePart({}, {}) if row is None else row.part()
