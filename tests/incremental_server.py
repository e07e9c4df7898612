"""Runs graphs for `test_incremental`, each in a forked process that has seen nothing but the engine.

    python incremental_server.py     one JSON request a line in, one JSON answer a line out

Starting Python and importing the engine takes ten times as long as a small run: here it is done once.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any

ENGINE = (
    "ast",
    "diskcache",
    "sqlite3",
    "fingerprint_runner.provenance.closure_search",
    "fingerprint_runner.provenance.component_source",
    "fingerprint_runner.provenance.narrow_search",
    "fingerprint_runner.recipes.json_tree",
    "fingerprint_runner.recipes.yaml_tree",
    "fingerprint_runner.runners.driver",
    "fingerprint_runner.storage.table",
    "fingerprint_runner.training.session",
)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What a run gives, in the process that calls this."""
    os.chdir(request["folder"])
    os.environ.update(request["environ"])
    import fingerprint_runner as fr

    report = fr.run("fr.yml", targets=request["targets"], inputs=request["inputs"])
    return {
        "values": {name: report.values[name] for name in request["targets"]},
        "nodes": {name: [node.status.value, len(node.reasons)] for name, node in report.nodes.items()},
    }


def serve() -> None:
    """Answer requests until there are no more."""
    for module in ENGINE:
        import_module(module)
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                text = json.dumps(answer(json.loads(line)))
            except BaseException:
                text = json.dumps({"error": traceback.format_exc()})
            with os.fdopen(writing, "w") as out:
                out.write(text)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as result:
            text = result.read()
        os.waitpid(child, 0)
        print(text or json.dumps({"error": "the process died"}), flush=True)


if __name__ == "__main__":
    serve()
