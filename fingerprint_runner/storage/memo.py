"""`FolderMemo`: small files of what was learnt, such as source readings; they may always be deleted.

Invariants: a memo is read whole and unchanged or not at all (it carries a checksum, since a power cut
may leave it empty); writing one never raises and never waits for the disk.
"""

# ruff: noqa: PTH118
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
import re

import xxhash

from fingerprint_runner.errors import StorageError
from fingerprint_runner.storage import files
from fingerprint_runner.storage.layout import Layout

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)


class FolderMemo:
    """Memos in the store's `memo/` folder.

    Args:
        layout: where the store is.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def folder(self) -> str:
        """Where memos are, or would be."""
        return self._layout.memo

    def load(self, name: str) -> bytes | None:
        """The bytes saved under a name; None where there are none, or they are damaged."""
        try:
            content = files.read(self._path(name)) if self._layout.check() else None
        except (OSError, StorageError):
            return None
        if content is None or content[:16] != xxhash.xxh3_128_digest(content[16:]):
            return None
        return content[16:]

    def save(self, name: str, data: bytes) -> None:
        """Keep bytes under a name, if they can be written at all; a read-only cache is fine."""
        path = self._path(name)
        temporary = os.path.join(self._layout.memo, f".{files.unique_name()}")
        try:
            self._layout.make_memo()
            files.replace_file(path, xxhash.xxh3_128_digest(data) + data, temporary=temporary)
        except (OSError, StorageError):
            return

    def _path(self, name: str) -> str:
        safe = name if _NAME.fullmatch(name) else f"by-digest-{xxhash.xxh3_128_hexdigest(name.encode())}"
        return os.path.join(self._layout.memo, safe)
