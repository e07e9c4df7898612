"""`write_exports`: puts nodes' outputs into the folders that users look into.

Invariants: a file that is already right isn't written; files that an export doesn't name are left
alone; an export is never an input.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.record import NodeRecord, ResourceTree, TreeEntry, ValueRecord
from fingerprint_runner.provenance.files import FileDigests
from fingerprint_runner.provenance.memo import Memo
from fingerprint_runner.storage.model_storage import ModelStorage


class Exporter:
    """Writes exports of one graph.

    Args:
        folder: what `export` is relative to.
        storage: where outputs come from.
        files: digests of files, remembered by their stat signatures.
        memo: remembers which file a value was written as.
    """

    def __init__(self, folder: Path, storage: ModelStorage, files: FileDigests, memo: Memo) -> None:
        self._folder = folder
        self._storage = storage
        self._files = files
        self._memo = memo

    def export(self, node: str, record: NodeRecord, to: str) -> list[str]:
        """Bring one node's folder up to date.

        Returns:
            The paths that were written, relative to the graph's folder.
        """
        target = self._folder / to
        if record.resource is not None:
            return self._export_tree(record.resource, target)
        if record.value is None or record.value.artifact is None:
            return []
        return self._export_value(node, record.value, target)

    def is_current(self, node: str, record: NodeRecord, to: str) -> bool:
        """Whether one node's folder is as it should be; the store isn't asked."""
        target = self._folder / to
        if record.resource is not None:
            return not self._different(record.resource, target)
        if record.value is None:
            return True
        known = self._memo.load(self._memo_name(node, record.value, target))
        return known is not None and self._is_as_written(known, target)

    def _export_tree(self, tree: ResourceTree, target: Path) -> list[str]:
        different = self._different(tree, target)
        for entry in different:
            _replace(target / entry.path, functools.partial(self._storage.restore_file, entry))
        return [self._shown(target / entry.path) for entry in different]

    def _different(self, tree: ResourceTree, target: Path) -> list[TreeEntry]:
        return [
            entry
            for entry in tree.entries
            if entry.kind == "file" and self._files.digest(str(target / entry.path)) != entry.digest
        ]

    def _export_value(self, node: str, value_record: ValueRecord, target: Path) -> list[str]:
        assert value_record.artifact is not None
        memo_name = self._memo_name(node, value_record, target)
        known = self._memo.load(memo_name)
        if known is not None and self._is_as_written(known, target):
            return []
        value = self._storage.load_value(value_record.artifact)
        file_name, write = value_file(node, value)
        _replace(target / file_name, write)
        self._files.refresh()
        self._memo.save(memo_name, f"{file_name}\n{self._files.digest(str(target / file_name))}".encode())
        return [self._shown(target / file_name)]

    def _memo_name(self, node: str, value: ValueRecord, target: Path) -> str:
        # What a value looks like as a file is this engine's own doing: remembered by identity.
        return "export-" + digest([node, str(target), value.identity])

    def _is_as_written(self, known: bytes, target: Path) -> bool:
        file_name, _, written = known.decode().partition("\n")
        return self._files.digest(str(target / file_name)) == written

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._folder))


def value_file(name: str, value: Any) -> tuple[str, Callable[[Path], object]]:
    """The file name, and what writes it, for a value that people are to look at.

    Text as `.txt`, bytes as `.bin`, arrays as `.npy`, frames as `.csv`, plain data as `.json`, all
    else as `.pickle`.
    """

    import json

    kind = type(value)
    if kind is str:
        return f"{name}.txt", lambda path: path.write_text(value, encoding="utf-8")
    if kind is bytes:
        return f"{name}.bin", lambda path: path.write_bytes(value)
    module = kind.__module__.partition(".")[0]
    if module == "numpy" and kind.__name__ == "ndarray" and not value.dtype.hasobject:
        return f"{name}.npy", lambda path: _save_array(path, value)
    if module == "pandas" and kind.__name__ in ("DataFrame", "Series"):
        return f"{name}.csv", lambda path: value.to_csv(path)
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    except (TypeError, ValueError, RecursionError):
        return f"{name}.pickle", lambda path: path.write_bytes(_pickled(value))
    return f"{name}.json", lambda path: path.write_text(text, encoding="utf-8")


def _save_array(path: Path, value: Any) -> None:
    import numpy

    with path.open("wb") as file:
        numpy.save(file, value, allow_pickle=False)


def _pickled(value: Any) -> bytes:
    import pickle

    return pickle.dumps(value, protocol=5)


def write_value(value: Any, path: Path) -> None:
    """Write a value to a path of the user's choice, in the form of `value_file`."""
    _, write = value_file("value", value)
    _replace(path, write)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the path and rename: who reads it sees the old or the new file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
