"""`fr validate`."""

from __future__ import annotations

import click

from .options import common, json_option, set_option, targets_argument
from .streams import say


def _show_schema(ctx: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        # For weight: nothing else needs the schema.
        import json

        from fingerprint_runner.graph.json_schema import graph_file_schema

        say(json.dumps(graph_file_schema(), indent=2))
        ctx.exit()


@click.command("validate")
@targets_argument
@set_option
@click.option(
    "--schema",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_schema,
    help="Print the graph file's JSON Schema, for editors, and check nothing.",
)
@json_option
@common
def command(
    targets: tuple[str, ...],
    overrides: tuple[str, ...],
    as_json: bool,
    file: str | None,
    cache_dir: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Check the graph file and its components, importing them; runs no node.

    Shows all problems at once and exits with 2 when there are any.
    """
    from fingerprint_runner.errors import InvalidGraph

    from .errors import print_json
    from .words import MANY, count_text, names_text
    from .workspace import open_workspace

    with open_workspace(file, cache_dir, overrides) as workspace:
        problems = workspace.runner().validate(targets or None)
    if problems:
        raise InvalidGraph(problems)
    schema = workspace.schema
    if as_json:
        print_json({"ok": True, "nodes": len(schema.nodes), "targets": list(schema.target_names)})
    elif not quiet:
        where = "the graph" if schema.origin is None else schema.origin.shown
        say(f"{where}: {count_text(len(schema.nodes), 'node')}, all well")
        say(f"targets: {names_text(schema.target_names, most=MANY)}")
    return 0
