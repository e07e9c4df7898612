"""What orders cost."""

import shop.money as money
import shop.rules  # noqa: F401  registers the rules
from journal import ran
from shop import settings
from shop.registry import RULES


def priced(known: list, rate: float) -> list:
    """Orders with their total."""
    ran("priced")
    return [{**order, "total": money.Price(order["price"], order["quantity"]).total(rate)} for order in known]


def discounted(priced: list, levels: list) -> list:
    """Orders after the rules that `levels` names."""
    ran("discounted")
    found = []
    for order in priced:
        total = order["total"]
        for level in levels:
            total = RULES[level](order, total)
        found.append({**order, "total": total})
    return found


def planned(priced: list) -> dict:
    """Stock to hold."""
    ran("planned")
    return {"stock": sum(order["quantity"] for order in priced) * settings.SPARE, "note": settings.NOTE}
