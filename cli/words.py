"""How reasons, times and sizes read."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from fingerprint_runner.fingerprints.record import Origin, Reason, ReasonKind, Unnarrowed, UnnarrowedKind

MANY = 60
"""From so many nodes on, hits are counted and not listed (`-v` lists them)."""

_LONGEST = 60
_AGES = ((86400, "day"), (3600, "hour"), (60, "minute"))


NOT_THE_NODES = frozenset({UnnarrowedKind.PYTHON, UnnarrowedKind.MONITORING, UnnarrowedKind.ACCEPTED})
"""Why a trace isn't narrowed, where nothing in the node could be changed about it."""


def reason_text(reason: Reason) -> str:
    """One reason in a few words: `config trees: 200 → 400`."""
    kind, what = reason.kind, reason.what
    if kind is ReasonKind.CONFIG_CHANGED:
        return f"config {what}: {_old_and_new(reason)}"
    if kind is ReasonKind.INPUT_CHANGED:
        return f"input {what}: {_old_and_new(reason)}"
    if kind is ReasonKind.CODE_CHANGED:
        return f"code {what} {_change(reason)}"
    if kind is ReasonKind.PACKAGE_CHANGED:
        return f"package {what}: {reason.old or 'none'} → {reason.new or 'none'}"
    if kind is ReasonKind.FILE_CHANGED:
        return f"file {what} {_file_change(reason)}"
    if kind is ReasonKind.PYTHON_CHANGED:
        return f"Python: {reason.old} → {reason.new}"
    if kind is ReasonKind.COMPONENT_CHANGED:
        return f"{what}: {_old_and_new(reason)}"
    if kind is ReasonKind.NOT_CACHEABLE:
        return "its output can't be stored" if what is None else f"the output of {what} can't be stored"
    plain = {
        ReasonKind.NEVER_RUN: "never run before",
        ReasonKind.ENV_CHANGED: f"environment variable {what} changed",
        ReasonKind.ADDON_CHANGED: "its fingerprint addon changed",
        ReasonKind.PARENT_CHANGED: f"parent {what} changed",
        ReasonKind.ARTIFACT_MISSING: "its stored output is gone and is needed",
        ReasonKind.FORCED: "forced",
        ReasonKind.ALWAYS_RUNS: "always runs",
        ReasonKind.FORMAT_CHANGED: "the engine's format changed",
    }
    return plain[kind]


def unnarrowed_text(each: Unnarrowed) -> str:
    """Why a trace isn't narrowed, in a few words."""
    plain = {
        UnnarrowedKind.PYTHON: f"Python {each.what} can't tell which ran (3.12 and later can)",
        UnnarrowedKind.MONITORING: "other tools took all places from which Python tells which ran",
        UnnarrowedKind.LOADED_BEFORE: f"{each.what} was loaded by something else before it ran",
        UnnarrowedKind.PROCESS: "it started a process",
        UnnarrowedKind.UNSEEN_CALLS: f"{each.what} may run functions unseen",
        UnnarrowedKind.CODE_EXAMINED: f"the code of {each.what} was read, as is done to compile or ship it",
        UnnarrowedKind.ACCEPTED: "it was accepted, and nothing ran",
    }
    return plain[each.kind]


def reasons_text(reasons: Sequence[Reason], *, most: int = 2) -> str:
    """A few reasons on one line, and how many more there are."""
    shown = "; ".join(reason_text(reason) for reason in reasons[:most])
    more = len(reasons) - most
    return f"{shown}; {more} more" if more > 0 else shown


def value_text(value: Any, *, most: int = _LONGEST) -> str:
    """A config value as it would stand in a graph file, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[: most - 1] + "…"


def names_text(names: Sequence[str], *, most: int = 5) -> str:
    """A few names on one line, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _old_and_new(reason: Reason) -> str:
    # Nothing there before or now and a `null` there look alike in a reason: one word for both.
    old, new = ("none" if value is None else value_text(value) for value in (reason.old, reason.new))
    return f"{old} → {new}"


def _file_change(reason: Reason) -> str:
    """What became of a declared file; None stands for one that isn't declared."""
    if reason.new is None:
        return "counts no more"
    if reason.old is None:
        return "isn't there" if reason.new == "absent" else "counts now"
    return _change(reason)


def _change(reason: Reason) -> str:
    if reason.old in (None, "absent"):
        return "is new"
    if reason.new in (None, "absent"):
        return "is gone"
    return "changed"


def seconds_text(seconds: float) -> str:
    """`0.42 s`, `12.3 s`, `4 min 07 s`, `2 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size_text(size: int) -> str:
    """`512 B`, `1.5 kB`, `20 MB`: decimal, as disks are sold."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{size} B" if unit == "B" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def ago_text(moment: float, now: float | None = None) -> str:
    """`just now`, `5 minutes ago`, `3 days ago`; from two weeks on, the day."""
    passed = (time.time() if now is None else now) - moment
    if passed < 60:
        return "just now"
    if passed >= 14 * 86400:
        return time.strftime("%Y-%m-%d", time.localtime(moment))
    size, noun = next(unit for unit in _AGES if passed >= unit[0])
    count = int(passed // size)
    return f"{count} {noun}{'s' if count > 1 else ''} ago"


def origin_text(origin: Origin) -> str:
    """How a record that no run of this cache made came to be: `accepted by ada 3 days ago`."""
    by = "" if origin.user is None else f" by {origin.user}"
    return origin.kind + by + ("" if origin.time is None else f" {ago_text(origin.time)}")


def age_text(seconds: float) -> str:
    """`30 days`, `12 hours`: how long something has been, in the largest unit that it fills."""
    size, noun = next((unit for unit in _AGES if seconds >= unit[0]), (1, "second"))
    return count_text(round(seconds / size), noun)


def short(digest: str) -> str:
    """The beginning of a digest: enough to name it."""
    return digest[:8]


def count_text(count: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
