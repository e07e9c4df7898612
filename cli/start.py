"""`main`: where the command `fr` begins.

Invariant: a run in which nothing has changed is answered before anything is imported that it doesn't need;
all else, and every doubt, is for `entry`.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command and exit with its status."""
    arguments = sys.argv[1:]
    if "run" in arguments[:3]:
        from .again import answer

        if answer(arguments):
            sys.exit(0)
    from .entry import main as entry

    entry(arguments)


if __name__ == "__main__":
    main()
