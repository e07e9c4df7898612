"""Storing and restoring a large array, the memory that takes, and what a scalar below it restores."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.bench import Bench, Outcome, Row, figure_of, ratio_verdict
from benchmarks.engines.fr import Fr
from benchmarks.engines.hamilton import Hamilton
from benchmarks.engines.joblib_memory import JoblibMemory
from benchmarks.engines.protocol import Engine
from benchmarks.engines.redun import Redun
from benchmarks.graphs import Node, Project
from benchmarks.processes import Command, CommandFailed
from benchmarks.results import Figure, Verdict
from benchmarks.samples import Samples, in_turn
from benchmarks.workspace import remove

_STORE, _PEAK, _RESTORE = "store", "peak memory", "restore"
_ALONE = "making the array alone"
_MAPPED = 'np.load(mmap_mode="c")'

# (who, script's name, environment)
_STORES = (
    ("fr", "fr", "fr"),
    ("np.save", "numpy", "fr"),
    ("plain write, synced", "plain", "fr"),
    ("joblib.Memory", "joblib", "joblib"),
    ("diskcache", "diskcache", "diskcache"),
    ("Hamilton", "hamilton", "hamilton"),
    ("redun", "redun", "redun"),
)
_RESTORES = (
    ("fr", "fr", "fr"),
    (_MAPPED, "numpy-mapped", "fr"),
    ("np.load", "numpy", "fr"),
    ("joblib.Memory", "joblib", "joblib"),
    ("joblib.Memory, mapped", "joblib-mapped", "joblib"),
    ("diskcache", "diskcache", "diskcache"),
    ("Hamilton", "hamilton", "hamilton"),
    ("redun", "redun", "redun"),
)


@dataclass(frozen=True)
class _Step:
    seconds: float
    peak_bytes: int
    note: str = ""


def measure_arrays(bench: Bench) -> Outcome:
    """Store in one process, restore in another."""
    size = bench.sized(1 << 30, 1 << 26)
    alone = _step(bench, "numpy", "fr", "make", size)
    stored = in_turn(
        {who: _storing(bench, name, where, size) for who, name, where in _STORES},
        min(bench.runs, 5),
        lambda each: each.seconds,
    )
    stored["dvc add, after np.save"] = [_dvc_add(bench, size)]
    restored = in_turn(
        {who: lambda n=name, w=where: _step(bench, n, w, "restore", size) for who, name, where in _RESTORES},
        min(bench.runs, 10),
        lambda each: each.seconds,
    )
    restored["dvc checkout"] = [_dvc_checkout(bench)]
    figures = [Figure(_ALONE, _PEAK, "bytes", (alone.peak_bytes,))]
    figures += _figures(bench, stored, _STORE, with_peak=True)
    figures += _figures(bench, restored, _RESTORE)
    figures.sort(key=lambda figure: (_STORE, _PEAK, _RESTORE).index(figure.what))
    scalar = _below_a_scalar(bench, size)
    verdicts = [
        ratio_verdict(
            "store: no slower than `np.save`, fingerprint included",
            1.0,
            figure_of(figures, "fr", _STORE),
            figure_of(figures, "np.save", _STORE),
        ),
        _memory_verdict(figures, size),
        ratio_verdict(
            f"restore: 3 times `{_MAPPED}`",
            3.0,
            figure_of(figures, "fr", _RESTORE),
            figure_of(figures, _MAPPED, _RESTORE),
        ),
        _scalar_verdict(scalar, size),
    ]
    return Outcome(figures + scalar, verdicts)


def _storing(bench: Bench, name: str, environment: str, size: int) -> Callable[[], _Step]:
    """Storing anew each time: what the engine made before goes first, but for the last time."""

    def measure() -> _Step:
        for path in bench.scratch.glob(f"{name}*"):
            remove(path) if path.is_dir() else path.unlink()
        return _step(bench, name, environment, "store", size)

    return measure


def _step(bench: Bench, name: str, environment: str, step: str, size: int) -> _Step:
    command = bench.inside(environment, "arrays.py", name, step, str(size), bound_s=300)
    try:
        timing, text = command.time_and_read()
    except CommandFailed as error:
        bench.say(f"{step}: {name} {error.reason}")
        return _Step(0.0, 0, error.reason)
    return _Step(json.loads(text.splitlines()[-1])["seconds"], timing.peak_bytes)


def _figures(
    bench: Bench, found: dict[str, list[_Step]], what: str, *, with_peak: bool = False
) -> list[Figure]:
    figures = []
    for who, steps in found.items():
        if notes := [step.note for step in steps if step.note]:
            figures.append(Figure(who, what, note=notes[0]))
            continue
        seconds = Samples.of(step.seconds for step in steps)
        figures.append(Figure.of(who, what, "s", seconds))
        bench.say(f"{what}: {who} {seconds.median:.4g} s")
        if with_peak:
            peaks = Samples.of(float(step.peak_bytes) for step in steps)
            figures.append(Figure.of(who, _PEAK, "bytes", peaks))
    return figures


def _memory_verdict(figures: list[Figure], size: int) -> Verdict:
    goal = "store: memory for one array; at most a tenth of it on top of making the array"
    peak, alone = figure_of(figures, "fr", _PEAK), figure_of(figures, _ALONE, _PEAK)
    assert alone is not None
    more = tuple(each - alone.samples[0] for each in peak.samples) if peak else ()
    return Verdict(goal, size / 10, "bytes", more)


def _dvc(bench: Bench, *arguments: str) -> Command:
    dvc = str(bench.python("dvc").with_name("dvc"))
    environ = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(bench.scratch / "dvc-site")}
    return Command((dvc, *arguments), bench.scratch / "dvc", environ, 300)


def _dvc_add(bench: Bench, size: int) -> _Step:
    """The file is there already: dvc digests it, and links or copies it into its cache."""
    folder = bench.scratch / "dvc"
    folder.mkdir()
    shutil.copy(bench.scratch / "numpy.npy", folder / "big.npy")
    _dvc(bench, "init", "-q", "--no-scm").time()
    timing = _dvc(bench, "add", "-q", "big.npy").time()
    return _Step(timing.wall_s, timing.peak_bytes)


def _dvc_checkout(bench: Bench) -> _Step:
    """The file is gone, and comes back from dvc's cache; nothing is loaded."""
    (bench.scratch / "dvc" / "big.npy").unlink()
    timing = _dvc(bench, "checkout", "-q").time()
    return _Step(timing.wall_s, timing.peak_bytes)


