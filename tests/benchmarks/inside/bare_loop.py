"""The least that deciding can cost in Python: one digest a node, one SELECT, one comparison.

    python bare_loop.py [RUNS]     in a folder with graph.json

Knows nothing of code, files or packages: it is a floor, not an engine. With RUNS it decides again
so often in this process, and prints the seconds of each.
"""

from __future__ import annotations

import importlib
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from xxhash import xxh3_128_digest


def run(nodes: list[dict[str, Any]], table: sqlite3.Connection) -> int:
    """Bring all nodes up to date; gives how many ran."""
    found = dict(table.execute("SELECT key, value FROM records"))
    keys: dict[str, bytes] = {}
    values: dict[str, bytes] = {}
    ran = 0
    for node in nodes:
        name = node["name"]
        parts = [node["uses"], *map(repr, node["config"].items())]
        text = "\n".join(parts).encode()
        for parameter, parent in node["needs"].items():
            text += parameter.encode() + xxh3_128_digest(values[parent])
        key = keys[name] = xxh3_128_digest(text)
        value = found.get(key)
        if value is None:
            value = json.dumps(call(node, values)).encode()
            table.execute("INSERT INTO records VALUES (?, ?)", (key, value))
            ran += 1
        values[name] = value
    if ran:
        table.commit()
    return ran


def call(node: dict[str, Any], values: dict[str, bytes]) -> Any:
    """Run one node."""
    module, _, function = node["uses"].partition(":")
    needs = {parameter: json.loads(values[parent]) for parameter, parent in node["needs"].items()}
    return getattr(importlib.import_module(module), function)(**needs, **node["config"])


def main() -> None:
    """Once, or as often as told."""
    sys.path.insert(0, str(Path.cwd()))
    table = sqlite3.connect("bare.db")
    table.execute("CREATE TABLE IF NOT EXISTS records (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
    nodes = json.loads(Path("graph.json").read_text())
    run(nodes, table)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 0):
        began = time.perf_counter()
        run(nodes, table)
        print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
