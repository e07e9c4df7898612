"""`ModelStorage`: records, artifacts, resources and runs of one cache folder.

    store_value / store_tree ──> publish ──> flush        what a node put out becomes visible
    last_run, traces, records ──> is_kept ──> load_value  what an earlier run put out is found again

Invariants: opening makes no files, and what reads like a query writes nothing but quarantine; blobs have
their names before the record that names them is committed (R10); `publish` decides and commits in one
transaction, so what it returns holds for everybody, and survives the death of the process at once;
the syncs that make it survive a power cut, of blobs first and then of the table's log, are shared by a
group: at most 20 records, or the first publication 200 ms after the group began, or `flush()`, which a
runner calls when it has nothing else to do and before it exits; a node that ran for over 200 ms is synced
at once.
"""

# ruff: noqa: PTH100, PTH111, PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fingerprint_runner.errors import StorageError
from fingerprint_runner.fingerprints.manifest import Trace
from fingerprint_runner.fingerprints.record import (
    ArtifactRef,
    NodeRecord,
    ResourceTree,
    RunNode,
    RunRecord,
    TreeEntry,
    ValueRecord,
)
from fingerprint_runner.provenance.signatures import Signature
from fingerprint_runner.provenance.standstill import table_looks
from fingerprint_runner.storage import codec, files, keys
from fingerprint_runner.storage.artifacts import Artifacts, Syncing
from fingerprint_runner.storage.damage import DamageLog
from fingerprint_runner.storage.layout import Layout
from fingerprint_runner.storage.live_runs import LiveRun
from fingerprint_runner.storage.memo import FolderMemo
from fingerprint_runner.storage.publishing import Published, publish_record, publish_run
from fingerprint_runner.storage.reader import RecordReader
from fingerprint_runner.storage.stored_rows import StoredRows
from fingerprint_runner.storage.writer import StoreWriter

_SYNCING = {"batch": Syncing.LARGE, "each": Syncing.ALL, "fast": Syncing.NONE}
DURABILITIES = tuple(_SYNCING)
LONG_S = 0.2
"""A node that ran longer is on the disk at once, and not with its group."""

if TYPE_CHECKING:
    from fingerprint_runner.storage.module_texts import ModuleTexts, SourceTexts
    from fingerprint_runner.storage.table import Transaction
    from fingerprint_runner.storage.upkeep import Upkeep


@dataclass(frozen=True)
class StorageLocation:
    """Where a store is, for other processes.

    Attributes:
        path: the cache folder.
        durability: see `open_storage`.
    """

    path: str
    durability: str = "batch"

    def open(self) -> ModelStorage:
        """The same store, opened in this process."""
        return ModelStorage(self)


def open_storage(path: str | Path, *, durability: str = "batch") -> ModelStorage:
    """Open the store inside a cache folder; nothing is made before the first write.

    Args:
        path: the cache folder; the store is `fr/` inside it.
        durability: `batch`: a power cut loses at most the last group of records; `each`: none;
            `fast`: any, found out and run again. Nothing is ever wrong, and the death of a process
            loses nothing that was published.

    Raises:
        ValueError: unknown durability.
    """
    return ModelStorage(StorageLocation(os.path.abspath(os.path.expanduser(path)), durability))