# --- a scalar below an array -----------------------------------------------------------------------

_STEPS = '''"""An array, a scalar made from it, and a text made from the scalar."""

import numpy as np


def big(size: int) -> np.ndarray:
    return np.ones(size, dtype=np.float32)


def mean(big: np.ndarray) -> float:
    return float(big.mean())


def line(mean: float, title: str) -> str:
    return f"{title}: {mean}"
'''


def _below_a_scalar(bench: Bench, size: int) -> list[Figure]:
    """The text's config is edited: only the scalar is needed. Memory shows whether the array came back."""
    engines: tuple[Engine, ...] = (Fr(), Hamilton(), JoblibMemory(), Redun(large_values=True))
    figures = []
    for engine in engines:
        workspace = bench.workspace(engine, "scalar", 300)
        project = Project(
            {"steps.py": _STEPS},
            (
                Node("big", "steps:big", {}, {"size": size // 4}),
                Node("mean", "steps:mean", {"big": "big"}),
                Node("line", "steps:line", {"mean": "mean"}, {"title": "a"}),
            ),
        )
        try:
            workspace.write(project)
            workspace.run()
            timings = []
            for title in "bcdefgh"[: min(bench.runs, 5)]:
                workspace.write(project.with_config("line", title=title))
                timings.append(workspace.run())
            wall = Samples.of(timing.wall_s for timing in timings)
            peaks = Samples.of(float(timing.peak_bytes) for timing in timings)
            figures.append(Figure.of(engine.name, "edit below a scalar", "s", wall))
            figures.append(Figure.of(engine.name, "its peak memory", "bytes", peaks))
            bench.say(
                f"edit below a scalar: {engine.name} {wall.median:.4g} s, {peaks.median / 2**20:.0f} MiB"
            )
        except CommandFailed as error:
            figures.append(Figure(engine.name, "edit below a scalar", note=error.reason))
        workspace.remove()
    return figures


def _scalar_verdict(figures: list[Figure], size: int) -> Verdict:
    goal = "an edit below a scalar restores nothing: peak memory under half an array"
    peak = figure_of(figures, "fr", "its peak memory")
    return Verdict(goal, size / 2, "bytes", peak.samples if peak else ())


ROWS = (Row("arrays", "Storing and restoring a large array", measure_arrays),)
