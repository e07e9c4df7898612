"""Digests of values that contain themselves.

A cycle (strongly connected component) is encoded as a whole: its members in the order in which they
are met, breadth first, from where it is entered; a reference to a member is its number in that
order. What hangs off a cycle counts by its own digest.

Invariants: the walk is iterative, and linear but for a cycle that is entered at many of its
members; a value without cycles gets the same digest here as by the quick walk. Inside a cycle a part
that occurs twice and two equal parts differ: unrolling would make a ring of one and of two the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from xxhash import xxh3_128_digest

from fingerprint_runner.fingerprints.parts import NOTHING, UNORDERED, Part, Refused, combine, type_name


class PartSource(Protocol):
    """What a cyclic walk needs of the quick walk, whose memory it goes on with."""

    memo: dict[int, bytes]
    names: dict[int, frozenset[str]]

    def part(self, node: Any) -> Part:
        """The node taken apart."""
        ...

    def encode_each(self, items: Iterable[Any]) -> tuple[list[bytes], list[int]]:
        """Encodings of scalars and known containers; the places of the others."""
        ...

    def leaf(self, node: Any) -> bytes | None:
        """The digest of what has no children to walk."""
        ...


class _Node:
    """A container in Tarjan's walk."""

    __slots__ = ("component", "encoded", "index", "low", "node", "open", "part", "pending", "rest")

    def __init__(self, node: Any, part: Part, encoded: list[bytes], pending: list[int], index: int) -> None:
        self.node = node
        self.part = part
        self.encoded = encoded
        self.pending = pending
        self.rest: Iterator[int] = iter(pending)
        self.index = self.low = index
        self.open = True
        self.component: set[int] | None = None


class CyclicWalk:
    """One walk over a value with cycles."""

    def __init__(self, source: PartSource) -> None:
        self._source = source
        self._nodes: dict[int, _Node] = {}

    def identity(self, root: Any, trail: list[tuple[Part, int]]) -> bytes:
        """The digest of a value.

        Args:
            trail: receives the open containers and places in them, to name the path of what is refused.
        """
        self._components(root, trail)
        return self._entered_at(root)

    def _components(self, root: Any, trail: list[tuple[Part, int]]) -> None:
        """Tarjan's algorithm without recursion; components are finished before those that need them."""
        nodes = self._nodes
        path = [self._add(root)]
        members = [path[0]]
        trail.append((path[0].part, -1))
        while path:
            top = path[-1]
            for place in top.rest:
                child = top.part.items[place]
                trail[-1] = (top.part, place)
                seen = nodes.get(id(child))
                if seen is None:
                    if id(child) in self._source.memo or self._source.leaf(child) is not None:
                        continue
                    path.append(self._add(child))
                    members.append(path[-1])
                    trail.append((path[-1].part, -1))
                    break
                if seen.open:
                    top.low = min(top.low, seen.index)
            else:
                path.pop()
                trail.pop()
                if path:
                    path[-1].low = min(path[-1].low, top.low)
                if top.low == top.index:
                    component: list[_Node] = []
                    while not component or component[-1] is not top:
                        component.append(members.pop())
                    self._finish(component)

    def _add(self, node: Any) -> _Node:
        part = self._source.part(node)
        encoded, pending = self._source.encode_each(part.items)
        made = self._nodes[id(node)] = _Node(node, part, encoded, pending, len(self._nodes))
        return made

    def _finish(self, component: list[_Node]) -> None:
        """Put in the digests of what hangs off a component, and close it if it is no cycle."""
        ids = {id(member.node) for member in component}
        met: set[frozenset[str]] = set()
        names = self._source.names
        for member in component:
            member.open = False
            member.component = ids
            met.add(member.part.names)
            inner = []
            for place in member.pending:
                child = member.part.items[place]
                if id(child) in ids:
                    inner.append(place)
                else:
                    member.encoded[place] = b"c" + self._entered_at(child)
            met.update(names[id(item)] for item in member.part.items if id(item) in names)
            if inner and member.part.tag in UNORDERED:
                raise Refused(
                    type_name(type(member.node)), "a set inside a cycle has no order to number it by"
                )
            member.pending = inner
        for key in ids:
            names[key] = NOTHING.union(*met)
        if len(component) == 1 and not component[0].pending:
            self._source.memo[id(component[0].node)] = combine(component[0].part, component[0].encoded)

    def _entered_at(self, node: Any) -> bytes:
        """The digest of a finished container, by the order of its cycle as entered there."""
        found = self._source.memo.get(id(node))
        if found is None:
            found = self._source.leaf(node)
        if found is not None:
            return found
        numbers = {id(node): 0}
        order = [self._nodes[id(node)]]
        bodies = []
        for member in order:  # grows as members are met
            encoded = member.encoded.copy()
            for place in member.pending:
                child = id(member.part.items[place])
                if child not in numbers:
                    numbers[child] = len(order)
                    order.append(self._nodes[child])
                encoded[place] = b"r" + numbers[child].to_bytes(8, "little")
            bodies.append(combine(member.part, encoded))
        found = bytes(xxh3_128_digest(b"@" + len(bodies).to_bytes(8, "little") + b"".join(bodies)))
        self._source.memo[id(node)] = found
        return found
