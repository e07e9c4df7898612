"""What the docs take from the code is what the code says now."""

from __future__ import annotations

import pytest
from console_pages import CHECKOUT
from made_from_code import PAGE, SCHEMA_COPY, TABLES, marked_tables, schema_text, with_tables

AGAIN = "python tests/docs/regenerate.py rewrites it"


def test_the_committed_schema_is_what_the_code_makes() -> None:
    """Editors are pointed at `docs/fr.schema.json`; it can't fall behind."""
    assert SCHEMA_COPY.read_text(encoding="utf-8") == schema_text(), AGAIN


def test_the_tables_of_keys_are_what_the_code_makes() -> None:
    """Every table of keys stands in the reference, once, and says what editors show."""
    page = PAGE.read_text(encoding="utf-8")
    assert sorted(marked_tables(page)) == sorted(TABLES)
    assert with_tables(page) == page, AGAIN


def test_no_other_page_has_marked_tables() -> None:
    """What nobody rewrites isn't marked as if somebody did."""
    pages = [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")]
    marked = [page for page in pages if "<!-- made from the code" in page.read_text(encoding="utf-8")]
    assert marked == [PAGE]


def test_a_marked_table_is_made_anew_and_nothing_around_it_changes() -> None:
    """Whatever stood between the markers goes; an unknown name is a mistake of the page."""
    page = "a\n<!-- made from the code: keys of resources -->\nold\n<!-- end -->\nz\n"
    before, marker, _, *rows, _, end, after = with_tables(page).splitlines()
    assert (before, marker, end, after) == ("a", page.splitlines()[1], "<!-- end -->", "z")
    assert rows[0] == "| key | meaning | default |" and rows[2].startswith("| `cpu` | ")
    with pytest.raises(KeyError):
        with_tables("<!-- made from the code: nothing -->\n<!-- end -->\n")
