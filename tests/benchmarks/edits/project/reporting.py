"""What people read."""

import acme
from journal import ran
from shop.formatting import LABELS, Style, heading


def totals(discounted: list) -> dict:
    """Region -> mean total."""
    ran("totals")
    regions = {}
    for order in discounted:
        regions.setdefault(order["region"], []).append(order["total"])
    return {region: acme.mean(found) for region, found in sorted(regions.items())}


def labels(customers: dict, style: str) -> dict:
    """Customer -> what is printed for them."""
    ran("labels")
    return {key: Style[style].dress(LABELS["customer"] + found["name"]) for key, found in customers.items()}


def summary(totals: dict, ranking: list, labels: dict, planned: dict) -> dict:
    """All in one."""
    ran("summary")
    return {"title": heading("orders"), "totals": totals, "best": ranking[:2], "labels": labels} | planned


def audit(summary: dict) -> str:
    """The summary, signed."""
    from shop.late import sign

    ran("audit")
    return sign(repr(sorted(summary.items())))
