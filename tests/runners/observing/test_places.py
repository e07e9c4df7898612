"""What a file's place says of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy
import pytest

from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.runners.observing.places import Place, ReadPlaces


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadPlaces:
    """Those of a graph's folder, with a store and a home folder beside it."""
    for name in ("graph", "store", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return ReadPlaces(tmp_path / "graph", [tmp_path / "store"], Locator([str(tmp_path / "graph"), *sys.path]))


@pytest.mark.parametrize(
    ("path", "place", "name"),
    [
        ("graph/data/a.csv", Place.DATA, "data/a.csv"),
        ("graph", Place.DATA, "."),
        ("graph/.git/HEAD", Place.SHARED, ".git/HEAD"),
        ("store/x", Place.NEVER, None),
        ("temporary/x", Place.TEMPORARY, None),
        ("home/.config/x", Place.SHARED, None),
        ("home/x", Place.OUTSIDE, None),
        ("/etc/hosts", Place.SHARED, None),
        ("/proc/cpuinfo", Place.NEVER, None),
        (json.__file__, Place.NEVER, None),
        (numpy.__file__, Place.NEVER, None),
    ],
)
def test_places(places: ReadPlaces, tmp_path: Path, path: str, place: Place, name: str | None) -> None:
    """Data below the folder is named relative to it, everything else is absolute."""
    full = str(tmp_path / path)
    found = places.of(full)
    assert (found.place, found.name) == (place, name or full)


def test_a_link_into_the_folder(places: ReadPlaces, tmp_path: Path) -> None:
    """A path that leads below the folder is data, under the name that it has there."""
    (tmp_path / "link").symlink_to(tmp_path / "graph")
    (tmp_path / "graph" / "a").write_text("")
    assert places.of(str(tmp_path / "link" / "a"))[:2] == (Place.DATA, "a")
