"""The benchmark suite: every goal of docs/benchmarks.md, measured beside the alternatives.

`run.py` is its command. Rows are measured by the modules of `rows/`; an alternative is known to
them through its adapter in `engines/`; what is timed inside a process lies in `inside/`.
"""
