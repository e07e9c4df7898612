"""`fr get`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import common, node_argument, request
from .streams import say

if TYPE_CHECKING:
    from fingerprint_runner.fingerprints.record import NodeRecord
    from fingerprint_runner.storage.model_storage import ModelStorage

    from .workspace import Workspace


@click.command("get")
@node_argument
@click.option("-o", "--output", metavar="PATH", help="Write the value (or the resource's folder) to PATH.")
@request
@common
def command(
    node: str,
    output: str | None,
    inputs: tuple[str, ...],
    overrides: tuple[str, ...],
    as_json: bool,
    file: str | None,
    cache_dir: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Give a node's stored value, or write it to a path; never runs anything.

    Text and plain data are printed; arrays, frames and objects are shown in short. With -o, text
    goes to the file as it is, plain data as JSON, arrays as .npy, frames as CSV, anything else as a
    pickle, and a resource as a folder.
    """
    from .errors import print_json
    from .workspace import open_workspace

    with open_workspace(file, cache_dir, overrides, inputs) as workspace:
        record = _record(workspace, node)
        storage = workspace.storage
        value: Any = None
        if record.value is not None and record.value.artifact is not None:
            with workspace.importable():
                value = storage.load_value(record.value.artifact)
        if output is not None:
            _write(record, storage, value, Path(output))
            if not quiet and not as_json:
                say(f"wrote {output}")
        if as_json:
            print_json(_as_json(node, record, value, output))
        elif output is None:
            say(_preview(record, value))
    return 0


def _record(workspace: Workspace, node: str) -> NodeRecord:
    """The record of a node that is up to date and whose artifacts are there.

    Raises:
        InvalidGraph: it must run first.
    """
    from fingerprint_runner.errors import InvalidGraph
    from fingerprint_runner.planning.decide import UpToDate

    decision = workspace.runner().plan(workspace.inputs, [node]).nodes[node].decision
    if isinstance(decision, UpToDate) and decision.kept:
        return decision.record
    state = "isn't kept in the cache" if isinstance(decision, UpToDate) else "isn't up to date"
    raise InvalidGraph.single(
        "not-available",
        f"the value of {node!r} {state}",
        node=node,
        hint=f"make it with `fr run {node}`; `fr explain {node}` says why",
    )


def _write(record: NodeRecord, storage: ModelStorage, value: Any, path: Path) -> None:
    """Write a value to a path, or a resource to a folder.

    Raises:
        InvalidGraph: the path can't be written to.
    """
    from fingerprint_runner.errors import InvalidGraph
    from fingerprint_runner.runners.exports import write_value

    try:
        if record.value is None and record.resource is not None:
            if path.exists():
                raise InvalidGraph.single(
                    "exists", f"{str(path)!r} is there already", hint="name a folder that isn't there yet"
                )
            storage.restore_tree(record.resource, path, read_only=False)
        else:
            write_value(value, path)
    except OSError as error:
        raise InvalidGraph.single(
            "not-writable", f"{str(path)!r} can't be written: {error.strerror or error}"
        ) from error


def _as_json(node: str, record: NodeRecord, value: Any, output: str | None) -> dict[str, Any]:
    plain = value if _is_plain(value) else None
    return {
        "ok": True,
        "node": node,
        "fingerprint": record.fingerprint,
        "value": plain,
        "identity": record.identity,
        "resource": None
        if record.resource is None
        else [{"path": entry.path, "size": entry.size} for entry in record.resource.entries],
        "output": output,
    }


def _is_plain(value: Any) -> bool:
    import json

    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _preview(record: NodeRecord, value: Any) -> str:
    """The value as text: whole where it is text or plain data, else in short."""
    import json

    from .words import size_text

    if record.value is None and record.resource is not None:
        files = [
            f"  {entry.path}  {size_text(entry.size)}"
            for entry in record.resource.entries
            if entry.kind == "file"
        ]
        return "\n".join(["a resource (write it to a folder with -o):", *files])
    if isinstance(value, str):
        return value.removesuffix("\n")
    if _is_plain(value):
        return json.dumps(value, indent=2, ensure_ascii=False)
    from .preview import preview

    return "\n".join(preview(value))
