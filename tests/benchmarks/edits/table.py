"""The table: edits of the project, each with the nodes that must run after it; the others needn't.

The truth is checked by evaluating the project before and after each edit (`truth.py`).
"""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.graphs import Node, Project

Change = Callable[[Project], Project]


@dataclass(frozen=True)
class Edit:
    """A row.

    Attributes:
        name: what is edited.
        group: the kind of edit.
        change: makes it.
        must: the nodes that must run.
        touch: files that are written again as they are, besides.
    """

    name: str
    group: str
    change: Change
    must: frozenset[str]
    touch: tuple[str, ...] = ()


def text(path: str, *pairs: tuple[str, str]) -> Change:
    """Replace texts in a file; each must be there."""

    def change(project: Project) -> Project:
        found = project.files[path]
        for old, new in pairs:
            assert old in found, f"{old!r} isn't in {path}"
            found = found.replace(old, new)
        return with_files(project, {path: found})

    return change


def files(changed: Mapping[str, str | None]) -> Change:
    """Write whole files; None removes one."""
    return lambda project: with_files(project, changed)


def both(*changes: Change) -> Change:
    """One after the other."""

    def change(project: Project) -> Project:
        for each in changes:
            project = each(project)
        return project

    return change


def config(name: str, **values: Any) -> Change:
    """Change a node's config."""
    return lambda project: project.with_config(name, **values)


def node(new: Node) -> Change:
    """Add a node."""
    return lambda project: replace(project, nodes=(*project.nodes, new))


def order(first: str, second: str) -> Change:
    """Move a node behind another in the graph."""

    def change(project: Project) -> Project:
        nodes = [each for each in project.nodes if each.name != first]
        moved = next(each for each in project.nodes if each.name == first)
        place = [each.name for each in nodes].index(second)
        return replace(project, nodes=(*nodes[: place + 1], moved, *nodes[place + 1 :]))

    return change


def with_files(project: Project, changed: Mapping[str, str | None]) -> Project:
    """The project with some files changed."""
    merged = {**project.files, **changed}
    return replace(project, files={path: found for path, found in merged.items() if found is not None})


def package(name: str, version: str, *pairs: tuple[str, str]) -> Change:
    """Install another version of a package."""
    path = f"site-packages/{name}/__init__.py"
    old, new = f"site-packages/{name}-1.0.dist-info", f"site-packages/{name}-{version}.dist-info"

    def change(project: Project) -> Project:
        metadata = project.files[f"{old}/METADATA"].replace("Version: 1.0", f"Version: {version}")
        record = project.files[f"{old}/RECORD"].replace("-1.0", f"-{version}")
        moved = {
            f"{old}/METADATA": None,
            f"{old}/RECORD": None,
            f"{new}/METADATA": metadata,
            f"{new}/RECORD": record,
        }
        return text(path, *pairs)(with_files(project, moved))

    return change


def same(project: Project) -> Project:
    """Nothing changes."""
    return project


def rows(group: str, *entries: tuple[str, Change, str]) -> list[Edit]:
    """Edits of one kind: (name, change, nodes that must run)."""
    return [Edit(name, group, change, frozenset(must.split())) for name, change, must in entries]


COUNTING = """from journal import ran


def count(orders: list) -> int:
    ran("count")
    return len(orders)
"""

# fmt: off
_PRICED = "discounted planned scored smoothed ranking totals summary audit"
_KNOWN = "known priced " + _PRICED

