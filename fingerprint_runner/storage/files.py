"""Every file operation of the store, so that a test can fail or kill the process at the Nth of them.

Invariants: each function announces itself to `_step(operation, path)` before it touches the disk
(tests put their own function there); nothing follows a symlink at the end of a path that it opens;
a new file is never seen under its final name before all its bytes are there.
"""

# ruff: noqa: PTH101, PTH102, PTH103, PTH104, PTH108, PTH112, PTH114, PTH118, PTH120, PTH208, PTH211
# Paths are text here: `pathlib` costs several times what the system calls do.

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap
    from collections.abc import Buffer  # type: ignore[attr-defined]

_FICLONE = 0x40049409
_BLOCK = 1 << 20
_FEW_FILES = 2
_NO_LOCK = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO}
_NO_REFLINK = {errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM}


def _step(operation: str, path: str) -> None:
    """Called before each operation; tests replace it to fail, count or kill."""


def announce(operation: str, path: str) -> None:
    """Say what SQLite is about to do by itself."""
    _step(operation, path)


def unique_name() -> str:
    """A name that no other process or thread uses, for files on their way."""
    return f"{os.getpid()}-{os.urandom(8).hex()}"


def state(path: str) -> os.stat_result | None:
    """The stat of `path` itself (a symlink isn't followed); None where there is nothing."""
    _step("stat", path)
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def make_folder(path: str, mode: int = 0o700) -> bool:
    """Make one folder; True where it wasn't there."""
    _step("mkdir", path)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return False
    return True


def make_folders(path: str) -> None:
    """Make a folder that isn't the store's own, and its parents."""
    _step("mkdir", path)
    os.makedirs(path, exist_ok=True)


def names(path: str) -> list[str]:
    """The sorted names in a folder; none where there is no folder."""
    _step("list", path)
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []


def states(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Name and stat of what is in a folder, in any order; nothing where there is no folder.

    Links aren't followed; what vanishes meanwhile is left out.
    """
    _step("list", path)
    try:
        entries = os.scandir(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            try:
                yield entry.name, entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue


def open_to_read(path: str) -> int:
    """A file descriptor on a regular file.

    Raises:
        OSError: there is none, it is a symlink, or it can't be read.
    """
    _step("open", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return descriptor


def read(path: str) -> bytes | None:
    """The bytes of a file; None where there is none."""
    try:
        descriptor = open_to_read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def read_into(descriptor: int, path: str, size: int) -> bytearray:
    """The first `size` bytes of an open file, writable; shorter where the file is."""
    _step("read", path)
    content = bytearray(size)
    view = memoryview(content)
    done = 0
    while done < size:
        count = os.preadv(descriptor, [view[done:]], done)
        if count == 0:
            view.release()
            del content[done:]
            break
        done += count
    return content


def map_private(descriptor: int, path: str, size: int) -> mmap.mmap:
    """A writable copy-on-write map of an open file: writes stay in this process.

    Not `ACCESS_COPY`, which reserves swap for the whole map and so fails past the machine's memory.
    """
    import mmap

    _step("map", path)
    flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
    prot = mmap.PROT_READ | mmap.PROT_WRITE
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, size, flags=flags, prot=prot, trackfd=False)
    return mmap.mmap(descriptor, size, flags=flags, prot=prot)


def write_new(path: str, chunks: Iterable[Buffer], *, mode: int, sync_over: int | None) -> int:
    """Write a file that mustn't exist, and remove it again where that fails.

    Args:
        chunks: the content, in order; buffers of any item size.
        mode: permissions of the file; the umask is not applied.
        sync_over: return only after the bytes are on the disk, if they are more than this; None: never.

    Returns:
        How many bytes were written.
    """
    _step("create", path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            size = sum(_write_all(descriptor, path, chunk) for chunk in chunks)
            os.fchmod(descriptor, mode)
            if sync_over is not None and size > sync_over:
                sync_file(descriptor, path)
        finally:
            os.close(descriptor)
    except BaseException:
        _remove_quietly(path)
        raise
    return size


def _write_all(descriptor: int, path: str, chunk: Buffer) -> int:
    view = memoryview(chunk)
    if view.nbytes == 0:
        return 0
    view = view.cast("B")
    done = 0
    while done < len(view):
        _step("write", path)
        done += os.write(descriptor, view[done : done + (1 << 30)])
    return done


def sync_file(descriptor: int, path: str) -> None:
    """Have the bytes of an open file on the disk."""
    _step("sync", path)
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_path(path: str) -> None:
    """Have the bytes of a file on the disk; nothing happens where there is none."""
    try:
        descriptor = open_to_read(path)
    except FileNotFoundError:
        return
    try:
        sync_file(descriptor, path)
    finally:
        os.close(descriptor)


def sync_folder(path: str) -> None:
    """Have a folder's entries on the disk."""
    _step("sync", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_files(paths: Sequence[str]) -> None:
    """Have files of one filesystem on the disk, findable by two folders above; what is gone is passed by.

    More than a few by one call for the filesystem, where there is one, which takes a fraction of the time;
    what others have written there then goes along.
    """
    folders = {os.path.dirname(path) for path in paths}
    folders |= {os.path.dirname(folder) for folder in folders}
    try:
        if len(paths) > _FEW_FILES and _sync_filesystem(min(folders)):
            return
        for path in paths:
            sync_path(path)
        for folder in sorted(folders):
            sync_folder(folder)
    except FileNotFoundError:
        # Somebody deletes the cache.
        return


def _sync_filesystem(folder: str) -> bool:
    """False where the system can't."""
    # For weight: a run that stores no files needs none of it.
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    _step("sync all", folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), folder)
    finally:
        os.close(descriptor)
    return True


def rename(source: str, target: str) -> None:
    """Give a file or folder its final name at once, in place of a file that has it."""
    _step("rename", target)
    os.rename(source, target)


def link_file(source: str, target: str) -> None:
    """Give a file a second name, where the filesystem can."""
    _step("link", target)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise


def replace_file(path: str, content: bytes, *, temporary: str, mode: int = 0o600, sync: bool = False) -> None:
    """Write a file so that readers see the old content or the new one, whole."""
    write_new(temporary, [content], mode=mode, sync_over=-1 if sync else None)
    try:
        rename(temporary, path)
    except BaseException:
        _remove_quietly(temporary)
        raise


def touch(path: str) -> None:
    """Set a file's times to now."""
    _step("touch", path)
    os.utime(path)


def remove(path: str) -> None:
    """Remove a file; nothing happens where there is none."""
    _step("remove", path)
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _remove_quietly(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def set_mode(path: str, mode: int) -> None:
    """Set permissions."""
    _step("chmod", path)
    os.chmod(path, mode)


def make_link(target: str, path: str) -> None:
    """Make a symlink."""
    _step("link", path)
    os.symlink(target, path)


def remove_tree(path: str) -> None:
    """Remove a folder with all that is in it, read-only folders too; symlinks aren't followed."""
    import shutil

    _step("remove", path)
    for folder, folders, _ in os.walk(path):
        for name in folders:
            inner = os.path.join(folder, name)
            if not os.path.islink(inner):
                os.chmod(inner, 0o700)
    if not os.path.islink(path) and os.path.isdir(path):
        os.chmod(path, 0o700)
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def blocks(descriptor: int, path: str) -> Iterator[bytes]:
    """The bytes of an open file, block by block from where it stands."""
    while True:
        _step("read", path)
        block = os.read(descriptor, _BLOCK)
        if not block:
            return
        yield block


def clone(source: int, path: str, mode: int) -> None:
    """A new file with the content of an open one: a reflink where the filesystem can, else a copy.

    Never a hard link: through one, a consumer could write into the store.
    """
    _step("create", path)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if not _reflink(source, target):
            os.lseek(source, 0, os.SEEK_SET)
            for block in blocks(source, path):
                _write_all(target, path, block)
        os.fchmod(target, mode)
    finally:
        os.close(target)


def _reflink(source: int, target: int) -> bool:
    import fcntl

    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno not in _NO_REFLINK:
            raise
        return False
    return True


@contextmanager
def locked(path: str, *, exclusive: bool, timeout_s: float) -> Iterator[None]:
    """Hold a kernel lock on a file, which is made where it is missing; it dies with the process.

    Raises:
        TimeoutError: another process held it all the time.
    """
    import fcntl
    import time

    _step("lock", path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError(f"another process holds {path}") from None
                time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def make_held(path: str, temporary: str, content: bytes) -> int:
    """Make a file that is locked from the moment it has its name.

    Returns:
        A descriptor to append to; the lock goes when it is closed, or with the process.
    """
    import fcntl

    _step("create", path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        append(descriptor, temporary, content)
        rename(temporary, path)
    except BaseException:
        os.close(descriptor)
        _remove_quietly(temporary)
        raise
    return descriptor


def append(descriptor: int, path: str, content: bytes) -> None:
    """Write behind what an open file holds."""
    _write_all(descriptor, path, content)


@contextmanager
def held_folder(path: str) -> Iterator[None]:
    """Hold a lock on a folder, by which others see that its maker lives."""
    import fcntl

    _step("lock", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def is_held(path: str) -> bool:
    """Whether a process holds the lock of a file or folder; False where nothing is that could have one."""
    import fcntl

    _step("lock", path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno not in _NO_LOCK:
            raise
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
