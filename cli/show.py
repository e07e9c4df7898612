"""`fr show`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import common, node_argument, request
from .streams import say

if TYPE_CHECKING:
    from fingerprint_runner.fingerprints.record import NodeRecord, RunRecord, TreeEntry
    from fingerprint_runner.graph.node import SchemaNode
    from fingerprint_runner.planning.decide import Decision

    from .workspace import Workspace

_RUNS = 5
_LOG_LINES = 20
_FILES = 20


@dataclass(frozen=True)
class _Shown:
    """All that is known of a node.

    Attributes:
        decision: what a plan says; None where the graph can't be planned as it stands.
        trouble: why it can't.
        record: of what is up to date, else of the last run that came to an outcome.
        place: file and line of its component.
        runs: the last ones in which it ran or failed, newest first.
        pinned: whether the record is never pruned.
    """

    name: str
    node: SchemaNode
    decision: Decision | None
    trouble: str | None
    record: NodeRecord | None
    place: tuple[str, int] | None
    runs: Sequence[RunRecord]
    pinned: bool


@click.command("show")
@node_argument
@request
@common
def command(
    node: str,
    inputs: tuple[str, ...],
    overrides: tuple[str, ...],
    as_json: bool,
    file: str | None,
    cache_dir: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Show a node: what it is, its last runs, what it put out and printed.

    The output shown is the one that is up to date, else the one of the last run; a part of it, `fr get`
    gives all. Runs nothing.
    """
    from .errors import print_json
    from .workspace import open_workspace

    with open_workspace(file, cache_dir, overrides, inputs) as workspace:
        shown = _look(workspace, node)
        value_lines = list(_output_lines(workspace, shown))
        if as_json:
            print_json(_as_json(workspace, shown, value_lines))
        else:
            for line in _lines(shown, value_lines, verbose):
                say(line)
    return 0


def _look(workspace: Workspace, name: str) -> _Shown:
    """Gather what is known of a node.

    Raises:
        InvalidGraph: there is no such node.
    """
    from fingerprint_runner.errors import InvalidGraph
    from fingerprint_runner.runners.graph_runner import graph_id_of

    storage, schema = workspace.storage, workspace.schema
    graph_id = graph_id_of(schema)
    decision: Decision | None = None
    trouble: str | None = None
    place: tuple[str, int] | None = None
    record: NodeRecord | None = None
    try:
        explained = workspace.runner().explain(name, workspace.inputs)
    except InvalidGraph as error:
        if name not in schema.nodes:
            raise
        # The past can be shown, whatever is wrong with the graph just now.
        trouble = error.problems[0].message
    else:
        decision, place = explained.plan.nodes[name].decision, explained.component_place
        record = explained.record(name)
    if record is None:
        line = storage.last_lines(graph_id).get(name)
        if line is not None and line.fingerprint is not None:
            record = storage.records([line.fingerprint]).get(line.fingerprint)
    runs = []
    for run in storage.runs(graph_id):
        if name in run.nodes and run.nodes[name].status in ("ran", "failed"):
            runs.append(run)
        if len(runs) == _RUNS:
            break
    pinned = record is not None and record.fingerprint in storage.upkeep.pinned()
    return _Shown(name, schema.nodes[name], decision, trouble, record, place, runs, pinned)


# --- for people -------------------------------------------------------------------------------------------


def _lines(shown: _Shown, value_lines: Sequence[str], verbose: bool) -> Iterator[str]:
    yield f"{click.style(shown.name, bold=True)}: {_state_text(shown)}"
    yield from _fact_lines(shown)
    if shown.runs:
        yield from _run_lines(shown)
    if shown.record is not None:
        yield "output"
        yield from (f"  {line}".rstrip() for line in value_lines)
        yield from _log_lines(shown.record.log_tail, verbose)
    failure = shown.runs[0].failures.get(shown.name) if shown.runs else None
    if failure is not None:
        yield f"{click.style('its last run failed', fg='red')}: {failure.error}"
        yield from _log_lines(failure.log_tail, verbose)
        yield from (f"  {line}" for line in failure.traceback.rstrip().splitlines())


