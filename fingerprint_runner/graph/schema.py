"""The whole graph as data: `GraphSchema` of `SchemaNode`s.

Invariants: a schema is never changed after it is made; every walk is iterative and linear in
nodes plus needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.graph.node import InputDeclaration, SchemaNode
from fingerprint_runner.graph.order import reachable
from fingerprint_runner.graph.plain import RECIPE, schema_parts_as_plain, schema_parts_from_plain
from fingerprint_runner.graph.structure import unknown_target_problems


@dataclass(frozen=True)
class SchemaOrigin:
    """Where a schema was read from, so that messages can name lines.

    Attributes:
        file: the graph file, absolute.
        positions: path of keys (`("nodes", "features", "config")`) → (line, column), from 1.
        shown: the file's path as messages name it.
        overrides: path of keys → the option that set it, such as `--set features.ngrams`.
    """

    file: Path
    positions: Mapping[tuple[str, ...], tuple[int, int]] = field(default_factory=dict)
    shown: str = ""
    overrides: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that paths in the file are relative to."""
        return self.file.parent

    def place(self, *keys: str) -> tuple[int | None, int | None]:
        """Line and column of the longest known prefix of a path of keys; the file's begin at worst."""
        for length in range(len(keys), -1, -1):
            found = self.positions.get(keys[:length])
            if found is not None:
                return found
        return (None, None)

    def placed(self, problem: Problem, *keys: str) -> Problem:
        """The same problem with file, line and column; `keys` default to its node and key.

        Where an option set what is at fault, the problem names the option and no line.
        """
        if problem.file is not None or problem.line is not None:
            return problem
        path = keys or problem_path(problem)
        for length in range(len(path), 0, -1):
            option = self.overrides.get(path[:length])
            if option is not None:
                return replace(problem, message=f"`{option}`: {problem.message}")
        line, column = self.place(*path)
        return replace(problem, file=self.shown or str(self.file), line=line, column=column)


def problem_path(problem: Problem) -> tuple[str, ...]:
    """The path of keys that a problem's node and key stand for."""
    keys = () if problem.key is None else tuple(problem.key.split("."))
    return keys if problem.node is None else ("nodes", problem.node, *keys)


@dataclass(frozen=True)
class GraphSchema:
    """The nodes of a graph, its declared inputs, and its targets.

    Attributes:
        nodes: name → node.
        inputs: name → declaration; library schemas may need undeclared `__name__` inputs too.
        targets: what a run makes when it names none; empty means `target_names` decides.
        name: the graph's id in histories.
        recipe: the name of the recipe that made it.
        origin: the file it was read from.
    """

    nodes: Mapping[str, SchemaNode]
    inputs: Mapping[str, InputDeclaration] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    name: str | None = None
    recipe: str = RECIPE
    origin: SchemaOrigin | None = field(default=None, compare=False, repr=False)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The default targets: `targets`, else nodes with `is_target`, else the sinks; each once."""
        if self.targets:
            return tuple(dict.fromkeys(self.targets))
        marked = tuple(name for name, node in self.nodes.items() if node.is_target)
        if marked:
            return marked
        needed = {need.name for node in self.nodes.values() for need in node.parents.values()}
        return tuple(name for name in self.nodes if name not in needed)

    def parents_of(self, node_name: str) -> tuple[str, ...]:
        """The nodes (inputs left out) that a node needs, each once, sorted by parameter."""
        names = (need.name for need in self.nodes[node_name].parents.values())
        return tuple(dict.fromkeys(name for name in names if name in self.nodes))

    def minimal_graph_schema(self, targets: Iterable[str] | None = None) -> GraphSchema:
        """The schema with only the nodes that `targets` (default: `target_names`) need.

        Raises:
            InvalidGraph: a target is no node.
        """
        wanted = tuple(self.target_names if targets is None else targets)
        unknown = unknown_target_problems(self.nodes, wanted)
        if unknown:
            raise InvalidGraph(unknown)
        keep = reachable(wanted, self.parents_of)
        nodes = {name: node for name, node in self.nodes.items() if name in keep}
        return replace(self, nodes=nodes, targets=wanted)

    def by_path(self) -> GraphSchema:
        """The same schema with every component named by its path: other processes can be given it."""
        if all(isinstance(node.uses, str) for node in self.nodes.values()):
            return self
        nodes = {name: replace(node, uses=node.component) for name, node in self.nodes.items()}
        return replace(self, nodes=nodes)

    def placed(self, problem: Problem, *keys: str) -> Problem:
        """A problem with file, line and column where the schema was read from a file."""
        return problem if self.origin is None else self.origin.placed(problem, *keys)

    def as_dict(self) -> dict[str, Any]:
        """The schema as plain data that `from_dict` takes back; defaults are left out."""
        return schema_parts_as_plain(self.nodes, self.inputs, self.targets, self.name, self.recipe)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> GraphSchema:
        """The schema that plain data in the graph file's form describes.

        Raises:
            InvalidGraph: with all problems at once.
        """
        return cls(**schema_parts_from_plain(plain))

    @classmethod
    def from_file(cls, path: str | Path) -> GraphSchema:
        """The schema that a graph file (`fr.yml`, `fr.yaml`, `fr.json`) describes.

        Raises:
            InvalidGraph: with all problems at once, each with line and column.
        """
        from fingerprint_runner.recipes.graph_file import read_graph_file

        return read_graph_file(Path(path))
