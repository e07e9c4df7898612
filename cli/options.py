"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .complete import complete_input, complete_node, complete_set

Command = TypeVar("Command", bound=Callable[..., Any])

file_option = click.option(
    "-f",
    "--file",
    "file",
    metavar="FILE",
    help="The graph file; default: fr.yml, fr.yaml or fr.json, searched upwards.",
)
cache_option = click.option(
    "--cache-dir",
    metavar="DIR",
    envvar="FR_CACHE_DIR",
    help="The cache folder; default: .cache beside the graph file. [env: FR_CACHE_DIR]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Show more.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Show only failures.")
input_option = click.option(
    "--input",
    "inputs",
    metavar="NAME=VALUE",
    multiple=True,
    shell_complete=complete_input,
    help="Give the graph an input.",
)
set_option = click.option(
    "--set",
    "overrides",
    metavar="NODE.KEY=VALUE",
    multiple=True,
    shell_complete=complete_set,
    help="Change a config value for this call; VALUE is YAML.",
)
force_option = click.option(
    "--force",
    metavar="NODE",
    multiple=True,
    shell_complete=complete_node,
    help="Run NODE whatever the cache holds.",
)
force_from_option = click.option(
    "--force-from",
    metavar="NODE",
    multiple=True,
    shell_complete=complete_node,
    help="Run NODE and all that depends on it.",
)
targets_argument = click.argument("targets", metavar="[TARGET]...", nargs=-1, shell_complete=complete_node)
node_argument = click.argument("node", metavar="NODE", shell_complete=complete_node)


def common(command: Command) -> Command:
    """`-f`, `--cache-dir`, `-v`, `-q`."""
    for option in (quiet_option, verbose_option, cache_option, file_option):
        command = option(command)
    return command


def request(command: Command) -> Command:
    """What a run, plan or explanation is asked for: `--input`, `--set`, `--json`."""
    for option in (json_option, set_option, input_option):
        command = option(command)
    return command
