"""Glob patterns of declared files, taken apart; nothing here reads a folder.

Invariants: matching is case-sensitive on every platform; `**` is special only as a whole part.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterable


def pattern_parts(pattern: str) -> tuple[str, list[str]]:
    """A pattern as its start (`/` where it is absolute, else empty) and its parts.

    Empty parts and `.` are dropped; `..` stays, for behind a link it isn't what the text says.
    Repeated `**` are one.
    """
    parts: list[str] = []
    for part in pattern.split("/"):
        if part in ("", ".") or (part == "**" and parts and parts[-1] == "**"):
            continue
        parts.append(part)
    return ("/" if pattern.startswith("/") else ""), parts


def is_magic(part: str) -> bool:
    """Whether a part is more than a plain name."""
    return any(sign in part for sign in "*?[")


def matches(name: str, part: str) -> bool:
    """Whether a name fits one part of a pattern."""
    return _compiled(part).match(name) is not None


def covers(patterns: Iterable[str], path: str) -> bool:
    """Whether patterns of declared files name a path, or a folder that it lies in.

    Args:
        patterns: relative, as a node writes them.
        path: relative to the same folder, without `.` and `..`; with `/` at its end it stands for the
            listing of a folder, which is also named by a glob that is looked up there.

    Returns:
        What the patterns say, whether or not anything lies there.
    """
    listing = path.endswith("/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return any(_covers(pattern_parts(pattern)[1], parts, listing=listing) for pattern in patterns)


def _covers(pattern: list[str], parts: list[str], *, listing: bool) -> bool:
    if pattern == parts[: len(pattern)]:
        # A name may hold `[`: what is written so was meant so.
        return True
    # The places in the pattern up to which the parts so far fit.
    places = _after_stars(pattern, {0})
    for part in parts:
        further = set()
        for place in places:
            if place < len(pattern) and pattern[place] == "**":
                further.add(place)
            elif place < len(pattern) and matches(part, pattern[place]):
                further.add(place + 1)
        places = _after_stars(pattern, further)
        if len(pattern) in places:
            return True
    return listing and any(is_magic(pattern[place]) for place in places if place < len(pattern))


def _after_stars(pattern: list[str], places: set[int]) -> set[int]:
    """The places, and those that are reached where a `**` stands for no folder."""
    reached = set(places)
    for place in sorted(places):
        if place < len(pattern) and pattern[place] == "**":
            reached.add(place + 1)
    return reached


@functools.lru_cache(maxsize=256)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part))
