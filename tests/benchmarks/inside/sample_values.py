"""The values that are fingerprinted and stored: the same for everyone, made anew in each process."""

from __future__ import annotations

from typing import Any


def array(bytes_: int) -> Any:
    """Random float32 numbers, C order."""
    import numpy as np

    return np.random.default_rng(7).random(bytes_ // 4, dtype=np.float32)


def frame(rows: int) -> Any:
    """Ten columns: six of floats, two of integers, two of texts."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(7)
    columns: dict[str, Any] = {f"float_{number}": random.random(rows) for number in range(6)}
    columns |= {f"int_{number}": random.integers(0, 1 << 40, rows) for number in range(2)}
    columns["city"] = [f"city {number}" for number in random.integers(0, 1000, rows)]
    columns["code"] = [f"{number:x}" for number in random.integers(0, 1 << 40, rows)]
    return pd.DataFrame(columns)


def nested(leaves: int) -> list[Any]:
    """Lists of small lists: eight leaves each, of every plain type."""
    return [
        [number, number / 7, f"key {number % 1000}", None, number % 2 == 0, [number + 1, "x", -number]]
        for number in range(leaves // 8)
    ]


MAKERS = {"array": array, "frame": frame, "nested": nested}
