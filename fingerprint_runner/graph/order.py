"""Walks over a graph given as a function from a node to its parents.

Invariants: iterative, linear in nodes plus edges, deterministic in the order given; a chain of
200,000 nodes works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

Parents = Callable[[str], Sequence[str]]


def reachable(starts: Iterable[str], parents_of: Parents) -> set[str]:
    """All nodes that the given ones need, themselves included."""
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(parents_of(name))
    return found


def topological_order(names: Iterable[str], parents_of: Parents) -> list[str]:
    """The given nodes and all they need, parents before children.

    Depth first in the order given, so that the result doesn't depend on hash seeds.

    Raises:
        ValueError: the graph has a cycle; call `find_cycle` for its path.
    """
    order: list[str] = []
    done: set[str] = set()
    open_nodes: set[str] = set()
    for start in names:
        if start in done:
            continue
        stack = [(start, iter(parents_of(start)))]
        open_nodes.add(start)
        while stack:
            name, rest = stack[-1]
            for parent in rest:
                if parent in open_nodes:
                    raise ValueError(f"cycle through {parent!r}")
                if parent not in done:
                    open_nodes.add(parent)
                    stack.append((parent, iter(parents_of(parent))))
                    break
            else:
                stack.pop()
                open_nodes.discard(name)
                done.add(name)
                order.append(name)
    return order


def find_cycle(names: Iterable[str], parents_of: Parents) -> list[str] | None:
    """One cycle as a path that ends where it starts (`a -> b -> a`, each needing the next), or None."""
    done: set[str] = set()
    for start in names:
        if start in done:
            continue
        path = [start]
        on_path = {start: 0}
        stack = [iter(parents_of(start))]
        while stack:
            for parent in stack[-1]:
                if parent in on_path:
                    return [*path[on_path[parent] :], parent]
                if parent not in done:
                    on_path[parent] = len(path)
                    path.append(parent)
                    stack.append(iter(parents_of(parent)))
                    break
            else:
                stack.pop()
                finished = path.pop()
                del on_path[finished]
                done.add(finished)
    return None
