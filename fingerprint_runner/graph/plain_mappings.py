"""Readers of a node's values that hold others: `needs`, `config`, `resource`, `resources`.

Invariants: as those of `plain_fields`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fingerprint_runner.graph.component import Resource
from fingerprint_runner.graph.node import NodeResources
from fingerprint_runner.graph.plain_fields import UNREAD, KeyPath, Problems, is_number, read_text, shown

_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]?i?)B?", re.ASCII)
_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY_UNITS = {"k": 2**10, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def read_needs(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Parameter → need, from a mapping or a list (`[x]` is `{x: x}`).

    Beside items with problems the others are given, so that these are looked up all the same.
    """
    if isinstance(value, str):
        hint = f"write a list, `needs: [{value}]`, or a mapping of parameters, `needs: {{{value}: {value}}}`"
        return problems.wrong_type(value, "a list or a mapping", path, hint)
    if isinstance(value, Mapping):
        return _needs_of_mapping(problems, path, value)
    if not isinstance(value, (list, tuple)):
        return problems.wrong_type(value, "a list or a mapping", path)
    needs: dict[str, str] = {}
    for index, item in enumerate(value):
        place = (*path, str(index))
        if isinstance(item, Mapping) and len(item) == 1:
            problems.add(
                "bad-type",
                f"item {index + 1} of `needs` is a mapping, not a text",
                place,
                "to name parameters, write `needs` as one mapping, without the dashes",
            )
        elif not isinstance(item, str):
            wanted = f"item {index + 1} of `needs` is {shown(item)}, not a text"
            problems.add("bad-type", wanted, place)
        elif "[" in item:
            key = item.partition("[")[2].rstrip("]")
            parameter = key if key.isidentifier() else "parameter"
            problems.add(
                "bad-need",
                f"{item!r} in a list doesn't say which parameter gets it",
                place,
                f'write a mapping: `needs: {{{parameter}: "{item}"}}`',
            )
        elif item in needs:
            problems.add("need-twice", f"{item!r} stands twice in `needs`", place, "take one away")
        else:
            needs[item] = item
    return needs


def _needs_of_mapping(problems: Problems, path: KeyPath, value: Mapping[Any, Any]) -> Any:
    needs: dict[str, str] = {}
    for parameter, need in value.items():
        if not isinstance(parameter, str):
            problems.add("bad-key", f"the parameter {parameter!r} isn't a text", path)
        elif not isinstance(need, str):
            wrapped = isinstance(need, (list, tuple)) and len(need) == 1 and isinstance(need[0], str)
            problems.add(
                "bad-type",
                f"the need of parameter {parameter!r} is {shown(need)}, not a text",
                (*path, parameter),
                f"write `{parameter}: {need[0]}`" if wrapped else 'write `node`, `input` or "node[key]"',
            )
        else:
            needs[parameter] = need
    return needs


def read_config(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Parameters by value; what the values are is for the fingerprint to judge."""
    if not isinstance(value, Mapping):
        return problems.wrong_type(
            value, "a mapping", path, "write parameters by name: `config: {ngrams: [1, 2]}`"
        )
    for key in value:
        if not isinstance(key, str):
            return problems.add("bad-key", f"the config key {key!r} isn't a text", path)
    return dict(value)


def read_resource(problems: Problems, path: KeyPath, value: Any) -> Any:
    """A resource's name, or the form `{name, output_fingerprint}`."""
    if isinstance(value, Mapping):
        known = ("name", "output_fingerprint")
        for key in value:
            if key not in known:
                problems.unknown_key(key, known, "a resource", path)
        name = read_text(problems, (*path, "name"), value.get("name"))
        fingerprint = value.get("output_fingerprint") or ""
        if not isinstance(fingerprint, str):
            return problems.wrong_type(fingerprint, "a text", (*path, "output_fingerprint"))
        return UNREAD if name is UNREAD else Resource(name, fingerprint)
    name = read_text(problems, path, value)
    return UNREAD if name is UNREAD else Resource(name)


def read_memory(problems: Problems, path: KeyPath, value: Any) -> Any:
    """Bytes, from a number or a text such as `8GB` or `512MiB`."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = _MEMORY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None and found[2] != "i":
        unit = found[2]
        factor = _BINARY_UNITS[unit[0]] if unit.endswith("i") else _UNITS[unit]
        # Whole numbers stay exact, whatever their size.
        size = int(found[1]) * factor if "." not in found[1] else round(float(found[1]) * factor)
        if size > 0:
            return size
    return problems.wrong_type(value, "a size", path, "write bytes, or a size such as 8GB or 512MiB")


def read_resources(problems: Problems, path: KeyPath, value: Any) -> Any:
    """What a node holds while it runs."""
    if not isinstance(value, Mapping):
        return problems.wrong_type(value, "a mapping", path, "write `resources: {cpu: 1, memory: 8GB}`")
    known = ("cpu", "gpu", "memory")
    read: dict[str, Any] = {}
    for key, amount in value.items():
        place = (*path, str(key))
        if key not in known:
            problems.unknown_key(key, known, "`resources`", path)
            read["bad"] = UNREAD
        elif amount is None:
            continue
        elif key == "memory":
            read[key] = read_memory(problems, place, amount)
        elif is_number(amount) and (amount > 0 or (amount == 0 and key == "gpu")):
            read[key] = amount
        else:
            least = "a number from 0" if key == "gpu" else "a number above 0"
            read[key] = problems.wrong_type(amount, least, place)
    return UNREAD if any(item is UNREAD for item in read.values()) else NodeResources(**read)
