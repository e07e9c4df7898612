"""The command `run.py`: measures rows, keeps their results, and writes the page's tables."""

from __future__ import annotations

import argparse
import datetime
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench import Bench, Row
from benchmarks.catalogue import ROWS
from benchmarks.environments import CHECKOUT, Environments, default_folder
from benchmarks.overview import parts_of
from benchmarks.results import Conditions, Result, read_results, write_results
from benchmarks.tables import PageError, rendered, write_page
from benchmarks.workspace import remove

RESULTS = CHECKOUT / "docs" / "benchmarks.json"
PAGE = CHECKOUT / "docs" / "benchmarks.md"
HELP = """Measure the rows of docs/benchmarks.md, ours and the alternatives' side by side.

    python tests/benchmarks/run.py                       every row, at full size: hours
    python tests/benchmarks/run.py starting digits       some rows
    python tests/benchmarks/run.py --quick               every row, cut down: to see that all works
    python tests/benchmarks/run.py --write-docs          the page's tables, from docs/benchmarks.json

Results of full sizes go to docs/benchmarks.json, beside those of rows that weren't run.
"""


def main(arguments: list[str]) -> int:
    """The command; gives its exit status."""
    # Terminated, it still ends what it started, and removes what it made.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.rows if name not in ROWS]:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if options.list:
        for row in ROWS.values():
            print(f"{row.name:14} {row.title}")
        return 0
    results_file = options.results or (None if options.quick else RESULTS)
    if options.write_docs and not options.rows:
        return _write_docs(results_file or RESULTS)
    environments = Environments(options.environments, options.python)
    for name in options.rows or list(ROWS):
        runs = options.runs or (3 if options.quick else 20)
        result = _measured(ROWS[name], environments, runs, options.quick)
        print(rendered(result), flush=True)
        if results_file is not None:
            write_results(results_file, [result], ROWS)
    return _write_docs(results_file or RESULTS) if options.write_docs else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to measure; all by default (see --list)")
    parser.add_argument("--list", action="store_true", help="list the rows, measure nothing")
    parser.add_argument("--quick", action="store_true", help="small sizes, 3 rounds; keeps no results")
    parser.add_argument("--runs", type=int, metavar="N", help="rounds that count; 20, or 3 with --quick")
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="DIR",
        default=default_folder(),
        help="where the alternatives are installed, once; %(default)s",
    )
    parser.add_argument("--python", default=sys.executable, metavar="PYTHON", help="makes the environments")
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="where results go; docs/benchmarks.json, unless --quick"
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="write the tables of docs/benchmarks.md; alone, measure nothing",
    )
    return parser


def _measured(row: Row, environments: Environments, runs: int, quick: bool) -> Result:
    print(f"{row.name}: {row.title}", flush=True)
    scratch = Path(tempfile.mkdtemp(prefix="fr-benchmark-"))
    bench = Bench(environments, scratch, runs, quick)
    load, commit = os.getloadavg()[0], _commit()
    began = time.perf_counter()
    try:
        outcome = row.measure(bench)
    finally:
        remove(scratch)
    conditions = Conditions(
        date=datetime.date.today().isoformat(),
        commit=commit,
        machine=f"{os.cpu_count()} shared cores with a load of {load:.1f} at the start",
        python=environments.python_version,
        versions=environments.versions(bench.used),
        runs=runs,
        quick=quick,
        seconds=round(time.perf_counter() - began, 1),
    )
    return Result(row.name, tuple(outcome.figures), tuple(outcome.verdicts), conditions, outcome.details)


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "fingerprint_runner", "cli", "tests/benchmarks")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")


def _write_docs(results_file: Path) -> int:
    try:
        write_page(PAGE, parts_of(read_results(results_file)))
    except PageError as error:
        print(f"{error}", file=sys.stderr)
        return 2
    print(f"wrote the tables of {PAGE.relative_to(CHECKOUT)}")
    return 0
