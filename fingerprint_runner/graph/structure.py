"""What can be wrong with a schema's wiring, all of it at once.

Invariant: linear in nodes plus needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fingerprint_runner.errors import Problem, nearest
from fingerprint_runner.graph.node import NODE_NAME, RESERVED_INPUT, parse_need
from fingerprint_runner.graph.order import find_cycle
from fingerprint_runner.graph.schema import GraphSchema


def structure_problems(schema: GraphSchema) -> list[Problem]:
    """All that is wrong with a schema's wiring: names, needs, doubled parameters, targets, cycles.

    Linear in nodes plus needs. Each problem names node and key; those who know the file add line and
    column.
    """
    problems: list[Problem] = []
    known = [*schema.nodes, *schema.inputs]
    for name, node in schema.nodes.items():
        if NODE_NAME.fullmatch(name) is None:
            problems.append(
                Problem(
                    "bad-name",
                    f"{name!r} isn't a node name",
                    node=name,
                    hint="a name starts with a letter or _ and goes on with letters, digits, _ . or -, "
                    "128 characters at most",
                )
            )
        if name in schema.inputs:
            problems.append(
                Problem("name-twice", f"{name!r} is both a node and an input", node=name, hint="rename one")
            )
        for parameter, text in node.needs.items():
            problems.extend(_need_problems(schema, name, parameter, text, known))
        problems.extend(
            Problem(
                "parameter-twice",
                f"parameter {parameter!r} is given by both `needs` and `config`",
                node=name,
                key=f"config.{parameter}",
                hint="keep one of the two",
            )
            for parameter in node.config
            if parameter in node.needs
        )
    problems.extend(_target_problem(schema, target, known) for target in schema.targets if target not in schema.nodes)
    if not problems:
        cycle = find_cycle(schema.nodes, schema.parents_of)
        if cycle is not None:
            path = " -> ".join(cycle)
            problems.append(
                Problem(
                    "cycle",
                    f"these nodes need each other: {path}",
                    node=cycle[0],
                    key="needs",
                    hint="take one of these needs away",
                )
            )
    return problems


def _need_problems(
    schema: GraphSchema, name: str, parameter: str, text: str, known: Sequence[str]
) -> Iterable[Problem]:
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
    elif need.name in schema.inputs:
        if need.key is not None:
            yield Problem(
                "bad-need", f"{need.name!r} is an input: {text!r} can't take a key of it", node=name, key=key
            )
    elif need.name not in schema.nodes and RESERVED_INPUT.fullmatch(need.name) is None:
        close = nearest(need.name, known)
        yield Problem(
            "unknown-need",
            f"it needs {need.name!r}, which is no node and no input",
            node=name,
            key=key,
            hint=f"did you mean {close!r}?" if close else "known: " + (", ".join(known[:20]) or "nothing"),
        )


def _target_problem(schema: GraphSchema, target: str, known: Sequence[str]) -> Problem:
    close = nearest(target, schema.nodes)
    return Problem(
        "unknown-target",
        f"the target {target!r} is no node",
        key="targets",
        hint=f"did you mean {close!r}?" if close else "nodes: " + ", ".join(list(schema.nodes)[:20]),
    )
