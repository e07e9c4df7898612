"""Rewrite what the docs take from the code and from real runs: `python tests/docs/regenerate.py [PAGE…]`.

Only outputs that aren't as shown any more are rewritten; read the diff before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from console_pages import CHECKOUT, PageError, pages, play, rewritten
from made_from_code import PAGES, SCHEMA_COPY, schema_text, with_parts


def main(chosen: list[str]) -> None:
    """Rewrite the JSON Schema's copy, the parts made from the code, and the chosen pages, or all."""
    SCHEMA_COPY.write_text(schema_text(), encoding="utf-8")
    for page in PAGES:
        page.write_text(with_parts(page.read_text(encoding="utf-8")), encoding="utf-8")
    for page in [Path(name).resolve() for name in chosen] or pages():
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory(prefix="docs-") as folder:
            try:
                played = play(text, Path(folder))
            except PageError as error:
                print(f"{page.relative_to(CHECKOUT)}: stopped: {error}")
                played = error.played
        new = rewritten(text, played)
        if new != text:
            page.write_text(new, encoding="utf-8")
        wrong = sum(not each.as_shown for each in played)
        print(f"{page.relative_to(CHECKOUT)}: {len(played)} commands, {wrong} outputs rewritten")


if __name__ == "__main__":
    main(sys.argv[1:])
