"""`fr cache verify`."""

from __future__ import annotations

import click

from .options import cache_option, file_option, json_option, quiet_option
from .statuses import ALL_WELL, DAMAGE_STATUSES
from .streams import say

_MOST_IN_JSON = 10_000


@click.command("verify")
@quiet_option
@json_option
@cache_option
@file_option
def command(quiet: bool, as_json: bool, cache_dir: str | None, file: str | None) -> int:
    """Read everything in the cache and compare it with what was written; changes nothing.

    Exits with 4 when something is missing, 5 when something is corrupt, 6 when something in the cache isn't
    the cache's own; the worst wins. Nothing of that gives a wrong result: what is damaged counts as not
    there, and its node runs again when it is needed.
    """
    from .cache_store import no_cache_text, open_cache
    from .errors import print_json
    from .progress import progress
    from .words import count_text, size_text

    found: dict[str, int] = {}
    listed: list[dict[str, object]] = []
    with open_cache(file, cache_dir) as storage, progress("verifying", quiet=quiet, in_bytes=True) as step:
        verification = storage.upkeep.verification(step)
        for damage in verification.damage():
            kind = damage.kind.value
            found[kind] = found.get(kind, 0) + 1
            if as_json and len(listed) < _MOST_IN_JSON:
                listed.append(
                    {
                        "kind": kind,
                        "what": damage.what,
                        "message": damage.message,
                        "nodes": list(damage.nodes),
                    }
                )
            elif not as_json:
                nodes = f" ({', '.join(damage.nodes)})" if damage.nodes else ""
                say(f"{click.style(f'{kind:>8}', fg='red')}  {damage.what} {damage.message}{nodes}")
    if as_json:
        print_json(
            {
                "ok": not found,
                "folder": str(storage.folder),
                "records": verification.records,
                "artifacts": verification.artifacts,
                "bytes": verification.bytes,
                "unreferenced": verification.unreferenced,
                "counts": {kind: found.get(kind, 0) for kind in DAMAGE_STATUSES},
                "damage": listed,
            }
        )
    elif not storage.folder.exists():
        say(no_cache_text(storage))
    elif not quiet:
        looked_at = (
            f"{count_text(verification.records, 'record')} and "
            f"{count_text(verification.artifacts, 'artifact')}, {size_text(verification.bytes)}"
        )
        counts = ", ".join(f"{count:,} {kind}" for kind, count in found.items())
        say(f"{looked_at}: {counts or 'all well'}")
        if verification.unreferenced:
            say(f"{count_text(verification.unreferenced, 'artifact')} without a record: pruning takes them")
    return max((DAMAGE_STATUSES[kind] for kind in found), default=ALL_WELL)
