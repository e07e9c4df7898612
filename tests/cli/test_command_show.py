"""`fr show`: a node at a glance, whatever state it is in."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from command_project import Fr, edit

KINDS = """\
import numpy as np
import pandas as pd
from pathlib import Path

from fingerprint_runner import OutputDirectory

PNG = {png!r}


class Mine:
    def __repr__(self):
        return "Mine of all"


class Broken:
    shape = (1,)

    def __repr__(self):
        raise ValueError("no words")


def array(): return np.array([[1.5, np.nan], [2.5, 3.5]])
def frame(): return pd.DataFrame({{"a": range(9), "b": list("abcdefghi")}})
def text(): return "one\\ntwo\\n" * 4
def nothing(): return None
def mine(): return Mine()
def broken(): return Broken()
def many(): return list(range(100))
def picture(): return PNG
def parts(): return {{"train": {{"x": np.zeros(3)}}, "size": 3}}
def local(): return lambda: 1
def pictures(folder: OutputDirectory): Path(folder, "one.png").write_bytes(PNG)
def noisy():
    for number in range(50): print("line", number)
"""

SHOWN = {
    "array": [
        "numpy.ndarray of float64, shape 2 x 2",
        "from 1.5 to 3.5, on average 2.5",
        "1 of 4 aren't finite",
        "[[1.5 nan]",
        " [2.5 3.5]]",
    ],
    "frame": [
        "pandas.DataFrame: 9 rows, 2 columns,",
        "   a  b",
        "0  0  a",
        "1  1  b",
        "2  2  c",
        "3  3  d",
        "4  4  e",
        "…",
    ],
    "text": ["text of 32 characters in 8 lines", "one", "two", "one", "two", "one", "…"],
    "nothing": ["NoneType: None"],
    "mine": ["kinds.Mine", "Mine of all"],
    "broken": ["kinds.Broken, which can't be shown: ValueError: no words"],
    "many": ["list of 100", *(f"  {number}" for number in range(8)), "  … and 92 more"],
    "parts": ["dict of 2", "  'train': dict of 1: x", "  'size': 3"],
    "local": ["can't be stored, so there is none to show"],
}


def png(width: int, height: int) -> bytes:
    """The beginning of a picture, and enough behind it not to be stored inside its record."""
    return b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", width, height) + bytes(5000)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Fr:
    """A graph with a node of each kind of output, which was run."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "kinds.py").write_text(KINDS.format(png=png(640, 480)))
    names = [*SHOWN, "picture", "pictures", "noisy"]
    nodes = "".join(f"  {name}: {{uses: 'kinds:{name}'}}\n" for name in names)
    nodes = nodes.replace("'kinds:pictures'}", "'kinds:pictures', export: out}")
    (folder / "fr.yml").write_text("version: 1\nnodes:\n" + nodes)
    fr = Fr(folder)
    assert fr("run", "-q").returncode == 0
    return fr


def output(fr: Fr, node: str) -> list[str]:
    """The lines under `output`."""
    lines = fr("show", node).stdout.splitlines()
    start = lines.index("output") + 1
    return [line[2:] for line in lines[start:] if line.startswith("  ") or not line]


@pytest.mark.parametrize("node", SHOWN)
def test_outputs_are_shown_at_a_glance(kinds: Fr, node: str) -> None:
    """Each kind of value by what people want to know of it, in a few lines."""
    found = output(kinds, node)
    assert [line[: len(wanted)] for line, wanted in zip(found, SHOWN[node], strict=True)] == SHOWN[node]


def test_pictures_are_shown_by_size_and_path(kinds: Fr) -> None:
    """A file that can be opened: the stored one, or the exported one where there is one."""
    head, path = output(kinds, "picture")
    assert head.endswith("bytes, a PNG picture, 640 x 480")
    assert (kinds.folder / path.removeprefix("its file: ")).read_bytes() == png(640, 480)
    line = output(kinds, "pictures")[1]
    assert line.split("  ")[1:] == ["one.png", "5.02 kB", "PNG picture, 640 x 480", "out/one.png"]


def test_the_log_is_shown_by_its_tail(kinds: Fr) -> None:
    """The last lines, and how many there are before."""
    lines = kinds("show", "noisy").stdout.splitlines()
    log = lines[lines.index("log") + 1 :]
    assert log[0] == "  … 30 lines before; -v shows all that is kept"
    assert log[1:] == [f"  line {number}" for number in range(30, 50)]
    assert "  line 0" in kinds("show", "-v", "noisy").stdout.splitlines()


