"""`declaration`: the line that a person adds to a node so that what it reads is declared.

Invariants: the line holds what the node already declares, then what is missing; it can be pasted as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from fingerprint_runner.runners.observing.reads import EVERYTHING, Read, ReadPolicy, UndeclaredRead

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
"""What YAML takes for a text without quotes, but for `_WORDS`."""
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_MANY = 4
"""From so many files of one folder on, a glob stands for them."""


def undeclared(reads: Sequence[Read], policy: ReadPolicy) -> tuple[UndeclaredRead, ...]:
    """Reads with what to do about each.

    Args:
        reads: none of them is declared; in the order of first use.
        policy: what the node declares.

    Returns:
        The same things; those of one kind share the line that declares them all.
    """
    inside = [read.name for read in reads if read.kind == "file" and read.inside]
    names = [read.name for read in reads if read.kind == "env" and read.name != EVERYTHING]
    lines = {
        "file": declaration("files", policy.files, patterns_for(inside), policy.form),
        "env": declaration("env", policy.env, names, policy.form),
    }
    return tuple(UndeclaredRead(read.kind, read.name, _hint(read, lines), read.place) for read in reads)


def _hint(read: Read, lines: Mapping[str, str]) -> str:
    if read.name == EVERYTHING:
        return "read the variables that matter by name, and list them under `env`"
    if read.kind == "file" and not read.inside:
        return (
            "it lies outside of the graph's folder: give it as an input of type path, "
            "which the node `needs` and opens"
        )
    if read.name == "./":
        return "list the files that it looks for under `files`, by a glob such as `*.csv`"
    return lines[read.kind]


def patterns_for(names: Iterable[str]) -> list[str]:
    """Patterns of `files` that name all of these files and folders, few where there are many.

    A folder that was listed stands for all below it; many files of one folder become a glob.
    """
    names = list(dict.fromkeys(names))
    listed = {name for name in names if name.endswith("/") and name != "./"}
    files = [name for name in names if not name.endswith("/") and not _is_below_any(name, listed)]
    groups: dict[tuple[str, str], list[str]] = {}
    for name in files:
        folder, _, base = name.rpartition("/")
        groups.setdefault((folder, base.rpartition(".")[2] if "." in base else ""), []).append(name)
    patterns = dict.fromkeys(name for name in names if name in listed and not _is_below_any(name, listed))
    for name in files:
        folder, _, base = name.rpartition("/")
        suffix = base.rpartition(".")[2] if "." in base else ""
        if len(groups[folder, suffix]) >= _MANY and suffix:
            patterns[f"{folder}/*.{suffix}" if folder else f"*.{suffix}"] = None
        else:
            patterns[name] = None
    return [pattern.rstrip("/") for pattern in patterns]


def _is_below_any(name: str, folders: set[str]) -> bool:
    """Whether a name lies below one of these folders, itself left out."""
    parts = name.rstrip("/").split("/")
    return any("/".join(parts[:count]) + "/" in folders for count in range(1, len(parts)))


def declaration(key: str, present: Sequence[str], added: Sequence[str], form: str) -> str:
    """A node's key with what it has and what is missing.

    Args:
        key: `files` or `env`.
        form: `yaml`, `json` or `python`: how the graph is written.
    """
    names = list(dict.fromkeys([*present, *added]))
    if form == "json":
        return f'"{key}": {json.dumps(names, ensure_ascii=False)}'
    if form == "python":
        return f"{key}={tuple(names)!r}"
    return f"{key}: [{', '.join(map(_yaml, names))}]"


def _yaml(name: str) -> str:
    plain = _PLAIN.fullmatch(name) is not None and name.lower() not in _WORDS
    return name if plain else json.dumps(name, ensure_ascii=False)
