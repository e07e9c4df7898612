"""Discounts; each registers itself when this module is imported."""

from shop.registry import register

SHARE = 0.9


@register("bulk")
def bulk(order, total):
    return total * SHARE if order["quantity"] > least() else total


@register("region")
def region(order, total):
    return total - FREE.get(order["region"], 0)


FREE = {"north": 1, "south": 2}


def least():
    return 3


def draft(order, total):
    return total / 2
