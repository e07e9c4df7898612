"""`Project` and the generated graphs: what every engine is told to bring up to date.

Invariants: nodes stand in an order in which each comes after what it needs; a generator gives the
same project for the same arguments; every generator is linear in the number of nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

STEPS = '''"""Trivial steps of generated graphs; what runs is counted where JOURNAL names a file."""

import os


def _note(number):
    if "JOURNAL" in os.environ:
        with open(os.environ["JOURNAL"], "a") as journal:
            journal.write(f"n{number}\\n")


def seed(number, spare):
    _note(number)
    return number + 0 * spare


def follow(left, number, spare):
    _note(number)
    return (left + number + 0 * spare) % 1000003


def step(left, right, number, spare):
    _note(number)
    return (left + right + number + 0 * spare) % 1000003
'''


@dataclass(frozen=True)
class Node:
    """One node of a project.

    Attributes:
        name: also what the journal calls it.
        uses: `module:function`.
        needs: parameter → node.
        config: parameter → plain value.
        files: files that the function reads, relative to the project.
    """

    name: str
    uses: str
    needs: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return self.uses.partition(":")[0]

    @property
    def function(self) -> str:
        return self.uses.partition(":")[2]


@dataclass(frozen=True)
class Project:
    """Files, and one graph over them.

    Attributes:
        files: path → text.
        nodes: each after what it needs.
    """

    files: Mapping[str, str]
    nodes: tuple[Node, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """Nodes that no other needs, in order."""
        needed = {parent for node in self.nodes for parent in node.needs.values()}
        return tuple(node.name for node in self.nodes if node.name not in needed)

    def with_config(self, name: str, **config: Any) -> Project:
        """The same project, with other config of one node."""
        nodes = tuple(
            replace(node, config={**node.config, **config}) if node.name == name else node
            for node in self.nodes
        )
        return replace(self, nodes=nodes)


def layered(count: int, width: int = 10) -> Project:
    """Layers of `width` nodes, each of which needs two of the layer before."""
    nodes = []
    for number in range(count):
        above = number - number % width - width
        needs = (
            {"left": f"n{above + number % width}", "right": f"n{above + (number + 1) % width}"}
            if above >= 0
            else {}
        )
        nodes.append(_node(number, needs))
    return Project({"steps.py": STEPS}, tuple(nodes))


def ladder(depth: int) -> Project:
    """`depth` rungs of two nodes that both need both of the rung before: 2 to the `depth` paths."""
    nodes = []
    for number in range(2 * depth):
        above = number - number % 2 - 2
        nodes.append(_node(number, {"left": f"n{above}", "right": f"n{above + 1}"} if above >= 0 else {}))
    return Project({"steps.py": STEPS}, tuple(nodes))


def chain(count: int) -> Project:
    """Each node needs the one before."""
    nodes = [_node(number, {"left": f"n{number - 1}"} if number else {}) for number in range(count)]
    return Project({"steps.py": STEPS}, tuple(nodes))


def fan(count: int) -> Project:
    """One node, and `count` - 1 others that need it."""
    nodes = [_node(number, {"left": "n0"} if number else {}) for number in range(count)]
    return Project({"steps.py": STEPS}, tuple(nodes))


def _node(number: int, needs: Mapping[str, str]) -> Node:
    function = ("seed", "follow", "step")[len(needs)]
    return Node(f"n{number}", f"steps:{function}", needs, {"number": number, "spare": 0})
