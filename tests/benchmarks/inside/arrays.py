"""Store or restore one large array by an engine's own means, in a process of its own.

    python arrays.py ENGINE make|store|restore BYTES     in a folder that both share

Prints one JSON object: the seconds of the step alone. `make` only makes the array, for its memory.
What earlier processes left to be written is written first, so that nobody pays for another's pages.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sample_values import array

ARRAY: Any = None
Step = Callable[[], Any]


def make_big() -> Any:
    """What memoised functions return: nothing is computed."""
    return ARRAY


def numpy(step: str, mapped: bool = False) -> Step:
    """`np.save`, `np.load`."""
    import numpy as np

    if step == "store":
        return lambda: np.save("numpy.npy", ARRAY)
    return lambda: np.load("numpy.npy", mmap_mode="c" if mapped else None)


def plain(step: str) -> Step:
    """One write of the buffer, and its sync."""

    def store() -> None:
        with open("plain.bin", "wb") as file:  # noqa: PTH123
            file.write(memoryview(ARRAY).cast("B"))
            file.flush()
            os.fsync(file.fileno())

    return store


def fr(step: str) -> Step:
    """The store, as a node's outcome goes there: fingerprint, artifact, sync."""
    import pickle

    from fingerprint_runner import open_storage

    storage = open_storage("fr-cache")
    kept = Path("fr.pickle")

    def store() -> None:
        record = storage.store_value(ARRAY, is_first_party=lambda module: False)
        storage.flush()
        kept.write_bytes(pickle.dumps(record.artifact))

    if step == "store":
        return store
    artifact = pickle.loads(kept.read_bytes())
    return lambda: storage.load_value(artifact)


def joblib(step: str, mapped: bool = False) -> Step:
    """`Memory`, whose arguments are nothing."""
    from joblib import Memory

    memory = Memory("joblib-cache", verbose=0, mmap_mode="c" if mapped else None)
    return memory.cache(make_big)


def hamilton(step: str) -> Step:
    """A driver with its cache, and one node."""
    sys.path.insert(0, str(Path.cwd()))
    text = "import numpy\n\nimport __main__\n\n\ndef big() -> numpy.ndarray:\n    return __main__.ARRAY\n"
    Path("hamilton_flow.py").write_text(text)
    import hamilton_flow
    from hamilton import driver

    built = driver.Builder().with_modules(hamilton_flow).with_cache("hamilton-cache").build()
    return lambda: built.execute(["big"])["big"]


def redun(step: str) -> Step:
    """A scheduler with a value store, where its documentation wants large values."""
    from redun import Scheduler, task
    from redun.config import Config

    settings = {
        "db_uri": "sqlite:///redun.db",
        "value_store_path": str(Path.cwd() / "redun-values"),
        "max_value_size": str(1 << 40),
    }
    scheduler = Scheduler(config=Config({"backend": settings}))
    scheduler.load()
    big = task(name="big", namespace="arrays", check_valid="shallow")(make_big)
    return lambda: scheduler.run(big())


def diskcache(step: str) -> Step:
    """One key."""
    from diskcache import Cache

    cache = Cache("diskcache", size_limit=1 << 40)
    if step == "store":
        return lambda: cache.set("big", ARRAY)
    return lambda: cache["big"]


ENGINES: dict[str, Callable[..., Step]] = {
    each.__name__: each for each in (numpy, plain, fr, joblib, hamilton, redun, diskcache)
}


def main(engine: str, step: str, size: int) -> None:
    """Do one step."""
    global ARRAY
    if step in ("make", "store"):
        ARRAY = array(size)
    if step == "make":
        print(json.dumps({"seconds": 0.0}))
        return
    importlib.import_module("numpy")  # whoever loads arrays has it
    name, _, mapped = engine.partition("-")
    run = ENGINES[name](step, mapped=True) if mapped else ENGINES[name](step)
    os.sync()
    began = time.perf_counter()
    value = run()
    seconds = time.perf_counter() - began
    if step == "restore":
        assert value.nbytes == size, f"{value.nbytes} bytes"
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
