"""`Artifacts`: files of bytes named by their digest, written once, verified when read (R11).

Invariants: a blob is renamed into place only after all its bytes were written; when they are on the disk is
a matter of `Syncing`; a blob is never written to, and never linked out of the store; bytes are handed out
only after size and digest were found right in this process, or, over 16 MiB, were found right by an
earlier one and the file's inode, size and times haven't changed since.
"""

# ruff: noqa: PTH118, PTH120
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import errno
import os
import re
import stat
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

import xxhash

from fingerprint_runner.errors import DamagedArtifact, StorageError
from fingerprint_runner.storage import files
from fingerprint_runner.storage.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

    from fingerprint_runner.storage.memo import FolderMemo

INLINE_BYTES = 4096
REMEMBERED_BYTES = 16 << 20
MAPPED_BYTES = 128 << 10
_DIGEST = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DAMAGE = {errno.EIO, errno.EINVAL, errno.ELOOP, errno.ENXIO, errno.EISDIR}
_VERIFIED_MEMO = "verified-artifacts"
_ENTRY = struct.Struct("<16sQQQQ")

Signature = tuple[int, int, int, int]


def digest_of(chunks: Iterable[Buffer]) -> str:
    """xxh3-128 of buffers one after another, as hex."""
    hashed = xxhash.xxh3_128()
    for chunk in chunks:
        view = memoryview(chunk)
        if view.nbytes:
            hashed.update(view.cast("B"))
    return str(hashed.hexdigest())


class Syncing(Enum):
    """Which blobs are on the disk when `put` returns."""

    ALL = -1
    LARGE = REMEMBERED_BYTES
    """Those of which a later process believes size and times; the others with their group."""
    NONE = None
    """What is remembered of large ones then holds until the machine stops."""

    @property
    def over(self) -> int | None:
        """Those of more bytes than this; None: none."""
        limit: int | None = self.value
        return limit


