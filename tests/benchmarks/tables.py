"""Tables of docs/benchmarks.md, made from results and from nothing else.

Invariants: what stands between a page's markers is replaced as a whole; text outside of them is
never touched; a marker without a result, or a result without a marker, is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.results import Conditions, Figure, Result, Verdict
from benchmarks.samples import Samples

_MARKED = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


class PageError(Exception):
    """The page and the results don't fit."""


def write_page(page: Path, parts: Mapping[str, str]) -> None:
    """Put each part between its markers.

    Args:
        parts: name of the markers → text.

    Raises:
        PageError: a part has no markers, or markers have no part.
    """
    text = page.read_text(encoding="utf-8")
    marked = rows_of(text)
    if missing := sorted(parts.keys() - set(marked)):
        raise PageError(f"{page} has no markers for {', '.join(missing)}")
    if missing := sorted(set(marked) - parts.keys()):
        raise PageError(f"there are no results for {', '.join(missing)}")
    page.write_text(_MARKED.sub(lambda found: found[1] + parts[found[2]] + found[3], text), encoding="utf-8")


def rows_of(text: str) -> list[str]:
    """What a page has markers for, in order."""
    return [found[2] for found in _MARKED.finditer(text)]


def rendered(result: Result) -> str:
    """A row's tables: figures, goals, conditions."""
    parts = [
        _figures_table(result.figures),
        _goals_table(result.verdicts),
        _wrong(result),
        _conditions(result),
    ]
    return "\n" + "\n".join(part for part in parts if part) + "\n"


def shown(value: float, unit: str) -> str:
    """A number with three digits or so, and its unit.

    >>> shown(0.0213, "s"), shown(2.5, "ratio"), shown(1.5e9, "bytes")
    ('21 ms', '2.50', '1,431 MiB')
    """
    if unit == "s":
        return _seconds(value)
    if unit == "us":
        return f"{_digits(value)} µs"
    if unit == "bytes":
        return f"{value / 2**20:,.0f} MiB"
    if unit == "count":
        return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _seconds(value: float) -> str:
    if value < 1e-3:
        return f"{_digits(value * 1e6)} µs"
    if value < 1:
        return f"{_digits(value * 1e3)} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:,.0f} s"


def _digits(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _cell(figure: Figure) -> str:
    if not figure.samples:
        return figure.note or "-"
    text = shown(Samples(figure.samples).median, figure.unit)
    return f"{text} ({figure.note})" if figure.note else text


def _figures_table(figures: tuple[Figure, ...]) -> str:
    columns = list(dict.fromkeys(figure.what for figure in figures))
    lines = list(dict.fromkeys(figure.who for figure in figures))
    cells = {(figure.who, figure.what): _cell(figure) for figure in figures}
    rows = [[line, *(cells.get((line, column), "") for column in columns)] for line in lines]
    return table(["", *columns], rows)


def _goals_table(verdicts: tuple[Verdict, ...]) -> str:
    rows = [[verdict.goal, found_words(verdict), met_words(verdict)] for verdict in verdicts]
    return table(["goal", "found", "met"], rows) if rows else ""


def met_words(verdict: Verdict) -> str:
    """Whether a goal is met."""
    return {True: "yes", False: "**no**", None: "**not measured**"}[verdict.met]


def found_words(verdict: Verdict) -> str:
    """What was found, and how far single rounds lay apart."""
    if not verdict.samples:
        return verdict.note
    samples = Samples(verdict.samples)
    text = shown(samples.median, verdict.unit)
    if len(samples.values) > 1 and samples.least != samples.most:
        text += f", from {shown(samples.least, verdict.unit)} to {shown(samples.most, verdict.unit)}"
    return f"{text}; {verdict.note}" if verdict.note else text


def _wrong(result: Result) -> str:
    """What fr got wrong, where a row says so, case by case."""
    wrong = result.details.get("fr", {})
    return table(["what fr got wrong", "how"], [list(each) for each in wrong.items()]) if wrong else ""


def _conditions(result: Result) -> str:
    found: Conditions = result.conditions
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    quick = " Cut down by `--quick`: these are not the figures of the full sizes." if found.quick else ""
    return (
        f"{found.date}, commit {found.commit}, Python {found.python}, {found.machine}; {found.runs} rounds, "
        f"fewer of what takes long; {found.seconds / 60:.0f} minutes.{quick}\n{versions}.\n\n"
        f"    python tests/benchmarks/run.py {result.row}\n"
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table of the page."""
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        + "\n"
    )
