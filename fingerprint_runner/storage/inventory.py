"""`Inventory`: what is in a store at one moment, as a private database that can be asked questions.

    records, runs, pins, graphs  ─┐
    blobs/                        ├─> Inventory ─> what there is (`ls`), what can go (`prune`), what is amiss
    runs/ (live runs)            ─┘

Invariants: taking one writes nothing to the store; its memory is bounded, whatever the store's size, since
SQLite keeps its tables in a temporary file once they outgrow its cache; digests are 16 bytes in it.
"""

# ruff: noqa: PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fingerprint_runner.storage import codec, files, keys
from fingerprint_runner.storage.layout import Layout
from fingerprint_runner.storage.live_runs import used_by_live_runs
from fingerprint_runner.storage.reader import RecordReader
from fingerprint_runner.storage.stored_rows import StoredRows

_CACHE_KB = 65536
_BATCH = 5000
_HEX = re.compile(r"[0-9a-f]{32}", re.ASCII)

_TABLES = """
CREATE TABLE record (
    id INTEGER PRIMARY KEY, fingerprint BLOB UNIQUE, node TEXT, component TEXT,
    first_key BLOB, code BLOB, sources BLOB, created REAL, used REAL, seconds REAL,
    origin TEXT, accepted_by TEXT, accepted_at REAL, dropped REAL,
    has_output INTEGER, row_bytes INTEGER, inline_bytes INTEGER,
    kept INTEGER DEFAULT 0, bytes INTEGER DEFAULT 0, pinned INTEGER DEFAULT 0, live INTEGER DEFAULT 0);
CREATE TABLE part (record INTEGER, digest BLOB, size INTEGER, PRIMARY KEY (record, digest)) WITHOUT ROWID;
CREATE TABLE blob (digest BLOB PRIMARY KEY, size INTEGER, touched REAL) WITHOUT ROWID;
CREATE TABLE run (
    run_id TEXT PRIMARY KEY, started REAL, row_bytes INTEGER, last_of INTEGER) WITHOUT ROWID;
CREATE TABLE graph (
    id INTEGER PRIMARY KEY, graph_id TEXT, registered_name TEXT, started REAL, key TEXT, row_bytes INTEGER);
CREATE TABLE need (graph INTEGER, record INTEGER, PRIMARY KEY (graph, record)) WITHOUT ROWID;
CREATE TABLE leftover (path TEXT PRIMARY KEY, bytes INTEGER) WITHOUT ROWID;
"""

UNREACHABLE = "NOT pinned AND NOT live AND id NOT IN (SELECT record FROM need)"
"""The condition on records that no pin, live run and graph's last run needs."""


@dataclass(frozen=True)
class RecordLine:
    """One record as listings show it.

    Attributes:
        created, used: when it was made, and last part of a run; seconds since the epoch.
        seconds: how long the node ran.
        bytes: of its artifacts, those that others share included.
        kept: whether its artifacts are all there.
        dropped: when they were pruned; None where they weren't.
        pinned: whether it is never pruned.
        needed: whether the last run of a graph that has the node needs it.
        origin: `ran`, `accepted` or `pulled`.
        accepted_by, accepted_at: who accepted it, and when; None where nobody did.
    """

    fingerprint: str
    node: str
    component: str
    created: float
    used: float
    seconds: float
    bytes: int
    kept: bool
    dropped: float | None
    pinned: bool
    needed: bool
    origin: str
    accepted_by: str | None = None
    accepted_at: float | None = None


@dataclass(frozen=True)
class GraphLine:
    """A graph that left runs in the store.

    Attributes:
        registered_name: path of its file, else its name.
        last_run: when that started, in seconds since the epoch.
        bytes: of the artifacts that its last runs need.
    """

    graph_id: str
    registered_name: str
    last_run: float
    bytes: int

    @property
    def is_dead(self) -> bool:
        """Whether the graph's file was there and is no more."""
        return os.path.isabs(self.registered_name) and not os.path.exists(self.registered_name)  # noqa: PTH110, PTH117


