"""Reads the tables."""

from pathlib import Path

from journal import ran
from shop import squeeze
from shop.text import fields


def orders(orders_file: str, orders_stamp: str = "") -> list:
    """One dict an order."""
    ran("orders")
    rows = []
    for line in Path(orders_file).read_text().splitlines()[1:]:
        if line.strip():
            number, customer, item, quantity, price = fields(line)
            rows.append(
                {
                    "number": int(number),
                    "customer": customer,
                    "item": item,
                    "quantity": int(quantity),
                    "price": float(price),
                }
            )
    return rows


def customers(customers_file: str, customers_stamp: str = "") -> dict:
    """Customer -> name and region."""
    ran("customers")
    lines = Path(customers_file).read_text().splitlines()[1:]
    found = {}
    for key, name, region in map(fields, filter(str.strip, lines)):
        found[key] = {"name": squeeze(name), "region": region}
    return found
