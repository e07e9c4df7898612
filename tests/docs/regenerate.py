"""Rewrite the outputs that the docs show from real runs: `python tests/docs/regenerate.py [PAGE…]`.

Only outputs that aren't as shown any more are rewritten; read the diff before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from console_pages import CHECKOUT, PageError, pages, play, rewritten


def main(chosen: list[str]) -> None:
    """Rewrite the chosen pages, or all."""
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
