"""`main`: what a worker process does: read one job from stdin, do it, write its outcome to a file.

Invariant: the outcome file appears whole or not at all.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import Any


def main(job: str) -> None:
    """Do one job.

    Args:
        job: `node` (run a task) or `describe` (look at components by importing them).
    """
    given, results = pickle.loads(sys.stdin.buffer.read())
    answer = pickle.dumps(_run(given) if job == "node" else _describe(given), protocol=5)
    for result in results:
        try:
            _write(Path(result), answer)
        except OSError as error:
            failure = error
        else:
            return
    raise failure


def _write(result: Path, answer: bytes) -> None:
    from fingerprint_runner.runners.scratch import make_private

    make_private(result.parent)
    unfinished = result.with_name(f"{result.name}.part")
    unfinished.write_bytes(answer)
    unfinished.replace(result)


def _run(given: Any) -> Any:
    from fingerprint_runner.errors import SourceChanged
    from fingerprint_runner.provenance.locate import Locator
    from fingerprint_runner.runners.checked_import import ImportWatch, checked_imports
    from fingerprint_runner.runners.run_node import run_node
    from fingerprint_runner.runners.task import NodeOutcome, OutcomeStatus

    sys.path[:] = given.search_path
    try:
        with checked_imports(ImportWatch(given.modules, Locator(given.search_path))):
            task = pickle.loads(given.pickled)
    except SourceChanged as error:
        return NodeOutcome(OutcomeStatus.SOURCE_CHANGED, detail=error.what)
    storage = task.storage.open()
    try:
        return run_node(task, storage, None, _to_stdout)
    finally:
        storage.close()


def _describe(request: Any) -> Any:
    from fingerprint_runner.runners.describe import describe

    return describe(request)


_stdout = os.dup(1) if __name__ != "__main__" else 1
"""Where output goes: descriptor 1 itself is caught while the node runs."""


def _to_stdout(chunk: bytes) -> None:
    os.write(_stdout, chunk)
