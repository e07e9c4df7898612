"""The graph file: finding it, and reading it into a `GraphSchema` that remembers its lines.

Invariants: the file is read as text and nothing that it names is imported or opened; every problem
names file, line and column; paths in messages are as the user would type them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fingerprint_runner.errors import InvalidGraph, nearest
from fingerprint_runner.graph.plain import MINIMAL_GRAPH, RECIPE, schema_parts_from_plain
from fingerprint_runner.graph.schema import GraphSchema, SchemaOrigin
from fingerprint_runner.recipes.finding import GRAPH_FILE_NAMES, graph_files_above
from fingerprint_runner.recipes.tree import Positions, Tree, TreeMemo, recalled_tree, remember_tree

RECIPES = (RECIPE,)
"""The recipes that a graph file may name."""


def shown_path(path: str | Path) -> str:
    """A path as the user would type it: relative where it lies in the working folder, else absolute."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links
    try:
        return str(absolute.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(absolute)


def find_graph_file(start: str | Path) -> Path:
    """The graph file of a folder or, where it has none, of the nearest folder above it that has one.

    Raises:
        InvalidGraph: there is none, or a folder has two.
    """
    first = Path(os.path.abspath(start))  # noqa: PTH100 - `resolve` would follow links
    found = [Path(path) for path in graph_files_above(str(first))]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise InvalidGraph.single(
            "two-files",
            f"there are {names} in one folder",
            file=shown_path(found[0].parent),
            hint=f"keep one of them, or say which: -f {shown_path(found[0])}",
        )
    if found:
        return found[0]
    raise InvalidGraph.single(
        "no-file",
        f"there is no graph file ({', '.join(GRAPH_FILE_NAMES)}) in {shown_path(first)!r} or above it",
        hint="write one, name one by `-f FILE`, or start elsewhere: `fr -C DIR …`",
    )


def read_graph_file(path: str | Path, memo: TreeMemo | None = None) -> GraphSchema:
    """The schema that a graph file describes; its origin knows the line of every key.

    Args:
        path: the graph file.
        memo: remembers what a text says, so that a file is parsed once.

    Raises:
        InvalidGraph: with all problems at once, in the order of their lines.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links
    shown = shown_path(file)
    return read_graph_text(_read_text(file, shown), file, shown, memo)


def read_graph_text(
    text: str, file: Path, shown: str | None = None, memo: TreeMemo | None = None
) -> GraphSchema:
    """As `read_graph_file`, from a text that was read already.

    Args:
        text: the file's content.
        file: absolute path of the file; `.json` is read as JSON, all else as YAML.
        shown: the path that messages name.
        memo: remembers what a text says.

    Raises:
        InvalidGraph: with all problems at once, in the order of their lines.
    """
    shown = shown_path(file) if shown is None else shown
    tree = None if memo is None else recalled_tree(memo, str(file), text)
    is_new = False
    if tree is None:
        tree = _parsed(text, file, shown)
        is_new = True
    if tree.value is None:
        raise InvalidGraph.single(
            "empty",
            "the graph file is empty",
            file=shown,
            hint=MINIMAL_GRAPH,
        )
    origin = SchemaOrigin(file, _with_parameters(tree.value, tree.positions), shown)
    if isinstance(tree.value, Mapping):
        _check_recipe(tree.value, origin)
    schema = GraphSchema(**schema_parts_from_plain(tree.value, origin, needs_version=True))
    if memo is not None and is_new:
        # Only a good graph is worth remembering: a broken one is about to be edited.
        remember_tree(memo, str(file), text, tree)
    return schema


def _parsed(text: str, file: Path, shown: str) -> Tree:
    # For weight: a text that is remembered needs no parser.
    if file.suffix.lower() == ".json":
        from fingerprint_runner.recipes.json_tree import read_json

        return read_json(text, shown)
    from fingerprint_runner.recipes.yaml_tree import read_yaml

    return read_yaml(text, shown)


def _read_text(file: Path, shown: str) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        hint = "`-f` names a file relative to the working folder"
        try:
            close = nearest(file.name, [path.name for path in file.parent.iterdir()])
        except OSError:
            close, hint = None, "its folder isn't there either"
        hint = hint if close is None else f"did you mean {close!r}?"
        raise InvalidGraph.single("no-file", "there is no such file", file=shown, hint=hint) from error
    except IsADirectoryError as error:
        hint = f"name the file in it, or start there: -C {shown}"
        raise InvalidGraph.single("not-readable", "this is a folder", file=shown, hint=hint) from error
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidGraph.single("not-readable", f"it can't be read: {reason}", file=shown) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        raise InvalidGraph.single(
            "not-text",
            f"byte {content[error.start : error.start + 1].hex()} isn't UTF-8 text",
            file=shown,
            line=before.count(b"\n") + 1,
            column=len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1,
            hint="save the file as UTF-8",
        ) from error


def _check_recipe(plain: Mapping[str, Any], origin: SchemaOrigin) -> None:
    recipe = plain.get("recipe")
    if not isinstance(recipe, str) or recipe in RECIPES:
        return
    close = nearest(recipe, RECIPES)
    line, column = origin.place("recipe")
    # The other keys are in a form that only that recipe knows: nothing can be said of them.
    raise InvalidGraph.single(
        "unknown-recipe",
        f"there is no recipe {recipe!r}",
        file=origin.shown,
        line=line,
        column=column,
        key="recipe",
        hint=f"did you mean {close!r}?" if close else f"known: {', '.join(RECIPES)}",
    )


def _with_parameters(plain: Any, positions: Positions) -> Positions:
    """The positions, with those of needs in a list under the parameter's name as well."""
    nodes = plain.get("nodes") if isinstance(plain, Mapping) else None
    if not isinstance(nodes, Mapping):
        return positions
    for name, node in nodes.items():
        needs = node.get("needs") if isinstance(node, Mapping) else None
        if isinstance(needs, list):
            for index, need in enumerate(needs):
                if isinstance(need, str):
                    item = positions[("nodes", name, "needs", str(index))]
                    positions.setdefault(("nodes", name, "needs", need), item)
    return positions