def test_what_a_node_is_and_when_it_ran(fr: Fr) -> None:
    """Component with its place, needs, config, record, and the runs in which it ran with their reasons."""
    edit(fr.folder / "fr.yml", "factor: 2", "factor: 3")
    fr("run", "-q")
    lines = fr("show", "double").stdout.splitlines()
    assert lines[0] == "double: up to date"
    assert lines[1] == "  component  steps:scale  (steps.py:19)"
    assert lines[2:4] == ["  needs      values: numbers", "  config     factor: 3"]
    assert lines[4].startswith("  record     ") and " made just now in " in lines[4]
    assert lines[5] == "last runs"
    assert [line.partition(" ran  ")[2].partition(" s  ")[2] for line in lines[6:8]] == [
        "config factor: 2 → 3",
        "never run before",
    ]


def test_a_stale_node_shows_its_last_output(fr: Fr) -> None:
    """And says that it is stale, and why."""
    edit(fr.folder / "fr.yml", "factor: 2", "factor: 3")
    lines = fr("show", "double").stdout.splitlines()
    assert lines[0] == "double: stale: config factor: 2 → 3"
    assert lines[lines.index("output") + 1 :] == [
        "  list of 3",
        "    2",
        "    4",
        "    6",
        "log",
        "  written to descriptor 1",
    ]
    assert fr("show", "total").stdout.splitlines()[0] == "total: undecided, waits for double"


def test_a_failure_is_shown_until_it_is_mended(fr: Fr) -> None:
    """With its log and traceback, beside the last output that there is."""
    edit(fr.folder / "steps.py", "return sum(values)", "return sum(values) + nothing")
    fr("run", "-q")
    shown = fr("show", "total").stdout
    assert "its last run failed: NameError: name 'nothing' is not defined" in shown
    assert "  from a child process" in shown and '    File "' in shown
    edit(fr.folder / "steps.py", " + nothing", " + 0")
    fr("run", "-q")
    assert "failed:" not in fr("show", "total").stdout


def test_a_graph_that_cannot_be_planned_still_shows_the_past(fr: Fr) -> None:
    """A component that is gone is said; what it put out is still there."""
    edit(fr.folder / "steps.py", "def scale(", "def scales(")
    lines = fr("show", "double").stdout.splitlines()
    assert lines[0] == "double: can't be planned: there is no 'scale' in steps.py"
    assert "  list of 3" in lines


def test_a_pruned_output_is_said_to_be(fr: Fr) -> None:
    """With how to get it back."""
    edit(fr.folder / "fr.yml", "title: Sum", "title: New")
    fr("run", "-q")
    edit(fr.folder / "fr.yml", "title: New", "title: Sum")
    blob = next(path for path in (fr.folder / ".cache/fr/blobs").glob("*/*") if b"Sum" in path.read_bytes())
    blob.unlink()
    lines = fr("show", "page").stdout.splitlines()
    assert lines[0] == "page: up to date, its output isn't kept"
    assert "  isn't kept in the cache; `fr run page` makes it again" in lines


def test_json_has_every_field(fr: Fr) -> None:
    """Exact numbers, the preview as lines, the runs with their reasons."""
    found = fr.json("show", "double")
    assert set(found) == {
        "ok",
        "node",
        "state",
        "trouble",
        "component",
        "file",
        "line",
        "needs",
        "config",
        "record",
        "preview",
        "runs",
    }
    assert (found["state"], found["line"], found["config"]) == ("up-to-date", 19, {"factor": 2})
    assert found["record"]["log_tail"] == "written to descriptor 1\n"
    assert found["record"]["kept"] and not found["record"]["pinned"]
    assert found["preview"] == ["list of 3", "  2", "  4", "  6"]
    assert [run["status"] for run in found["runs"]] == ["ran"]


def test_a_node_that_never_ran(new_fr: Fr) -> None:
    """What the graph file says of it is all there is, and nothing is made."""
    lines = new_fr("show", "double").stdout.splitlines()
    assert lines[0] == "double: undecided, waits for numbers"
    assert "output" not in lines and "last runs" not in lines
    assert new_fr.json("show", "double")["record"] is None
    assert not (new_fr.folder / ".cache" / "fr" / "records").exists()


def test_a_node_that_there_is_not(fr: Fr) -> None:
    """The nearest is offered."""
    assert fr.json("show", "doubel", status=2)["errors"][0]["hint"] == "did you mean 'double'?"


def test_secrets_are_not_shown(graph_of: Callable[[str], Fr], tmp_path: Path) -> None:
    """The graph file's reference is shown, the value never."""
    fr = graph_of("  text: {uses: 'steps:login', config: {password: '${PASSWORD}'}, secret: [password]}\n")
    with (fr.folder / "steps.py").open("a") as file:
        file.write("\n\ndef login(password):\n    print('with', password)\n    return len(password)\n")
    fr.environ["PASSWORD"] = "hunter22"
    assert fr("run", "-q").returncode == 0
    shown = fr("show", "text").stdout + fr("show", "text", "--json").stdout
    assert "hunter22" not in shown and "with [secret]" in shown and "${PASSWORD}" in shown
