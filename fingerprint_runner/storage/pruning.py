"""`Pruning`: drops what a plan chose, in small steps beside live writers.

    mark records as dropped ─> unlink artifacts ─> remove runs, records, what only they refer to ─> leftovers

Invariants: nothing is removed that somebody published since the inventory was taken, or found there to
publish it; each step holds the store's lock alone for some hundred items; a kill between two steps leaves
nothing that a later pruning doesn't take.
"""

# ruff: noqa: PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec import structs

from fingerprint_runner.storage import codec, files, keys
from fingerprint_runner.storage.inventory import Inventory
from fingerprint_runner.storage.layout import Layout
from fingerprint_runner.storage.prune_plan import PruneCounts
from fingerprint_runner.storage.reader import RecordReader

if TYPE_CHECKING:
    from fingerprint_runner.storage.table import RecordTable, Transaction

_TABLES = ("going_graph", "chosen", "going_blob", "going_run", "going_record", "going_row", "leftover")
STEP = 500
"""So many items are looked at while others wait."""


class Pruning:
    """Carries out one plan.

    Args:
        layout, reader, table: of the store.
        alone: gives the store's lock, held alone inside its block.
        inventory: whose `going_…` tables say what goes.
        on_step: told how many of how many items are done.
    """

    def __init__(
        self,
        layout: Layout,
        reader: RecordReader,
        table: RecordTable,
        alone: Callable[[], AbstractContextManager[None]],
        inventory: Inventory,
        on_step: Callable[[int, int], None],
    ) -> None:
        self._layout = layout
        self._reader = reader
        self._table = table
        self._alone = alone
        self._inventory = inventory
        self._on_step = on_step
        self._newest_row = inventory.newest_row
        self._generation = inventory.generation
        self._rows_replaced = False
        self._gone = PruneCounts()
        self._done = 0
        self._total = sum(
            inventory.number(f"SELECT COUNT(*) FROM {table}")
            for table in (
                "going_graph",
                "chosen",
                "going_blob",
                "going_run",
                "going_record",
                "going_row",
                "leftover",
            )
        )

    def carry_out(self) -> PruneCounts:
        """Drop it; gives how much really went.

        Raises:
            StorageError: the table can't be written; what was dropped until then stays so.
            OSError, TimeoutError: a file can't be removed, or others hold the lock all the time.
        """
        self._each_step("SELECT key, row_bytes FROM going_graph JOIN graph USING (id)", self._forget_graphs)
        self._each_step(
            "SELECT record.id, lower(hex(fingerprint)), created FROM chosen JOIN record USING (id)",
            self._mark,
        )
        self._each_step("SELECT lower(hex(digest)), size, touched FROM going_blob", self._unlink)
        self._each_step("SELECT run_id, row_bytes FROM going_run", self._remove_runs)
        self._each_step(
            "SELECT lower(hex(fingerprint)), created, row_bytes FROM going_record JOIN record USING (id)",
            self._remove_records,
        )
        self._each_step("SELECT key, bytes FROM going_row", self._remove_rows)
        self._each_step("SELECT path, bytes FROM leftover", self._remove_leftovers)
        return self._gone

    def _each_step(self, statement: str, step: Callable[[list[tuple[Any, ...]]], None]) -> None:
        items = self._inventory.ask(statement)
        while batch := items.fetchmany(STEP):
            with self._alone():
                self._spare_what_is_new()
                step(batch)
                self._newest_row = self._reader.newest_row()
                self._generation = self._reader.generation()
            self._done += len(batch)
            self._on_step(self._done, self._total)

    def _count(self, **more: int) -> None:
        self._gone = replace(
            self._gone, **{name: getattr(self._gone, name) + count for name, count in more.items()}
        )

    def _spare_what_is_new(self) -> None:
        """Take out of the plan what was published since the last look."""
        ask = self._inventory.ask
        if self._reader.generation() != self._generation:
            # Rows were replaced: which ones refer to what isn't known any more.
            self._rows_replaced = True
        for key, content in self._reader.inserted_after(self._newest_row, "r/"):
            row = codec.decode_row(key, content, codec.RecordSummaryRow)
            if row is None:
                continue
            ask("DELETE FROM going_row WHERE key = ?", keys.code_key(row.code))
            ask("DELETE FROM going_row WHERE key = ?", keys.trace_list_key(row.record.first_key))
            ask("DELETE FROM going_row WHERE key = ?", keys.trace_key(row.record.trace))
            ask("DELETE FROM going_row WHERE key = ?", keys.newest_key(row.record.node, row.record.component))
            if row.sources:
                self._spare_texts(keys.sources_key(row.sources))
            for digest, _ in codec.blobs_of(row.record):
                ask("DELETE FROM going_blob WHERE digest = ?", bytes.fromhex(digest))

    def _spare_texts(self, key: str) -> None:
        """A list of texts that somebody refers to stays, with the texts."""
        self._inventory.ask("DELETE FROM going_row WHERE key = ?", key)
        content = self._reader.rows([key]).get(key)
        row = None if content is None else codec.decode_row(key, content, codec.SourcesRow)
        for digest in () if row is None else row.texts.values():
            self._inventory.ask("DELETE FROM going_row WHERE key = ?", keys.text_key(digest))

    def _still_there(self, rows: Transaction, fingerprint: str, created: float) -> codec.RecordRow | None:
        """A record's row, if it is the one that the plan was made for."""
        key = keys.record_key(fingerprint)
        content = rows.get(key)
        row = None if content is None else codec.decode_row(key, content, codec.RecordRow)
        return row if row is not None and row.record.created == created else None

    def _forget_graphs(self, batch: list[tuple[Any, ...]]) -> None:
        with self._table.transaction() as rows:
            for key, size in batch:
                rows.remove(key)
                self._count(bytes=size)

    def _mark(self, batch: list[tuple[Any, ...]]) -> None:
        now = time.time()
        with self._table.transaction() as rows:
            for number, fingerprint, created in batch:
                row = self._still_there(rows, fingerprint, created)
                if row is None:
                    self._inventory.ask(
                        "DELETE FROM going_blob WHERE digest IN (SELECT digest FROM part WHERE record = ?)",
                        number,
                    )
                    continue
                key = keys.record_key(fingerprint)
                dropped = structs.replace(row, record=structs.replace(row.record, dropped=now))
                rows.set(key, codec.encode_row(key, dropped))
                self._count(records_dropped=1)

    def _unlink(self, batch: list[tuple[Any, ...]]) -> None:
        for digest, size, touched in batch:
            if not self._inventory.number(
                "SELECT COUNT(*) FROM going_blob WHERE digest = ?", bytes.fromhex(digest)
            ):
                continue
            path = os.path.join(self._layout.blobs, digest[:2], digest)
            found = files.state(path)
            # One that was touched was found there by a writer, who is about to publish it.
            if found is not None and found.st_mtime == touched:
                files.remove(path)
                self._count(artifacts=1, bytes=size)

    def _remove_runs(self, batch: list[tuple[Any, ...]]) -> None:
        with self._table.transaction() as rows:
            for run_id, size in batch:
                rows.remove(keys.run_key(run_id))
                self._count(runs=1, bytes=size)

    def _remove_records(self, batch: list[tuple[Any, ...]]) -> None:
        with self._table.transaction() as rows:
            for fingerprint, created, size in batch:
                if self._still_there(rows, fingerprint, created) is not None:
                    rows.remove(keys.record_key(fingerprint))
                    self._count(records_removed=1, bytes=size)

    def _remove_rows(self, batch: list[tuple[Any, ...]]) -> None:
        if self._rows_replaced:
            return
        with self._table.transaction() as rows:
            for key, size in batch:
                if self._inventory.number("SELECT COUNT(*) FROM going_row WHERE key = ?", key):
                    rows.remove(key)
                    self._count(bytes=size)

    def _remove_leftovers(self, batch: list[tuple[Any, ...]]) -> None:
        for path, size in batch:
            if not files.is_held(path):
                files.remove_tree(path)
                self._count(leftovers=1, bytes=size)