def _state_text(shown: _Shown) -> str:
    from fingerprint_runner.planning.decide import Stale, UpToDate

    from .words import names_text, reasons_text

    decision = shown.decision
    if decision is None:
        return f"can't be planned: {shown.trouble}"
    if isinstance(decision, UpToDate):
        return "up to date" if decision.kept else "up to date, its output isn't kept"
    if isinstance(decision, Stale):
        return f"stale: {reasons_text(decision.reasons)}"
    return f"undecided, waits for {names_text(sorted(decision.waiting_on))}"


def _fact_lines(shown: _Shown) -> Iterator[str]:
    from fingerprint_runner.recipes.graph_file import shown_path

    from .columns import aligned
    from .words import ago_text, origin_text, seconds_text, short, size_text, value_text

    node, record = shown.node, shown.record
    place = "" if shown.place is None else f"  ({shown_path(shown.place[0])}:{shown.place[1]})"
    facts = [("component", f"{_component_text(shown)}{place}")]
    facts.extend(
        ("needs" if not index else "", parameter if parameter == str(need) else f"{parameter}: {need}")
        for index, (parameter, need) in enumerate(node.parents.items())
    )
    facts.extend(
        ("config" if not index else "", f"{key}: {value_text(value)}")
        for index, (key, value) in enumerate(sorted(node.config.items()))
    )
    facts.extend((key, text) for key, text in _other_keys(node))
    if record is not None:
        marks = "".join(
            f", {mark}"
            for mark, holds in (
                ("pinned", shown.pinned),
                (origin_text(record.origin), record.origin.kind != "ran"),
            )
            if holds
        )
        facts.append(
            (
                "record",
                f"{short(record.fingerprint)}, made {ago_text(record.created)} in "
                f"{seconds_text(record.seconds)}, {size_text(_stored_bytes(record))}{marks}",
            )
        )
    yield from (f"  {line}" for line in aligned(facts))


def _component_text(shown: _Shown) -> str:
    method = shown.node.fn if shown.record is not None and shown.record.manifest.first.fn else ""
    return f"{shown.node.component}{'.' + method if method else ''}"


def _other_keys(node: SchemaNode) -> Iterator[tuple[str, str]]:
    """What else the graph file says of the node."""
    from .words import names_text

    for key, names in (("files", node.files), ("env", node.env), ("secret", node.secret)):
        if names:
            yield key, names_text(names)
    if node.cache_mode.value != "default":
        yield "cache", node.cache_mode.value
    if node.version is not None:
        yield "version", node.version
    if node.export is not None:
        yield "export", node.export


def _run_lines(shown: _Shown) -> Iterator[str]:
    from .columns import aligned
    from .words import ago_text, reasons_text, seconds_text

    yield "last runs"
    rows = [
        (
            ago_text(run.started),
            run.nodes[shown.name].status,
            seconds_text(run.nodes[shown.name].seconds),
            reasons_text(run.nodes[shown.name].reasons),
        )
        for run in shown.runs
    ]
    yield from (f"  {line}" for line in aligned(rows, right=(2,)))


def _log_lines(log: str, verbose: bool) -> Iterator[str]:
    from .words import count_text

    lines = log.rstrip("\n").splitlines()
    if not lines:
        return
    yield "log"
    left_out = 0 if verbose else max(0, len(lines) - _LOG_LINES)
    if left_out:
        yield f"  … {count_text(left_out, 'line')} before; -v shows all that is kept"
    yield from (f"  {line}" for line in lines[left_out:])


# --- the output -------------------------------------------------------------------------------------------


def _output_lines(workspace: Workspace, shown: _Shown) -> Iterator[str]:
    """What the node put out, at a glance."""
    from fingerprint_runner.errors import StorageError

    from .preview import preview
    from .words import ago_text

    record = shown.record
    if record is None:
        return
    if not record.storable:
        yield "can't be stored, so there is none to show"
        return
    if not workspace.storage.is_kept(record):
        pruned = f", pruned {ago_text(record.dropped)}" if record.dropped else ""
        yield f"isn't kept in the cache{pruned}; `fr run {shown.name}` makes it again"
        return
    if record.value is not None and record.value.artifact is not None:
        try:
            with workspace.importable():
                value = workspace.storage.load_value(record.value.artifact)
        except StorageError as error:
            yield f"can't be read: {error}"
        else:
            yield from preview(value)
            if isinstance(value, bytes) and record.value.artifact.inline is None:
                path = workspace.storage.artifact_path(record.value.artifact.digest)
                yield f"its file: {_shown_path(path)}"
    if record.resource is not None:
        yield from _resource_lines(workspace, shown, record)


