"""Ask a chain of trivial nodes for a prediction, again and again in one process.

    python predict.py ENGINE NODES RUNS

Prints one JSON list: for each run the seconds that the engine took, and those that calling the
functions takes, measured in turn.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

Predict = Callable[[int], Any]


def first(x: int) -> int:
    """The node that takes the input."""
    return x + 1


def later(left: int) -> int:
    """Every other node."""
    return left + 1


def call(nodes: int) -> Predict:
    """The functions themselves."""

    def predict(x: int) -> int:
        value = first(x)
        for _ in range(nodes - 1):
            value = later(value)
        return value

    return predict


def _runner(nodes: int, *, caching: bool = True) -> Any:
    from fingerprint_runner import ExecutionContext, GraphRunner, GraphSchema, open_storage

    folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
    (folder / "prediction_steps.py").write_text(
        "def first(x):\n    return x + 1\n\n\ndef later(left):\n    return left + 1\n"
    )
    sys.path.insert(0, str(folder))
    entries: dict[str, Any] = {"n0": {"uses": "prediction_steps:first", "needs": ["x"]}}
    for number in range(1, nodes):
        entries[f"n{number}"] = {"uses": "prediction_steps:later", "needs": {"left": f"n{number - 1}"}}
    schema = GraphSchema.from_dict({"version": 1, "inputs": {"x": {"type": "int"}}, "nodes": entries})
    storage = open_storage(folder / ".cache", durability="fast")
    return GraphRunner.create(schema, storage, ExecutionContext(schema), folder=folder, caching=caching)


def fr_uncached(nodes: int) -> Predict:
    """A runner for predictions: nothing is fingerprinted or stored."""
    runner = _runner(nodes, caching=False)
    return lambda x: runner.run(inputs={"x": x})


def fr_same(nodes: int) -> Predict:
    """A warm `run()`, whose input was seen before: all hits."""
    runner = _runner(nodes)
    return lambda x: runner.run(inputs={"x": 1})


def fr_new(nodes: int) -> Predict:
    """A warm `run()` with another input each time: all nodes run, and are stored."""
    runner = _runner(nodes)
    return lambda x: runner.run(inputs={"x": x})


def hamilton(nodes: int) -> Predict:
    """A driver without cache, as Hamilton serves predictions."""
    from hamilton import driver

    lines = ["def n0(x: int) -> int:\n    return x + 1\n"]
    lines += [f"def n{n}(n{n - 1}: int) -> int:\n    return n{n - 1} + 1\n" for n in range(1, nodes)]
    flow = types.ModuleType("prediction_flow")
    sys.modules["prediction_flow"] = flow
    exec("\n".join(lines), flow.__dict__)
    built = driver.Builder().with_modules(flow).build()
    return lambda x: built.execute([f"n{nodes - 1}"], inputs={"x": x})


def dask(nodes: int) -> Predict:
    """The synchronous scheduler, on a graph that is there."""
    from dask.local import get_sync

    def predict(x: int) -> Any:
        graph: dict[str, Any] = {"n0": (first, x)}
        for number in range(1, nodes):
            graph[f"n{number}"] = (later, f"n{number - 1}")
        return get_sync(graph, f"n{nodes - 1}")

    return predict


ENGINES = {each.__name__: each for each in (fr_uncached, fr_same, fr_new, hamilton, dask)}


def main(engine: str, nodes: int, runs: int) -> None:
    """Measure and print."""
    predict, plain = ENGINES[engine](nodes), call(nodes)
    found = []
    for number in range(runs + 3):
        began = time.perf_counter()
        predict(number)
        between = time.perf_counter()
        plain(number)
        found.append((between - began, time.perf_counter() - between))
    print(json.dumps(found[3:]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
