"""`Sources`: first-party modules as they are now: their locations, signatures, digests and tables.

Invariants: a file is looked at once until `refresh()`; a table is of the bytes whose digest is given;
a signature is trusted only if it had settled when it was taken; `ast` is imported only when a text
is met whose table isn't known.
"""

# Plain strings: pathlib's `stat` takes four times as long as `os.stat`.
# ruff: noqa: PTH112, PTH120, PTH208

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_hexdigest

from fingerprint_runner.errors import InvalidGraph, SourceChanged
from fingerprint_runner.provenance.locate import Locator, ModuleLocation
from fingerprint_runner.provenance.memo import Memo
from fingerprint_runner.provenance.signatures import Signature, is_settled, note_look, signature

if TYPE_CHECKING:
    from fingerprint_runner.provenance.units import ModuleTable

READER_VERSION = 6
"""Raised whenever the rules of reading change: what was read by others isn't used."""

ABSENT: Signature = (-1,)
"""Stands in a memo for the signature of nothing."""

UNSETTLED: Signature = ()
"""Stands in a memo for a signature that can't be trusted."""

_SUFFIXES = (".py", ".so", ".pyd", ".pyc")


class Sources:
    """Reads first-party source.

    Args:
        locator: says where modules are.
        memo: keeps tables between runs, under `sources`.
        clock: nanoseconds since the epoch.
    """

    def __init__(self, locator: Locator, memo: Memo, clock: Callable[[], int]) -> None:
        self.locator = locator
        self._memo = memo
        self._clock = clock
        self._tables: dict[str, ModuleTable | None] = {}
        self._remembered: dict[str, tuple[Any, ...]] | None = None
        self._changed = False
        self._begin()

    def _begin(self) -> None:
        self._now = self._clock()
        self._signatures: dict[str, Signature | None] = {}
        self._digests: dict[str, str] = {}
        self._texts: dict[str, bytes] = {}

    def refresh(self) -> None:
        """Forget what was seen of files and folders; tables stay, by their digests."""
        self._begin()
        self._tables.clear()
        self.locator.refresh()

    # -- files ---------------------------------------------------------------------------------

    def signature(self, path: str) -> Signature | None:
        """The present signature of a file or folder, None where nothing is there."""
        if path not in self._signatures:
            self._signatures[path] = signature(path)
        found = self._signatures[path]
        note_look(path, found)
        return found

    def settled(self, path: str) -> Signature:
        """The signature to remember for a path: `UNSETTLED` where it couldn't be trusted."""
        found = self.signature(path)
        if found is None:
            return ABSENT  # as good as a signature: appearing shows
        return found if is_settled(found, self._now) else UNSETTLED

    def know(self, path: str, digest: str) -> None:
        """Take over the digest of a file whose remembered signature is its present one."""
        self._digests.setdefault(path, digest)

    def digest(self, path: str) -> str:
        """xxh3-128 of a file's bytes; of the names in a folder; `absent` where nothing is."""
        found = self._digests.get(path)
        if found is None:
            found = self._digests[path] = self._read(path)
        return found

    def _read(self, path: str) -> str:
        if os.path.isdir(path):
            return xxh3_128_hexdigest("\n".join(_module_names(path)).encode())
        try:
            text, sig = self.locator.read_text(path)
        except (FileNotFoundError, NotADirectoryError):
            return "absent"
        except (OSError, ValueError) as error:
            raise InvalidGraph.single(
                "unreadable-file", f"this source file can't be read: {error}", file=path
            ) from error
        self._signatures[path] = sig
        self._texts[path] = text
        return xxh3_128_hexdigest(text)

    # -- modules -------------------------------------------------------------------------------

    def located(self, module: str) -> ModuleLocation:
        """Where a module lies."""
        return self.locator.locate(module)

    def file_digest(self, module: str) -> str:
        """xxh3-128 of the bytes of a module's file.

        Raises:
            SourceChanged: the file went away after it was found.
        """
        path = self.located(module).path
        found = "absent" if path is None else self.digest(path)
        if found == "absent":
            raise SourceChanged(module, "its file went away while it was read")
        return found

    def listing(self, module: str) -> tuple[str, ...]:
        """Sorted names, relative and with `/`, of the modules in a module's folder and below."""
        path = self.located(module).path
        if path is None:
            return ()
        top = os.path.dirname(path)
        found: list[str] = []
        for folder, inner, files in os.walk(top):
            inner[:] = sorted(name for name in inner if name.isidentifier() and name != "__pycache__")
            place = os.path.relpath(folder, top).replace(os.sep, "/")
            found.extend(f"{place}/{name}" for name in sorted(files) if name.endswith(_SUFFIXES))
        return tuple(found)

    def listed_folders(self, module: str) -> list[str]:
        """The folders that `listing` looks into."""
        path = self.located(module).path
        if path is None:
            return []
        found = []
        for folder, inner, _ in os.walk(os.path.dirname(path)):
            inner[:] = sorted(name for name in inner if name.isidentifier() and name != "__pycache__")
            found.append(folder)
        return found

    def table(self, module: str) -> ModuleTable | None:
        """The table of a first-party module in source; None for every other.

        Raises:
            InvalidGraph: kind `syntax-error`, if its text isn't Python.
            SourceChanged: the file went away after it was found.
        """
        if module not in self._tables:
            self._tables[module] = self._make_table(module)
        return self._tables[module]

    def _make_table(self, module: str) -> ModuleTable | None:
        where = self.located(module)
        if where.kind != "first-party" or not where.is_source or where.path is None:
            return None
        remembered = self._recall().get(module)
        if remembered is not None:
            sig: Signature = remembered[0]
            _, is_package, path, text = remembered[1][:4]
            if path == where.path and is_package == where.is_package:
                if sig and sig == self.signature(path):
                    self.know(path, text)
                if self.digest(path) == text:
                    if sig != self.settled(path):
                        self._recall()[module] = (self.settled(path), remembered[1])
                        self._changed = True
                    # For weight: answers that are remembered need no table.
                    from fingerprint_runner.provenance.units import ModuleTable

                    return ModuleTable.from_plain(remembered[1])
        digest = self.file_digest(module)
        if where.path not in self._texts:
            self._digests.pop(where.path)
            digest = self.file_digest(module)
        # `ast` and what walks trees are needed only for a text that was never read before.
        from fingerprint_runner.provenance.module_table import read_module

        table = read_module(
            module, where.is_package, where.path, self._texts.pop(where.path), xxh3_128_hexdigest
        )
        assert table.text == digest
        self._recall()[module] = (self.settled(where.path), table.as_plain())
        self._changed = True
        return table

    # -- the memo ------------------------------------------------------------------------------

    def _blob_name(self) -> str:
        return f"sources-{sys.version_info[0]}.{sys.version_info[1]}-{READER_VERSION}"

    def _recall(self) -> dict[str, tuple[Any, ...]]:
        if self._remembered is None:
            data = unpack(self._memo.load(self._blob_name()))
            self._remembered = data if isinstance(data, dict) else {}
        return self._remembered

    def save(self) -> None:
        """Write the tables to the memo, if any is new; tables of files that went away are dropped."""
        if not self._changed or self._remembered is None:
            return
        kept = {
            module: entry
            for module, entry in self._remembered.items()
            if self.signature(entry[1][2]) is not None
        }
        self._memo.save(self._blob_name(), pack(kept))
        self._changed = False


def pack(data: Any) -> bytes:
    """Plain data as a blob that shows its own damage."""
    import marshal

    payload = marshal.dumps(data)
    return xxh3_128_hexdigest(payload).encode() + payload


def unpack(blob: bytes | None) -> Any:
    """The data of a blob; None where there is none or it is damaged."""
    if blob is None or len(blob) < 32 or xxh3_128_hexdigest(blob[32:]).encode() != blob[:32]:
        return None
    import marshal

    try:
        return marshal.loads(blob[32:])
    except (EOFError, ValueError, TypeError):
        return None


def _module_names(folder: str) -> list[str]:
    """The names in a folder that could be modules or packages, sorted."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted(
        name for name in names if name.endswith(_SUFFIXES) or ("." not in name and name != "__pycache__")
    )
