"""Sizes and ages as people write them on the command line: `20GB`, `30d`."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_AGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhdwy])", re.ASCII)


# `ParamType` takes a type argument since click 8.5 alone.
class SizeType(click.ParamType):  # type: ignore[type-arg]
    """Bytes, from `20GB`, `512MiB` or a number."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from fingerprint_runner.graph.plain_mappings import read_memory
        from fingerprint_runner.graph.plain_problems import Problems

        text = str(value).strip()
        if text in ("0", "0B"):
            return 0
        size = read_memory(Problems(), ("size",), int(text) if text.isdecimal() else text)
        if not isinstance(size, int):
            self.fail(
                f"{text!r} isn't a size\nhint: write bytes, or a size such as 20GB or 512MiB", param, ctx
            )
        return size


class AgeType(click.ParamType):  # type: ignore[type-arg]
    """Seconds, from `30d`, `12h`, `2w`."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = _AGE.fullmatch(str(value).strip())
        if found is None:
            self.fail(
                f"{value!r} isn't an age\nhint: write a number and s, m, h, d, w or y, such as 30d or 12h",
                param,
                ctx,
            )
        return float(found[1]) * _UNITS[found[2]]


SIZE = SizeType()
AGE = AgeType()
