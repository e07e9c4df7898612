"""`SiteFolder`: what the installers left in a site folder about where projects come from.

Invariants: everything is read as text, nothing is executed; what can't be understood is left out.
Formats: PEP 610 (`direct_url.json`), PEP 376 (`RECORD`), `site`'s `.pth` files, and the finders that
setuptools writes for editable installs (`__editable___*_finder.py`).
"""

# Plain strings: pathlib's `stat` takes four times as long as `os.stat`.
# ruff: noqa: PTH100, PTH110, PTH118, PTH120, PTH123, PTH206, PTH208

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_FINDER = re.compile(r"^import\s+(__editable___\w+_finder)\b")
_TABLE = re.compile(r"^(MAPPING|NAMESPACES)\b[^=\n]*=\s*(\{.*?\})\s*$", re.MULTILINE | re.DOTALL)


def is_site_path(path: str) -> bool:
    """Whether a path is a `site-packages` or `dist-packages` folder, or lies under one."""
    # Most paths are neither: the substring check comes before the split.
    if "-packages" not in path:
        return False
    parts = path.split(os.sep)
    return "site-packages" in parts or "dist-packages" in parts


@dataclass(frozen=True)
class EditableFinder:
    """The tables of one editable install's finder.

    Attributes:
        path: of the finder's file.
        mapping: module → the path of its folder or file, without suffix.
        namespaces: namespace package → its folders.
    """

    path: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    namespaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class SiteFolder:
    """One `site-packages` or `dist-packages` folder; each kind of file is read once, when asked for.

    Attributes:
        folder: its absolute path.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._names: tuple[str, ...] | None = None
        self._installed: frozenset[str] | None = None
        self._projects: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """What lies in the folder, sorted; nothing where it can't be read."""
        if self._names is None:
            try:
                self._names = tuple(sorted(os.listdir(self.folder)))
            except OSError:
                self._names = ()
        return self._names

    def _pth_lines(self) -> Iterator[tuple[str, str]]:
        for name in self.names():
            if not name.endswith(".pth") or name.startswith("."):
                continue  # hidden ones are skipped by `site` since 3.13, and name no project before
            path = os.path.join(self.folder, name)
            text = read_or_none(path)
            for line in (text or "").splitlines():
                if line.strip() and not line.startswith("#"):
                    yield path, line.rstrip()

    def added_folders(self) -> list[tuple[str, str]]:
        """The folders that `.pth` files put on the search path, each after the file that does."""
        added = []
        for path, line in self._pth_lines():
            if line.startswith(("import ", "import\t")):
                continue
            folder = os.path.abspath(os.path.join(self.folder, line))
            if os.path.exists(folder):
                added.append((path, folder))
        return added

    def finders(self) -> list[EditableFinder]:
        """The tables of the finders that `.pth` files install, in order."""
        found = []
        for _, line in self._pth_lines():
            match = _FINDER.match(line)
            if match is None:
                continue
            path = os.path.join(self.folder, match[1] + ".py")
            text = read_or_none(path)
            if text is not None:
                found.append(_finder_tables(path, text))
        return found

    def holds_path_install(self, path: str) -> bool:
        """Whether a file or folder was put here by a path install (`pip install ./project`)."""
        if self._installed is None:
            self._read_direct_urls()
        return path in (self._installed or ())

    def editable_projects(self) -> tuple[str, ...]:
        """The absolute paths of the folders that editable installs recorded here point to."""
        if self._installed is None:
            self._read_direct_urls()
        return self._projects

    def _read_direct_urls(self) -> None:
        files: set[str] = set()
        projects: list[str] = []
        for name in self.names():
            if not name.endswith(".dist-info"):
                continue
            info = os.path.join(self.folder, name)
            text = read_or_none(os.path.join(info, "direct_url.json"))
            if text is None:
                continue
            folder, editable = _local_project(text)
            if folder is None:
                continue
            if editable:
                projects.append(folder)
            for relative in recorded_files(read_or_none(os.path.join(info, "RECORD")) or ""):
                path = os.path.normpath(os.path.join(self.folder, relative))
                # The folders above count too, for namespace packages; each once, so this is linear.
                while path not in files and path.startswith(self.folder + os.sep):
                    files.add(path)
                    path = os.path.dirname(path)
        self._installed = frozenset(files)
        self._projects = tuple(projects)


def _local_project(direct_url: str) -> tuple[str | None, bool]:
    """The folder that a `direct_url.json` names, if it names one, and whether it is editable."""
    import json
    from urllib.parse import unquote, urlsplit

    try:
        data = json.loads(direct_url)
        url = urlsplit(data["url"])
        directory = data.get("dir_info")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, False
    if url.scheme != "file" or not isinstance(directory, dict):
        return None, False
    return os.path.normpath(unquote(url.path)), directory.get("editable") is True


def recorded_files(record: str) -> Iterator[str]:
    """The paths that a `RECORD` lists, relative to its site folder, with `/`."""
    for line in record.splitlines():
        if line.startswith('"'):  # a path with a comma, quoted as CSV does
            end = line.find('",', 1)
            yield line[1 : end if end > 0 else None].replace('""', '"')
        elif line:
            yield line.partition(",")[0]


def _finder_tables(path: str, text: str) -> EditableFinder:
    import ast

    mapping: dict[str, str] = {}
    namespaces: dict[str, tuple[str, ...]] = {}
    for match in _TABLE.finditer(text):
        try:
            table = ast.literal_eval(match[2])
        except (ValueError, SyntaxError):
            continue
        for name, value in table.items() if isinstance(table, dict) else ():
            if match[1] == "MAPPING" and isinstance(value, str):
                mapping[name] = value
            elif match[1] == "NAMESPACES" and isinstance(value, list):
                namespaces[name] = tuple(each for each in value if isinstance(each, str))
    return EditableFinder(path, mapping, namespaces)


def read_or_none(path: str) -> str | None:
    """A small text file's content; None where it can't be read. Undecodable bytes are kept apart."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except (OSError, ValueError):
        return None
