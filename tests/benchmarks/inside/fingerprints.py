"""Time an engine's fingerprint of a value, beside the reference where it is installed.

    python fingerprints.py ENGINE array|frame|nested SIZE REPEATS

Prints one JSON object: the engine's seconds, and those of raw xxh3-128 over the same bytes, taken in
turn, where the value is one buffer and xxhash is there. The first of each only warms up.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

from sample_values import MAKERS


def fr() -> Callable[[Any], Any]:
    """Value identity, as records hold it."""
    from fingerprint_runner.fingerprints.identity import identify

    return identify


def dask() -> Callable[[Any], Any]:
    """`tokenize`."""
    from dask.base import tokenize

    return tokenize


def joblib() -> Callable[[Any], Any]:
    """`joblib.hash`, as `Memory` uses it for arguments."""
    from joblib import hash as joblib_hash

    return joblib_hash


def hamilton() -> Callable[[Any], Any]:
    """The data version of its cache."""
    from hamilton.caching.fingerprinting import hash_value

    return hash_value


def redun() -> Callable[[Any], Any]:
    """The value hash of its type registry."""
    from redun.value import get_type_registry

    return get_type_registry().get_hash


def pickling() -> Callable[[Any], Any]:
    """No fingerprint: what one pass over the value by pickle's protocol 5 costs."""
    return lambda value: pickle.dumps(value, protocol=5)


ENGINES = {each.__name__: each for each in (fr, dask, joblib, hamilton, redun, pickling)}


def raw(value: Any) -> Callable[[], Any] | None:
    """xxh3-128 of the value's buffer."""
    try:
        from xxhash import xxh3_128_digest

        view = memoryview(value).cast("B")
    except (ImportError, TypeError):
        return None
    return lambda: xxh3_128_digest(view)


def main(engine: str, kind: str, size: int, repeats: int) -> None:
    """Measure and print."""
    value = MAKERS[kind](size)
    fingerprint = ENGINES[engine]()
    reference = raw(value)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        fingerprint(value)
        ours.append(time.perf_counter() - began)
        if reference is not None:
            began = time.perf_counter()
            reference()
            theirs.append(time.perf_counter() - began)
    print(json.dumps({"engine": ours[1:], "raw": theirs[1:]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
