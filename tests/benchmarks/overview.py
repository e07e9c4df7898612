"""What all rows say together: every goal in one table, and everything that is quicker than fr.

Invariants: made from results alone; a row that we lose is never left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results import Figure, Result
from benchmarks.tables import found_words, met_words, rendered, table

# In these columns more is better; in `package-edits` less is better only where nothing is missed.
_MORE_IS_BETTER = ("accuracy",)
_NOT_COMPARED = ("package-edits",)


def parts_of(results: Mapping[str, Result]) -> dict[str, str]:
    """All that stands between the page's markers: name of the markers → text."""
    parts = {name: rendered(result) for name, result in results.items()}
    return {"goals": goals(results), "losses": losses(results), **parts}


def goals(results: Mapping[str, Result]) -> str:
    """Every goal, what was found, and whether it is met."""
    rows = [
        [f"[{name}](#{name})", verdict.goal, found_words(verdict), met_words(verdict)]
        for name, result in results.items()
        for verdict in result.verdicts
    ]
    met = sum(verdict.met is True for result in results.values() for verdict in result.verdicts)
    return f"\n{met} of {len(rows)} goals are met.\n\n" + table(["row", "goal", "found", "met"], rows) + "\n"


def losses(results: Mapping[str, Result]) -> str:
    """Column by column, who is better than fr, and by how much."""
    rows = []
    for name, result in results.items():
        if name in _NOT_COMPARED:
            continue
        for column in dict.fromkeys(figure.what for figure in result.figures):
            cells = [
                figure for figure in result.figures if figure.what == column and figure.median is not None
            ]
            for ours, better in _beaten(cells, more=name in _MORE_IS_BETTER):
                rows.append([f"[{name}](#{name})", f"{column}: {ours.who}", ", ".join(better)])
    return "\n" + table(["row", "what", "better, and how many times"], rows) + "\n"


def _beaten(cells: list[Figure], *, more: bool) -> list[tuple[Figure, list[str]]]:
    """Each cell of ours, with those of the same kind that are better."""
    found = []
    ours = {figure.who: figure for figure in cells if is_ours(figure.who)}
    for mine in ours.values():
        better = []
        for other in cells:
            if is_ours(other.who) or _counterpart(other.who, ours) is not mine:
                continue
            a, b = (other.median, mine.median) if more else (mine.median, other.median)
            assert a is not None and b is not None
            if a > b:
                better.append(f"{other.who} {a / b:,.2f}" if b else other.who)
        if better:
            found.append((mine, better))
    return found


def is_ours(who: str) -> bool:
    """Whether a line of a table is about fr."""
    return who == "fr" or who.startswith(("fr ", "fr,", "fr:"))


def _counterpart(who: str, ours: Mapping[str, Figure]) -> Figure | None:
    """Our line that another's is compared with: the one with the same addition, else our last."""
    _, comma, addition = who.partition(",")
    if comma and "fr," + addition in ours:
        return ours["fr," + addition]
    if "fr" in ours:
        return ours["fr"]
    return next(reversed(ours.values()), None)
