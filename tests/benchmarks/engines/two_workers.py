"""Independent jobs on two workers: how each engine is told of them, and which command runs them.

Invariants: every engine keeps results as it usually does, in a new folder; threads where jobs
sleep and processes where they compute, if the engine leaves the choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.engines.doit import Doit
from benchmarks.engines.fr import Fr
from benchmarks.engines.ninja import Ninja
from benchmarks.engines.protocol import Engine
from benchmarks.engines.pytask import Pytask
from benchmarks.engines.snakemake import Snakemake
from benchmarks.graphs import Node, Project
from benchmarks.processes import Command

SLEEP_S = 0.02

WORK = '''"""Jobs."""

import time


def nap(number: int) -> int:
    time.sleep(0.02)
    return number


def burn(number: int) -> int:
    total = 0
    for each in range(1_000_000):
        total += each * each % 7
    return total + number
'''

_HEAD = """import sys

import work

kind, count = sys.argv[1], int(sys.argv[2])
job = getattr(work, kind)
"""

_ALONE = _HEAD + "for number in range(count):\n    job(number)\n"

_POOL = (
    _HEAD
    + """
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

if __name__ == "__main__":
    with (ThreadPoolExecutor if kind == "nap" else ProcessPoolExecutor)(2) as pool:
        list(pool.map(job, range(count)))
"""
)

_JOBLIB = (
    _HEAD
    + """
from joblib import Memory, Parallel, delayed

cached = Memory(".joblib", verbose=0).cache(job)
prefer = "threads" if kind == "nap" else "processes"
Parallel(n_jobs=2, prefer=prefer)(delayed(cached)(number) for number in range(count))
"""
)

_DASK = (
    _HEAD
    + """
import dask

if __name__ == "__main__":
    scheduler = "threads" if kind == "nap" else "processes"
    dask.compute(*[dask.delayed(job)(number) for number in range(count)], scheduler=scheduler, num_workers=2)
"""
)

_HAMILTON = """import sys

import flow
from hamilton import driver
from hamilton.execution import executors

if __name__ == "__main__":
    kind, count = sys.argv[1], int(sys.argv[2])
    pool = executors.MultiThreadingExecutor(2) if kind == "nap" else executors.MultiProcessingExecutor(2)
    built = (
        driver.Builder()
        .with_modules(flow)
        .enable_dynamic_execution(allow_experimental_mode=True)
        .with_remote_executor(pool)
        .with_cache()
        .build()
    )
    built.execute(["all_done"], inputs={"count": count, "kind": kind})
"""

_HAMILTON_FLOW = """import work
from hamilton.htypes import Collect, Parallelizable


def number(count: int) -> Parallelizable[int]:
    yield from range(count)


def done(number: int, kind: str) -> int:
    return getattr(work, kind)(number)


def all_done(done: Collect[int]) -> int:
    return sum(done)
"""

_REDUN = """from redun import task

import work

redun_namespace = "jobs"


@task()
def nap(number: int) -> int:
    return work.nap(number)


@task()
def burn(number: int) -> int:
    return work.burn(number)


@task()
def main(kind: str, count: int):
    job = nap if kind == "nap" else burn
    return [job(number) for number in range(count)]
"""


def _redun_config(kind: str) -> str:
    mode = "thread" if kind == "nap" else "process"
    return (
        "[backend]\ndb_uri = sqlite:///redun.db\n\n"
        f"[executors.default]\ntype = local\nmode = {mode}\nmax_workers = 2\n"
    )


@dataclass(frozen=True)
class Jobs:
    """How one engine does independent jobs.

    Attributes:
        name: as the table shows it.
        environment: whose pins it needs.
        layout: (kind, count) → path → text.
        arguments: (kind, count) → the program beside Python, and its arguments.
        environ: variables, given the folder and Python.
    """

    name: str
    environment: str
    layout: Callable[[str, int], dict[str, str]]
    arguments: Callable[[str, int], tuple[str, ...]]
    environ: Callable[[Path, Path], dict[str, str]] = field(default=lambda python, folder: {})

    def command(self, python: Path, folder: Path, kind: str, count: int) -> Command:
        """What runs all jobs."""
        program, *arguments = self.arguments(kind, count)
        argv = (str(python.with_name(program)), *arguments)
        return Command(argv, folder, self.environ(python, folder), 300)


def _script(name: str, environment: str, text: str, **more: str) -> Jobs:
    return Jobs(
        name,
        environment,
        lambda kind, count: {"work.py": WORK, "main.py": text, **more},
        lambda kind, count: ("python", "main.py", kind, str(count)),
    )


def _project(kind: str, count: int) -> Project:
    nodes = [Node(f"n{number}", f"work:{kind}", {}, {"number": number}) for number in range(count)]
    return Project({"work.py": WORK}, tuple(nodes))


def _graph(engine: Engine, name: str, *arguments: str) -> Jobs:
    """An engine that is told of a graph, with other arguments of its command."""

    def environ(python: Path, folder: Path) -> dict[str, str]:
        return dict(engine.command(python, folder).environ)

    return Jobs(
        name,
        engine.environment,
        lambda kind, count: engine.layout(_project(kind, count)),
        lambda kind, count: arguments,
        environ,
    )


def _ninja_jobs(kind: str, count: int) -> dict[str, str]:
    text = "rule nap\n  command = sleep 0.02 && touch $out\n"
    return {"build.ninja": text + "".join(f"build out/n{number}: nap\n" for number in range(count))}


ALONE = _script("one after the other, no engine", "fr", _ALONE)
POOL = _script("a pool of Python's", "fr", _POOL)
OURS = _graph(Fr(), "fr", "fr", "run", "-q")
NINJA = Jobs("ninja", Ninja().environment, _ninja_jobs, lambda kind, count: ("ninja", "--quiet", "-j2"))

ALL = (
    POOL,
    OURS,
    _graph(Doit(), "doit", "doit", "run", "-n", "2", "--reporter", "error-only"),
    _script("dask", "dask", _DASK),
    _script("joblib", "joblib", _JOBLIB),
    _script("Hamilton", "hamilton", _HAMILTON, **{"flow.py": _HAMILTON_FLOW}),
    Jobs(
        "redun",
        "redun",
        lambda kind, count: {"work.py": WORK, "flow.py": _REDUN, ".redun/redun.ini": _redun_config(kind)},
        lambda kind, count: ("redun", "run", "flow.py", "main", "--kind", kind, "--count", str(count)),
    ),
    _graph(Snakemake(), "snakemake", "snakemake", "--cores", "2", "--quiet", "all"),
    _graph(Pytask(), "pytask-parallel", "pytask", "--verbose", "0", "-n", "2", "--parallel-backend", "loky"),
)
