"""`fr get`: text, plain data, arrays, objects and resources, shown and written."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from command_project import Fr

NODES = """\
  text: {uses: 'steps:text'}
  plain: {uses: 'steps:plain'}
  thing: {uses: 'steps:thing'}
  page: {uses: 'steps:page', config: {total: 1, title: One}}
"""


@pytest.fixture
def got(graph_of: Callable[[str], Fr]) -> Fr:
    """The command in a project with a node of each kind, which was run."""
    fr = graph_of(NODES)
    assert fr("run", "-q").returncode == 0
    return fr


def test_values_are_printed(got: Fr) -> None:
    """Text as it is, plain data as JSON, an object in short, a resource as a list of files."""
    assert got("get", "text").stdout == "Grüße\n"
    assert json.loads(got("get", "plain").stdout) == {"share": 0.5, "names": ["a", "b"]}
    assert got("get", "thing").stdout == "tuple of 2\n  range(0, 3)\n  {1, 2}\n"
    assert got("get", "page").stdout == "a resource (write it to a folder with -o):\n  page.txt  7 B\n"


def test_values_are_written(got: Fr) -> None:
    """Text as it is, plain data as JSON, an object as a pickle, a resource as a folder."""
    for node in ("text", "plain", "thing", "page"):
        assert got("get", node, "-o", node).stdout == f"wrote {node}\n"
    assert (got.folder / "text").read_text(encoding="utf-8") == "Grüße\n"
    assert json.loads((got.folder / "plain").read_text()) == {"share": 0.5, "names": ["a", "b"]}
    assert pickle.loads((got.folder / "thing").read_bytes()) == (range(3), {1, 2})
    assert (got.folder / "page" / "page.txt").read_text() == "One: 1\n"
    (got.folder / "page" / "page.txt").write_text("mine now")


def test_what_is_there_is_not_written_over(got: Fr) -> None:
    """A folder that is there stays as it is; so does a folder where a file was to be written."""
    (got.folder / "there").mkdir()
    for node, words in (("page", "'there' is there already"), ("text", "'there' can't be written")):
        done = got("get", node, "-o", "there")
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {words}")
    assert list((got.folder / "there").iterdir()) == []


def test_json(got: Fr) -> None:
    """Plain values are in the object, others only by their identity."""
    found = got.json("get", "plain")
    assert set(found) == {"ok", "node", "fingerprint", "value", "identity", "resource", "output"}
    assert found["value"] == {"share": 0.5, "names": ["a", "b"]}
    assert got.json("get", "thing")["value"] is None
    assert got.json("get", "page")["resource"] == [{"path": "page.txt", "size": 7}]


def test_a_stale_node_says_how_to_make_it(fr: Fr) -> None:
    """Nothing is run for `get`."""
    done = fr("get", "double", "--set", "double.factor=5")
    assert done.returncode == 2
    assert done.stderr == (
        "error: the value of 'double' isn't up to date (node 'double')\n"
        "  hint: make it with `fr run double`; `fr explain double` says why\n"
        "nothing ran and nothing changed\n"
    )


def test_arrays_and_frames(graph_of: Callable[[str], Fr], tmp_path: Path) -> None:
    """Arrays are written as .npy and shown with their shape, frames as CSV."""
    numpy = pytest.importorskip("numpy")
    pytest.importorskip("pandas")
    fr = graph_of("  array: {uses: 'tables:array'}\n  frame: {uses: 'tables:frame'}\n")
    (fr.folder / "tables.py").write_text(
        "import numpy\nimport pandas\n"
        "def array():\n    return numpy.arange(6).reshape(2, 3)\n"
        "def frame():\n    return pandas.DataFrame({'a': [1, 2]})\n"
    )
    assert fr("run", "-q").returncode == 0
    assert fr("get", "array").stdout.startswith("numpy.ndarray of int64, shape 2 x 3\n")
    assert fr("get", "array", "-o", str(tmp_path / "a.npy")).returncode == 0
    assert numpy.load(tmp_path / "a.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert fr("get", "frame", "-o", str(tmp_path / "f.csv")).returncode == 0
    assert (tmp_path / "f.csv").read_text() == ",a\n0,1\n1,2\n"
