"""`Layout`: the folders of a store, `<cache folder>/fr/`, made at the first write.

    fr/   0700, owned by the user     VERSION  CACHEDIR.TAG  lock
      runs/ leases/ memo/ records/ blobs/ab/ tmp/ quarantine/

Invariants: opening or reading a store makes nothing; the store writes nothing beside `fr/`; `VERSION`
is written last, so a half-made store is made again; a folder that others own or may write is refused,
since a stored pickle runs code.
"""

# ruff: noqa: PTH100, PTH111, PTH118, PTH123
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
import stat
from pathlib import Path

from fingerprint_runner.errors import StorageError
from fingerprint_runner.storage import files

STORE_VERSION = 1
FOLDERS = ("runs", "leases", "memo", "records", "blobs", "tmp", "quarantine")
_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This folder is a cache of fingerprint_runner; it may be deleted.\n"
)
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs"}


class Layout:
    """Paths of a store's folders, and the checks before they are used.

    Args:
        path: the cache folder; the store is `fr/` inside it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = os.path.abspath(os.path.expanduser(path))
        self.root = os.path.join(self.path, "fr")
        self.memo = os.path.join(self.root, "memo")
        self.records = os.path.join(self.root, "records")
        self.table = os.path.join(self.records, "cache.db")
        self.blobs = os.path.join(self.root, "blobs")
        self.runs = os.path.join(self.root, "runs")
        self.tmp = os.path.join(self.root, "tmp")
        self.quarantine = os.path.join(self.root, "quarantine")
        self.lock = os.path.join(self.root, "lock")
        self._checked = False
        self._made = False

    def check(self) -> bool:
        """Whether there is a store that may be read.

        Raises:
            StorageError: it belongs to someone else, is a symlink, or is of a newer version; or the cache
                folder is a file.
        """
        if self._checked:
            return True
        try:
            found = files.state(self.root)
            if found is None:
                outer = files.state(self.path)
                if outer is not None and stat.S_ISREG(outer.st_mode):
                    raise StorageError(f"the cache folder {self.path} is a file", self.path)
                return False
            _check_folder(self.root, found)
            for name in FOLDERS:
                path = os.path.join(self.root, name)
                inner = files.state(path)
                if inner is not None:
                    _check_folder(path, inner)
            for suffix in ("", "-wal", "-shm"):
                # SQLite would follow a link, and write where it leads.
                found = files.state(self.table + suffix)
                if found is not None:
                    _check_table_file(self.table + suffix, found)
            self._check_version()
        except OSError as error:
            reason = error.strerror or str(error)
            raise StorageError(f"can't read the store {self.root}: {reason}", self.root) from error
        self._checked = True
        return True

    def make(self) -> None:
        """Make what is missing of the store.

        Raises:
            StorageError: it can't be made, or `check` refuses it.
        """
        if self._made and files.state(self.blobs) is not None:
            return
        try:
            if files.state(self.root) is None:
                files.make_folders(self.path)
                _refuse_network(self.path)
                files.make_folder(self.root)
            self.check()
            for name in FOLDERS:
                files.make_folder(os.path.join(self.root, name))
            self._write_missing("CACHEDIR.TAG", _TAG)
            self._write_missing("VERSION", f"{STORE_VERSION}\n".encode())
        except OSError as error:
            raise StorageError(
                f"can't write the store {self.root}: {error.strerror or error}", self.root
            ) from error
        self._made = True

    def make_memo(self) -> None:
        """Make the memo folder alone, which planning may do where there is no store.

        Raises:
            OSError, StorageError: it can't be made, or mustn't be used.
        """
        if files.state(self.memo) is not None:
            self.check()
            return
        files.make_folders(self.path)
        files.make_folder(self.root)
        self.check()
        files.make_folder(self.memo)
        self._write_missing("CACHEDIR.TAG", _TAG)

    def _write_missing(self, name: str, content: bytes) -> None:
        path = os.path.join(self.root, name)
        if files.state(path) is None:
            temporary = os.path.join(self.root, f".{name}.{files.unique_name()}")
            files.replace_file(path, content, temporary=temporary, mode=0o644, sync=True)

    def _check_version(self) -> None:
        path = os.path.join(self.root, "VERSION")
        content = files.read(path)
        if content is None:
            return
        try:
            version = int(content)
        except ValueError:
            raise StorageError(
                f"{path} isn't a version number: is {self.root} a store? "
                "Delete the folder, or give another cache folder",
                path,
            ) from None
        if version > STORE_VERSION:
            raise StorageError(
                f"the store {self.root} has version {version}, this program knows {STORE_VERSION}: "
                "upgrade fingerprint_runner, or give another cache folder",
                path,
            )


def _check_folder(path: str, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode) or not stat.S_ISDIR(found.st_mode):
        kind = "a symlink" if stat.S_ISLNK(found.st_mode) else "not a folder"
        raise StorageError(f"{path} is {kind}; the store must be a real folder", path)
    if found.st_uid not in (os.geteuid(), 0):
        raise StorageError(
            f"{path} belongs to another user (uid {found.st_uid}), who could run code through it; "
            "give a cache folder of your own",
            path,
        )
    if found.st_mode & 0o022:
        raise StorageError(f"others may write {path} and so run code as you; `chmod 700 {path}`", path)


def _check_table_file(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise StorageError(f"{path} isn't a regular file; remove it, or give another cache folder", path)
    if found.st_uid not in (os.geteuid(), 0):
        raise StorageError(f"{path} belongs to another user (uid {found.st_uid})", path)


def _refuse_network(path: str) -> None:
    """SQLite's log and file locks don't hold on network filesystems."""
    real = os.path.realpath(path)
    best, kind = "", ""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                before, _, after = line.partition(" - ")
                point = before.split(" ")[4].encode().decode("unicode_escape")
                if os.path.commonpath([real, point]) == point and len(point) >= len(best):
                    best, kind = point, after.split(" ")[0]
    except (OSError, ValueError, IndexError):
        return
    if kind in _NETWORK:
        raise StorageError(
            f"{path} is on a network filesystem ({kind}), where a store isn't safe; "
            "give a cache folder on a local disk (`--cache-dir`, FR_CACHE_DIR)",
            path,
        )
