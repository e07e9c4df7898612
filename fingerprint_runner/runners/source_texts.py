"""`source_texts`: which first-party module had which text, for a record to keep.

Invariants: a text is read only where the store doesn't have it; what is read is compared with the digest that
was planned by whoever keeps it, so a file that was edited meanwhile is left out and never mistaken.
"""

from __future__ import annotations

from fingerprint_runner.errors import SourceChanged
from fingerprint_runner.fingerprints.manifest import TracePart
from fingerprint_runner.runners.world import PresentWorld
from fingerprint_runner.storage.module_texts import SourceTexts


def source_texts(world: PresentWorld, code: TracePart) -> SourceTexts:
    """The texts of the modules that a trace speaks of.

    Args:
        world: as it was when the trace was answered.
        code: the trace with its answers: the modules of its closures, and those that its symbols name.
    """
    digests = world.modules(query.argument for query in code.answers if query.kind == "closure")
    for module in {name.partition(":")[0] for name in code.symbols} - digests.keys():
        try:
            digest = world.sources.module_digest(module)
        except SourceChanged:
            continue
        if digest is not None:
            digests[module] = digest
    located = {module: world.locator.locate(module) for module in digests}
    return SourceTexts(
        {module: digest for module, digest in digests.items() if located[module].is_source},
        lambda module: module_text(world, module),
    )


def module_text(world: PresentWorld, module: str) -> bytes | None:
    """The text of a first-party module as it is now; None where there is none that can be read."""
    where = world.locator.locate(module)
    if where.kind != "first-party" or not where.is_source or where.path is None:
        return None
    try:
        return world.locator.read_text(where.path)[0]
    except (OSError, ValueError, SourceChanged):
        return None