class ModelStorage:
    """A store; safe to use from several threads, and from each of several processes.

    Attributes:
        location: picklable; its `open()` gives the same store in another process.
        memo: small files that may always be deleted.
    """

    def __init__(self, location: StorageLocation) -> None:
        if location.durability not in DURABILITIES:
            raise ValueError(f"durability is one of {', '.join(DURABILITIES)}, not {location.durability!r}")
        self.location = location
        self._layout = Layout(location.path)
        self._damage = DamageLog()
        self.memo = FolderMemo(self._layout)
        self._reader = RecordReader(self._layout, self._damage.note)
        self._rows = StoredRows(self._reader, self._damage.note)
        syncing = _SYNCING[location.durability]
        self._artifacts = Artifacts(self._layout, self.memo, self._damage.note, syncing)
        self._writer = StoreWriter(self._layout, location.durability, self._damage.note)
        self._live_runs: list[LiveRun] = []

    @property
    def folder(self) -> Path:
        """The store's own folder, which may not be there yet."""
        return Path(self._layout.root)

    # --- looking up -----------------------------------------------------------------------------------

    def last_run(self, graph_id: str) -> RunRecord | None:
        """A graph's last run; what it names is fetched along, so that looking it up costs nothing."""
        graph = self._rows.graph(graph_id)
        run = None if graph is None else self._rows.run(graph.run_id)
        if run is None:
            return None
        nodes = run.nodes.values()
        wanted = [keys.record_key(node.fingerprint) for node in nodes if node.fingerprint is not None]
        lists = [keys.trace_list_key(node.first_key) for node in nodes if node.first_key is not None]
        self._rows.fetch([*wanted, *lists])
        self._rows.fetch(keys.trace_key(name) for key in lists for name in self._rows.trace_names(key))
        return run

    def last_lines(self, graph_id: str) -> dict[str, RunNode]:
        """Node → its line in the last run of the graph in which it came to an outcome."""
        graph = self._rows.graph(graph_id)
        return {} if graph is None else self._rows.last_lines(graph)

    def run(self, run_id: str) -> RunRecord | None:
        """What a run did."""
        return self._rows.run(run_id)

    def runs(self, graph_id: str | None = None, limit: int | None = None) -> Iterator[RunRecord]:
        """A graph's runs, or those of all graphs, newest first."""
        found = 0
        for key, content in self._reader.below("R/", newest_first=True, page=20):
            row = codec.decode_row(key, content, codec.RunRow)
            if row is not None and graph_id in (None, row.graph_id):
                if limit is not None and found >= limit:
                    return
                found += 1
                yield row.run()

    def traces(self, first_keys: Iterable[str]) -> dict[str, tuple[Trace, ...]]:
        """The traces of each first key that has any, oldest first (R15)."""
        lists = {first_key: keys.trace_list_key(first_key) for first_key in first_keys}
        self._rows.fetch(lists.values())
        named = {first_key: self._rows.trace_names(key) for first_key, key in lists.items()}
        self._rows.fetch(keys.trace_key(name) for names in named.values() for name in names)
        found: dict[str, tuple[Trace, ...]] = {}
        for first_key, names in named.items():
            traces = [trace for name in names if (trace := self._rows.trace(name)) is not None]
            if traces:
                found[first_key] = tuple(traces)
        return found

    def records(self, fingerprints: Iterable[str]) -> dict[str, NodeRecord]:
        """The records that there are; their code parts are loaded when they are looked into."""
        wanted = list(fingerprints)
        self._rows.fetch(keys.record_key(fingerprint) for fingerprint in wanted)
        found = {fingerprint: self._rows.record(fingerprint) for fingerprint in wanted}
        return {fingerprint: record for fingerprint, record in found.items() if record is not None}

    def records_below(self, prefix: str, limit: int = 10) -> list[NodeRecord]:
        """The first records whose fingerprints begin with a text."""
        found = self._reader.below(keys.record_key(prefix), page=limit)
        names = [key.removeprefix(keys.record_key("")) for key, _ in itertools.islice(found, limit)]
        return list(self.records(names).values())

    def code_symbols(self, record: NodeRecord) -> Mapping[str, str]:
        """The symbols of a record's code part; empty where that row is gone."""
        return record.manifest.code.symbols

    def newest(self, node: str, component: str) -> NodeRecord | None:
        """The record published last for a node of this name with this component."""
        row = self._rows.row(keys.newest_key(node, component), codec.NewestRow)
        record = None if row is None else self._rows.record(row.fingerprint)
        same = record is not None and (record.node, record.component) == (node, component)
        return record if same else None

    def is_kept(self, record: NodeRecord) -> bool:
        """Whether every artifact of a record is there, with its size (R13)."""
        if not record.storable or (record.value is not None and record.value.artifact is None):
            return False
        return all(self._artifacts.has(digest, size) for digest, size in _artifacts_of(record))

    def artifact_files(self, record: NodeRecord) -> list[tuple[str, int]]:
        """Path and size of each file that a kept record's artifacts are in."""
        return [(self._artifacts.path(digest), size) for digest, size in _artifacts_of(record)]

    def table_looks(self) -> list[tuple[str, Signature | None]]:
        """The files of the table as they are now: while they stay so, nobody has written to it."""
        return table_looks(self._layout.table)

    def generation(self) -> str | None:
        """Changes whenever a row was removed or replaced, or the table made anew; None without a table."""
        return self._reader.generation()

    def forget(self) -> None:
        """Look everything up again: others may have published or removed since."""
        self._rows.forget()

    # --- values and resources -------------------------------------------------------------------------

    def store_value(
        self, value: object, *, is_first_party: Callable[[str], bool], path: str = "value"
    ) -> ValueRecord:
        """Store a value, and say what it is.

        Args:
            value: anything that can be restored.
            is_first_party: whether a module's code counts symbol by symbol (R4).
            path: how the value is called in messages.

        Raises:
            NotStorable: it, or a part of it that the message names, can't be stored.
            StorageError: the store can't be written.
        """
        from fingerprint_runner.storage.values import store_value

        with self._writer.translating():
            return store_value(self._artifacts, value, is_first_party, path)

    def load_value(self, ref: ArtifactRef) -> object:
        """An own copy of a value; its large arrays are copy-on-write maps of the artifact.

        Raises:
            DamagedArtifact: the artifact is missing, or was damaged and has been set aside.
            StorageError: what it needs to become a value again isn't there.
        """
        from fingerprint_runner.storage.values import load_value

        return load_value(self._artifacts, ref)

    def artifact_path(self, digest: str) -> Path:
        """Where the bytes of an artifact are, or would be; a file to read, never to write."""
        return Path(self._artifacts.path(digest))

    def mentions(self, ref: ArtifactRef, text: bytes) -> bool:
        """Whether the stored bytes of a value contain `text`, such as the path of a folder.

        Raises:
            DamagedArtifact: the artifact is missing or damaged.
        """
        import re

        content = ref.inline if ref.inline is not None else self._artifacts.load(ref.digest, ref.size)
        return re.search(re.escape(text), content) is not None

    def store_tree(self, folder: Path) -> ResourceTree:
        """Store what is in a folder: files, folders, and relative symlinks that stay inside.

        Raises:
            NotStorable: something else is in it.
            StorageError: the store can't be written.
        """
        from fingerprint_runner.storage.trees import store_tree

        with self._writer.translating():
            return store_tree(self._artifacts, folder)

    def restore_tree(self, tree: ResourceTree, into: Path, *, read_only: bool) -> None:
        """Put a stored folder's content into a folder that is empty or missing, verified.

        Args:
            tree: what to put there.
            into: the folder.
            read_only: make files and folders read-only afterwards.

        Raises:
            DamagedArtifact: a file is missing or damaged in the store.
            OSError: the folder can't be written.
        """
        from fingerprint_runner.storage.trees import restore_tree

        restore_tree(self._artifacts, tree, into, read_only=read_only)

    def restore_file(self, entry: TreeEntry, to: Path) -> None:
        """Make a new file with the content of one file of a stored folder, verified.

        Raises:
            DamagedArtifact: it is missing or damaged in the store.
            OSError: the file can't be written.
        """
        from fingerprint_runner.storage.trees import restore_file

        restore_file(self._artifacts, entry, str(to), read_only=False)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A private folder on the store's filesystem, removed afterwards.

        Raises:
            StorageError: the store can't be written.
        """
        path = os.path.join(self._layout.tmp, f"run-{files.unique_name()}")
        with ExitStack() as held:
            held.callback(self._remove_scratch, path)
            with self._writer.translating():
                self._layout.make()
                files.make_folder(path)
                held.enter_context(files.held_folder(path))
            yield Path(path)

    def _remove_scratch(self, path: str) -> None:
        try:
            files.remove_tree(path)
        except OSError:
            # A leftover without a lock, which pruning takes.
            pass

    # --- publishing -----------------------------------------------------------------------------------

    def publish(
        self,
        record: NodeRecord,
        trace: Trace,
        *,
        replace: bool = False,
        fingerprint_under: Callable[[Trace], str | None] | None = None,
        sources: SourceTexts | None = None,
    ) -> Published:
        """Make a node's outcome visible under its fingerprint, unless another holds already (R14).

        Args:
            record: the outcome; its artifacts were stored by this store before.
            trace: the queries that led to its fingerprint.
            replace: it holds whatever was there (`--force`).
            fingerprint_under: the full fingerprint that an older trace of the same first key gives
                now, None where it can't be told; lets an older trace that matches as well hold.
            sources: the texts that its modules had, to be kept for those who ask what changed.

        Returns:
            The record that holds, for everybody and from now on.

        Raises:
            ValueError: the record doesn't name this trace.
            StorageError: the store can't be written; nothing was published.
        """
        if record.trace != trace.name:
            raise ValueError(f"the record of {record.node!r} names another trace than the one given")
        texts = None if sources is None else self.texts.prepare(sources)

        def publish(rows: Transaction) -> tuple[Published, set[str]]:
            published = publish_record(rows, record, trace, self.is_kept, replace, fingerprint_under, texts)
            for live in self._live_runs:
                live.add(published.record.fingerprint)
            return published, rows.changed

        blobs = [path for path, _ in self.artifact_files(record)]
        long = record.seconds > LONG_S
        published, changed = self._writer.change(publish, blobs=blobs, sync_at_once=long)
        self._rows.forget(changed)
        return published

    def put_run(self, run: RunRecord, registered_name: str, graph_nodes: Collection[str]) -> None:
        """Keep what a run did; it becomes its graph's last run.

        Args:
            run: the run.
            registered_name: by what the graph is registered: its name, or its path.
            graph_nodes: all nodes of the graph, whether the run's targets needed them or not.

        Raises:
            StorageError: the store can't be written.
        """

        def publish(rows: Transaction) -> set[str]:
            publish_run(rows, run, registered_name, graph_nodes)
            return rows.changed

        self._rows.forget(self._writer.change(publish))

    def flush(self) -> None:
        """Have all that was published on the disk.

        Raises:
            StorageError: the disk doesn't take it.
        """
        self._writer.flush()
        self._artifacts.remember()

    @contextmanager
    def live_run(self, fingerprints: Iterable[str]) -> Iterator[None]:
        """Inside the block pruning leaves alone what a run uses: these records, and what is published.

        Args:
            fingerprints: of the records that the run's plan rests on.
        """
        try:
            with self._writer.translating():
                self._layout.make()
                live = LiveRun(self._layout, fingerprints)
        except StorageError:
            # A store that can't be written isn't pruned either, and else a loss is found out.
            yield
            return
        self._live_runs.append(live)
        try:
            yield
        finally:
            self._live_runs.remove(live)
            live.close()

    # --- the store as a whole -------------------------------------------------------------------------

    def take_damage(self) -> tuple[str, ...]:
        """What was found damaged since the last call, a sentence each."""
        return self._damage.take()

    @cached_property
    def upkeep(self) -> Upkeep:
        """What looks at, or changes, the store as a whole: counts, pins, pruning, verifying, clearing."""
        # For weight: runs don't need it.
        from fingerprint_runner.storage.upkeep import Upkeep

        return Upkeep(self._layout, self._reader, self._writer, self._forget_all)

    @cached_property
    def texts(self) -> ModuleTexts:
        """The texts that modules had when nodes ran."""
        # For weight: plans, and runs in which nothing is published, don't need it.
        from fingerprint_runner.storage.module_texts import ModuleTexts

        return ModuleTexts(self._reader, self._rows)

    def _forget_all(self) -> None:
        self._artifacts.forget()
        self.forget()

    def close(self) -> None:
        """Flush and let go of everything; the next use opens it again."""
        try:
            self.flush()
        finally:
            self._reader.close()
            self._writer.close()

    def __enter__(self) -> ModelStorage:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _artifacts_of(record: NodeRecord) -> Iterator[tuple[str, int]]:
    """Digest and size of each artifact of a record that is a file of its own."""
    if record.value is not None and record.value.artifact is not None:
        ref = record.value.artifact
        if ref.inline is None:
            yield ref.digest, ref.size
    if record.resource is not None:
        for entry in record.resource.entries:
            if entry.kind == "file" and entry.size > 0:
                yield entry.digest, entry.size
