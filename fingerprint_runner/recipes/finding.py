"""Where the graph file is: in a folder, or in the nearest above it that has one."""

# Plain strings: pathlib takes longer to import than the search takes.
# ruff: noqa: PTH113, PTH118, PTH120

from __future__ import annotations

import os
from collections.abc import Iterator

GRAPH_FILE_NAMES = ("fr.yml", "fr.yaml", "fr.json")


def graph_files_above(start: str) -> list[str]:
    """The graph files of a folder or, where it has none, of the nearest above it that has any.

    Args:
        start: an absolute path.
    """
    for names in candidates_above(start):
        found = [path for path in names if os.path.isfile(path)]
        if found:
            return found
    return []


def candidates_above(start: str) -> Iterator[list[str]]:
    """The paths that a graph file may have, folder by folder upwards."""
    folder = start
    while True:
        yield [os.path.join(folder, name) for name in GRAPH_FILE_NAMES]
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above
