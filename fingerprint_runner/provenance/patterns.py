"""Glob patterns of declared files, taken apart; nothing here reads a folder.

Invariants: matching is case-sensitive on every platform; `**` is special only as a whole part.
"""

from __future__ import annotations

import fnmatch
import functools
import re


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


@functools.lru_cache(maxsize=256)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part))
