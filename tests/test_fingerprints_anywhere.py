"""One project has one set of fingerprints, wherever, by whomever and with whatever hash seed it is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

STEPS = """
import dataclasses
import datetime
import enum
from decimal import Decimal
from pathlib import Path

import helpers


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass(frozen=True)
class Label:
    name: str
    tags: frozenset


def load(limit):
    text = Path("data/numbers.txt").read_text()
    return {"numbers": [int(part) for part in text.split()][:limit], "names": {"a", "b", "c"}}


def shape(loaded, kinds):
    return {
        "sets": [loaded["names"], frozenset(kinds), {frozenset({1, 2}), frozenset({"x", "y"})}],
        "label": Label("first", frozenset({"p", "q", "r"})),
        "color": {Color.RED: 1, Color.BLUE: 2},
        "when": datetime.date(2026, 1, 2),
        "price": Decimal("1.50"),
        "where": Path("data") / "numbers.txt",
    }


def total(shaped, loaded):
    return helpers.add(loaded["numbers"]) + len(shaped["sets"])
"""
HELPERS = """
NAMES = {"one", "two", "three"}


def add(numbers):
    return sum(numbers) + len(NAMES)
"""
GRAPH = {
    "version": 1,
    "inputs": {"limit": {"type": "int", "default": 3}},
    "nodes": {
        "loaded": {"uses": "steps:load", "needs": ["limit"], "files": ["data/*.txt"], "env": ["REGION"]},
        "shaped": {"uses": "steps:shape", "needs": ["loaded"], "config": {"kinds": ["k1", "k2"]}},
        "total": {"uses": "steps:total", "needs": ["shaped", "loaded"]},
    },
}


def make(folder: Path) -> Path:
    """The project in a folder of its own."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "numbers.txt").write_text("3 1 4 1 5")
    (folder / "steps.py").write_text(STEPS)
    (folder / "helpers.py").write_text(HELPERS)
    (folder / "fr.json").write_text(json.dumps(GRAPH))
    return folder


def fingerprints(folder: Path, environ: Mapping[str, str], as_user: Sequence[str] = ()) -> str:
    """What a first run in a folder makes of every node: fingerprint, first key and identity of the value."""
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    command = [*as_user, sys.executable, "-P", "-m", "fingerprint_runner.cli.entry", "run", "--json"]
    environment = {**os.environ, "REGION": "north", **environ}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    nodes = json.loads(done.stdout)["nodes"]
    assert {node["status"] for node in nodes.values()} == {"ran"}
    keys = ("fingerprint", "first_key", "value")  # the order of a set shows in the bytes of its pickle
    return json.dumps({name: [node[key] for key in keys] for name, node in nodes.items()}, sort_keys=True)


def test_hash_seeds_and_folders_do_not_count(tmp_path: Path) -> None:
    """Twenty hash seeds in two folders, whose files have other times: one set of fingerprints."""
    folders = [make(tmp_path / "one"), make(tmp_path / "deep" / "er" / "two")]
    for path in folders[1].rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    found = {
        fingerprints(folders[seed % 2], {"PYTHONHASHSEED": str(seed), "TZ": f"UTC-{seed}"})
        for seed in range(20)
    }
    assert len(found) == 1


def test_users_do_not_count(tmp_path: Path) -> None:
    """Two users with homes, names and settings of their own: one set of fingerprints."""
    folder = make(tmp_path / "shared")
    users = [
        {"HOME": str(tmp_path / name), "USER": name, "LOGNAME": name, "LC_ALL": language}
        for name, language in (("anna", "C"), ("ben", "C.UTF-8"))
    ]
    assert len({fingerprints(folder, user) for user in users}) == 1


def test_user_ids_do_not_count(tmp_path: Path) -> None:
    """A process that the kernel takes for another user's finds the same."""
    as_user = ["unshare", "--user", "--map-user=1234"]
    if shutil.which("unshare") is None or subprocess.run([*as_user, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a user namespace")
    folder = make(tmp_path / "shared")
    assert fingerprints(folder, {}, as_user) == fingerprints(folder, {})
