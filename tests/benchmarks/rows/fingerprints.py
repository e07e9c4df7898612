"""How long it takes to say which value a value is."""

from __future__ import annotations

import json
from collections.abc import Callable

from benchmarks.bench import Bench, Outcome, Row
from benchmarks.processes import CommandFailed
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples, in_turn

RAW = "raw xxh3-128"

# (who, script's name, environment)
_ENGINES = (
    ("fr", "fr", "fr"),
    ("dask tokenize", "dask", "dask"),
    ("joblib.hash", "joblib", "joblib"),
    ("Hamilton", "hamilton", "hamilton"),
    ("redun", "redun", "redun"),
    ("pickle, protocol 5", "pickling", "fr"),
)

Found = dict[str, list[float]]


def measure_fingerprints(bench: Bench) -> Outcome:
    """Three values: a large array, a frame with texts, nested lists."""
    size = bench.sized(1 << 30, 1 << 26)
    rows = bench.sized(1_000_000, 50_000)
    leaves = bench.sized(800_000, 40_000)
    arrays = _measured(bench, "array", size)
    frames = _measured(bench, "frame", rows)
    lists = _measured(bench, "nested", leaves)
    figures = [
        *_figures(arrays, f"array, {size >> 20:,} MiB of float32"),
        *_figures(frames, f"frame, {rows:,} x 10"),
        *_figures(lists, f"lists, {leaves:,} leaves"),
    ]
    verdicts = [_rate_verdict(arrays)]
    for found, what in ((frames, "the frame"), (lists, "the nested lists")):
        ours = found["fr"]
        verdicts.append(Verdict(f"{what}: 60 ms", 0.06, "s", tuple(ours["engine"]) if ours else ()))
    return Outcome(figures, verdicts)


def _measured(bench: Bench, kind: str, size: int) -> dict[str, Found | None]:
    things: dict[str, Callable[[], Found | None]] = {}
    for who, name, environment in _ENGINES:
        things[who] = _guarded(bench, who, name, environment, kind, size)
    rounds = in_turn(things, min(bench.runs, 3), lambda found: sum(found["engine"]) if found else 0.0)
    merged: dict[str, Found | None] = {}
    for who, found in rounds.items():
        good = [each for each in found if each is not None]
        merged[who] = (
            {key: [seconds for each in good for seconds in each[key]] for key in ("engine", "raw")}
            if good
            else None
        )
        if good:
            bench.say(f"{kind}: {who} {Samples.of(merged[who]['engine']).median:.4g} s")  # type: ignore[index]
    return merged


def _guarded(
    bench: Bench, who: str, name: str, environment: str, kind: str, size: int
) -> Callable[[], Found | None]:
    def measure() -> Found | None:
        command = bench.inside(environment, "fingerprints.py", name, kind, str(size), "3", bound_s=300)
        try:
            _, text = command.time_and_read()
        except CommandFailed as error:
            bench.say(f"{kind}: {who} {error.reason}")
            return None
        found: Found = json.loads(text.splitlines()[-1])
        return found

    return measure


def _figures(found: dict[str, Found | None], what: str) -> list[Figure]:
    figures = []
    for who, seconds in found.items():
        if seconds is None:
            figures.append(Figure(who, what, note="fails"))
            continue
        figures.append(Figure.of(who, what, "s", Samples.of(seconds["engine"])))
        if who == "fr" and seconds["raw"]:
            figures.insert(0, Figure.of(RAW, what, "s", Samples.of(seconds["raw"])))
    return figures


def _rate_verdict(found: dict[str, Found | None]) -> Verdict:
    goal = "the array: nine tenths of the rate of raw xxh3-128 over its bytes"
    ours = found["fr"]
    if ours is None:
        return Verdict(goal, 0.9, "ratio", note="failed")
    rate = Samples.of(ours["raw"]).ratio_to(Samples.of(ours["engine"]))
    return Verdict(goal, 0.9, "ratio", rate.values, at_least=True)


ROWS = (Row("fingerprints", "Fingerprints of values", measure_fingerprints),)
