"""`captured_output`: a node's stdout and stderr, file descriptors included, go to stderr.

What is printed goes to `sink` as it comes, and the last 64 KiB are kept for the record. Standard
output of the process stays free for results: nothing that a node or a library below it prints
reaches it.

Invariants: descriptors and `sys` streams are as before when the block ends, whatever happened in
it; one block at a time in a process.
"""

from __future__ import annotations

import contextlib
import io
import os
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
            self._sink(chunk)

    def text(self) -> str:
        """The last 64 KiB as text; what isn't UTF-8 is replaced."""
        return b"".join(self._chunks)[-TAIL_BYTES:].decode("utf-8", "replace")


@contextlib.contextmanager
def captured_output(sink: Sink | None) -> Iterator[OutputTail]:
    """Catch all that is printed inside the block, by Python or below it.

    Args:
        sink: gets each piece as it comes; None swallows it (but for the tail).

    Yields:
        The tail; complete once the block has ended.
    """
    tail = OutputTail(sink)
    read_end, write_end = os.pipe()
    saved = {fd: _duplicate(fd) for fd in (1, 2)}
    streams = sys.stdout, sys.stderr
    _flush(*streams)
    for fd in (1, 2):
        os.dup2(write_end, fd)
    # Line buffering: what a node prints shows while it runs.
    writer = io.TextIOWrapper(
        io.FileIO(write_end, "w", closefd=False), encoding="utf-8", errors="replace", write_through=True
    )
    reader = threading.Thread(target=_pump, args=(read_end, tail), name="fr-output", daemon=True)
    reader.start()
    sys.stdout = sys.stderr = writer
    try:
        yield tail
    finally:
        sys.stdout, sys.stderr = streams
        with contextlib.suppress(ValueError, OSError):
            writer.flush()
        writer.detach()
        for fd, copy in saved.items():
            if copy is None:
                os.close(fd)
            else:
                os.dup2(copy, fd)
                os.close(copy)
        os.close(write_end)
        # A grandchild that the node left behind may hold the pipe open: don't wait for it.
        reader.join(timeout=2.0)


def _duplicate(fd: int) -> int | None:
    try:
        return os.dup(fd)
    except OSError:
        return None


def _flush(*streams: object) -> None:
    for stream in streams:
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[attr-defined]


def _pump(read_end: int, tail: OutputTail) -> None:
    with open(read_end, "rb", buffering=0, closefd=True) as pipe:
        while chunk := pipe.read(65536):
            with contextlib.suppress(Exception):
                tail.feed(chunk)
