"""Values that contain themselves."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.identity import identify


def ring(*items: Any) -> list[Any]:
    """A linked ring of `[item, next]`."""
    links: list[list[Any]] = [[item, None] for item in items]
    for place, link in enumerate(links):
        link[1] = links[(place + 1) % len(links)]
    return links[0]


def test_a_list_in_itself() -> None:
    """The simplest cycle has a digest, the same each time it is made."""
    one: list[Any] = []
    one.append(one)
    other: list[Any] = []
    other.append(other)
    assert digest(one) == digest(other)
    assert digest([one, other]) == digest([one, one])


def test_rings_differ_by_length_item_and_entry() -> None:
    """Going round tells rings apart, so their digests differ; where a ring is entered counts."""
    rings = [
        ring(1),
        ring(1, 1),
        ring(1, 1, 1),
        ring(1, 2),
        ring(2, 1),
        ring(1, 2)[1],
        [ring(1)],
        [1, ring(1)],
    ]
    found = [digest(value) for value in rings]
    assert found[4] == found[5]
    assert len(set(found)) == len(rings) - 1


def wired(*targets: int) -> list[Any]:
    """A ring of equal parts, each with one more link to the part of a given number."""
    parts: list[list[Any]] = [[] for _ in targets]
    for place, target in enumerate(targets):
        parts[place] += [parts[(place + 1) % len(parts)], parts[target]]
    return parts[0]


def test_wiring_counts() -> None:
    """Cycles of equal parts differ by which part refers to which."""
    wirings = list(itertools.product(range(3), repeat=3))
    assert len({digest(wired(*targets)) for targets in wirings}) == len(wirings)
    assert digest(wired(1, 0, 2)) == digest(wired(1, 0, 2))


def test_what_hangs_off_a_cycle_counts_by_value() -> None:
    """Parts outside the cycle may be shared or separate."""
    shared = [1, {"a": [2]}]
    one: list[Any] = [shared, shared]
    one.append(one)
    other: list[Any] = [copy.deepcopy(shared), copy.deepcopy(shared)]
    other.append(other)
    assert digest(one) == digest(other)


def test_a_cycle_does_not_change_what_is_beside_it() -> None:
    """Acyclic parts of a cyclic value have the identity they have alone."""
    loop: dict[str, Any] = {"x": 1}
    loop["self"] = loop
    plain = {"deep": [[1, 2, {"k": (1, 2)}], "x" * 2000, {3, 4}]}
    found = identify({"loop": loop, "plain": plain})
    assert found.keys is not None
    assert found.keys["plain"] == digest(plain)
    assert found.keys["loop"] == digest(loop)


def test_a_dense_cycle_is_linear() -> None:
    """Fifty parts that all refer to each other don't unfold."""
    parts: list[list[Any]] = [[place] for place in range(50)]
    for part in parts:
        part.extend(parts)
    assert digest(parts[0]) != digest(parts[1])


def test_a_long_ring_costs_no_stack() -> None:
    """A ring of 100,000 and a chain of 20,000 small rings have digests."""
    assert digest(ring(*range(100_000)))
    value: Any = 0
    for _ in range(20_000):
        loop: list[Any] = [value]
        loop.append(loop)
        value = loop
    assert digest(value)


class Tree:
    def __init__(self, name: str, parent: Tree | None = None) -> None:
        self.name = name
        self.parent = parent
        self.children: list[Tree] = []
        if parent is not None:
            parent.children.append(self)


def tree(leaf: str) -> Tree:
    root = Tree("root")
    for name in ("a", "b"):
        Tree(leaf, Tree(name, root))
    return root


def test_objects_with_parents() -> None:
    """Trees that know their parents agree when equal, also as copies, and name their class."""
    found = identify(tree("x"))
    assert found.identity == identify(copy.deepcopy(tree("x"))).identity
    assert found.identity != identify(tree("y")).identity
    assert found.globals == (f"{__name__}:Tree",)


class Hub:
    def __init__(self) -> None:
        self.members = {self}


def test_a_set_inside_a_cycle_is_refused() -> None:
    """A set has no order in which to number the members of a cycle."""
    with pytest.raises(NoIdentity, match="set inside a cycle"):
        identify(Hub())


def test_what_is_refused_in_a_cyclic_value_has_its_path() -> None:
    """The path leads through the cycle to the part at fault."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(NoIdentity) as refused:
        digest([loop, {"a": object()}])
    assert refused.value.path == "value[1]['a']"
