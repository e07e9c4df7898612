"""Resource directories: stored as a sorted tree of digests, put back file by file (R6).

Invariants: a tree's identity is made of relative paths, kinds, contents and the executable bit, never
of times, owners or places; only regular files, folders and relative symlinks that stay inside are
stored; restoring writes nothing outside the given folder and follows no symlink.
"""

# ruff: noqa: PTH100, PTH115, PTH117, PTH118, PTH120
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import os
import stat
from pathlib import Path

from fingerprint_runner.errors import DamagedArtifact, NotStorable, StorageError
from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.record import ResourceTree, TreeEntry
from fingerprint_runner.storage import files
from fingerprint_runner.storage.artifacts import Artifacts, digest_of

_KINDS = {
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
}


def store_tree(artifacts: Artifacts, folder: Path) -> ResourceTree:
    """Store a folder's content; see `ModelStorage.store_tree`."""
    root = os.path.abspath(folder)
    entries: list[TreeEntry] = []
    pending = [""]
    while pending:
        inner = pending.pop()
        for name in files.names(os.path.join(root, inner)):
            relative = f"{inner}/{name}" if inner else name
            path = os.path.join(root, relative)
            found = files.state(path)
            if found is None:
                raise NotStorable(relative, "file", "it vanished while the folder was stored")
            entry = _entry(artifacts, root, relative, found.st_mode)
            entries.append(entry)
            if entry.kind == "folder":
                pending.append(relative)
    entries.sort()
    return ResourceTree(tree_identity(entries), tuple(entries))


def tree_identity(entries: list[TreeEntry]) -> str:
    """The digest of sorted entries."""
    return digest([(entry.path, entry.kind, entry.digest, entry.executable) for entry in entries])


def restore_tree(artifacts: Artifacts, tree: ResourceTree, into: Path, *, read_only: bool) -> None:
    """Put a tree's content into a folder; see `ModelStorage.restore_tree`."""
    root = os.path.abspath(into)
    _check_paths(tree)
    files.make_folders(root)
    folders = [entry for entry in tree.entries if entry.kind == "folder"]
    links = [entry for entry in tree.entries if entry.kind == "link"]
    for entry in folders:
        files.make_folder(os.path.join(root, entry.path), 0o755)
    for entry in tree.entries:
        if entry.kind == "file":
            restore_file(artifacts, entry, os.path.join(root, entry.path), read_only=read_only)
    # Last, so that nothing above was written through one.
    for entry in links:
        try:
            _check_target(root, entry.path, entry.digest)
        except NotStorable as error:
            raise StorageError(f"a stored folder has an entry that can't be: {error}") from error
        files.make_link(entry.digest, os.path.join(root, entry.path))
    if read_only:
        for entry in reversed(folders):
            files.set_mode(os.path.join(root, entry.path), 0o555)
        files.set_mode(root, 0o555)


def _entry(artifacts: Artifacts, root: str, relative: str, mode: int) -> TreeEntry:
    path = os.path.join(root, relative)
    if stat.S_ISREG(mode):
        name, size, executable = artifacts.put_file(path)
        return TreeEntry(relative, "file", name, size, executable)
    if stat.S_ISDIR(mode):
        return TreeEntry(relative, "folder")
    if stat.S_ISLNK(mode):
        target = os.readlink(path)
        _check_target(root, relative, target)
        return TreeEntry(relative, "link", target)
    kind = _KINDS.get(stat.S_IFMT(mode), "special file")
    raise NotStorable(relative, kind, "only files, folders and symlinks that stay inside can be")


def _check_target(root: str, relative: str, target: str) -> None:
    """Refuse a symlink that leads, or could lead by way of others, out of its folder."""
    inside = os.path.realpath(root)
    place = os.path.join(inside, os.path.dirname(relative))
    real = os.path.realpath(os.path.join(place, target))
    lexical = os.path.normpath(os.path.join(os.path.dirname(relative), target))
    escapes = lexical == ".." or lexical.startswith("../")
    if os.path.isabs(target) or escapes or os.path.commonpath([inside, real]) != inside:
        raise NotStorable(relative, "symlink", f"it leads out of the folder, to {target!r}")


def _check_paths(tree: ResourceTree) -> None:
    folders = {entry.path for entry in tree.entries if entry.kind == "folder"} | {""}
    seen: set[str] = set()
    for entry in tree.entries:
        parts = entry.path.split("/")
        bad = entry.path in seen or any(part in ("", ".", "..") or "\0" in part for part in parts)
        if bad or "/".join(parts[:-1]) not in folders or entry.kind not in ("file", "folder", "link"):
            raise StorageError(f"a stored folder has an entry that can't be: {entry.path!r}")
        seen.add(entry.path)


def restore_file(artifacts: Artifacts, entry: TreeEntry, path: str, *, read_only: bool) -> None:
    """Make one file of a tree; see `ModelStorage.restore_file`."""
    mode = (0o555 if read_only else 0o755) if entry.executable else (0o444 if read_only else 0o644)
    if entry.size == 0:
        if entry.digest != digest_of([]):
            raise DamagedArtifact(entry.digest, "corrupt")
        files.write_new(path, [], mode=mode, sync_over=None)
    else:
        artifacts.clone(entry.digest, entry.size, path, mode)
