"""`Verification`: everything in a store read and checked; nothing is changed.

    folder ─> rows ─> artifacts that records name ─> every artifact's bytes

Invariants: an artifact that was pruned isn't missing; what a writer publishes meanwhile isn't damage; memory
is bounded, whatever the store's size, since damage is told as it is found.
"""

# ruff: noqa: PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import xxhash

from fingerprint_runner.storage import codec, files, keys
from fingerprint_runner.storage.artifacts import digest_of
from fingerprint_runner.storage.inventory import Inventory
from fingerprint_runner.storage.layout import FOLDERS, Layout
from fingerprint_runner.storage.module_texts import sources_name, text_of
from fingerprint_runner.storage.reader import RecordReader

_FILES = re.compile(r"VERSION|CACHEDIR\.TAG|lock|\.(VERSION|CACHEDIR\.TAG)\.[0-9a-f-]+")
_TABLE_FILES = re.compile(r"cache\.db(-wal|-shm|-journal)?")
_SHARD = re.compile(r"[0-9a-f]{2}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FORMS: dict[str, type] = {
    "r/": codec.RecordRow,
    "f/": codec.TraceListRow,
    "q/": codec.TraceRow,
    "c/": codec.CodeRow,
    "R/": codec.RunRow,
    "g/": codec.GraphRow,
    "n/": codec.NewestRow,
    "p/": codec.PinRow,
    "s/": codec.SourcesRow,
    "t/": codec.TextRow,
}
_NODES_NAMED = 3


