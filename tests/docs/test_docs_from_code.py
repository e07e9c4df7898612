"""What the docs take from the code is what the code says now."""

from __future__ import annotations

from pathlib import Path

import pytest
from console_pages import CHECKOUT
from made_from_code import PAGES, SCHEMA_COPY, marked_parts, schema_text, with_parts

AGAIN = "python tests/docs/regenerate.py rewrites it"


def test_the_committed_schema_is_what_the_code_makes() -> None:
    """Editors are pointed at `docs/fr.schema.json`; it can't fall behind."""
    assert SCHEMA_COPY.read_text(encoding="utf-8") == schema_text(), AGAIN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_marked_is_what_the_code_makes(page: Path) -> None:
    """Tables of keys say what editors show, and the commands what `--help` does; each stands once."""
    text = page.read_text(encoding="utf-8")
    assert tuple(marked_parts(text)) == PAGES[page]
    assert with_parts(text) == text, AGAIN


def test_no_other_page_has_marked_parts() -> None:
    """What nobody rewrites isn't marked as if somebody did."""
    pages = [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")]
    marked = {page for page in pages if "<!-- made from the code" in page.read_text(encoding="utf-8")}
    assert marked == set(PAGES)


def test_a_marked_part_is_made_anew_and_nothing_around_it_changes() -> None:
    """Whatever stood between the markers goes; an unknown name is a mistake of the page."""
    page = "a\n<!-- made from the code: keys of resources -->\nold\n<!-- end -->\nz\n"
    before, marker, _, *rows, _, end, after = with_parts(page).splitlines()
    assert (before, marker, end, after) == ("a", page.splitlines()[1], "<!-- end -->", "z")
    assert rows[0] == "| key | meaning | default |" and rows[2].startswith("| `cpu` | ")
    with pytest.raises(KeyError):
        with_parts("<!-- made from the code: nothing -->\n<!-- end -->\n")
