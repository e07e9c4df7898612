"""Plan a graph, edit one node's function, and plan it again with the same runner.

    python replan.py EDITS     in a folder with fr.json, whose first node alone uses `first:seed`

Prints one JSON list: (seconds of planning in a new runner, seconds of planning again after an edit).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from fingerprint_runner import ExecutionContext, GraphRunner, GraphSchema, open_storage


def main(edits: int) -> None:
    """Measure and print."""
    schema = GraphSchema.from_file("fr.json")
    source = Path("first.py")
    text = source.read_text()
    found = []
    for number in range(edits):
        runner = GraphRunner.create(schema, open_storage(".cache"), ExecutionContext(schema))
        began = time.perf_counter()
        runner.plan()  # type: ignore[attr-defined]
        planned = time.perf_counter() - began
        source.write_text(text + f"\n\nSPARE = {number}\n" + text.replace("0 *", f"{number} - {number} +"))
        began = time.perf_counter()
        plan = runner.plan()  # type: ignore[attr-defined]
        found.append((planned, time.perf_counter() - began))
        stale = [name for name, node in plan.nodes.items() if type(node.decision).__name__ == "Stale"]
        assert stale == ["n0"], stale[:5]
        source.write_text(text)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
