"""Exit statuses of the contract."""

ALL_WELL = 0
FAILED = 1
"""A node failed."""
WRONG = 2
"""The command, config or graph is wrong; nothing ran."""
STALE = 3
"""`plan --check` found something stale or undecided."""
INTERRUPTED = 130
