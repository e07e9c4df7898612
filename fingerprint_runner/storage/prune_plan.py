"""`plan_prune`: what pruning would drop, chosen from an inventory; nothing is changed.

    may go = not needed by a last run, not pinned, not used by a live run
             and as old, and as surplus, as was asked for
    first the artifacts of what may go, least worth first, as far as was asked for; then records

Invariants: what is never dropped is left out before anything is weighed; sizes are exact, so that what is
announced is what happens.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from fingerprint_runner.storage.inventory import UNREACHABLE, GraphLine, Inventory, RecordLine
from fingerprint_runner.storage.leftovers import GRACE_S

RECORDS_LATER = 10
"""Records stay so many times as long as their artifacts."""
LEAST_AGE_S = 3600.0
"""What was used within an hour weighs as if it had been used an hour ago."""

_TABLES = """
CREATE TABLE candidate (id INTEGER PRIMARY KEY, worth REAL);
CREATE TABLE chosen (id INTEGER PRIMARY KEY);
CREATE TABLE going_blob (digest BLOB PRIMARY KEY, size INTEGER, touched REAL) WITHOUT ROWID;
CREATE TABLE going_record (id INTEGER PRIMARY KEY);
CREATE TABLE going_graph (id INTEGER PRIMARY KEY);
CREATE TABLE going_run (run_id TEXT PRIMARY KEY, row_bytes INTEGER) WITHOUT ROWID;
CREATE TABLE going_row (key TEXT PRIMARY KEY, bytes INTEGER) WITHOUT ROWID;
"""

_WORTH = "seconds / (MAX(bytes, 1) * MAX(? - used, ?))"


@dataclass(frozen=True)
class PruneRequest:
    """What is to be dropped: what meets all that is given.

    Attributes:
        max_size: stop once the store is of so many bytes; None: drop all that meets the rest.
        older_than_s: not used for so many seconds.
        keep_last: not among so many records of its node that were used last.
        forget: graphs, by name or path, whose last runs need nothing any more.
    """

    max_size: int | None = None
    older_than_s: float | None = None
    keep_last: int | None = None
    forget: tuple[str, ...] = ()


@dataclass(frozen=True)
class PruneCounts:
    """How much goes, or went.

    Attributes:
        artifacts: files.
        records_dropped: records whose artifacts go.
        records_removed: records that go themselves.
        runs: runs that leave the history.
        leftovers: of killed processes, and of damage.
        bytes: of all that.
    """

    artifacts: int = 0
    records_dropped: int = 0
    records_removed: int = 0
    runs: int = 0
    leftovers: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Protected:
    """Bytes of artifacts that are never dropped, by who needs them; what two need counts for both."""

    last_runs: int
    pinned: int
    live: int


@dataclass(frozen=True)
class PrunePlan:
    """What pruning would do.

    Attributes:
        before, after: the store's size in bytes: artifacts, rows and leftovers.
        going: how much goes.
        protected: what is never dropped.
        graphs: all that left runs in the store.
        forgotten: names of those of which nothing is needed any more.
        fits: whether `after` is as small as was asked for.
    """

    before: int
    after: int
    going: PruneCounts
    protected: Protected
    graphs: tuple[GraphLine, ...]
    forgotten: tuple[str, ...]
    fits: bool

    @property
    def dead_graphs(self) -> tuple[GraphLine, ...]:
        """Those whose file is gone; what they need stays all the same."""
        return tuple(g for g in self.graphs if g.is_dead and not _is_named(g, self.forgotten))


def plan_prune(inventory: Inventory, request: PruneRequest, now: float | None = None) -> PrunePlan:
    """Choose what goes; what was chosen is then in the inventory's `going_…` tables.

    Args:
        inventory: of the store; used for one plan.
        request: what is to be dropped.
        now: seconds since the epoch.
    """
    return _Choice(inventory, request, time.time() if now is None else now).plan()


def dropped_lines(inventory: Inventory, limit: int | None = None) -> Iterator[RecordLine]:
    """The records of a plan whose artifacts go, or that go themselves, least worth first."""
    worth = "(SELECT worth FROM candidate WHERE candidate.id = record.id)"
    where = "id IN (SELECT id FROM chosen UNION SELECT id FROM going_record)"
    return inventory.lines(where, (), f"{worth}, used, fingerprint", limit)


class _Choice:
    """One choosing."""

    def __init__(self, inventory: Inventory, request: PruneRequest, now: float) -> None:
        self._inventory = inventory
        self._request = request
        self._now = now
        self._before = inventory.artifact_bytes + inventory.record_bytes

    def plan(self) -> PrunePlan:
        inventory, request = self._inventory, self._request
        inventory.database.executescript(_TABLES)
        graphs = inventory.graphs()
        self._find_candidates(graphs)
        left = inventory.number("SELECT COALESCE(SUM(bytes), 0) FROM leftover")
        left += inventory.number("SELECT COALESCE(SUM(row_bytes), 0) FROM going_graph JOIN graph USING (id)")
        self._choose_artifacts(self._before - left)
        after = self._before - left - inventory.number("SELECT COALESCE(SUM(size), 0) FROM going_blob")
        if request.older_than_s is not None or (request.max_size is not None and after > request.max_size):
            self._choose_rows(after)
        going = self._going()
        after = self._before - going.bytes
        return PrunePlan(
            self._before,
            after,
            going,
            self._protected(),
            tuple(graphs),
            request.forget,
            request.max_size is None or after <= request.max_size,
        )

    def _find_candidates(self, graphs: list[GraphLine]) -> None:
        ask = self._inventory.ask
        for graph in graphs:
            if _is_named(graph, self._request.forget):
                ask("INSERT INTO going_graph SELECT id FROM graph WHERE graph_id = ?", graph.graph_id)
        ask("DELETE FROM need WHERE graph IN (SELECT id FROM going_graph)")
        ask("UPDATE run SET last_of = NULL WHERE last_of IN (SELECT id FROM going_graph)")
        ask(
            f"INSERT INTO candidate SELECT id, {_WORTH} FROM record WHERE {UNREACHABLE}",
            self._now,
            LEAST_AGE_S,
        )
        # An artifact touched after its records were made was found there by a writer who is about to publish.
        ask(
            "DELETE FROM candidate WHERE id IN (SELECT part.record FROM part JOIN blob USING (digest)"
            " WHERE touched > ? AND touched > 2 + (SELECT MAX(created) FROM part AS other"
            " JOIN record ON record.id = other.record WHERE other.digest = blob.digest))",
            self._now - GRACE_S,
        )
        if self._request.keep_last is not None:
            ask(
                "DELETE FROM candidate WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER"
                " (PARTITION BY node ORDER BY used DESC, id DESC) AS place FROM record) WHERE place <= ?)",
                self._request.keep_last,
            )
        if self._request.older_than_s is not None:
            ask(
                "DELETE FROM candidate WHERE id IN (SELECT id FROM record WHERE used > ?)",
                self._now - self._request.older_than_s,
            )

    def _choose_artifacts(self, size: int) -> None:
        ask, most = self._inventory.ask, self._request.max_size
        # Artifacts without a record: of a killed process, or of records that were removed.
        ask(
            "INSERT INTO going_blob SELECT digest, size, touched FROM blob"
            " WHERE touched < ? AND digest NOT IN (SELECT digest FROM part)",
            self._now - GRACE_S,
        )
        if most is None:
            ask("INSERT INTO chosen SELECT id FROM candidate")
        else:
            size -= self._inventory.number("SELECT COALESCE(SUM(size), 0) FROM going_blob")
            self._choose_until(size, most)
        ask(
            "INSERT OR IGNORE INTO going_blob SELECT digest, blob.size, touched FROM chosen"
            " JOIN part ON part.record = chosen.id JOIN blob USING (digest) WHERE NOT EXISTS"
            " (SELECT 1 FROM part AS other WHERE other.digest = blob.digest"
            " AND other.record NOT IN (SELECT id FROM chosen))"
        )
        ask(
            "DELETE FROM chosen WHERE NOT EXISTS (SELECT 1 FROM part JOIN going_blob USING (digest)"
            " WHERE part.record = chosen.id)"
        )

    def _choose_until(self, size: int, most: int) -> None:
        """Choose candidates, least worth first, until what is left isn't larger than `most`."""
        inventory = self._inventory
        inventory.ask(
            "CREATE TABLE holder (digest BLOB PRIMARY KEY, count INTEGER, size INTEGER) WITHOUT ROWID"
        )
        inventory.ask(
            "INSERT INTO holder SELECT digest, COUNT(*), blob.size FROM part JOIN blob USING (digest)"
            " GROUP BY digest"
        )
        order = inventory.ask(
            "SELECT id FROM candidate JOIN record USING (id) ORDER BY worth, used, fingerprint"
        )
        for (number,) in order:
            if size <= most:
                return
            inventory.ask("INSERT INTO chosen VALUES (?)", number)
            inventory.ask(
                "UPDATE holder SET count = count - 1"
                " WHERE digest IN (SELECT digest FROM part WHERE record = ?)",
                number,
            )
            size -= inventory.number(
                "SELECT COALESCE(SUM(holder.size), 0) FROM part JOIN holder USING (digest)"
                " WHERE part.record = ? AND count = 0",
                number,
            )

    def _choose_rows(self, size: int) -> None:
        """Choose records without artifacts of their own, and runs that are nobody's last."""
        inventory, request = self._inventory, self._request
        ask, most = inventory.ask, request.max_size
        oldest = (
            self._now if request.older_than_s is None else self._now - RECORDS_LATER * request.older_than_s
        )
        runs = ask(
            "SELECT run_id, row_bytes FROM run WHERE last_of IS NULL AND started < ? ORDER BY started", oldest
        ).fetchall()
        for run_id, row_bytes in runs:
            if most is not None and size <= most:
                break
            ask("INSERT INTO going_run VALUES (?, ?)", run_id, row_bytes)
            size -= row_bytes
        records = ask(
            "SELECT id, row_bytes FROM candidate JOIN record USING (id) WHERE used < ? AND NOT EXISTS"
            " (SELECT 1 FROM part JOIN blob USING (digest) WHERE part.record = id"
            " AND digest NOT IN (SELECT digest FROM going_blob))"
            " ORDER BY kept AND id NOT IN (SELECT id FROM chosen), worth, used, fingerprint",
            oldest,
        ).fetchall()
        for number, row_bytes in records:
            if most is not None and size <= most:
                break
            ask("INSERT INTO going_record VALUES (?)", number)
            size -= row_bytes
        self._choose_unreferenced_rows()

    def _choose_unreferenced_rows(self) -> None:
        """Rows that no record which stays refers to: code parts, traces and their lists, pointers, texts."""
        inventory = self._inventory
        if not inventory.number("SELECT COUNT(*) FROM going_record"):
            return
        inventory.read_references()
        inventory.ask(
            "INSERT INTO going_row SELECT key, bytes FROM support WHERE NOT EXISTS (SELECT 1 FROM reference"
            " WHERE reference.key = support.key AND id NOT IN (SELECT id FROM going_record))"
        )
        # By their keys lists of texts go before the texts, so that no list that stays misses one.
        inventory.ask(
            "INSERT INTO going_row SELECT key, bytes FROM text WHERE NOT EXISTS"
            " (SELECT 1 FROM text_use JOIN record USING (sources) WHERE text_use.key = text.key"
            " AND id NOT IN (SELECT id FROM going_record))"
        )

    def _going(self) -> PruneCounts:
        number = self._inventory.number
        blob_bytes = number("SELECT COALESCE(SUM(size), 0) FROM going_blob")
        left_bytes = number("SELECT COALESCE(SUM(bytes), 0) FROM leftover")
        row_bytes = (
            number("SELECT COALESCE(SUM(row_bytes), 0) FROM going_graph JOIN graph USING (id)")
            + number("SELECT COALESCE(SUM(row_bytes), 0) FROM going_run")
            + number("SELECT COALESCE(SUM(row_bytes), 0) FROM going_record JOIN record USING (id)")
            + number("SELECT COALESCE(SUM(bytes), 0) FROM going_row")
        )
        return PruneCounts(
            artifacts=number("SELECT COUNT(*) FROM going_blob"),
            records_dropped=number("SELECT COUNT(*) FROM chosen"),
            records_removed=number("SELECT COUNT(*) FROM going_record"),
            runs=number("SELECT COUNT(*) FROM going_run"),
            leftovers=number("SELECT COUNT(*) FROM leftover"),
            bytes=blob_bytes + left_bytes + row_bytes,
        )

    def _protected(self) -> Protected:
        def held(where: str) -> int:
            found: int = self._inventory.number(
                "SELECT COALESCE(SUM(size), 0) FROM blob WHERE digest IN"
                f" (SELECT digest FROM part JOIN record ON record.id = part.record WHERE {where})"
            )
            return found

        return Protected(held("id IN (SELECT record FROM need)"), held("pinned"), held("live"))


def _is_named(graph: GraphLine, names: tuple[str, ...]) -> bool:
    return graph.graph_id in names or graph.registered_name in names
