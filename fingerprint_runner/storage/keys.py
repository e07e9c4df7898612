"""Keys of the table's rows.

    r/<fingerprint>   a record                     R/<run id>   a run
    f/<first key>     names of its traces          g/<digest>   a graph's last run
    q/<trace name>    a trace's queries            n/<digest>   newest record of a node and component
    c/<digest>        a manifest's code part       p/<fingerprint>   a record that is pinned
    s/<digest>        which module had which text  t/<digest>   a module's text
    generation        of the table

Invariants: keys are part of the store's format; no lookup of a plan rests on `n/`, `g/` and `p/` rows alone,
so their change doesn't raise the generation.
"""

from __future__ import annotations

import xxhash

GENERATION = "generation"
POINTERS = ("n/", "g/", "p/")


def record_key(fingerprint: str) -> str:
    """Of the record of a fingerprint."""
    return f"r/{fingerprint}"


def trace_list_key(first_key: str) -> str:
    """Of the list of a first key's traces."""
    return f"f/{first_key}"


def trace_key(name: str) -> str:
    """Of a trace's queries."""
    return f"q/{name}"


def code_key(name: str) -> str:
    """Of a code part."""
    return f"c/{name}"


def sources_key(name: str) -> str:
    """Of the list that says which module had which text."""
    return f"s/{name}"


def text_key(digest: str) -> str:
    """Of a module's text."""
    return f"t/{digest}"


def run_key(run_id: str) -> str:
    """Of a run record."""
    return f"R/{run_id}"


def graph_key(graph_id: str) -> str:
    """Of a graph's last run."""
    return f"g/{_digest(graph_id)}"


def newest_key(node: str, component: str) -> str:
    """Of the newest record of a node name with a component."""
    return f"n/{_digest(node, component)}"


def pin_key(fingerprint: str) -> str:
    """Of the pin on a record."""
    return f"p/{fingerprint}"


def _digest(*parts: str) -> str:
    content = [part.encode("utf-8", "surrogatepass") for part in parts]
    framed = b"".join(len(part).to_bytes(4, "little") + part for part in content)
    return str(xxhash.xxh3_128_hexdigest(framed))
