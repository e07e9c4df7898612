"""A small project on disk for tests that run graphs through the library."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fingerprint_runner.fingerprints.record import NodeRecord
from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.runners.executor import FreshProcessExecutor, SerialExecutor
from fingerprint_runner.runners.graph_runner import CachingGraphRunner
from fingerprint_runner.runners.observer import RunObserver
from fingerprint_runner.runners.report import RunReport
from fingerprint_runner.storage.model_storage import open_storage

EXECUTORS = {"serial": SerialExecutor, "fresh": FreshProcessExecutor}


class Project:
    """A folder with modules, a graph, and the cache that runs leave in it."""

    def __init__(self, folder: Path, executor: str = "serial") -> None:
        self.folder = folder
        self.executor = executor
        self.nodes: dict[str, dict[str, Any]] = {}
        self.inputs: dict[str, Any] = {}
        self.environ: dict[str, str] = {}

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    @property
    def schema(self) -> GraphSchema:
        return GraphSchema.from_dict({"version": 1, "inputs": self.inputs, "nodes": self.nodes})

    def runner(
        self,
        hooks: Sequence[GraphNodeHook] | None = None,
        observer: RunObserver | None = None,
        executor: str | None = None,
        schema: GraphSchema | None = None,
        cache: str = ".cache",
        durability: str = "fast",
    ) -> CachingGraphRunner:
        """A runner as a new process would make it; the store is opened anew."""
        schema = schema or self.schema
        return CachingGraphRunner(
            schema,
            open_storage(self.folder / cache, durability=durability),
            ExecutionContext(schema),
            hooks,
            executor_factory=EXECUTORS[executor or self.executor],
            observer=observer,
            environ=self.environ,
            folder=self.folder,
        )

    def run(
        self,
        inputs: Mapping[str, Any] | None = None,
        targets: Sequence[str] | None = None,
        *,
        hooks: Sequence[GraphNodeHook] | None = None,
        observer: RunObserver | None = None,
        executor: str | None = None,
        cache: str = ".cache",
        **options: Any,
    ) -> RunReport:
        """Run the graph; failures are in the report."""
        runner = self.runner(hooks, observer, executor, cache=cache)
        return runner.execute(inputs, targets, **options)

    def good(self, *arguments: Any, **options: Any) -> RunReport:
        """Run the graph, in which nothing fails."""
        report = self.run(*arguments, **options)
        assert report.ok, [failure.traceback or str(failure) for failure in report.failures]
        return report

    def record(self, report: RunReport, node: str, cache: str = ".cache") -> NodeRecord:
        """A node's record as the store has it."""
        fingerprint = report.nodes[node].fingerprint
        assert fingerprint is not None
        with open_storage(self.folder / cache) as storage:
            return storage.records([fingerprint])[fingerprint]

    def blob(self, report: RunReport, node: str) -> Path:
        """The file that holds a node's value."""
        digest = report.nodes[node].artifact
        assert digest is not None
        return self.folder / ".cache" / "fr" / "blobs" / digest[:2] / digest

    def run_elsewhere(self, inputs: str = "{}") -> str:
        """Run the graph file in a process that has seen nothing; what it printed.

        The nodes that ran come first, then the targets' values.
        """
        script = (
            "import fingerprint_runner as fr\n"
            f"report = fr.run('fr.yml', inputs={inputs})\n"
            "print(sorted(report.ran), dict(report.values))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


def forget_modules(folder: Path) -> None:
    """Unload the modules that lie below a folder: the next test's are called the same."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).is_relative_to(folder):
            del sys.modules[name]


ProjectFactory = Callable[..., Project]
