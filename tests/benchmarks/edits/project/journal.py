"""Notes which nodes run, where JOURNAL names a file."""

import os
from pathlib import Path


def ran(name: str) -> None:
    if "JOURNAL" in os.environ:
        with Path(os.environ["JOURNAL"]).open("a") as journal:
            journal.write(name + "\n")
