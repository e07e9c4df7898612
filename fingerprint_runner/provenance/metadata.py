"""What an installed distribution's own files say: name, version, requirements, modules, origin.

Invariants: text in, values out: nothing here looks at a folder; damaged text gives what can be read.
Formats: core metadata (`METADATA`, `PKG-INFO`), `requires.txt`, `RECORD`, `top_level.txt`, PEP 610.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']*)["']|["']([^"']*)["']\s*==\s*extra\b""")
_WORD = re.compile(r"\w+")
_FIRST_PART = re.compile(r'^"?([^/,"\n]+)(/?)', re.MULTILINE)


class Requirement(NamedTuple):
    """One line of what a distribution requires.

    Attributes:
        name: canonical.
        extras: of the required distribution, that are asked for.
        only_for: extras of the requiring one without which it doesn't apply; empty: it always may.
        conditional: whether a marker about the machine or the Python stands there.
    """

    name: str
    extras: tuple[str, ...]
    only_for: tuple[str, ...]
    conditional: bool


class Metadata(NamedTuple):
    """A distribution's name (canonical), version and requirements; plain data."""

    name: str | None
    version: str | None
    requirements: tuple[Requirement, ...]


def canonical_name(name: str) -> str:
    """A distribution's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_metadata(text: str) -> Metadata:
    """The headers of a `METADATA` or `PKG-INFO` file; the description is not looked at."""
    name = version = None
    requirements = []
    for line in text.splitlines():
        if not line:
            break
        field, colon, value = line.partition(":")
        if not colon or line[0].isspace():
            continue
        field = field.lower()
        if field == "name" and name is None:
            name = canonical_name(value.strip())
        elif field == "version" and version is None:
            version = value.strip()
        elif field == "requires-dist" and (parsed := parse_requirement(value)) is not None:
            requirements.append(parsed)
    return Metadata(name, version, tuple(requirements))


def parse_requirement(text: str) -> Requirement | None:
    """A requirement such as `foo[bar]>=1; python_version < "3.12" and extra == "test"`."""
    match = _REQUIREMENT.match(text)
    if match is None:
        return None
    # A URL requirement (`foo @ https://…; x`) has its marker after ` ;`.
    marker = text.partition(";")[2]
    only_for = tuple(canonical_name(left or right) for left, right in _EXTRA.findall(marker))
    rest = _EXTRA.sub("", marker).strip(" ()")
    extras = tuple(canonical_name(extra) for extra in (match[2] or "").split(",") if extra.strip())
    conditional = bool(rest) and rest not in ("and", "or")
    return Requirement(canonical_name(match[1]), tuple(e.strip() for e in extras), only_for, conditional)


def parse_requires_txt(text: str) -> tuple[Requirement, ...]:
    """The requirements in an egg's `requires.txt`, whose sections are `[extra:marker]`."""
    found = []
    section = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line and (parsed := parse_requirement(line)) is not None:
            extra, _, marker = section.partition(":")
            only_for = (*parsed.only_for, *((canonical_name(extra),) if extra else ()))
            found.append(parsed._replace(only_for=only_for, conditional=parsed.conditional or bool(marker)))
    return tuple(found)


def top_names(paths: Iterable[str]) -> set[str]:
    """The top-level modules among the first parts of installed paths; a folder's part ends with `/`."""
    found = set()
    for part in paths:
        stem = part[:-1] if part.endswith("/") else part.partition(".")[0]
        if not part.endswith("/") and not part.endswith((".py", ".so", ".pyd", ".pyc")):
            continue
        # Compiled helpers may start with a digit, which `import_module` takes.
        if _WORD.fullmatch(stem) and stem != "__pycache__":
            found.add(stem)
    return found


def record_top_names(record: str) -> set[str]:
    """The top-level modules that a `RECORD` lists."""
    return top_names({part + slash for part, slash in _FIRST_PART.findall(record)})


def pinned_source(direct_url: str) -> tuple[str, bool]:
    """What a `direct_url.json` adds to a version: a version alone doesn't say what was installed.

    Returns:
        The commit or archive digest (empty where there is none), and whether it was installed from a
        local folder, editable or not.
    """
    import json

    try:
        data = json.loads(direct_url)
        commit = data.get("vcs_info", {}).get("commit_id")
        archive = data.get("archive_info", {})
        hashes = archive.get("hashes") or {}
    except (ValueError, AttributeError):
        return "", False
    if isinstance(commit, str):
        return commit, False
    if isinstance(hashes, dict) and hashes:
        return ",".join(f"{kind}={hashes[kind]}" for kind in sorted(hashes)), False
    if isinstance(archive.get("hash"), str):
        return archive["hash"], False
    return "", isinstance(data.get("dir_info"), dict)
