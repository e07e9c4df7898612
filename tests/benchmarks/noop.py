"""How long a run takes that finds nothing to do, as a multiple of `python -c "import click"`.

    python tests/benchmarks/noop.py [RUNS]

Builds a wheel from this checkout, installs it with the `examples` extra into an environment of its
own, trains a copy of the digits example once, and then starts the two commands in turn, RUNS times
each (default 20). A wheel, because an editable install costs every start of Python a finder.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def main(runs: int) -> None:
    """Measure, and print medians and their ratio."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        python = install(folder)
        project = folder / "digits"
        shutil.copytree(
            CHECKOUT / "docs/examples/digits", project, ignore=shutil.ignore_patterns(".cache", "reports")
        )
        fr = [str(python.with_name("fr")), "run", "-q"]
        subprocess.run(fr, cwd=project, check=True)
        imports_click = [str(python), "-c", "import click"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        times: dict[str, list[tuple[float, float]]] = {"fr": [], "click": []}
        for _ in range(runs + 1):  # the first of each only warms up
            times["fr"].append(measure(fr, project, environment))
            times["click"].append(measure(imports_click, project, environment))
        report(times)


def install(folder: Path) -> Path:
    """An environment with the wheel in it; gives its Python."""
    environment = folder / "environment"
    venv.create(environment, with_pip=True, symlinks=True)
    python = environment / "bin" / "python"
    pip = [str(python), "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(folder / "dist"), str(CHECKOUT)], check=True)
    wheel = next((folder / "dist").glob("*.whl"))
    subprocess.run([*pip, "install", f"{wheel}[examples]"], check=True)
    return python


def measure(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Wall-clock and CPU seconds of one run of a command."""
    before = os.times()
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu


def report(times: dict[str, list[tuple[float, float]]]) -> None:
    """Print medians and ratios."""
    medians = {}
    for name, found in times.items():
        wall = statistics.median(pair[0] for pair in found[1:])
        cpu = statistics.median(pair[1] for pair in found[1:])
        medians[name] = wall
        print(f"{name:>6}: {wall * 1000:.0f} ms (CPU {cpu * 1000:.0f} ms)")
    ratios = sorted(a[0] / b[0] for a, b in zip(times["fr"][1:], times["click"][1:], strict=True))
    print(f" ratio: {statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f}, pair by pair)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
