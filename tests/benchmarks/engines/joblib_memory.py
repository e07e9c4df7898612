"""joblib.Memory: each function of the project wrapped by `memory.cache`, called in order by a script."""

from __future__ import annotations

from pathlib import Path

from benchmarks.engines.protocol import WithoutPreparation, graph_json
from benchmarks.graphs import Project
from benchmarks.processes import Command

_MAIN = '''"""Call every node in order; a call that was made before is taken from the cache."""

import hashlib
import importlib
import json
from pathlib import Path

from joblib import Memory

memory = Memory(".joblib", verbose=0)
cached = {}
values = {}
for node in json.loads(Path("graph.json").read_text()):
    uses = node["uses"]
    if uses not in cached:
        module, _, function = uses.partition(":")
        cached[uses] = memory.cache(getattr(importlib.import_module(module), function))
    arguments = dict(node["config"])
    if node["files"]:  # a cached function sees its arguments alone
        text = b"".join(Path(path).read_bytes() for path in node["files"])
        arguments[node["name"] + "_stamp"] = hashlib.md5(text).hexdigest()
    for parameter, parent in node["needs"].items():
        arguments[parameter] = values[parent]
    values[node["name"]] = cached[uses](**arguments)
'''


class JoblibMemory(WithoutPreparation):
    """A script that calls memoised functions."""

    name = "joblib.Memory"
    environment = "joblib"

    def layout(self, project: Project) -> dict[str, str]:
        return {**project.files, "graph.json": graph_json(project), "main.py": _MAIN}

    def command(self, python: Path, folder: Path) -> Command:
        return Command((str(python), "main.py"), folder)
