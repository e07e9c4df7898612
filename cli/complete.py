"""What a shell may complete: nodes, config keys, inputs and runs of the graph that a command works on.

Invariants: completing changes nothing and never fails: where the graph can't be read, nothing is offered; it
imports neither user code nor what a run needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from fingerprint_runner.graph.schema import GraphSchema


def complete_node(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Nodes, each with its component; those that are there already are left out."""
    given = ctx.params.get(param.name or "") or ()
    taken = {given} if isinstance(given, str) else set(given)
    schema = _schema(ctx)
    if schema is None:
        return []
    return [
        CompletionItem(name, help=node.component)
        for name, node in schema.nodes.items()
        if name.startswith(incomplete) and name not in taken
    ]


def complete_set(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`NODE.KEY=`, for the config keys that the graph file has."""
    schema = _schema(ctx)
    if schema is None or "=" in incomplete:
        return []
    return [
        CompletionItem(f"{name}.{key}=", help=f"now {value!r}")
        for name, node in schema.nodes.items()
        for key, value in node.config.items()
        if f"{name}.{key}".startswith(incomplete) and key not in node.secret
    ]


def complete_input(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`NAME=`, for the inputs that the graph file declares."""
    schema = _schema(ctx)
    if schema is None or "=" in incomplete:
        return []
    return [
        CompletionItem(f"{name}=", help=declared.type)
        for name, declared in schema.inputs.items()
        if name.startswith(incomplete)
    ]


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`last`, and ids of the latest runs, each with when it was and what came of it."""
    from .words import ago_text

    try:
        runs = [*_latest_runs(ctx)]
    except Exception:  # A shell that completes shows no errors.
        return []
    items = [CompletionItem("last", help="the latest run")]
    items += [
        CompletionItem(run_id, help=f"{ago_text(started)}, {'ok' if ok else 'not ok'}")
        for run_id, started, ok in runs
    ]
    return [item for item in items if str(item.value).startswith(incomplete)]


def _latest_runs(ctx: click.Context) -> Iterator[tuple[str, float, bool]]:
    from fingerprint_runner.runners.graph_runner import graph_id_of

    from .cache_store import open_cache

    schema = _schema(ctx)
    if schema is None or schema.origin is None:
        return
    cache_dir = ctx.params.get("cache_dir") or os.environ.get("FR_CACHE_DIR")
    with open_cache(str(schema.origin.file), cache_dir) as storage:
        for run in storage.runs(graph_id_of(schema), 20):
            yield run.run_id, run.started, run.ok


def _schema(ctx: click.Context) -> GraphSchema | None:
    """The graph that the command works on; None where it can't be read."""
    from fingerprint_runner.recipes.graph_file import find_graph_file, read_graph_file
    from fingerprint_runner.storage.layout import Layout
    from fingerprint_runner.storage.memo import FolderMemo

    from .workspace import cache_folder

    folder = Path(ctx.find_root().params.get("folder") or ".").expanduser()
    file = ctx.params.get("file")
    try:
        path = find_graph_file(folder) if file is None else folder / Path(file).expanduser()
        cache_dir = ctx.params.get("cache_dir")
        memo = FolderMemo(Layout(cache_folder(path, cache_dir)))
        return read_graph_file(path, memo if os.path.isdir(memo.folder) else None)  # noqa: PTH112
    except Exception:  # A shell that completes shows no errors.
        return None
