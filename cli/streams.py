"""`say` writes for people; `Channel` is a stream that stays when a node's output is caught.

Invariants: colours only where somebody looks (a terminal, and `NO_COLOR` unset or empty); a reader that
has gone (`| head`) is no error, so what a command does and its exit status never depend on its readers.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click


def say(text: str, *, err: bool = False) -> None:
    """Write a line to stdout, or to stderr."""
    stream = sys.stderr if err else sys.stdout
    if stream is None:
        return
    try:
        click.echo(text, file=stream, color=colors(stream.isatty()))
    except BrokenPipeError:
        leave(stream)


def leave(stream: TextIO) -> None:
    """Let what is still written to a stream go nowhere: its reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def colors(is_terminal: bool) -> bool:
    """Whether text is to be coloured."""
    return is_terminal and not os.environ.get("NO_COLOR")


def open_missing() -> None:
    """Open what of descriptors 0 to 2 is closed (`>&-`), so that no file of ours takes their place."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


class Channel:
    """A duplicate of a descriptor: where text goes while the descriptor itself may be caught.

    Args:
        descriptor: 1 or 2, before anything is caught.

    Attributes:
        is_terminal: whether somebody looks.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = os.dup(descriptor)
        self.is_terminal = os.isatty(descriptor)
        self._colors = colors(self.is_terminal)

    def line(self, text: str) -> bytes:
        """Write a line, and give it back as written; its colours are dropped where nobody looks."""
        line = ((text if self._colors else click.unstyle(text)) + "\n").encode("utf-8", "replace")
        self.write(line)
        return line

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self.descriptor, left) :]
        except OSError:
            # The reader has gone, or the terminal was closed: the run goes on.
            return

    def close(self) -> None:
        """Give the duplicate back; the descriptor itself stays open."""
        os.close(self.descriptor)
