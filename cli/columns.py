"""`aligned`: rows of text in columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = (), gap: str = "  ") -> list[str]:
    """One line a row, its cells as wide as the widest of their column; none ends in a blank.

    Args:
        rows: of equally many cells.
        right: columns, from 0, that are flush right.
        gap: between columns.
    """
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    return [
        gap.join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