class Artifacts:
    """The blobs of a store.

    Args:
        layout: where the store is.
        memo: remembers, between processes, which large blobs were verified.
        on_damage: told, in a sentence, of each blob that was set aside or is missing.
        syncing: which blobs are on the disk when `put` returns.
    """

    def __init__(
        self, layout: Layout, memo: FolderMemo, on_damage: Callable[[str], None], syncing: Syncing
    ) -> None:
        self._layout = layout
        self._memo = memo
        self._on_damage = on_damage
        self._syncing = syncing
        self._verified_memo = _until_restart() if syncing is Syncing.NONE else _VERIFIED_MEMO
        self._mutex = threading.RLock()
        self._verified: dict[str, Signature] = {}
        self._remembered: dict[str, Signature] | None = None
        self._others: dict[str, Signature] | None = None
        self._news = False

    def path(self, digest: str) -> str:
        """Where the blob of that name is or would be."""
        return os.path.join(self._layout.blobs, digest[:2], digest)

    def has(self, digest: str, size: int) -> bool:
        """Whether there is a blob of that name and size; its bytes aren't read."""
        if _DIGEST.fullmatch(digest) is None:
            return False
        try:
            found = files.state(self.path(digest))
        except OSError:
            return False
        return found is not None and stat.S_ISREG(found.st_mode) and found.st_size == size

    def put(self, chunks: Sequence[Buffer], digest: str | None = None) -> tuple[str, int]:
        """Store bytes; a blob that is there already isn't written again.

        Args:
            chunks: the bytes, in order; they are read in place, never copied together.
            digest: their digest where it is known.

        Returns:
            Digest and size.

        Raises:
            OSError, StorageError: they can't be written.
        """
        size = sum(memoryview(chunk).nbytes for chunk in chunks)
        name = digest_of(chunks) if digest is None else digest
        self._layout.make()
        if not self._refresh(name, size):
            temporary = self._temporary()
            files.write_new(temporary, chunks, mode=0o444, sync_over=self._syncing.over)
            self._place(temporary, name, size)
        return name, size

    def put_file(self, path: str) -> tuple[str, int, bool]:
        """Store a file's content, hashed while it is copied.

        Returns:
            Digest, size, and whether the file was executable.
        """
        self._layout.make()
        hashed = xxhash.xxh3_128()
        descriptor = files.open_to_read(path)
        try:
            executable = bool(os.fstat(descriptor).st_mode & 0o100)

            def copied() -> Iterator[bytes]:
                for block in files.blocks(descriptor, path):
                    hashed.update(block)
                    yield block

            temporary = self._temporary()
            size = files.write_new(temporary, copied(), mode=0o444, sync_over=self._syncing.over)
        finally:
            os.close(descriptor)
        name = str(hashed.hexdigest())
        if self._refresh(name, size):
            files.remove(temporary)
        else:
            self._place(temporary, name, size)
        return name, size, executable

    @contextmanager
    def opened(self, digest: str, size: int) -> Iterator[int]:
        """A descriptor on a blob that was verified.

        Raises:
            DamagedArtifact: it is missing, or was damaged and has been set aside.
        """
        path = self.path(digest)
        if _DIGEST.fullmatch(digest) is None:
            raise DamagedArtifact(digest, "missing")
        try:
            descriptor = files.open_to_read(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            self._on_damage(f"artifact {digest} is missing: {path}")
            raise DamagedArtifact(digest, "missing", path) from error
        except OSError as error:
            raise self._unreadable(digest, error) from error
        try:
            self._verify(descriptor, digest, size)
            yield descriptor
        finally:
            os.close(descriptor)

    def load(self, digest: str, size: int) -> bytearray | memoryview:
        """The verified bytes of a blob, as a private writable buffer (large ones: a copy-on-write map).

        Raises:
            DamagedArtifact: it is missing or damaged.
        """
        path = self.path(digest)
        with self.opened(digest, size) as descriptor:
            if size >= MAPPED_BYTES:
                try:
                    return memoryview(files.map_private(descriptor, path, size))
                except OSError:
                    # Each map holds a descriptor before Python 3.13, and there may be no more.
                    pass
            return files.read_into(descriptor, path, size)

    def clone(self, digest: str, size: int, path: str, mode: int) -> None:
        """Make a new file with the verified content of a blob."""
        with self.opened(digest, size) as descriptor:
            files.clone(descriptor, path, mode)

    def remember(self) -> None:
        """Keep what was verified of large blobs for later processes."""
        with self._mutex:
            if not self._news:
                return
            self._news = False
            known = self._load_remembered()
            content = b"".join(
                _ENTRY.pack(bytes.fromhex(digest), *signature)
                for digest, signature in sorted(known.items())
                if self.has(digest, signature[1])
            )
        self._memo.save(self._verified_memo, content)

    def forget(self) -> None:
        """Verify everything again."""
        with self._mutex:
            self._verified.clear()
            self._remembered = self._others = None

    def _temporary(self) -> str:
        return os.path.join(self._layout.tmp, files.unique_name())

    def _refresh(self, digest: str, size: int) -> bool:
        """Whether the blob is there and right; its time then says that it was wanted now."""
        if not self.has(digest, size):
            return False
        path = self.path(digest)
        try:
            before = files.state(path)
            files.touch(path)
            after = files.state(path)
        except OSError:
            return self.has(digest, size)
        if before is None or after is None:
            return False
        self._carry_over(digest, _signature(before), _signature(after))
        return self._is_right(digest, size)

    def _is_right(self, digest: str, size: int) -> bool:
        """Whether a blob that is there can be counted on as if it had been stored now.

        Its writer may have been cut off from power before its bytes reached the disk.
        """
        path = self.path(digest)
        try:
            descriptor = files.open_to_read(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unreadable(digest, error) from error
        try:
            self._verify(descriptor, digest, size)
            if self._syncing is Syncing.ALL:
                files.sync_files([path])
        except DamagedArtifact:
            return False
        finally:
            os.close(descriptor)
        return True

    def _carry_over(self, digest: str, before: Signature, after: Signature) -> None:
        """Touching a verified blob leaves it verified."""
        with self._mutex:
            if self._verified.get(digest) == before:
                self._verified[digest] = after
            if after[1] > REMEMBERED_BYTES and self._load_remembered().get(digest) == before:
                self._load_remembered()[digest] = after
                self._news = True

    def _place(self, temporary: str, digest: str, size: int) -> None:
        path = self.path(digest)
        folder = os.path.dirname(path)
        try:
            files.make_folder(folder)
            files.rename(temporary, path)
        except BaseException:
            files.remove(temporary)
            raise
        if self._syncing.over is not None and size > self._syncing.over:
            files.sync_folder(folder)
            files.sync_folder(self._layout.blobs)
        found = files.state(path)
        if found is not None:
            self._note(digest, _signature(found))

    def _note(self, digest: str, signature: Signature) -> None:
        with self._mutex:
            self._verified[digest] = signature
            if signature[1] > REMEMBERED_BYTES:
                self._load_remembered()[digest] = signature
                self._news = True

    def _verify(self, descriptor: int, digest: str, size: int) -> None:
        before = _signature(os.fstat(descriptor))
        if before[1] != size:
            raise self._set_aside(digest, f"{before[1]} bytes instead of {size}")
        with self._mutex:
            if self._verified.get(digest) == before:
                return
            if size > REMEMBERED_BYTES and self._is_remembered(digest, before):
                self._verified[digest] = before
                return
        hashed = xxhash.xxh3_128()
        try:
            for block in files.blocks(descriptor, self.path(digest)):
                hashed.update(block)
            if size > REMEMBERED_BYTES and self._syncing is not Syncing.NONE:
                # Its writer may have left that to the system, and what is remembered outlives a power cut.
                files.sync_file(descriptor, self.path(digest))
        except OSError as error:
            raise self._unreadable(digest, error) from error
        if hashed.hexdigest() != digest:
            raise self._set_aside(digest, "its bytes have changed")
        # A change while it was read shows in the times, and then it is verified again.
        if _signature(os.fstat(descriptor)) == before:
            self._note(digest, before)

    def _unreadable(self, digest: str, error: OSError) -> StorageError:
        """Damage where the file is at fault; too many open files, say, isn't."""
        reason = error.strerror or str(error)
        if error.errno in _DAMAGE:
            return self._set_aside(digest, reason)
        return StorageError(f"can't read the artifact {digest}: {reason}", self.path(digest))

    def _set_aside(self, digest: str, what: str) -> DamagedArtifact:
        path = self.path(digest)
        target = os.path.join(self._layout.quarantine, f"{digest}-{files.unique_name()}")
        try:
            files.make_folder(self._layout.quarantine)
            files.rename(path, target)
            where = f"moved to {target}"
        except OSError as error:
            where = f"and can't be moved away: {error.strerror or error}"
        with self._mutex:
            self._verified.pop(digest, None)
            if self._load_remembered().pop(digest, None) is not None:
                self._news = True
        self._on_damage(f"artifact {digest} is damaged ({what}), {where}")
        return DamagedArtifact(digest, "corrupt", path)

    def _load_remembered(self) -> dict[str, Signature]:
        if self._remembered is None:
            self._remembered = self._load(self._verified_memo)
        return self._remembered

    def _is_remembered(self, digest: str, signature: Signature) -> bool:
        if self._load_remembered().get(digest) == signature:
            return True
        if self._others is None:
            # Found by those who sync otherwise: as good, and theirs to keep.
            names = {_VERIFIED_MEMO, _until_restart()} - {self._verified_memo}
            self._others = {digest: found for name in names for digest, found in self._load(name).items()}
        return self._others.get(digest) == signature

    def _load(self, name: str) -> dict[str, Signature]:
        content = self._memo.load(name) or b""
        if len(content) % _ENTRY.size:
            return {}
        return {
            entry[0].hex(): (entry[1], entry[2], entry[3], entry[4]) for entry in _ENTRY.iter_unpack(content)
        }


def _until_restart() -> str:
    """The memo of what wasn't synced, and is sure to be there as long as the machine goes on."""
    return f"{_VERIFIED_MEMO}-{_boot_id()}"


def _boot_id() -> str:
    """Of this run of the machine; where that can't be told, of this process alone."""
    try:
        found = files.read("/proc/sys/kernel/random/boot_id")
    except OSError:
        found = None
    return (found or files.unique_name().encode()).decode("ascii", "replace").strip()


def _signature(found: os.stat_result) -> Signature:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
