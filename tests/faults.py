"""Faults put into the store's file operations, and processes that die at one of them."""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fingerprint_runner.storage import files

FULL = os.environ.get("FR_TEST_FULL") == "1"
"""Whether counts are whole; else they are a tenth of that."""

WRITES = frozenset(
    [
        "create",
        "write",
        "sync",
        "sync all",
        "rename",
        "mkdir",
        "lock",
        "touch",
        "remove",
        "chmod",
        "link",
        "commit",
    ]
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


Tell = Callable[[Any], None]
Action = Callable[[Tell], Any]


class Child:
    """A forked process, whose death is part of the test.

    Args:
        action: what it does; it is given a function by which it tells what is to be known whatever happens
            to it afterwards.
        step: called before each file operation of the store there.

    Attributes:
        told: what it has told so far, as far as it was waited for.
    """

    def __init__(self, action: Action, step: Step | None = None) -> None:
        self.told: list[Any] = []
        self._inlet, outlet = os.pipe()
        self._content = b""
        self._last: tuple[str, Any] = ("killed", None)
        self._process = os.fork()
        if self._process == 0:
            os.close(self._inlet)
            _act(action, step, outlet)
        os.close(outlet)

    def fileno(self) -> int:
        """What becomes readable when it tells something or ends."""
        return self._inlet

    def hear(self) -> bool:
        """Take in what it tells next; False once it has ended."""
        chunk = os.read(self._inlet, 1 << 16)
        self._content += chunk
        while len(self._content) >= 4:
            end = 4 + int.from_bytes(self._content[:4], "little")
            if len(self._content) < end:
                break
            kind, what = pickle.loads(self._content[4:end])
            self._content = self._content[end:]
            if kind == "told":
                self.told.append(what)
            else:
                self._last = (kind, what)
        return bool(chunk)

    def kill(self) -> None:
        """End it at once."""
        os.kill(self._process, signal.SIGKILL)

    def end(self) -> Ended:
        """Wait for its end.

        Raises:
            AssertionError: it raised, or hung.
        """
        try:
            hear([self], until=lambda: False)
        except TimeoutError:
            self.kill()
            raise AssertionError(f"it hung for {LIMIT_S:.0f} s") from None
        finally:
            os.close(self._inlet)
            _, status = os.waitpid(self._process, 0)
        kind, result = self._last
        if kind == "raised":
            raise AssertionError(result)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert killed or kind == "done", f"it ended with status {status}"
        return Ended(killed and kind != "done", result, tuple(self.told))


def hear(children: Sequence[Child], until: Callable[[], bool]) -> None:
    """Take in what children tell, until something holds or all have ended.

    Raises:
        TimeoutError: nothing came.
    """
    with selectors.DefaultSelector() as selector:
        for child in children:
            selector.register(child, selectors.EVENT_READ)
        while selector.get_map() and not until():
            ready = selector.select(LIMIT_S)
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if not key.fileobj.hear():  # type: ignore[union-attr]
                    selector.unregister(key.fileobj)


def in_child(action: Action, step: Step | None = None) -> Ended:
    """Do something in a forked process and wait for its end; see `Child`."""
    return Child(action, step).end()


def _act(action: Action, step: Step | None, outlet: int) -> None:
    def send(kind: str, what: Any) -> None:
        content = pickle.dumps((kind, what))
        os.write(outlet, len(content).to_bytes(4, "little") + content)

    try:
        if step is not None:
            files._step = step
        send("done", action(lambda what: send("told", what)))
    except BaseException:
        send("raised", traceback.format_exc())
    finally:
        os._exit(0)