class Inventory:
    """What is in a store; a context manager that lets go of its database.

    Args:
        layout: where the store is.
        reader: reads its rows.

    Attributes:
        newest_row: number of the newest row that was looked at.
        generation: of the table when it was looked at.
        unreadable: keys of records and runs that don't check out.
    """

    def __init__(self, layout: Layout, reader: RecordReader) -> None:
        self._layout = layout
        self._reader = reader
        self.unreadable: list[str] = []
        self.database = sqlite3.connect("", isolation_level=None)
        self.database.executescript(f"PRAGMA cache_size = -{_CACHE_KB}; PRAGMA journal_mode = OFF")
        self.database.executescript(_TABLES)
        self.newest_row = 0
        self.generation = reader.generation()
        if layout.check():
            self.newest_row = reader.newest_row()
            self.database.execute("BEGIN")
            self._read_records()
            self._read_runs()
            # After the records: an artifact is there before the record that names it.
            self._read_blobs()
            self._mark_kept()
            self._read_leftovers()
            self.database.execute("COMMIT")

    def __enter__(self) -> Inventory:
        return self

    def __exit__(self, *exception: object) -> None:
        self.database.close()

    # --- asking ---------------------------------------------------------------------------------------

    def ask(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Ask the private database."""
        return self.database.execute(statement, values)

    def number(self, statement: str, *values: Any) -> Any:
        """The one value that a question answers with."""
        return self.ask(statement, *values).fetchone()[0]

    @property
    def artifact_bytes(self) -> int:
        """Of all blobs, and of what is left over beside them."""
        blobs: int = self.number("SELECT COALESCE(SUM(size), 0) FROM blob")
        left: int = self.number("SELECT COALESCE(SUM(bytes), 0) FROM leftover")
        return blobs + left

    @property
    def record_bytes(self) -> int:
        """Of all rows of the table."""
        return self._reader.total_bytes()

    def lines(self, where: str, values: Sequence[Any], order: str, limit: int | None) -> Iterator[RecordLine]:
        """Records that meet an SQL condition, in an SQL order."""
        found = self.ask(
            "SELECT lower(hex(fingerprint)), node, component, created, used, seconds, bytes, kept,"
            " NULLIF(dropped, 0.0), pinned, EXISTS (SELECT 1 FROM need WHERE need.record = record.id),"
            " origin, accepted_by, accepted_at"
            f" FROM record WHERE {where} ORDER BY {order} LIMIT ?",
            *values,
            -1 if limit is None else limit,
        )
        for (
            name,
            node,
            component,
            created,
            used,
            seconds,
            size,
            kept,
            dropped,
            pinned,
            needed,
            origin,
            accepted_by,
            accepted_at,
        ) in found:
            yield RecordLine(
                name,
                node,
                component,
                created,
                used,
                seconds,
                size,
                kept=bool(kept),
                dropped=dropped,
                pinned=bool(pinned),
                needed=bool(needed),
                origin=origin,
                accepted_by=accepted_by,
                accepted_at=accepted_at,
            )

    def graphs(self) -> list[GraphLine]:
        """Every graph that left runs, the one that ran last first."""
        found = self.ask(
            "SELECT graph_id, registered_name, started,"
            " (SELECT COALESCE(SUM(size), 0) FROM blob WHERE digest IN"
            " (SELECT digest FROM part JOIN need ON need.record = part.record WHERE need.graph = graph.id))"
            " FROM graph ORDER BY started DESC"
        )
        return [GraphLine(*row) for row in found]

    def read_references(self) -> None:
        """Look at the rows beside records too: tables `support` (key, bytes) and `reference` (id, key).

        A list of traces is referred to by the records of its first key, and a trace by the records of the
        first keys that list it. Texts are apart, since they are many: tables `text` (key, bytes) and
        `text_use` (key, sources), a text being referred to by the records of the lists that name it.
        """
        self.database.executescript(
            "CREATE TABLE support (key TEXT PRIMARY KEY, bytes INTEGER) WITHOUT ROWID;"
            "CREATE TABLE reference (key TEXT, id INTEGER, PRIMARY KEY (key, id)) WITHOUT ROWID;"
            "CREATE TABLE text (key TEXT PRIMARY KEY, bytes INTEGER) WITHOUT ROWID;"
            "CREATE TABLE text_use (key TEXT, sources BLOB, PRIMARY KEY (key, sources)) WITHOUT ROWID;"
            "CREATE INDEX record_first_key ON record (first_key);"
            "CREATE INDEX record_sources ON record (sources)"
        )
        for prefix in ("c/", "f/", "q/", "n/", "s/"):
            self._insert("INSERT INTO support VALUES (?, ?)", self._reader.sizes(prefix))
        self._read_texts()
        for prefix, column in (("c/", "code"), ("f/", "first_key"), ("s/", "sources")):
            self.ask(
                f"INSERT INTO reference SELECT '{prefix}' || lower(hex({column})), id FROM record"
                f" WHERE {column} IS NOT NULL"
            )
        for key, content in self._reader.below("f/"):
            row = codec.decode_row(key, content, codec.TraceListRow)
            self._insert(
                "INSERT OR IGNORE INTO reference SELECT ?, id FROM record WHERE first_key = ?",
                ((keys.trace_key(name), _digest(key[2:])) for name in (() if row is None else row.traces)),
            )
        for key, content in self._reader.below("n/"):
            newest = codec.decode_row(key, content, codec.NewestRow)
            self.ask(
                "INSERT INTO reference SELECT ?, id FROM record WHERE fingerprint = ?",
                key,
                None if newest is None else _digest(newest.fingerprint),
            )

    def _read_texts(self) -> None:
        self._insert("INSERT INTO text VALUES (?, ?)", self._reader.sizes("t/"))
        for key, content in self._reader.below("s/"):
            row = codec.decode_row(key, content, codec.SourcesRow)
            self._insert(
                "INSERT OR IGNORE INTO text_use VALUES (?, ?)",
                (
                    (keys.text_key(digest), _digest(key[2:]))
                    for digest in (() if row is None else row.texts.values())
                ),
            )

    # --- reading the store ----------------------------------------------------------------------------

    def _read_blobs(self) -> None:
        def blobs() -> Iterator[tuple[bytes, int, float]]:
            for shard in files.names(self._layout.blobs):
                for name, found in files.states(os.path.join(self._layout.blobs, shard)):
                    if _HEX.fullmatch(name) and name[:2] == shard:
                        yield bytes.fromhex(name), found.st_size, found.st_mtime

        self._insert("INSERT OR IGNORE INTO blob VALUES (?, ?, ?)", blobs())

    def _read_records(self) -> None:
        records: list[tuple[Any, ...]] = []
        parts: list[tuple[Any, ...]] = []
        number = 0
        for key, content in self._reader.below("r/"):
            row = codec.decode_row(key, content, codec.RecordSummaryRow)
            if row is None or not _HEX.fullmatch(row.record.fingerprint) or key[2:] != row.record.fingerprint:
                self.unreadable.append(key)
                continue
            number += 1
            record = row.record
            artifact = None if record.value is None else record.value.artifact
            has_output = record.storable and (record.value is None or artifact is not None)
            inline = artifact is not None and artifact.inline is not None
            records.append(
                (
                    number,
                    bytes.fromhex(record.fingerprint),
                    record.node,
                    record.component,
                    _digest(record.first_key),
                    _digest(row.code),
                    _digest(row.sources),
                    record.created,
                    record.created,
                    record.seconds,
                    record.origin.kind,
                    record.origin.user,
                    record.origin.time,
                    record.dropped,
                    has_output,
                    len(key) + len(content),
                    artifact.size if artifact is not None and inline else 0,
                )
            )
            parts.extend((number, _digest(digest), size) for digest, size in codec.blobs_of(record))
            if len(records) >= _BATCH:
                self._add_records(records, parts)
        self._add_records(records, parts)
        self.ask("CREATE INDEX part_digest ON part (digest)")

    def _add_records(self, records: list[tuple[Any, ...]], parts: list[tuple[Any, ...]]) -> None:
        self.database.executemany(
            "INSERT INTO record (id, fingerprint, node, component, first_key, code, sources, created, used,"
            " seconds, origin, accepted_by, accepted_at, dropped, has_output, row_bytes, inline_bytes)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            records,
        )
        self.database.executemany("INSERT OR IGNORE INTO part VALUES (?, ?, ?)", parts)
        records.clear()
        parts.clear()

    def _read_runs(self) -> None:
        for key, content in self._reader.below("R/", page=20):
            row = codec.decode_row(key, content, codec.RunSummaryRow)
            if row is None:
                self.unreadable.append(key)
                continue
            self.ask(
                "INSERT OR IGNORE INTO run VALUES (?, ?, ?, NULL)",
                row.run_id,
                row.started,
                len(key) + len(content),
            )
            used = (
                (row.started, bytes.fromhex(fingerprint))
                for fingerprint, status in zip(row.fingerprints, row.statuses, strict=False)
                if fingerprint is not None and status in ("ran", "hit") and _HEX.fullmatch(fingerprint)
            )
            self._insert("UPDATE record SET used = MAX(used, ?) WHERE fingerprint = ?", used)
        for key, content in self._reader.below("p/"):
            pin = codec.decode_row(key, content, codec.PinRow)
            if pin is not None:
                self._mark("pinned", [pin.fingerprint])
        self._mark("live", used_by_live_runs(self._layout))
        self._read_graphs()

    def _read_graphs(self) -> None:
        rows = StoredRows(self._reader, lambda damage: None)
        for key, content in self._reader.below("g/"):
            graph = codec.decode_row(key, content, codec.GraphRow)
            if graph is None:
                continue
            run = rows.run(graph.run_id)
            number = self.ask(
                "INSERT INTO graph (graph_id, registered_name, started, key, row_bytes)"
                " VALUES (?, ?, ?, ?, ?)",
                graph.graph_id,
                graph.registered_name,
                0.0 if run is None else run.started,
                key,
                len(key) + len(content),
            ).lastrowid
            for run_id in (graph.run_id, *graph.earlier):
                self.ask("UPDATE run SET last_of = ? WHERE run_id = ?", number, run_id)
            lines = rows.last_lines(graph).values()
            self._insert(
                "INSERT OR IGNORE INTO need SELECT ?, id FROM record WHERE fingerprint = ?",
                ((number, _digest(line.fingerprint)) for line in lines),
            )
            rows.forget()

    def _mark(self, column: str, fingerprints: Iterable[str]) -> None:
        self._insert(
            f"UPDATE record SET {column} = 1 WHERE fingerprint = ?",
            ((_digest(fingerprint),) for fingerprint in fingerprints),
        )

    def _mark_kept(self) -> None:
        self.ask(
            "UPDATE record SET"
            " bytes = inline_bytes + (SELECT COALESCE(SUM(size), 0) FROM part WHERE part.record = record.id),"
            " kept = has_output AND NOT EXISTS (SELECT 1 FROM part LEFT JOIN blob USING (digest)"
            " WHERE part.record = record.id AND (blob.size IS NULL OR blob.size <> part.size))"
        )

    def _read_leftovers(self) -> None:
        from fingerprint_runner.storage.leftovers import leftovers

        self._insert("INSERT OR IGNORE INTO leftover VALUES (?, ?)", leftovers(self._layout))

    def _insert(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.database.executemany(statement, rows)


def _digest(text: str | None) -> bytes | None:
    """A digest's bytes; None for what isn't one."""
    return bytes.fromhex(text) if text is not None and _HEX.fullmatch(text) else None
