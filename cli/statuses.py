"""Exit statuses of the contract."""

ALL_WELL = 0
FAILED = 1
"""A node failed."""
WRONG = 2
"""The command, config or graph is wrong; nothing ran."""
STALE = 3
"""`plan --check` found something stale or undecided."""
INTERRUPTED = 130
MISSING = 4
"""`cache verify` misses something; of these three the worst wins."""
CORRUPT = 5
"""`cache verify` found bytes that aren't what was written."""
FOREIGN = 6
"""`cache verify` found something that the cache never makes."""

DAMAGE_STATUSES = {"missing": MISSING, "corrupt": CORRUPT, "foreign": FOREIGN}
"""Kind of damage → status."""
