"""Time what a node reads, by itself and inside a run that notices it.

    python reads.py plain|report|declared|auto FILES REPEATS     in an empty folder

Prints one JSON object: `open`, seconds for opening each of some small files and reading it, `again`,
the same files once more, and `getenv`, seconds for reading as many variables.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

STEPS = """\
import os
import time


def read_all(count):
    began = time.perf_counter()
    for number in range(count):
        with open(f"files/{number}.txt") as file:
            file.read()
    opened = time.perf_counter()
    for number in range(count):
        with open(f"files/{number}.txt") as file:
            file.read()
    again = time.perf_counter()
    for number in range(count):
        os.environ.get(f"FR_BENCHMARK_{number}")
    return {"open": opened - began, "again": again - opened, "getenv": time.perf_counter() - again}
"""


def plain(count: int) -> dict[str, float]:
    """The function called."""
    sys.path.insert(0, "")
    import steps

    found: dict[str, float] = steps.read_all(count)
    return found


def in_a_run(mode: str, count: int) -> dict[str, float]:
    """The function as a node that runs."""
    import fingerprint_runner as fr

    keys: dict[str, Any] = {"uses": "steps:read_all", "config": {"count": count}}
    if mode != "report":
        keys |= {"track": "auto"} if mode == "auto" else {"files": ["files"]}
    Path("fr.json").write_text(json.dumps({"version": 1, "nodes": {"read": keys}}))
    report = fr.run("fr.json", force=["read"])
    found: dict[str, float] = report.values["read"]
    return found


def main() -> None:
    """As often as told."""
    mode, count, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    Path("files").mkdir(exist_ok=True)
    Path("steps.py").write_text(STEPS)
    for number in range(count):
        Path(f"files/{number}.txt").write_text(f"{number}\n")
        os.environ[f"FR_BENCHMARK_{number}"] = "1"
    rounds = [plain(count) if mode == "plain" else in_a_run(mode, count) for _ in range(repeats + 1)][1:]
    print(json.dumps({key: [each[key] for each in rounds] for key in rounds[0]}))


if __name__ == "__main__":
    main()
