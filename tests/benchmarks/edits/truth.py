"""`Truth`: which nodes an edit concerns, found by evaluating the project before and after it.

A node must run if its present function gives something else for arguments that it had before (its
own, or those of a second set of tables), if its config or a file that it reads changed, or if a
parent's value changed. Everything else needn't: no engine is involved in this.

Invariants: both evaluations are fresh processes; the second set of tables exercises what the first
doesn't, so that an edit which only the data at hand hides is still told from one that can't matter.
"""

from __future__ import annotations

import pickle
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.engines.protocol import graph_json
from benchmarks.graphs import Node, Project
from benchmarks.processes import Command

EVALUATE = Path(__file__).parents[1] / "inside" / "evaluate.py"


class Truth:
    """Finds what edits of one project concern.

    Args:
        python: any Python that has what the project imports.
        project: before any edit.
    """

    def __init__(self, python: Path, project: Project) -> None:
        self._python = python
        self._project = project
        self._before: dict[str, Any] | None = None
        self._kept: bytes = b""

    def must_run(self, edited: Project) -> set[str]:
        """The nodes that must run after an edit."""
        if self._before is None:
            self._before, self._kept = self._evaluated(self._project, None)
        after, _ = self._evaluated(edited, self._kept)
        old = {node.name: node for node in self._project.nodes}
        return {
            node.name
            for node in edited.nodes
            if node.name not in old or self._differs(node, old[node.name], after, edited)
        }

    def _differs(self, node: Node, old: Node, after: dict[str, Any], edited: Project) -> bool:
        assert self._before is not None
        if dict(node.config) != dict(old.config) or dict(node.needs) != dict(old.needs):
            return True
        if any(edited.files[path] != self._project.files[path] for path in node.files):
            return True
        if any(
            after["data"][parent][1] != self._before["data"].get(parent, (None, None))[1]
            for parent in node.needs.values()
        ):
            return True
        return any(
            after[f"{data} before"][node.name] != self._before[data][node.name][1]
            for data in ("data", "probe")
        )

    def _evaluated(self, project: Project, before: bytes | None) -> tuple[dict[str, Any], bytes]:
        folder = Path(tempfile.mkdtemp(prefix="fr-truth-"))
        try:
            for path, text in {**project.files, "graph.json": graph_json(project)}.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
            if before is not None:
                (folder / "before.pickle").write_bytes(before)
            argv = (str(self._python), str(EVALUATE), "before.pickle" if before else "-", "after.pickle")
            Command(argv, folder, {"PYTHONPATH": str(folder / "site-packages")}, 60).time()
            kept = (folder / "after.pickle").read_bytes()
            return pickle.loads(kept), kept
        finally:
            shutil.rmtree(folder)
