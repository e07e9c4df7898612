"""Bring a graph up to date a second time in the same process.

    python again.py ENGINE RUNS     in a folder with the engine's layout of a project

Prints one JSON list: the seconds of each run after the first two.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[], Any]


def fr() -> Run:
    """The same runner again."""
    from fingerprint_runner import ExecutionContext, GraphRunner, GraphSchema, open_storage

    schema = GraphSchema.from_file("fr.json")
    return GraphRunner.create(schema, open_storage(".cache"), ExecutionContext(schema)).run


def bare() -> Run:
    """The bare loop with its table open."""
    import sqlite3

    import bare_loop

    table = sqlite3.connect("bare.db")
    table.execute("CREATE TABLE IF NOT EXISTS records (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
    nodes = json.loads(Path("graph.json").read_text())
    return lambda: bare_loop.run(nodes, table)


def joblib() -> Run:
    """The memoised functions called again."""
    from joblib import Memory

    memory = Memory(".joblib", verbose=0)
    nodes = json.loads(Path("graph.json").read_text())
    steps = importlib.import_module("steps")
    cached = {
        uses: memory.cache(getattr(steps, uses.partition(":")[2])) for uses in {n["uses"] for n in nodes}
    }

    def run() -> None:
        values: dict[str, Any] = {}
        for node in nodes:
            needs = {parameter: values[parent] for parameter, parent in node["needs"].items()}
            values[node["name"]] = cached[node["uses"]](**needs, **node["config"])

    return run


def hamilton() -> Run:
    """The same driver again."""
    from hamilton import driver

    sys.setrecursionlimit(1_000_000)
    plan = json.loads(Path("driver.json").read_text())
    modules = [importlib.import_module(name) for name in plan["modules"]]
    built = driver.Builder().with_modules(*modules).with_cache().build()
    return lambda: built.execute(plan["targets"])


ENGINES = {each.__name__: each for each in (fr, bare, joblib, hamilton)}


def main(engine: str, runs: int) -> None:
    """Measure and print."""
    sys.path.insert(0, str(Path.cwd()))
    run = ENGINES[engine]()
    seconds = []
    for _ in range(runs + 2):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    print(json.dumps(seconds[2:]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
