"""Faults put into the store's file operations, and processes that die at one of them."""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fingerprint_runner.storage import files

FULL = os.environ.get("FR_TEST_FULL") == "1"
"""Whether counts are whole; else they are a tenth of that."""

WRITES = frozenset(
    ["create", "write", "sync", "rename", "mkdir", "lock", "touch", "remove", "chmod", "link", "commit"]
)
"""The operations that need a disk which takes something."""
READS = frozenset(["stat", "list", "open", "read", "map"])

LIMIT_S = 60.0
"""What takes longer hangs."""

Step = Callable[[str, str], None]


def counting(seen: list[tuple[str, str]]) -> Step:
    """Notes each operation."""
    return lambda operation, path: seen.append((operation, path))


def killing_at(number: int) -> Step:
    """Kills the process before its operation of this number, counted from 1."""
    done = 0

    def step(operation: str, path: str) -> None:
        nonlocal done
        done += 1
        if done == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def failing(
    code: int, number: int, below: str, operations: frozenset[str] = WRITES, *, once: bool = False
) -> Step:
    """Fails such operations below a folder with an error of the system, from the one of this number on.

    Args:
        code: of the error, such as `errno.ENOSPC`.
        number: counted from 1, of these operations alone.
        below: the folder.
        operations: which ones.
        once: only that one fails.
    """
    done = 0

    def step(operation: str, path: str) -> None:
        nonlocal done
        if operation in operations and path.startswith(below):
            done += 1
            if done == number or (done > number and not once):
                raise OSError(code, os.strerror(code), path)

    return step


@dataclass(frozen=True)
class Ended:
    """How a child process ended.

    Attributes:
        killed: whether it was killed before it was done.
        result: what its action gave.
        told: what it told before it ended.
    """

    killed: bool
    result: Any
    told: tuple[Any, ...]


def in_child(action: Callable[[Callable[[Any], None]], Any], step: Step | None = None) -> Ended:
    """Do something in a forked process, whose death is part of the test.

    Args:
        action: what to do; it is given a function by which it tells what the parent is to know whatever
            happens to it afterwards.
        step: called before each file operation of the store there.

    Raises:
        AssertionError: it raised, or hung.
    """
    inlet, outlet = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(inlet)
        _act(action, step, outlet)
    os.close(outlet)
    try:
        content = _read_all(inlet)
    except TimeoutError:
        os.kill(child, signal.SIGKILL)
        raise AssertionError(f"it hung for {LIMIT_S:.0f} s") from None
    finally:
        os.close(inlet)
        _, status = os.waitpid(child, 0)
    told = _unpickled(content)
    result = told.pop() if told and told[-1][0] != "told" else ("killed", None)
    if result[0] == "raised":
        raise AssertionError(result[1])
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed == (result[0] == "killed"), f"it ended with status {status}"
    return Ended(killed, result[1], tuple(what for _, what in told))


def _act(action: Callable[[Callable[[Any], None]], Any], step: Step | None, outlet: int) -> None:
    def send(kind: str, what: Any) -> None:
        os.write(outlet, pickle.dumps((kind, what)))

    try:
        if step is not None:
            files._step = step
        send("done", action(lambda what: send("told", what)))
    except BaseException:
        send("raised", traceback.format_exc())
    finally:
        os._exit(0)


def _read_all(inlet: int) -> bytes:
    chunks = []
    with selectors.DefaultSelector() as selector:
        selector.register(inlet, selectors.EVENT_READ)
        while True:
            if not selector.select(LIMIT_S):
                raise TimeoutError
            chunk = os.read(inlet, 1 << 16)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)


def _unpickled(content: bytes) -> list[tuple[str, Any]]:
    import io

    stream, found = io.BytesIO(content), []
    while stream.tell() < len(content):
        found.append(pickle.load(stream))
    return found