_OWN = rows(
    "a node's own function",
    ("an operator", text("cleaning.py", (">= minimum", "> minimum")), "clean_orders " + _KNOWN),
    ("a comparison that today's data doesn't show", text("cleaning.py", ("> limits.HIGHEST", ">= limits.HIGHEST")), "clean_orders"),
    ("what is returned", text("scoring.py", ("+ smoothed[place]", "- smoothed[place]")), "ranking summary audit"),
    ("a key of the result", text("reporting.py", ('"title"', '"heading"')), "summary audit"),
    ("a default", text("scoring.py", ("first: int = 1", "first: int = 0")), "ranking summary audit"),
    ("a comment", text("cleaning.py", ("# too dear to be true", "# a typing mistake, most likely")), ""),
    ("a comment that goes", text("cleaning.py", ("        # too dear to be true\n", "")), ""),
    ("a docstring", text("pricing.py", ("Orders with their total.", "Each order with what it costs in all.")), ""),
    ("a docstring that goes", text("reporting.py", ('    """The summary, signed."""\n', "")), ""),
    ("blank lines", text("scoring.py", ('ran("scored")\n', 'ran("scored")\n\n\n')), ""),
    ("a call over several lines", text("scoring.py", ('Trend(steep).score([order["total"] for order in priced])', 'Trend(\n        steep,\n    ).score(\n        [order["total"] for order in priced],\n    )')), ""),
    ("quotes", text("pricing.py", ('ran("planned")', "ran('planned')")), ""),
    ("parentheses", text("reporting.py", ("return sign(repr(sorted(summary.items())))", "return (sign(repr(sorted(summary.items()))))")), ""),
)

