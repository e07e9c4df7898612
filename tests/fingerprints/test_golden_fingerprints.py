"""The fingerprint format is pinned: caches of earlier releases stay valid until it is changed on purpose.

`python tests/fingerprints/test_golden_fingerprints.py` writes the present digests to the golden file.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import functools
import json
import math
import pathlib
import re
import sys
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

import pytest

from fingerprint_runner.fingerprints.identity import identify
from fingerprint_runner.fingerprints.manifest import (
    FORMAT_VERSION,
    ConfigEntry,
    FirstPart,
    Manifest,
    ParentEntry,
    Query,
    TracePart,
)

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "fingerprints.json"
ADVICE = (
    "fingerprints changed: every user's cache would be missed or, worse, hit wrongly. If that is meant, "
    "raise FORMAT_VERSION in fingerprint_runner/fingerprints/manifest.py, add a line to CHANGELOG.md, and "
    "write the golden file anew"
)

PLAIN = """
None | True | False | ... | NotImplemented | 0 | 1 | -1 | 2**63 - 1 | 2**63 | -2**63 | 1 << 9000
0.0 | -0.0 | 1.0 | math.nan | math.inf | 1j | "" | "a" | "1" | "\\0" | "\\ud800" | "\\xe9"
"x" * 1024 | "x" * 1025 | b"" | b"a" | b"x" * 1025 | bytearray(b"a")
[] | () | {} | set() | frozenset() | [1] | (1,) | [1.0] | ["a"] | [b"a"] | [True] | [None, None]
[1, 2**63] | [math.nan, 1.0] | [1, "a", None, 2.5] | [[1], [2]] | [[1], {}] | ["x" * 2000, "y"]
{"a": 1, "b": 2} | {"b": 2, "a": 1} | {1: 2} | {"a": [1, {"b": (2,)}]} | {(1, 2): {3}}
{"a", "b", 1} | frozenset({(1,), "x"}) | list(range(1000)) | [str(n) for n in range(100)]
{str(n): n / 3 for n in range(100)} | ring()
"""
OBJECTS = """
enum.Enum | len | collections.Counter("ab") | collections.OrderedDict(a=1) | collections.deque([1], 3)
datetime.date(2020, 1, 2) | datetime.datetime(2020, 1, 2, 3, 4, 5, 6) | datetime.timedelta(1, 2, 3)
datetime.time(1, 2) | datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc) | zoneinfo.ZoneInfo("UTC")
decimal.Decimal("1.50") | fractions.Fraction(1, 3) | uuid.UUID(int=7) | range(1, 9, 2) | slice(1, None)
re.compile("a+", re.I) | pathlib.Path("a/b") | pathlib.PurePosixPath("a/b") | functools.partial(len, "a")
re.RegexFlag.DOTALL | ValueError("a", 1)
"""
ARRAYS = """
np.arange(3) | np.arange(3, dtype=">i4") | np.array(1.5) | np.ones((2, 3), "f4") | np.ones((2, 3), order="F")
np.empty((0, 2)) | np.array(["a", "bc"]) | np.array([1, "a", None], dtype=object) | np.float64(1) | np.int8(1)
np.array(["2020-01-01"], "M8[D]") | np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]) | np.array([True, False])
np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)) | np.dtype("f4") | np.arange(10.0)[::3]
"""
MODULES = (collections, datetime, decimal, enum, fractions, functools, math, pathlib, re, uuid, zoneinfo)


def ring() -> Any:
    """Two lists that hold each other."""
    one: list[Any] = [1]
    one.append([2, one])
    return one


def digests(expressions: str) -> dict[str, str]:
    """The identity of each expression's value, by its text."""
    names: dict[str, Any] = {"ring": ring, **{module.__name__: module for module in MODULES}}
    if "np." in expressions:
        names["np"] = pytest.importorskip("numpy")
    texts = [text.strip() for line in expressions.strip().splitlines() for text in line.split(" | ")]
    return {text: identify(eval(text, names)).identity for text in texts}


def manifests() -> dict[str, str]:
    """The first key and fingerprint of an empty and of a full manifest."""
    empty = FirstPart("pkg.mod:train", "3.11")
    full = FirstPart(
        component="pkg.mod:Model",
        python="3.12",
        fn="run",
        constructor_name="create",
        version="7",
        node="model",
        config={"b": ConfigEntry("0" * 32, 1), "a": ConfigEntry("1" * 32, "x")},
        files={"data/x.csv": "2" * 32, "data/y.csv": "absent"},
        env={"LANG": "3" * 32, "MODE": "unset"},
        addon="2024-01-01",
        inputs={"limit": ConfigEntry("4" * 32, 10)},
        parents={"x": ParentEntry("features[train]", "5" * 32)},
        resource="6" * 32,
    )
    answers = {Query("closure", "pkg.mod:Model"): "7" * 32, Query("dist", "numpy"): "2.1.0"}
    return {
        "empty first key": empty.first_key(),
        "empty fingerprint": Manifest(empty, TracePart({})).fingerprint(),
        "full first key": full.first_key(),
        "full fingerprint": Manifest(full, TracePart(answers)).fingerprint(),
        "trace": TracePart(answers).trace.name,
    }


SECTIONS: dict[str, Callable[[], dict[str, str]]] = {
    "plain": lambda: digests(PLAIN),
    "objects": lambda: digests(OBJECTS),
    "arrays": lambda: digests(ARRAYS),
    "manifests": manifests,
}


@pytest.mark.parametrize("section", SECTIONS)
def test_fingerprints_are_what_they_were(section: str) -> None:
    """Digests of literal values and of manifests are those of the golden file."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert golden["format"] == FORMAT_VERSION, ADVICE
    assert SECTIONS[section]() == golden[section], ADVICE


def test_golden_values_all_differ() -> None:
    """No two values of the file share a digest."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = [digest for section in SECTIONS for digest in golden[section].values()]
    assert len(set(found)) == len(found)


if __name__ == "__main__":
    written = {"format": FORMAT_VERSION, **{section: make() for section, make in SECTIONS.items()}}
    GOLDEN.write_text(json.dumps(written, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {GOLDEN}\n")
