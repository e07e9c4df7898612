"""`why_lines`: an explanation as people read it.

Invariants: what a node's parents have to do with it stands below the reason that names them, each node once;
a chain of nodes that each changed by one parent alone is one line; iterative, however long the chain.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from fingerprint_runner.fingerprints.record import Reason, ReasonKind
from fingerprint_runner.planning.decide import Stale, Undecided, UpToDate

from .words import MANY, ago_text, count_text, names_text, origin_text, reason_text, seconds_text, value_text

if TYPE_CHECKING:
    from fingerprint_runner.runners.explanation import ExplainedNode, ExplainedReason, Explanation

_DIFF_LINES = 12
"""So many lines of one symbol are shown to people who don't ask for all."""
_DIFFS = 8
"""And so many symbols are shown by their lines."""
_CHAIN = 6
_COLORS = {"+": "green", "-": "red", "…": "bright_black"}
_WIDE = 400


class WhyLines:
    """Lines about one explanation.

    Args:
        explanation: what to tell.
        verbose: leave nothing out.
    """

    def __init__(self, explanation: Explanation, verbose: bool) -> None:
        self._explanation = explanation
        self._nodes = explanation.nodes
        self._verbose = verbose
        self._told: set[str] = set()
        self._diffs = 0

    def of(self, name: str) -> Iterator[str]:
        """Everything about the one node that was asked for."""
        explained = self._nodes[name]
        decision = explained.planned.decision
        self._told.add(name)
        if isinstance(decision, UpToDate):
            kept = "" if decision.kept else ", its output isn't kept"
            yield f"{name} is up to date{kept}"
            record = decision.record
            if record.origin.kind == "accepted":
                yield f"  {origin_text(record.origin)}, without running; what had changed:"
            else:
                yield f"  last ran {ago_text(record.created)} in {seconds_text(record.seconds)}, because:"
            yield from self._reasons(explained, 4)
        elif isinstance(decision, Undecided):
            waited_for = names_text(sorted(decision.waiting_on))
            yield f"{name} is undecided: it depends on what comes of {waited_for}"
            yield from self._upstream(name, decision.waiting_on)
        else:
            yield f"{name} is stale:"
            yield from self._reasons(explained, 2)
            if explained.baseline is not None:
                yield f"  compared with the run of {ago_text(explained.baseline.created)}"

    def of_all(self) -> Iterator[str]:
        """Every node that was asked for, in short."""
        asked = self._explanation.asked
        most = len(asked) if self._verbose else MANY
        self._told.update(asked)
        for name in asked[:most]:
            decision = self._nodes[name].planned.decision
            if isinstance(decision, Undecided):
                yield f"{name} is undecided: waits for {names_text(sorted(decision.waiting_on))}"
            else:
                yield f"{name} is stale:"
                yield from self._reasons(self._nodes[name], 2)
        if len(asked) > most:
            yield f"… and {count_text(len(asked) - most, 'more node')}; -v lists them all"
        counts = self._explanation.plan.counts
        yield (
            f"{count_text(len(self._explanation.plan.nodes), 'node')}: {counts.up_to_date:,} up to date, "
            f"{counts.stale:,} stale, {counts.undecided:,} undecided"
        )

    def _upstream(self, asked: str, names: Sequence[str]) -> Iterator[str]:
        """The stale nodes that a node waits for, nearest first, each once, with their reasons."""
        children = dict.fromkeys(names, asked)
        waiting = deque(names)
        stale = 0
        while waiting:
            name = waiting.popleft()
            decision = self._explanation.plan.nodes[name].decision
            if isinstance(decision, Stale):
                stale += 1
                if self._verbose or stale <= MANY:
                    self._told.add(name)
                    yield f"  {name} is stale{_way(name, asked, children)}:"
                    yield from self._reasons(self._nodes[name], 4)
            elif isinstance(decision, Undecided):
                further = [parent for parent in decision.waiting_on if parent not in children]
                children.update(dict.fromkeys(further, name))
                waiting.extend(further)
        if stale > MANY and not self._verbose:
            yield f"  … and {count_text(stale - MANY, 'more stale node')}; -v lists them all"

    # --- reasons --------------------------------------------------------------------------------------

    def _reasons(self, explained: ExplainedNode, indent: int) -> Iterator[str]:
        """A node's reasons, and below those that name a parent the parent's own."""
        stack = [(deque(explained.reasons), indent)]
        while stack:
            reasons, indent = stack[-1]
            if not reasons:
                stack.pop()
            elif again := self._told_again(reasons):
                yield f"{' ' * indent}{again} changed (as said above)"
            else:
                each = reasons.popleft()
                chain = self._chain(each)
                yield f"{' ' * indent}{_text(each)}{_chain_text(chain[1:])}"
                yield from self._details(each, " " * (indent + 2))
                if chain:
                    stack.append((deque(self._nodes[chain[-1]].reasons), indent + 2))

    def _told_again(self, reasons: deque[ExplainedReason]) -> str:
        """Take away the next reasons as far as they name parents that were told before; gives their names."""
        names = []
        while reasons and reasons[0].parent in self._told:
            names.append(str(reasons.popleft().reason.what))
        if not names:
            return ""
        most = len(names) if self._verbose else _CHAIN
        return f"{'parent' if len(names) == 1 else 'parents'} {names_text(names, most=most)}"

    def _chain(self, each: ExplainedReason) -> list[str]:
        """The parent that a reason names, and those by which alone it changed in turn; none told before."""
        names: list[str] = []
        parent = each.parent
        while parent is not None and parent not in self._told and parent in self._nodes:
            names.append(parent)
            self._told.add(parent)
            reasons = self._nodes[parent].reasons
            parent = reasons[0].parent if len(reasons) == 1 else None
            if parent in self._told:
                break
        return names

    def _details(self, each: ExplainedReason, indent: str) -> Iterator[str]:
        if each.diff and (self._verbose or self._diffs < _DIFFS):
            self._diffs += 1
            most = len(each.diff) if self._verbose else _DIFF_LINES
            for line in each.diff[:most]:
                yield click.style(indent + line, fg=_COLORS.get(line[:1])).rstrip()
            if len(each.diff) > most:
                left = count_text(len(each.diff) - most, "more line")
                yield click.style(f"{indent}… and {left}; -v shows all", fg=_COLORS["…"])
        elif _is_cut(each.reason):
            for sign, value in (("-", each.reason.old), ("+", each.reason.new)):
                yield click.style(f"{indent}{sign}{value_text(value, most=_WIDE)}", fg=_COLORS[sign])


def _text(each: ExplainedReason) -> str:
    """A reason in a few words, with where it is."""
    from fingerprint_runner.recipes.graph_file import shown_path

    text = reason_text(each.reason)
    return text if each.place is None else f"{text} ({shown_path(each.place[0])}:{each.place[1]})"


def _is_cut(reason: Reason) -> bool:
    """Whether values are too long for one line."""
    if reason.kind not in (ReasonKind.CONFIG_CHANGED, ReasonKind.INPUT_CHANGED):
        return False
    return any(value_text(value) != value_text(value, most=_WIDE) for value in (reason.old, reason.new))


def _way(name: str, asked: str, children: dict[str, str]) -> str:
    """How a node that is waited for leads to the one that was asked for, where others lie between."""
    way = [name]
    while way[-1] != asked:
        way.append(children[way[-1]])
    return "" if len(way) < 3 else f" ({_joined(list(reversed(way)))})"


def _chain_text(names: Sequence[str]) -> str:
    return f" ← {_joined(names)}" if names else ""


def _joined(names: Sequence[str]) -> str:
    if len(names) > _CHAIN:
        names = [*names[: _CHAIN - 2], f"… {len(names) - _CHAIN + 1:,} more …", names[-1]]
    return " ← ".join(names)
