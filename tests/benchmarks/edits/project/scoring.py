"""How orders compare."""

from journal import ran
from shop.models import Trend
from shop.windows import halved, rolling


def scored(priced: list, steep: float) -> list:
    """A score for each order."""
    ran("scored")
    return Trend(steep).score([order["total"] for order in priced])


def smoothed(scored: list, window: int) -> list:
    """The mean of each score and those before it."""
    ran("smoothed")
    return rolling(window)(scored)


def ranking(scored: list, smoothed: list, first: int = 1) -> list:
    """Positions, best first, counted from `first`."""
    ran("ranking")
    places = sorted(range(len(scored)), key=lambda place: halved(scored[place]) + smoothed[place])
    return [place + first for place in places]