_REACHED = rows(
    "what a function reaches",
    ("a helper in another module", text("shop/text.py", (".lower()", ".upper()")), "customers clean_orders known priced discounted planned scored totals labels summary audit"),
    ("a helper of a helper", text("shop/text.py", ("cell.strip()", 'cell.strip(" GT")')), "orders customers clean_orders known priced discounted planned scored totals"),
    ("a constant of a helper", text("shop/text.py", ("WIDTH = 12", "WIDTH = 9")), "customers clean_orders known priced discounted planned scored totals"),
    ("a pattern", text("shop/text.py", ('r"\\s+"', 'r"\\s\\s\\s"')), "customers clean_orders known priced discounted planned scored totals labels summary audit"),
    ("a constant behind a constant", text("shop/limits.py", ("BASE = 100.0", "BASE = 200.0")), "clean_orders known priced discounted planned scored smoothed ranking totals summary audit"),
    ("a default of a helper", text("shop/money.py", ("digits=CENTS", "digits=1")), "priced discounted planned scored smoothed ranking totals summary audit"),
    ("a keyword's default", text("shop/money.py", ("shipping=1.5", "shipping=2.5")), "priced discounted planned scored smoothed ranking totals summary audit"),
    ("a constant used as a default", text("shop/money.py", ("CENTS = 2", "CENTS = 0")), "priced discounted planned scored smoothed ranking totals summary audit"),
    ("a field's default in a dataclass", text("shop/money.py", ("tax: float = 0.2", "tax: float = 0.3")), "priced discounted planned scored smoothed ranking totals summary audit"),
    ("a method of a dataclass", text("shop/money.py", ("self.amount * self.quantity\n\n", "self.amount * self.quantity + 1\n\n")), "priced discounted planned scored smoothed ranking totals summary audit"),
    ("a base's base", text("shop/models.py", ("return 1.0", "return 2.0")), "scored smoothed ranking"),
    ("a class attribute of a base", text("shop/models.py", ("floor = 0.0", "floor = 9.0")), "scored"),
    ("a mixin's property", text("shop/models.py", ("return 0.25", "return 0.5")), "scored smoothed ranking"),
    ("a base that is added", text("shop/models.py", ("class Trend(Weighted, Model):", "class Steeper(Model):\n    def one(self, value):\n        return 2 * super().one(value)\n\n\nclass Trend(Weighted, Steeper):")), "scored smoothed ranking"),
    ("an override that appears", text("shop/models.py", ('    """The one that is used."""\n', '    """The one that is used."""\n\n    def base(self):\n        return 3.0\n')), "scored smoothed ranking"),
    ("what a factory makes", text("shop/windows.py", ("place - size + 1", "place - size")), "smoothed ranking"),
    ("a decorator", text("shop/windows.py", ("min(number, 1000.0)", "min(number, 20.0)")), "smoothed"),
    ("a decorator that goes", text("shop/windows.py", ("    @bounded\n", "")), "smoothed"),
    ("what a partial holds", text("shop/windows.py", ("scaled, 0.5)", "scaled, -4)")), "ranking summary audit"),
    ("what a partial calls", text("shop/windows.py", ("return number * factor", "return -number * factor * 8")), "ranking summary audit"),
    ("a registered function", text("shop/rules.py", ("total * SHARE", "total - SHARE")), "discounted totals summary audit"),
    ("what a registered function calls", text("shop/rules.py", ("return 3\n", "return 5\n")), "discounted totals summary audit"),
    ("a constant of a registered function", text("shop/rules.py", ("SHARE = 0.9", "SHARE = 0.8")), "discounted totals summary audit"),
    ("a dict that is read below its use", text("shop/rules.py", ('"north": 1', '"north": 3')), "discounted totals summary audit"),
    ("the decorator that registers", text("shop/registry.py", ("RULES[name] = rule\n", "RULES[name] = lambda order, total: rule(order, total) + 1\n")), "discounted totals summary audit"),
    ("a registration that replaces another", text("shop/rules.py", ("def draft(", '@register("bulk")\ndef draft(')), "discounted totals summary audit"),
    ("a value in a dict", text("shop/formatting.py", ('"customer": "customer "', '"customer": "client "')), "labels summary audit"),
    ("a comprehension at import", text("shop/formatting.py", ("name: name.title()", "name: name.upper()")), "summary audit"),
    ("a member of an enum", text("shop/formatting.py", ('PLAIN = "{}"', 'PLAIN = "<{}>"')), "labels summary audit"),
    ("a method of an enum", text("shop/formatting.py", ("self.value.format(text)", "self.value.format(text.title())")), "labels summary audit"),
    ("a helper inside an f-string", text("shop/formatting.py", ('"-" * 5', '"=" * 5')), "summary audit"),
    ("a module imported when called", text("shop/late.py", ("% 997", "% 991")), "audit"),
    ("a constant that it imports", text("shop/keys.py", ("KEY = 7", "KEY = 11")), "audit"),
    ("a setting", text("shop/settings.py", ('NOTE = "plan"', 'NOTE = "stock"')), "planned summary audit"),
    ("a module that overrides a setting appears", files({"local_settings.py": "SPARE = 5\n"}), "planned summary audit"),
    ("where a re-export comes from", both(text("shop/__init__.py", ("from shop.text import squeeze", "from shop.brief import squeeze")), files({"shop/brief.py": "def squeeze(text):\n    return text[:3]\n"})), "customers known labels summary audit"),
    ("an import under another name", text("cleaning.py", ("from shop.text import squeeze as tidy", "from shop.text import wrapped as tidy")), "clean_orders known priced discounted planned scored totals"),
    ("an assignment at import from elsewhere", text("shop/rules.py", ("SHARE = 0.9\n", "SHARE = 0.9\nimport shop.money\n\nshop.money.Price.net = lambda self: self.amount\n")), "priced discounted planned scored smoothed ranking totals summary audit"),
)

