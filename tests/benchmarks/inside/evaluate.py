"""Evaluate a project without any engine, to find what an edit can change.

    python evaluate.py OLD NEW     in a folder with graph.json

Writes to NEW, as a pickle: variant → node → (arguments, value as text), for the project's data and
for the `probe` data; and, where OLD is such a file and not `-`, also what the present functions
give for OLD's arguments.
"""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any


def call(node: dict[str, Any], arguments: dict[str, Any]) -> Any:
    """A node's value, or the name of what it raises."""
    module, _, function = node["uses"].partition(":")
    try:
        return getattr(importlib.import_module(module), function)(**arguments)
    except Exception as error:
        return f"raised {type(error).__name__}"


def evaluate(nodes: list[dict[str, Any]], data: str) -> dict[str, tuple[dict[str, Any], str]]:
    """Node → its arguments and its value, from nothing, with the tables of one folder."""
    values: dict[str, Any] = {}
    found = {}
    for node in nodes:
        arguments = {
            key: value.replace("data/", f"{data}/") if isinstance(value, str) else value
            for key, value in node["config"].items()
        }
        arguments |= {parameter: values[parent] for parameter, parent in node["needs"].items()}
        kept = pickle.loads(pickle.dumps(arguments))
        values[node["name"]] = call(node, arguments)
        found[node["name"]] = (kept, repr(values[node["name"]]))
    return found


def main(old: str, new: str) -> None:
    """Evaluate both variants."""
    sys.path.insert(0, str(Path.cwd()))
    nodes = json.loads(Path("graph.json").read_text())
    found: dict[str, Any] = {data: evaluate(nodes, data) for data in ("data", "probe")}
    if old != "-":
        before = pickle.loads(Path(old).read_bytes())
        for data in ("data", "probe"):
            found[f"{data} before"] = {
                node["name"]: repr(call(node, before[data][node["name"]][0]))
                for node in nodes
                if node["name"] in before[data]
            }
    Path(new).write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
