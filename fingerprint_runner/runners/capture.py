"""`captured_output`: a node's stdout and stderr, file descriptors included, go to stderr.

What is printed goes to `sink` as it comes, and the last 64 KiB are kept for the record. Standard
output of the process stays free for results: nothing that a node or a library below it prints
reaches it.

One pipe and one thread serve a process for its whole life: starting them anew would cost each short
node more than it does itself.

Invariants: descriptors and `sys` streams are as before when the block ends, whatever happened in
it; the tail is complete then; one block at a time in a process.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator

TAIL_BYTES = 64 * 1024

Sink = Callable[[bytes], None]


class OutputTail:
    """The last bytes that went through, and where they go on to."""

    def __init__(self, sink: Sink | None) -> None:
        self._sink = sink
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Take in what was printed."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= TAIL_BYTES:
            self._size -= len(self._chunks.pop(0))
        if self._sink is not None:
            # A screen that fails to show something is no failure of the node.
            with contextlib.suppress(Exception):
                self._sink(chunk)

    def text(self) -> str:
        """The last 64 KiB as text; what isn't UTF-8 is replaced."""
        return b"".join(self._chunks)[-TAIL_BYTES:].decode("utf-8", "replace")


class _Catcher:
    """The process's pipe, and the thread that empties it."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._lock = threading.Lock()
        self._tail: OutputTail | None = None
        threading.Thread(target=self._pump, name="fr-output", daemon=True).start()

    def begin(self, tail: OutputTail) -> None:
        """What comes from here on belongs to this tail; what an earlier node's child left is dropped."""
        with self._lock:
            self._drain()
            self._tail = tail

    def end(self) -> None:
        """Take in all that is in the pipe; nothing belongs to the tail from here on."""
        with self._lock:
            self._drain()
            self._tail = None

    def _pump(self) -> None:
        while True:
            select.select([self._read_end], [], [])
            with self._lock:
                self._drain()

    def _drain(self) -> None:
        while True:
            try:
                chunk = os.read(self._read_end, 65536)
            except BlockingIOError:
                return
            if not chunk:
                return
            if self._tail is not None:
                self._tail.feed(chunk)


_catcher: _Catcher | None = None
_catcher_pid = 0


def _this_process() -> _Catcher:
    """The process's catcher; a forked child's own, since threads don't survive a fork."""
    global _catcher, _catcher_pid
    if _catcher is None or _catcher_pid != os.getpid():
        _catcher, _catcher_pid = _Catcher(), os.getpid()
    return _catcher


@contextlib.contextmanager
def captured_output(sink: Sink | None) -> Iterator[OutputTail]:
    """Catch all that is printed inside the block, by Python or below it.

    Args:
        sink: gets each piece as it comes; None swallows it (but for the tail).

    Yields:
        The tail; complete once the block has ended.
    """
    tail = OutputTail(sink)
    catcher = _this_process()
    streams = sys.stdout, sys.stderr
    _flush(*streams)
    saved = {fd: _duplicate(fd) for fd in (1, 2)}
    for fd in saved:
        os.dup2(catcher.write_end, fd)
    # Unbuffered: what a node prints shows while it runs.
    writer = io.TextIOWrapper(
        io.FileIO(catcher.write_end, "w", closefd=False),
        encoding="utf-8",
        errors="replace",
        write_through=True,
    )
    catcher.begin(tail)
    sys.stdout = sys.stderr = writer
    try:
        yield tail
    finally:
        sys.stdout, sys.stderr = streams
        _flush(writer)
        for fd, copy in saved.items():
            if copy is None:
                os.close(fd)
            else:
                os.dup2(copy, fd)
                os.close(copy)
        catcher.end()


def _duplicate(fd: int) -> int | None:
    try:
        return os.dup(fd)
    except OSError:
        return None


def _flush(*streams: object) -> None:
    for stream in streams:
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[attr-defined]