_UNREACHED = rows(
    "what no function reaches",
    ("a function that nobody calls", text("shop/text.py", ("text.ljust(SPARE)", "text.rjust(SPARE)")), ""),
    ("a constant that only it reads", text("shop/text.py", ("SPARE = 80", "SPARE = 90")), ""),
    ("a constant that nobody reads", text("shop/limits.py", ("LOWEST = 0.5", "LOWEST = 0.25")), ""),
    ("a function that is added", text("shop/money.py", ("def rounded(", "def doubled(value):\n    return 2 * value\n\n\ndef rounded(")), ""),
    ("a function that goes", text("shop/rules.py", ("def draft(order, total):\n    return total / 2\n", "")), ""),
    ("a class that nobody uses", text("shop/models.py", ("weight = 0\n", "weight = 1\n")), ""),
    ("a method of a module's only class, never called", text("shop/tools.py", ("- self.began", "- self.began + 1")), ""),
    ("a method that nobody calls, of a class that is used", text("shop/money.py", ('f"{self.net()} {CURRENCY}"', 'f"{CURRENCY} {self.net()}"')), ""),
    ("a partial that nobody calls", text("shop/windows.py", ("scaled, 2)", "scaled, 3)")), ""),
    ("an entry of a dict that nobody looks up", text("shop/formatting.py", ('"order": "order "', '"order": "an order "')), ""),
    ("a module that nobody imports", text("shop/legacy.py", ("LIMIT = 1", "LIMIT = 2")), ""),
    ("a module that appears", files({"shop/later.py": "LIMIT = 1\n"}), ""),
    ("a module that goes", files({"shop/legacy.py": None}), ""),
    ("a constant beside an imported one", text("shop/keys.py", ("OLD_KEY = 5", "OLD_KEY = 6")), ""),
    ("comments and blank lines in shared modules", both(text("shop/text.py", ("WIDTH = 12", "# characters\n\nWIDTH = 12  # of items")), text("shop/models.py", ("class Flat", "# spare\nclass Flat"))), ""),
    ("docstrings of shared modules and classes", both(text("shop/models.py", ("Scores one by one.", "Gives a score for each.")), text("shop/money.py", ("Amounts.", "What things cost."))), ""),
    ("definitions in another order", text("shop/text.py", ("def _stripped(cell):\n    return cell.strip()\n\n\n", ""), ("def fields(line):", "def _stripped(cell):\n    return cell.strip()\n\n\ndef fields(line):")), ""),
    ("imports in another order", text("cleaning.py", ("from shop import limits\nfrom shop.text import squeeze as tidy\n", "from shop.text import squeeze as tidy\nfrom shop import limits\n")), ""),
    ("type hints of a helper", text("shop/money.py", ("def rounded(value, digits=CENTS):", "def rounded(value: float, digits: int = CENTS) -> float:")), ""),
    ("a helper that moves to another module", both(text("shop/late.py", ("from shop.keys import KEY\n", "from shop.keys import KEY\nfrom shop.sums import total\n"), ("sum(map(ord, text))", "total(text)")), files({"shop/sums.py": "def total(text):\n    return sum(map(ord, text))\n"})), ""),
    ("a local variable's name", text("shop/windows.py", ("means", "averages")), ""),
)

_REST = rows(
    "config, data, packages, graph",
    ("a config value", config("smoothed", window=3), "smoothed ranking"),
    ("a config value of a first node's child", config("clean_orders", minimum=2), "clean_orders " + _KNOWN),
    ("a config value that changes no result", config("clean_orders", minimum=0), "clean_orders"),
    ("an entry of a config list", config("discounted", levels=["region"]), "discounted totals summary audit"),
    ("another number in a config", config("priced", rate=1.3), "priced " + _PRICED),
    ("a cell of a data file", text("data/orders.csv", ("Spoon,6", "Spoon,7")), "orders clean_orders known"),
    ("a line added to a data file", text("data/customers.csv", ("cid,Cid", "dee,Dee Dogwood,east\ncid,Cid")), "customers labels summary audit " + _KNOWN),
    ("blank lines at the end of a data file", text("data/orders.csv", ("900.00\n", "900.00\n\n\n")), "orders"),
    ("a package's new version", package("acme", "1.1", ("sum(numbers) / len(numbers)", "sorted(numbers)[len(numbers) // 2]")), "totals summary audit"),
    ("another package's new version", package("other", "1.1"), ""),
    ("a node that is added", both(files({"counting.py": COUNTING}), node(Node("count", "counting:count", {"orders": "orders"}))), "count"),
    ("the order of nodes in the graph", order("labels", "customers"), ""),
)
# fmt: on

_TOUCHED = Edit(
    "every file written again, as it is",
    "config, data, packages, graph",
    same,
    frozenset(),
    touch=("cleaning.py", "pricing.py", "shop/text.py", "shop/models.py", "data/orders.csv"),
)

EDITS = (*_OWN, *_REACHED, *_UNREACHED, *_REST, _TOUCHED)
