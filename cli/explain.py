"""`fr explain`."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import click

from .options import common, node_argument, request
from .streams import say


@click.command("explain")
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
    """Say why a node is stale, or why it last ran, and what its fingerprint is made of."""
    from fingerprint_runner.planning.decide import UpToDate
    from fingerprint_runner.runners.report import plan_as_json, reason_as_json

    from .errors import print_json
    from .workspace import open_workspace

    with open_workspace(file, cache_dir, overrides, inputs) as workspace:
        explained = workspace.runner().explain(node, workspace.inputs)
    decision = explained.planned.decision
    if as_json:
        last = decision.record if isinstance(decision, UpToDate) else explained.baseline
        print_json(
            {
                **plan_as_json(explained.plan),
                "node": node,
                "last": None
                if last is None
                else {
                    "created": last.created,
                    "seconds": last.seconds,
                    "fingerprint": last.fingerprint,
                    "reasons": [reason_as_json(reason) for reason in last.reasons],
                },
                "widened": list(explained.notes),
            }
        )
    elif not quiet:
        for line in _lines(node, explained, verbose):
            say(line)
    return 0


def _lines(node: str, explained: Any, verbose: bool) -> list[str]:
    from fingerprint_runner.planning.decide import Stale, Undecided, UpToDate

    from .words import ago_text, names_text, seconds_text

    decision = explained.planned.decision
    lines = []
    if isinstance(decision, UpToDate):
        record = decision.record
        kept = "" if decision.kept else ", its output isn't kept"
        lines.append(f"{node} is up to date{kept}")
        lines.append(f"  last ran {ago_text(record.created)} in {seconds_text(record.seconds)}, because:")
        lines.extend(_reason_lines(record.reasons, explained, indent="    "))
    elif isinstance(decision, Undecided):
        waited_for = names_text(sorted(decision.waiting_on))
        lines.append(f"{node} is undecided: it depends on what comes of {waited_for}")
        lines.extend(_upstream(decision.waiting_on, explained, verbose))
    else:
        assert isinstance(decision, Stale)
        lines.append(f"{node} is stale:")
        lines.extend(_reason_lines(decision.reasons, explained, indent="  "))
        if explained.baseline is not None:
            lines.append(f"  compared with the run of {ago_text(explained.baseline.created)}")
    if explained.notes:
        lines.append("reading its code couldn't follow everything, so more counts than need be:")
        lines.extend(f"  {note}" for note in explained.notes)
    if verbose:
        lines.extend(_ingredients(explained.planned))
    return lines


def _reason_lines(reasons: Any, explained: Any, indent: str) -> list[str]:
    from fingerprint_runner.fingerprints.record import ReasonKind
    from fingerprint_runner.recipes.graph_file import shown_path

    from .words import reason_text

    lines = []
    for reason in reasons:
        text = reason_text(reason)
        if reason.kind is ReasonKind.CODE_CHANGED and reason.what in explained.places:
            file, line = explained.places[reason.what]
            text += f" ({shown_path(file)}:{line})"
        lines.append(indent + text)
    return lines


def _upstream(names: Sequence[str], explained: Any, verbose: bool) -> list[str]:
    """The stale nodes that the node waits for, nearest first, each once, with their reasons."""
    from fingerprint_runner.planning.decide import Stale, Undecided

    from .words import MANY, count_text

    lines: list[str] = []
    seen = set(names)
    waiting = deque(names)
    stale = 0
    while waiting:
        name = waiting.popleft()
        decision = explained.plan.nodes[name].decision
        if isinstance(decision, Stale):
            stale += 1
            if verbose or stale <= MANY:
                lines.append(f"  {name} is stale:")
                lines.extend(_reason_lines(decision.reasons, explained, indent="    "))
        elif isinstance(decision, Undecided):
            further = [parent for parent in decision.waiting_on if parent not in seen]
            seen.update(further)
            waiting.extend(further)
    if stale > MANY and not verbose:
        lines.append(f"  … and {count_text(stale - MANY, 'more stale node')}; -v lists them all")
    return lines


def _ingredients(planned: Any) -> list[str]:
    """What the fingerprint is made of, part by part."""
    from fingerprint_runner.planning.decide import UpToDate

    from .words import value_text

    decision = planned.decision
    manifest = decision.record.manifest if isinstance(decision, UpToDate) else planned.present
    if manifest is None:
        return []
    first = manifest.first
    lines = ["made of:", f"  component {first.component}", f"  Python {first.python}"]
    lines.extend(f"  config {key} = {value_text(entry.shown)}" for key, entry in first.config.items())
    lines.extend(f"  input {key} = {value_text(entry.shown)}" for key, entry in first.inputs.items())
    lines.extend(f"  parent {key} = {entry.source} {entry.identity}" for key, entry in first.parents.items())
    lines.extend(f"  file {path} {digest}" for path, digest in first.files.items())
    lines.extend(f"  env {name} {digest}" for name, digest in first.env.items())
    lines.extend(f"  code {name}" for name in manifest.code.symbols)
    lines.extend(
        f"  package {query.argument} {answer}"
        for query, answer in sorted(manifest.code.answers.items())
        if query.kind == "dist"
    )
    return lines
