"""`run`: a graph file in, its targets' values out: the library in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fingerprint_runner.graph.context import ExecutionContext
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.hooks.hook import GraphNodeHook
from fingerprint_runner.runners.graph_runner import CachingGraphRunner
from fingerprint_runner.runners.report import RunReport
from fingerprint_runner.storage.model_storage import open_storage


def run(
    graph_file: str | Path,
    targets: Sequence[str] | None = None,
    inputs: Mapping[str, Any] | None = None,
    *,
    cache_dir: str | Path | None = None,
    hooks: Sequence[GraphNodeHook] | None = None,
    force: Sequence[str] = (),
    force_from: Sequence[str] = (),
    keep_going: bool = False,
    strict: bool = False,
) -> RunReport:
    """Bring the targets of a graph file up to date.

    Args:
        graph_file: such as `fr.yml`.
        targets: nodes to make; by default what the file says.
        inputs: values of the graph's inputs by name.
        cache_dir: the cache folder; `.cache` beside the graph file by default.
        hooks: called in this order.
        force: nodes to run whatever the cache holds.
        force_from: nodes to run, with all that depend on them.
        keep_going: whether nodes that don't depend on a failed one still run.
        strict: whether a node fails that reads what it doesn't declare, changes what it was given in place,
            or draws random numbers without a seed, as far as that can be told.

    Returns:
        The report; `report.values[target]` restores a value when asked for.

    Raises:
        InvalidGraph: the graph or the request is wrong; nothing ran.
        NodeFailed: a node failed (the first, where several did).
    """
    schema = GraphSchema.from_file(graph_file)
    folder = Path(graph_file).resolve().parent
    storage = open_storage(folder / ".cache" if cache_dir is None else cache_dir)
    runner = CachingGraphRunner(schema, storage, ExecutionContext(schema), hooks)
    report = runner.execute(
        inputs, targets, force=force, force_from=force_from, keep_going=keep_going, strict=strict
    )
    if report.failures:
        raise report.failures[0]
    if report.interrupted:
        raise KeyboardInterrupt
    return report
