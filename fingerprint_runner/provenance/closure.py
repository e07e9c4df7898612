"""`Closure`: the answer to "what can run when this is used", as the rest of the package sees it.

Invariants: a closure is a value; it holds no machine fact (R3), so it may be compared across machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Closure:
    """All that static reading reaches from a root.

    Attributes:
        root: `module:qualname`, or `module:*` for a whole module and what it loads.
        digest: the answer to the `closure` query.
        parts: every ingredient of `digest` under a name that a person understands, such as
            `module:symbol`, sorted by name.
        modules: every first-party module with a file that is loaded when the root is used →
            xxh3-128 of the file's bytes.
        packages: top-level names of the third-party modules that are imported, sorted.
        notes: where reading couldn't follow and widened.
    """

    root: str
    digest: str
    parts: Mapping[str, str]
    modules: Mapping[str, str]
    packages: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ImportReach:
    """What importing a module may change outside of it.

    Attributes:
        anything: whether it may change what reading can't name, such as a library's settings.
        modules: other first-party modules in which it changes something.
    """

    anything: bool
    modules: frozenset[str]
