"""Keeps what can be used."""

from journal import ran
from shop import limits
from shop.text import squeeze as tidy


def clean_orders(orders: list, minimum: int) -> list:
    """Orders that are large enough, with tidy items."""
    ran("clean_orders")
    kept = []
    for order in orders:
        # too dear to be true
        if order["price"] > limits.HIGHEST:
            continue
        if order["quantity"] >= minimum:
            kept.append({**order, "item": tidy(order["item"])})
    return kept


def known(clean_orders: list, customers: dict) -> list:
    """Orders of customers that are known, with their region."""
    ran("known")
    return [
        {**order, "region": customers[order["customer"]]["region"]}
        for order in clean_orders
        if order["customer"] in customers
    ]
