"""`fr cache`: the group of commands that look after the cache."""

from __future__ import annotations

import click

from .lazy_group import LazyGroup

COMMANDS = {
    "stats": ("cache_stats", "Say what the cache holds and how large it is."),
    "ls": ("cache_ls", "List the records of the cache."),
    "prune": ("cache_prune", "Drop what nobody needs: by size, age, or count."),
    "verify": ("cache_verify", "Read everything and compare it with what was written."),
    "pin": ("cache_pin", "Have a node's output, a record or a run never pruned."),
    "unpin": ("cache_unpin", "Let it be pruned again."),
    "clear": ("cache_clear", "Remove everything from the cache."),
}
"""Command → its module, and its line in `fr cache --help`."""


class CacheCommands(LazyGroup):
    """The commands of `fr cache`."""

    modules = COMMANDS


@click.group("cache", cls=CacheCommands)
def command() -> None:
    """Look into the cache, keep it small, check it."""