def _resource_lines(workspace: Workspace, shown: _Shown, record: NodeRecord) -> Iterator[str]:
    from .columns import aligned
    from .words import count_text, size_text

    assert record.resource is not None
    files = [entry for entry in record.resource.entries if entry.kind == "file"]
    size = sum(entry.size for entry in files)
    yield f"a resource: {count_text(len(files), 'file')}, {size_text(size)}"
    rows = [
        (entry.path, size_text(entry.size), *_file_texts(workspace, shown, entry)) for entry in files[:_FILES]
    ]
    yield from (f"  {line}" for line in aligned(rows, right=(1,)))
    if len(files) > _FILES:
        yield f"  … and {count_text(len(files) - _FILES, 'more file')}"


def _file_texts(workspace: Workspace, shown: _Shown, entry: TreeEntry) -> tuple[str, str]:
    """What kind of picture a file is, if it is one, and where it can be opened."""
    from .preview import picture_kind

    stored = workspace.storage.artifact_path(entry.digest)
    with stored.open("rb") as file:
        kind = picture_kind(file.read(600)) or ""
    exported = None if shown.node.export is None else workspace.folder / shown.node.export / entry.path
    if exported is not None and exported.is_file():
        return kind, _shown_path(exported)
    return kind, _shown_path(stored) if kind else ""


def _stored_bytes(record: NodeRecord) -> int:
    artifact = None if record.value is None else record.value.artifact
    entries = () if record.resource is None else record.resource.entries
    return (0 if artifact is None else artifact.size) + sum(entry.size for entry in entries)


def _shown_path(path: Path) -> str:
    from fingerprint_runner.recipes.graph_file import shown_path

    return shown_path(os.path.normpath(path))


# --- for programs -----------------------------------------------------------------------------------------


def _as_json(workspace: Workspace, shown: _Shown, value_lines: Sequence[str]) -> dict[str, Any]:
    from fingerprint_runner.planning.decide import Stale, UpToDate
    from fingerprint_runner.runners.report import origin_as_json, reason_as_json

    decision, record = shown.decision, shown.record
    state = None
    if decision is not None:
        state = (
            "up-to-date"
            if isinstance(decision, UpToDate)
            else "stale"
            if isinstance(decision, Stale)
            else "undecided"
        )
    return {
        "ok": True,
        "node": shown.name,
        "state": state,
        "trouble": shown.trouble,
        "component": shown.node.component,
        "file": None if shown.place is None else shown.place[0],
        "line": None if shown.place is None else shown.place[1],
        "needs": {parameter: str(need) for parameter, need in shown.node.parents.items()},
        "config": dict(shown.node.config),
        "record": None
        if record is None
        else {
            "fingerprint": record.fingerprint,
            "first_key": record.first_key,
            "identity": record.identity,
            "created": record.created,
            "seconds": record.seconds,
            "bytes": _stored_bytes(record),
            "kept": workspace.storage.is_kept(record),
            "dropped": record.dropped or None,
            "pinned": shown.pinned,
            **origin_as_json(record.origin),
            "reasons": [reason_as_json(reason) for reason in record.reasons],
            "log_tail": record.log_tail,
        },
        "preview": list(value_lines),
        "runs": [
            {
                "run_id": run.run_id,
                "started": run.started,
                "status": run.nodes[shown.name].status,
                "seconds": run.nodes[shown.name].seconds,
                "reasons": [reason_as_json(reason) for reason in run.nodes[shown.name].reasons],
                "error": run.failures[shown.name].error if shown.name in run.failures else None,
            }
            for run in shown.runs
        ],
    }