class DamageKind(Enum):
    """What is wrong with a part of a store, from bad to worse."""

    MISSING = "missing"
    """A record names something that isn't there, and wasn't pruned."""
    CORRUPT = "corrupt"
    """Bytes aren't what they were written as."""
    FOREIGN = "foreign"
    """The store never makes such a thing: somebody else did."""


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong.

    Attributes:
        what: an artifact's digest, a row's key, or a path inside the store.
        message: what is wrong with it.
        nodes: some of the nodes whose records it concerns.
    """

    kind: DamageKind
    what: str
    message: str
    nodes: tuple[str, ...] = ()


class Verification:
    """One look at everything.

    Args:
        layout: where the store is.
        on_step: told how many bytes of how many have been read.

    Attributes:
        records, artifacts, bytes: how many were checked so far.
        unreferenced: artifacts that no record names; they are no damage, and pruning takes them.
    """

    def __init__(self, layout: Layout, on_step: Callable[[int, int], None]) -> None:
        self._layout = layout
        self._on_step = on_step
        self._unreadable: list[str] = []
        self._reader = RecordReader(layout, self._unreadable.append)
        self.records = 0
        self.artifacts = 0
        self.bytes = 0
        self.unreferenced = 0

    def damage(self) -> Iterator[Damage]:
        """Check everything once; gives what is wrong as it is found.

        Raises:
            StorageError: the store mustn't be read at all.
        """
        if not self._layout.check():
            return
        yield from self._foreign_files()
        yield from self._rows()
        with Inventory(self._layout, self._reader) as inventory:
            yield from self._missing(inventory)
            yield from self._artifacts(inventory)
        yield from (Damage(DamageKind.CORRUPT, "table", text) for text in dict.fromkeys(self._unreadable))
        self._reader.close()

    # --- files ----------------------------------------------------------------------------------------

    def _foreign_files(self) -> Iterator[Damage]:
        layout = self._layout
        yield from self._strangers(layout.root, lambda name: _FILES.fullmatch(name) is not None, FOLDERS)
        yield from self._strangers(layout.records, lambda name: _TABLE_FILES.fullmatch(name) is not None)
        shards = [name for name in files.names(layout.blobs) if _SHARD.fullmatch(name)]
        yield from self._strangers(layout.blobs, lambda name: False, shards)
        for shard in shards:
            yield from self._strangers(
                os.path.join(layout.blobs, shard),
                lambda name, shard=shard: _DIGEST.fullmatch(name) is not None and name[:2] == shard,  # type: ignore[misc]
            )

    def _strangers(
        self, folder: str, is_own_file: Callable[[str], bool], own_folders: Any = ()
    ) -> Iterator[Damage]:
        """What is in a folder and no file or folder that the store makes there."""
        for name, found in files.states(folder):
            if name in own_folders:
                fits, wanted = stat.S_ISDIR(found.st_mode), "a folder"
            else:
                fits, wanted = is_own_file(name) and stat.S_ISREG(found.st_mode), "a file of the store"
            path = os.path.relpath(os.path.join(folder, name), self._layout.root)
            if not fits:
                yield Damage(DamageKind.FOREIGN, path, f"isn't {wanted}")
            elif found.st_uid not in (os.geteuid(), 0):
                yield Damage(DamageKind.FOREIGN, path, f"belongs to another user (uid {found.st_uid})")

    # --- rows -----------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[Damage]:
        for problem in self._reader.integrity():
            yield Damage(DamageKind.CORRUPT, "table", problem)
        for shown in self._reader.strangers(tuple(_FORMS)):
            yield Damage(DamageKind.FOREIGN, f"row {shown}", "isn't one that the store makes")
        for prefix, form in _FORMS.items():
            for key, content in self._reader.below(prefix, page=20 if prefix == "R/" else 500):
                row = codec.decode_row(key, content, form)
                if row is None or not _belongs(key, row):
                    yield Damage(
                        DamageKind.CORRUPT, f"row {key}", "isn't what was written; it counts as missing"
                    )
                elif isinstance(row, codec.RecordRow):
                    self.records += 1
                    yield from self._record(key, row)
                elif isinstance(row, codec.TraceListRow):
                    yield from self._referred([keys.trace_key(name) for name in row.traces], key, ())
                elif isinstance(row, codec.SourcesRow):
                    yield from self._referred([keys.text_key(name) for name in row.texts.values()], key, ())

    def _record(self, key: str, row: codec.RecordRow) -> Iterator[Damage]:
        nodes = (row.record.node,)
        artifact = None if row.record.value is None else row.record.value.artifact
        if (
            artifact is not None
            and artifact.inline is not None
            and digest_of([artifact.inline]) != artifact.digest
        ):
            yield Damage(DamageKind.CORRUPT, f"row {key}", "holds a value that isn't what was written", nodes)
        sources = [keys.sources_key(row.sources)] if row.sources else []
        yield from self._referred([keys.code_key(row.code), *sources], key, nodes)

    def _referred(self, wanted: list[str], by: str, nodes: tuple[str, ...]) -> Iterator[Damage]:
        there = self._reader.there(wanted)
        for key in wanted:
            if key not in there and self._reader.there([by]):
                yield Damage(
                    DamageKind.MISSING, f"row {key}", f"isn't there, and the row {by} names it", nodes
                )

    # --- artifacts ------------------------------------------------------------------------------------

    def _missing(self, inventory: Inventory) -> Iterator[Damage]:
        found = inventory.ask(
            "SELECT lower(hex(digest)), lower(hex(fingerprint)), part.size, blob.size, node FROM part"
            " JOIN record ON record.id = part.record LEFT JOIN blob USING (digest)"
            " WHERE dropped = 0 AND (blob.size IS NULL OR blob.size <> part.size)"
        )
        for digest, fingerprint, wanted, size, node in found:
            if self._was_dropped(fingerprint):
                continue
            if size is None:
                yield Damage(DamageKind.MISSING, digest, "isn't there; its node runs again", (node,))
            elif self._artifact_problem(digest) is None:
                message = f"says that artifact {digest} has {wanted} bytes, and it has {size}"
                yield Damage(DamageKind.CORRUPT, f"row {keys.record_key(fingerprint)}", message, (node,))

    def _was_dropped(self, fingerprint: str) -> bool:
        """Whether a record was pruned, with or without its row, since it was looked at."""
        key = keys.record_key(fingerprint)
        content = self._reader.rows([key]).get(key)
        row = None if content is None else codec.decode_row(key, content, codec.RecordSummaryRow)
        return row is None or row.record.dropped != 0

    def _artifacts(self, inventory: Inventory) -> Iterator[Damage]:
        total = inventory.number("SELECT COALESCE(SUM(size), 0) FROM blob")
        self.unreferenced = inventory.number(
            "SELECT COUNT(*) FROM blob WHERE digest NOT IN (SELECT digest FROM part)"
        )
        read = 0
        for digest, size in inventory.ask("SELECT lower(hex(digest)), size FROM blob ORDER BY digest"):
            problem = self._artifact_problem(digest)
            self.artifacts += 1
            self.bytes += size
            read += size
            self._on_step(read, total)
            if problem is not None:
                nodes = inventory.ask(
                    "SELECT DISTINCT node FROM part JOIN record ON record.id = part.record WHERE digest = ?"
                    " LIMIT ?",
                    bytes.fromhex(digest),
                    _NODES_NAMED,
                )
                names = tuple(node for (node,) in nodes)
                consequence = "; its node runs again" if names else ""
                yield Damage(DamageKind.CORRUPT, digest, problem + consequence, names)

    def _artifact_problem(self, digest: str) -> str | None:
        path = os.path.join(self._layout.blobs, digest[:2], digest)
        try:
            descriptor = files.open_to_read(path)
        except FileNotFoundError:
            # Pruned, or set aside by a reader, since it was looked at.
            return None
        except OSError as error:
            return f"can't be read: {error.strerror or error}"
        hashed = xxhash.xxh3_128()
        try:
            for block in files.blocks(descriptor, path):
                hashed.update(block)
        except OSError as error:
            return f"can't be read: {error.strerror or error}"
        finally:
            os.close(descriptor)
        return None if hashed.hexdigest() == digest else "isn't what was written"


def _belongs(key: str, row: Any) -> bool:
    """Whether a row is what its key says."""
    name = key[2:]
    if isinstance(row, codec.RecordRow):
        return row.record.fingerprint == name
    if isinstance(row, codec.TraceRow):
        return row.trace().name == name
    if isinstance(row, codec.RunRow):
        return row.run_id == name
    if isinstance(row, codec.PinRow):
        return row.fingerprint == name
    if isinstance(row, codec.SourcesRow):
        return sources_name(row) == name
    if isinstance(row, codec.TextRow):
        return text_of(row, name) is not None
    return True
