"""`Executor`: where tasks run; all of them call `run_node`.

Invariants: `start` never blocks longer than it must, `finished` gives back one started task with
its outcome; after `close` nothing that the executor made is left.
"""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from fingerprint_runner.errors import NotStorable
from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.runners import loaded_modules
from fingerprint_runner.runners.capture import Sink
from fingerprint_runner.runners.run_node import Memory, run_node
from fingerprint_runner.runners.task import NodeError, NodeOutcome, NodeTask, OutcomeStatus, WorkerTask
from fingerprint_runner.storage import files
from fingerprint_runner.storage.model_storage import ModelStorage


class Executor(Protocol):
    """Runs tasks; how many at once is its own affair."""

    @property
    def slots(self) -> int:
        """How many tasks may be started and not finished."""
        ...

    @property
    def memory(self) -> Memory:
        """Node → output that couldn't be stored; always empty where tasks run in other processes."""
        ...

    def start(self, task: NodeTask) -> None:
        """Take on a task."""
        ...

    def finished(self) -> tuple[NodeTask, NodeOutcome]:
        """Wait for a started task to end; each is given back once."""
        ...

    def close(self) -> None:
        """End everything; idempotent."""
        ...


SinkFor = Callable[[str], Sink | None]
"""Node → where its output goes as it comes."""


class SerialExecutor:
    """Runs each task in this process, one after the other: the oracle of all executors.

    A task for which this process has loaded other text of a module runs in a fresh process (R12);
    one that needs a value which only this process has can't, and fails by name.
    """

    slots: int = 1

    def __init__(self, storage: ModelStorage, sink_for: SinkFor) -> None:
        self._storage = storage
        self._sink_for = sink_for
        self.memory: Memory = {}
        self._waiting: deque[NodeTask] = deque()
        self._locator: Locator | None = None

    def start(self, task: NodeTask) -> None:
        self._waiting.append(task)

    def finished(self) -> tuple[NodeTask, NodeOutcome]:
        task = self._waiting.popleft()
        # Made after the plan: what it has listed is at least as new as what was planned.
        if self._locator is None or self._locator.search_path != task.search_path:
            self._locator = Locator(task.search_path)
        if task.only_here:
            outcome = self._run_here(task, here=True)
            if outcome.status is not OutcomeStatus.WRONG_PROCESS:
                return task, outcome
            message = (
                f"this process has loaded another text of module {outcome.detail!r} than the one on disk, "
                "and the node needs a value that can't be stored, so it can't run in a fresh process; "
                "restart this program"
            )
            return task, NodeOutcome(OutcomeStatus.FAILED, error=NodeError("SourceChanged", message))
        if not task.fresh and not loaded_modules.has_strays():
            outcome = self._run_here(task, here=False)
            if outcome.status is not OutcomeStatus.WRONG_PROCESS:
                return task, outcome
        outcome = run_in_fresh_process(task, self._sink_for(task.node))
        if outcome.error is not None and outcome.error.type == NotStorable.__name__:
            # Its output can only be handed on within this process.
            again = self._run_here(task, here=True)
            outcome = outcome if again.status is OutcomeStatus.WRONG_PROCESS else again
        return task, outcome

    def _run_here(self, task: NodeTask, *, here: bool) -> NodeOutcome:
        sink = self._sink_for(task.node)
        return run_node(task, self._storage, self.memory, sink, self._locator, here=here)

    def close(self) -> None:
        self.memory.clear()
        self._waiting.clear()


class FreshProcessExecutor:
    """Runs each task in a process of its own, one after the other."""

    slots: int = 1

    def __init__(self, storage: ModelStorage, sink_for: SinkFor) -> None:
        self._sink_for = sink_for
        self.memory: Memory = {}
        self._waiting: deque[NodeTask] = deque()

    def start(self, task: NodeTask) -> None:
        self._waiting.append(task)

    def finished(self) -> tuple[NodeTask, NodeOutcome]:
        task = self._waiting.popleft()
        return task, run_in_fresh_process(task, self._sink_for(task.node))

    def close(self) -> None:
        self._waiting.clear()


def run_in_fresh_process(task: NodeTask, sink: Sink | None) -> NodeOutcome:
    """Run a task in a process of its own and wait for it.

    A process that dies without an outcome is its node's failure.
    """
    name = f"outcome-{files.unique_name()}"
    results = [folder / name for folder in (task.scratch, task.spare)]
    try:
        context = replace(task.context, graph_schema=task.context.graph_schema.by_path())
        pickled = pickle.dumps(replace(task, context=context), protocol=5)
        # Apart, so that the worker checks imports before it unpickles what may be of the user's classes.
        worker_task = WorkerTask(pickled, task.modules, task.search_path)
        given = pickle.dumps((worker_task, [str(path) for path in results]), protocol=5)
    except Exception as error:
        message = f"the task can't be handed to a fresh process: {error}"
        return NodeOutcome(OutcomeStatus.FAILED, error=NodeError(type(error).__name__, message))
    code, output = run_worker("node", given, sink)
    outcome: NodeOutcome | None = None
    for result in results:
        try:
            outcome = pickle.loads(result.read_bytes())
        except (OSError, EOFError, pickle.UnpicklingError):
            continue
        with contextlib.suppress(OSError):
            result.unlink()
        break
    if outcome is None:
        died = NodeError("WorkerDied", f"its process ended with status {code} before it was done")
        return NodeOutcome(OutcomeStatus.FAILED, error=died, log_tail=output)
    if outcome.status is OutcomeStatus.WRONG_PROCESS:
        # Nothing but what the worker itself loads can be in its way.
        message = f"module {outcome.detail!r} was loaded before the node's own imports could be checked"
        return NodeOutcome(OutcomeStatus.FAILED, error=NodeError("SourceChanged", message))
    return outcome


def run_worker(job: str, given: bytes, sink: Sink | None) -> tuple[int, str]:
    """Run `fingerprint_runner.runners.worker` on pickled data.

    Returns:
        Exit status, and the last of what it printed.
    """
    # -P keeps the working folder off sys.path; the task brings the path it wants.
    root = str(Path(__file__).resolve().parents[2])
    start = (
        f"import sys; sys.path[:] = [p for p in {sys.path!r} if p] + [{root!r}]; "
        f"from fingerprint_runner.runners.worker import main; main({job!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-B", "-c", start],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    chunks: list[bytes] = []
    try:
        try:
            process.stdin.write(given)
            process.stdin.close()
        except BrokenPipeError:
            pass
        while chunk := process.stdout.read1(65536):  # type: ignore[attr-defined]
            chunks = [*chunks, chunk][-16:]
            if sink is not None:
                sink(chunk)
        code = process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    finally:
        process.stdout.close()
    return code, b"".join(chunks).decode("utf-8", "replace")
