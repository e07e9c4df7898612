"""What it costs to notice the files and variables that a node reads."""

from __future__ import annotations

import json

from benchmarks.bench import Bench, Outcome, Row
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples

# (who, the script's mode)
_MODES = (
    ("the function called by itself", "plain"),
    ("fr, declared", "declared"),
    ("fr, not declared", "report"),
    ("fr, `track: auto`", "auto"),
)
_READS = (("open", "a file, first"), ("again", "the file again"), ("getenv", "a variable"))


def measure_reads(bench: Bench) -> Outcome:
    """A node that opens many small files, each twice, and reads as many environment variables."""
    count = bench.sized(1_000, 100)
    figures: list[Figure] = []
    found: dict[str, dict[str, Samples]] = {}
    for who, mode in _MODES:
        command = bench.inside("fr", "reads.py", mode, str(count), str(bench.runs))
        _, text = command.time_and_read()
        seconds: dict[str, list[float]] = json.loads(text.splitlines()[-1])
        found[mode] = {key: Samples.of(seconds[key]).scaled(1e6 / count) for key, _ in _READS}
        for key, what in _READS:
            figures.append(Figure.of(who, what, "us", found[mode][key]))
            bench.say(f"{what}: {who} {found[mode][key].median:.4g} µs")
    plain = found["plain"]["open"].median
    verdicts = [
        Verdict(
            f"{who}: {bound} µs above opening a file",
            bound,
            "us",
            tuple(max(0.0, value - plain) for value in found[mode]["open"].values),
        )
        for (who, mode), bound in zip(_MODES[2:], (100, 250), strict=True)
    ]
    return Outcome(figures, verdicts)


ROWS = (Row("reads", "Noticing what a node reads", measure_reads),)
