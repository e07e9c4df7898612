"""Values from the command line: `--set NODE.KEY=VALUE` and the YAML that VALUE is.

Invariants: a schema is never changed, a new one is made; a problem points at the option and doesn't
repeat its value, which may be secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fingerprint_runner.errors import InvalidGraph, Problem, nearest
from fingerprint_runner.graph.node import SchemaNode
from fingerprint_runner.graph.plain_nodes import secret_problems
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.recipes.tree import split_lines


def parse_value(text: str, option: str) -> Any:
    """The value that a text on the command line is as YAML: `3`, `[1, 2]`, `{a: 1}`, `word`.

    Args:
        text: the YAML.
        option: what problems point at, such as `--set features.ngrams`.

    Raises:
        InvalidGraph: it isn't YAML, or a comment in it would silently cut it short.
    """
    try:
        # For weight: a call without `--set` and `--input` needs no parser.
        from fingerprint_runner.recipes.yaml_tree import read_yaml

        tree = read_yaml(text)
    except InvalidGraph as error:
        raise InvalidGraph([_of_option(problem, option) for problem in error.problems]) from error
    if _has_comment(text, tree.value, tree.end):
        raise InvalidGraph.single(
            "bad-value",
            f"`{option}`: '#' and what follows it would be a comment",
            hint=f"quote the value for YAML inside the shell's quotes: {option}='\"...\"'",
        )
    return tree.value


def _of_option(problem: Problem, option: str) -> Problem:
    return replace(
        problem,
        message=f"`{option}`: {problem.message}",
        file=None,
        line=None,
        column=None,
        snippet=None,
        hint=problem.hint or "the value is YAML; quote what isn't meant as such",
    )


def _has_comment(text: str, value: Any, end: tuple[int, int] | None) -> bool:
    lines = split_lines(text)
    if end is None:
        return value is None and any(line.lstrip().startswith("#") for line in lines)
    line, column = end
    behind = [lines[line - 1][column - 1 :], *lines[line:]] if line <= len(lines) else []
    return any(rest.strip() for rest in behind)


def apply_overrides(schema: GraphSchema, overrides: Iterable[str]) -> GraphSchema:
    """The schema with config values replaced; later overrides go over earlier ones.

    Args:
        schema: stays as it is.
        overrides: `NODE.KEY=VALUE` each: the longest node name that fits, then a dotted path into its
            config, of which new keys may be made; VALUE is YAML.

    Raises:
        InvalidGraph: with all problems at once.
    """
    nodes = dict(schema.nodes)
    problems: list[Problem] = []
    options: dict[tuple[str, ...], str] = {}
    for text in overrides:
        try:
            name, path, option = _apply(nodes, text)
        except InvalidGraph as error:
            problems.extend(error.problems)
        else:
            options[("nodes", name, "config", *path)] = option
    for path, option in options.items():
        problems.extend(_conflicts(path[1], nodes[path[1]], path[3], option))
    if problems:
        raise InvalidGraph(problems)
    origin = schema.origin
    if origin is not None:
        origin = replace(origin, overrides={**origin.overrides, **options})
    return replace(schema, nodes=nodes, origin=origin)


def _apply(nodes: dict[str, SchemaNode], text: str) -> tuple[str, tuple[str, ...], str]:
    target, equals, value_text = text.partition("=")
    option = f"--set {target}"
    if not equals or not target:
        message = f"`{option}` gives no value" if target else "`--set` names no config key"
        raise InvalidGraph.single("bad-override", message, hint="write `--set NODE.KEY=VALUE`")
    name, dotted = _split_target(nodes, target, option)
    value = parse_value(value_text, option)
    config, path = _with_value(nodes[name].config, dotted, value, name, option)
    nodes[name] = replace(nodes[name], config=config)
    return name, path, option


def _split_target(nodes: Mapping[str, SchemaNode], target: str, option: str) -> tuple[str, str]:
    cut = target.rfind(".")
    while cut > 0:
        name, dotted = target[:cut], target[cut + 1 :]
        if name in nodes and dotted:
            return name, dotted
        cut = target.rfind(".", 0, cut)
    if target.rstrip(".") in nodes:
        raise InvalidGraph.single(
            "bad-override",
            f"`{option}` names a node and no config key",
            node=target.rstrip("."),
            hint="write `--set NODE.KEY=VALUE`",
        )
    asked = target.partition(".")[0]
    close = nearest(asked, nodes)
    raise InvalidGraph.single(
        "unknown-node",
        f"`{option}`: there is no node {asked!r}",
        hint=f"did you mean {close!r}?" if close else "nodes: " + ", ".join(list(nodes)[:20]),
    )


def _with_value(
    config: Mapping[str, Any], dotted: str, value: Any, node: str, option: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The config with a value at a dotted path, and the path as keys; only what lies on it is copied."""
    top = dict(config)
    level, rest = top, dotted
    path: tuple[str, ...] = ()
    # A key may hold dots itself: one that is there is meant.
    while rest not in level and "." in rest:
        key, _, rest = rest.partition(".")
        path = (*path, key)
        below = level.get(key)
        if below is None:
            below = {}
        elif not isinstance(below, Mapping):
            what = "a list" if isinstance(below, (list, tuple)) else "a single value"
            raise InvalidGraph.single(
                "bad-override",
                f"`{option}`: {'.'.join(path)!r} is {what}, so there is no {rest!r} in it",
                node=node,
                key=f"config.{'.'.join(path)}",
                hint=f"set all of it: `--set {node}.{'.'.join(path)}=VALUE`",
            )
        if not key or not rest:
            raise InvalidGraph.single("bad-override", f"`{option}` has an empty key in its path", node=node)
        level[key] = level = dict(below)
    level[rest] = value
    return top, (*path, rest)


def _conflicts(name: str, node: SchemaNode, key: str, option: str) -> list[Problem]:
    problems = [
        replace(problem, message=f"`{option}`: {problem.message}")
        for path, problem in secret_problems(name, node)
        if path == ("config", key)
    ]
    if key in node.needs:
        problems.append(
            Problem(
                "parameter-twice",
                f"`{option}`: the parameter {key!r} comes from `needs` already",
                node=name,
                key=f"config.{key}",
                hint=f"it is given by {node.needs[key]!r}; a need can't be set",
            )
        )
    return problems
