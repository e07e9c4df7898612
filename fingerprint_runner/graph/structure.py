"""What can be wrong with a schema's wiring, all of it at once.

Invariant: linear in nodes plus needs, however many problems there are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from fingerprint_runner.errors import Problem, nearest
from fingerprint_runner.graph.node import (
    NAME_RULE,
    NODE_NAME,
    RESERVED_INPUT,
    InputDeclaration,
    SchemaNode,
    parse_need,
)
from fingerprint_runner.graph.order import find_cycle

if TYPE_CHECKING:
    from fingerprint_runner.graph.schema import GraphSchema

_SUGGESTIONS = 20
"""How many unknown names get a nearest known one: finding it compares with every name."""


def structure_problems(schema: GraphSchema) -> list[Problem]:
    """All that is wrong with a schema's wiring: names, needs, doubled parameters, targets, cycles.

    Each problem names node and key, and line and column where the schema was read from a file.
    """
    found = wiring_problems(schema.nodes, schema.inputs, schema.targets)
    return [schema.placed(problem) for problem in found]


def wiring_problems(
    nodes: Mapping[str, SchemaNode],
    inputs: Mapping[str, InputDeclaration],
    targets: Sequence[str] = (),
    unread: Collection[str] = (),
) -> list[Problem]:
    """As `structure_problems`, from the parts of a schema.

    Args:
        unread: names of nodes and inputs that are there and couldn't be read: needing them is no problem.
    """
    suggest = _suggester([*nodes, *inputs])
    problems = [_name_problem(name, "a node name") for name in nodes if NODE_NAME.fullmatch(name) is None]
    problems += [_name_problem(name, "an input name") for name in inputs if NODE_NAME.fullmatch(name) is None]
    cyclic: dict[str, list[str]] = {}
    for name, node in nodes.items():
        if name in inputs:
            problems.append(
                Problem("name-twice", f"{name!r} is both a node and an input", node=name, hint="rename one")
            )
        cyclic[name] = parents = []
        for parameter, text in node.needs.items():
            need = parse_need(text)
            if need is not None and need.name in nodes:
                parents.append(need.name)
            else:
                problems.extend(_need_problems(inputs, unread, name, parameter, text, suggest))
        problems.extend(
            Problem(
                "parameter-twice",
                f"the parameter {parameter!r} is given by both `needs` and `config`",
                node=name,
                key=f"config.{parameter}",
                hint="keep one of the two",
            )
            for parameter in node.config
            if parameter in node.needs
        )
    suggest_node = _suggester(list(nodes))
    problems.extend(
        _target_problem(target, suggest_node, f"targets.{index}")
        for index, target in enumerate(targets)
        if target not in nodes and target not in unread
    )
    cycle = find_cycle(nodes, cyclic.__getitem__)
    if cycle is not None:
        problems.append(_cycle_problem(cycle))
    return problems


def unknown_target_problems(nodes: Mapping[str, SchemaNode], targets: Iterable[str]) -> list[Problem]:
    """A problem for each target that is no node, in the order given."""
    suggest = _suggester(list(nodes))
    return [_target_problem(target, suggest) for target in targets if target not in nodes]


def _target_problem(target: str, suggest: Callable[[str], str | None], key: str | None = None) -> Problem:
    return Problem("unknown-target", f"the target {target!r} is no node", key=key, hint=suggest(target))


def _suggester(known: list[str]) -> Callable[[str], str | None]:
    """A function from an unknown name to a hint; it compares names for the first few alone."""
    budget = iter(range(_SUGGESTIONS))

    def suggest(name: str) -> str | None:
        if next(budget, None) is None:
            return None
        close = nearest(name, known)
        if close is not None:
            return f"did you mean {close!r}?"
        if not known:
            return "there are none"
        more = f" and {len(known) - 20} more" if len(known) > 20 else ""
        return "known: " + ", ".join(known[:20]) + more

    return suggest


def _name_problem(name: str, what: str) -> Problem:
    shown = name if len(name) <= 60 else f"{name[:57]}..."
    is_node = what == "a node name"
    return Problem(
        "bad-name",
        f"{shown!r} isn't {what}",
        node=name if is_node else None,
        key=None if is_node else f"inputs.{name}",
        hint=NAME_RULE,
    )


def _need_problems(
    inputs: Mapping[str, InputDeclaration],
    unread: Collection[str],
    name: str,
    parameter: str,
    text: str,
    suggest: Callable[[str], str | None],
) -> Iterator[Problem]:
    need = parse_need(text)
    key = f"needs.{parameter}"
    if need is None:
        yield Problem(
            "bad-need",
            f"{text!r} isn't a need",
            node=name,
            key=key,
            hint="write `node`, `input` or `node[key]`",
        )
    elif need.name in inputs:
        if need.key is not None:
            yield Problem(
                "bad-need",
                f"{text!r} takes a key of {need.name!r}, which is an input",
                node=name,
                key=key,
                hint=f"write `{need.name}`; only a node's output has keys",
            )
    elif need.name not in unread and RESERVED_INPUT.fullmatch(need.name) is None:
        yield Problem(
            "unknown-need",
            f"it needs {need.name!r}, which is no node and no input",
            node=name,
            key=key,
            hint=suggest(need.name),
        )


def _cycle_problem(cycle: list[str]) -> Problem:
    shown = cycle if len(cycle) <= 12 else [*cycle[:6], f"... {len(cycle) - 11} more ...", *cycle[-5:]]
    return Problem(
        "cycle",
        f"these nodes need each other: {' -> '.join(shown)}"
        if len(cycle) > 2
        else f"this node needs itself: {' -> '.join(shown)}",
        node=cycle[0],
        key="needs",
        hint="take one of these needs away",
    )
