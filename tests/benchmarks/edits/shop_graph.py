"""`shop_project`: the project that the table of edits is about, and its graph of fourteen nodes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.graphs import Node, Project

FOLDER = Path(__file__).with_name("project")

NODES = (
    Node("orders", "loading:orders", {}, {"orders_file": "data/orders.csv"}, ("data/orders.csv",)),
    Node(
        "customers",
        "loading:customers",
        {},
        {"customers_file": "data/customers.csv"},
        ("data/customers.csv",),
    ),
    Node("clean_orders", "cleaning:clean_orders", {"orders": "orders"}, {"minimum": 1}),
    Node("known", "cleaning:known", {"clean_orders": "clean_orders", "customers": "customers"}),
    Node("priced", "pricing:priced", {"known": "known"}, {"rate": 1.1}),
    Node("discounted", "pricing:discounted", {"priced": "priced"}, {"levels": ["bulk", "region"]}),
    Node("planned", "pricing:planned", {"priced": "priced"}),
    Node("scored", "scoring:scored", {"priced": "priced"}, {"steep": 0.5}),
    Node("smoothed", "scoring:smoothed", {"scored": "scored"}, {"window": 2}),
    Node("ranking", "scoring:ranking", {"scored": "scored", "smoothed": "smoothed"}),
    Node("totals", "reporting:totals", {"discounted": "discounted"}),
    Node("labels", "reporting:labels", {"customers": "customers"}, {"style": "PLAIN"}),
    Node(
        "summary",
        "reporting:summary",
        {name: name for name in ("totals", "ranking", "labels", "planned")},
    ),
    Node("audit", "reporting:audit", {"summary": "summary"}),
)


def shop_project() -> Project:
    """The project before any edit."""
    files = {
        str(path.relative_to(FOLDER)): path.read_text()
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return Project(files, NODES)
