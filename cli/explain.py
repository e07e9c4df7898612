"""`fr explain`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from .complete import complete_node
from .options import common, request
from .streams import say

if TYPE_CHECKING:
    from fingerprint_runner.fingerprints.record import NodeRecord
    from fingerprint_runner.planning.plan import PlannedNode
    from fingerprint_runner.runners.explanation import Explanation


@click.command("explain")
@click.argument("nodes", metavar="[NODE]...", nargs=-1, shell_complete=complete_node)
@click.option(
    "--all",
    "explain_all",
    is_flag=True,
    help="Explain every node that isn't up to date and that NODEs, or the targets, need.",
)
@request
@common
def command(
    nodes: tuple[str, ...],
    explain_all: bool,
    inputs: tuple[str, ...],
    overrides: tuple[str, ...],
    as_json: bool,
    file: str | None,
    cache_dir: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Say why a node is stale, or why it last ran: what changed, line by line, and where.

    It is compared with its last record. Where a parent changed, the parent is explained in turn, up to what
    somebody edited. With --all each node that isn't up to date is explained, those first that lead to the
    others. -v shows all lines, and what the fingerprint is made of. Changes nothing.
    """
    from fingerprint_runner.runners.explanation import explanation_as_json

    from .errors import print_json
    from .workspace import open_workspace

    if not explain_all and len(nodes) != 1:
        raise click.UsageError(
            "explain takes one NODE"
            if nodes
            else "missing argument 'NODE'\nhint: name one, or --all for every node that isn't up to date"
        )
    with open_workspace(file, cache_dir, overrides, inputs) as workspace:
        runner = workspace.runner()
        if explain_all:
            explanation = runner.explain_all(workspace.inputs, nodes or None)
        else:
            explanation = runner.explain(nodes[0], workspace.inputs)
    node = None if explain_all else nodes[0]
    if as_json:
        print_json(explanation_as_json(explanation, node))
    elif not quiet:
        for line in _lines(explanation, node, verbose):
            say(line)
    return 0


def _lines(explanation: Explanation, node: str | None, verbose: bool) -> Iterator[str]:
    from .why import WhyLines

    why = WhyLines(explanation, verbose)
    if node is None:
        yield from why.of_all()
        return
    yield from why.of(node)
    if explanation.notes:
        yield "reading its code couldn't follow everything, so more counts than need be:"
        yield from (f"  {note}" for note in explanation.notes)
    record = explanation.record(node)
    if record is not None:
        yield from _narrowing(record, verbose)
    if verbose:
        yield from _ingredients(explanation.plan.nodes[node])


def _narrowing(record: NodeRecord, verbose: bool) -> Iterator[str]:
    """Whether all functions count or those that ran, where it lies in the node or everything is asked."""
    from fingerprint_runner.runners.explanation import is_narrowed

    from .words import NOT_THE_NODES, unnarrowed_text

    if verbose and is_narrowed(record):
        yield "of its functions those count that ran"
    if record.unnarrowed and (verbose or NOT_THE_NODES.isdisjoint(each.kind for each in record.unnarrowed)):
        yield "all functions that it could run count, and not only those that ran, since:"
        yield from (f"  {unnarrowed_text(each)}" for each in record.unnarrowed)


def _ingredients(planned: PlannedNode) -> Iterator[str]:
    """What the fingerprint is made of, part by part."""
    from fingerprint_runner.planning.decide import UpToDate

    from .words import value_text

    decision = planned.decision
    manifest = decision.record.manifest if isinstance(decision, UpToDate) else planned.present
    if manifest is None:
        return
    first = manifest.first
    yield from ("made of:", f"  component {first.component}", f"  Python {first.python}")
    yield from (f"  config {key} = {value_text(entry.shown)}" for key, entry in first.config.items())
    yield from (f"  input {key} = {value_text(entry.shown)}" for key, entry in first.inputs.items())
    yield from (f"  parent {key} = {entry.source} {entry.identity}" for key, entry in first.parents.items())
    yield from (f"  file {path} {digest}" for path, digest in first.files.items())
    yield from (f"  env {name} {digest}" for name, digest in first.env.items())
    yield from (f"  code {name}" for name in manifest.code.symbols)
    yield from (
        f"  package {query.argument} {answer}"
        for query, answer in sorted(manifest.code.answers.items())
        if query.kind == "dist"
    )
