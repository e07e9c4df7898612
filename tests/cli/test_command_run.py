"""What `fr run` and `fr plan` do and show, in real processes."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_project import COMMAND, Fr, edit

NO_OP = {"ran": 0, "hit": 4, "failed": 0, "skipped": 0, "cancelled": 0}


def _without_times(text: str) -> str:
    return re.sub(r"\d+\.\d\d s", "N s", text)


def test_lines_in_a_pipe(new_fr: Fr) -> None:
    """Each node as it starts, with the reason, and as it ends, with its time; then exports and a count."""
    done = new_fr("run")
    assert done.returncode == 0
    assert _without_times(done.stdout) == (
        "    start  numbers  never run before\n"
        "      ran  numbers  N s\n"
        "    start  double   never run before\n"
        "      ran  double   N s\n"
        "    start  total    never run before\n"
        "      ran  total    N s\n"
        "    start  page     never run before\n"
        "      ran  page     N s\n"
        "    wrote  out/page.txt\n"
        "4 nodes: 4 ran in N s\n"
    )
    assert done.stderr == "printed by Python\nwritten to descriptor 1\nfrom a child process\n"


def test_a_second_run_runs_nothing(fr: Fr) -> None:
    """All nodes are hits, nothing is printed by them, and exports stay as they are."""
    done = fr("run")
    assert _without_times(done.stdout) == (
        "      hit  numbers\n      hit  double\n      hit  total\n      hit  page\n4 nodes: 4 hit in N s\n"
    )
    assert done.stderr == ""


def test_a_set_value_runs_what_depends_on_it_and_going_back_runs_nothing(fr: Fr) -> None:
    """`--set` changes a config value for one call."""
    assert fr.json("run", "--set", "double.factor=3")["counts"]["ran"] == 3
    assert (fr.folder / "out" / "page.txt").read_text() == "Sum: 18\n"
    assert fr.json("run")["counts"] == NO_OP
    assert (fr.folder / "out" / "page.txt").read_text() == "Sum: 12\n"


def test_an_input_counts_by_its_value(fr: Fr) -> None:
    """The default given by hand is a hit; another value names the input in its reason."""
    assert fr.json("run", "--input", "limit=3")["counts"] == NO_OP
    reasons = fr.json("run", "numbers", "--input", "limit=4")["nodes"]["numbers"]["reasons"]
    assert reasons == [{"kind": "input-changed", "what": "limit", "old": 3, "new": 4}]


def test_forcing_a_node_and_forcing_from_a_node(fr: Fr) -> None:
    """`--force` runs one node; `--force-from` all below it as well."""
    nodes = fr.json("run", "--force", "double")["nodes"]
    assert [name for name, node in nodes.items() if node["status"] == "ran"] == ["double"]
    nodes = fr.json("run", "--force-from", "double")["nodes"]
    assert [name for name, node in nodes.items() if node["status"] == "ran"] == ["double", "total", "page"]


def test_only_what_a_target_needs_runs(new_fr: Fr) -> None:
    """A target on the command line leaves the rest alone."""
    assert list(new_fr.json("run", "double")["nodes"]) == ["numbers", "double"]


def test_keep_going_runs_what_does_not_depend_on_a_failure(graph_of: Callable[[str], Fr]) -> None:
    """Without it the first failure ends the run."""
    fr = graph_of(
        "  a: {uses: 'steps:broken', config: {total: 1}}\n"
        "  b: {uses: 'steps:plain'}\n"
        "  c: {uses: 'steps:thing'}\n"
    )
    assert fr.json("run", status=1)["counts"]["ran"] == 0
    assert fr.json("run", "--keep-going", status=1)["counts"]["ran"] == 2


def test_a_deleted_export_comes_back_without_running(fr: Fr) -> None:
    """All hits, and the file is there again."""
    shutil.rmtree(fr.folder / "out")
    done = fr("run")
    assert "    wrote  out/page.txt\n" in done.stdout
    assert "4 nodes: 4 hit" in done.stdout
    assert (fr.folder / "out" / "page.txt").read_text() == "Sum: 12\n"


def test_a_copied_project_is_all_hits(fr: Fr, tmp_path: Path) -> None:
    """No path of the machine is in any key."""
    shutil.copytree(fr.folder, tmp_path / "elsewhere" / "deep")
    assert Fr(tmp_path / "elsewhere" / "deep").json("run")["counts"] == NO_OP


def test_a_missing_artifact_in_the_middle_is_made_again_when_needed(graph_of: Callable[[str], Fr]) -> None:
    """Nothing runs until a node below needs the value; then it runs, and says why."""
    fr = graph_of(
        "  big: {uses: 'big:make'}\n"
        "  size: {uses: 'big:size', needs: {text: big}}\n"
        "  page: {uses: 'steps:scale', needs: {values: size}, config: {factor: 2}}\n"
    )
    (fr.folder / "big.py").write_text(
        "def make():\n    return 'x' * 10_000\n\ndef size(text):\n    return [len(text)]\n"
    )
    digest = fr.json("run")["nodes"]["big"]["artifact"]
    removed = [path for path in (fr.folder / ".cache" / "fr").rglob(f"*{digest[2:]}*") if path.is_file()]
    assert removed
    for path in removed:
        path.unlink()
    assert fr.json("run")["counts"]["ran"] == 0
    assert fr.json("plan")["nodes"]["big"]["kept"] is False
    edit(fr.folder / "big.py", "[len(text)]", "[len(text) + 1]")
    nodes = fr.json("run")["nodes"]
    assert {name: node["status"] for name, node in nodes.items()} == dict.fromkeys(nodes, "ran")
    assert [reason["kind"] for reason in nodes["big"]["reasons"]] == ["artifact-missing"]


def test_plan_check_exits_with_3_when_anything_is_stale(fr: Fr) -> None:
    """And with 0 when all is up to date."""
    assert fr("plan", "--check").returncode == 0
    done = fr("plan", "--check", "--set", "double.factor=9")
    assert done.returncode == 3
    assert done.stdout == (
        "up to date  numbers\n"
        "     stale  double   config factor: 2 → 9\n"
        " undecided  total    waits for double\n"
        " undecided  page     waits for total\n"
        "4 nodes: 1 up to date, 1 stale, 2 undecided\n"
    )
    assert fr("plan", "-q", "--check", "--set", "double.factor=9").stdout == ""


def test_explaining(fr: Fr) -> None:
    """Up to date, stale and undecided nodes each say why; `-v` adds what the fingerprint is made of."""
    assert re.match(r"total is up to date\n  last ran .* in \d", fr("explain", "total").stdout)
    stale = fr("explain", "double", "--set", "double.factor=9").stdout
    assert stale.startswith("double is stale:\n  config factor: 2 → 9\n  compared with the run of ")
    undecided = fr("explain", "page", "--set", "double.factor=9").stdout
    assert undecided == (
        "page is undecided: it depends on what comes of total\n"
        "  double is stale (page ← total ← double):\n    config factor: 2 → 9\n"
    )
    verbose = fr("explain", "-v", "numbers").stdout
    for line in ("made of:", "  component steps:numbers", "  input limit = 3", "  code steps:BASE"):
        assert line in verbose.splitlines()


def test_a_changed_constant_is_named_with_its_place(fr: Fr) -> None:
    """`explain` names symbol, file and line of changed code."""
    edit(fr.folder / "steps.py", "BASE = 1", "BASE = 2")
    assert "  code steps:BASE changed (steps.py:11)\n" in fr("explain", "numbers").stdout


def test_validate(fr: Fr) -> None:
    """A graph that is all well says so, with its targets."""
    assert fr("validate").stdout == "fr.yml: 4 nodes, all well\ntargets: page, total\n"


def test_validate_prints_the_schema_without_a_graph_file(tmp_path: Path) -> None:
    """`fr validate --schema` gives the copy in the docs, in any folder, and looks at nothing else."""
    copy = Path(__file__).parents[2] / "docs" / "fr.schema.json"
    for arguments in ([], ["-f", "nowhere.yml", "x", "--set", "x"], ["--json", "-q"]):
        done = Fr(tmp_path)("validate", "--schema", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == copy.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == []


def test_started_from_elsewhere(fr: Fr, tmp_path: Path) -> None:
    """`-C` starts in a folder, `-f` names the file, and a folder below the project finds it upwards."""
    below = fr.folder / "notes" / "old"
    below.mkdir(parents=True)
    assert Fr(below).json("run")["counts"] == NO_OP
    assert Fr(tmp_path).json("-C", str(fr.folder), "run")["counts"] == NO_OP
    assert Fr(tmp_path).json("run", "-f", str(fr.folder / "fr.yml"))["counts"] == NO_OP
    error = Fr(below).json("run", "x", status=2)["errors"][0]
    assert error["file"] == str(fr.folder / "fr.yml")


def test_the_cache_folder_is_the_options_then_the_environments(fr: Fr, tmp_path: Path) -> None:
    """`--cache-dir` wins over `FR_CACHE_DIR`, and that over `.cache` beside the graph file."""
    named = Fr(fr.folder, {"FR_CACHE_DIR": str(tmp_path / "named")})
    assert named.json("plan")["counts"]["up_to_date"] == 0
    assert named.json("run", "total")["counts"]["ran"] == 3
    assert (tmp_path / "named" / "fr").is_dir()
    assert named.json("plan", "--cache-dir", ".cache")["counts"]["up_to_date"] == 4
    assert Fr(fr.folder, {"FR_CACHE_DIR": ""}).json("plan")["counts"]["up_to_date"] == 4


def test_neither_planning_nor_a_no_op_imports_the_users_code(fr: Fr, tmp_path: Path) -> None:
    """With every first-party module and scikit-learn behind an import hook that raises, both work."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('steps', 'sklearn', 'numpy', 'pandas'):\n"
        "            raise RuntimeError('imported ' + name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
    )
    hooked = Fr(fr.folder, {"PYTHONPATH": str(tmp_path)})
    assert hooked.json("plan")["counts"]["up_to_date"] == 4
    assert hooked.json("run")["counts"] == NO_OP
    proof = subprocess.run(
        [sys.executable, "-c", "import steps"],
        cwd=fr.folder,
        env=hooked.environ,
        capture_output=True,
        text=True,
    )
    assert "RuntimeError: imported steps" in proof.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["run"], ["run", "--json"], ["plan"], ["explain", "page"]])
def test_a_no_op_loads_nothing_heavy(fr: Fr, arguments: list[str]) -> None:
    """What only some calls need isn't imported by those that run nothing."""
    program = (
        "import atexit, sys\n"
        "from fingerprint_runner.cli.entry import main\n"
        "atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr))\n"
        f"main({arguments!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=fr.folder,
        env=fr.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "click" in loaded or "fingerprint_runner" in loaded
    assert not loaded & {"rich", "diskcache", "numpy", "pandas", "sklearn", "yaml.constructor", "steps"}
    assert "fingerprint_runner.graph.json_schema" not in done.stderr.split()


def test_a_reader_that_goes_early_changes_nothing(new_fr: Fr) -> None:
    """`fr run | head -1`: the run goes on to its end, without a complaint."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = new_fr("run", capture_output=False, stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    assert done.returncode == 0
    assert "BrokenPipe" not in done.stderr
    assert new_fr.json("run")["counts"] == NO_OP
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = new_fr("plan", "--check", capture_output=False, stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_streams_are_no_trouble(new_fr: Fr) -> None:
    """`fr run >&- 2>&-` runs, and no file of the store takes the place of a stream."""
    command = " ".join(COMMAND)
    done = subprocess.run(
        ["sh", "-c", f"{command} run >&- 2>&- <&-"], cwd=new_fr.folder, env=new_fr.environ, timeout=60
    )
    assert done.returncode == 0
    assert new_fr.json("run")["counts"] == NO_OP


def test_an_unfinished_line_of_a_node_stands_alone(graph_of: Callable[[str], Fr]) -> None:
    """What a node printed last gets its line's end, so that ours begin on lines of their own."""
    fr = graph_of("  a: {uses: 'steps:unfinished'}\n")
    done = fr("run", capture_output=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert _without_times(done.stdout) == (
        "    start  a  never run before\na line without an end\n      ran  a  N s\n1 node: 1 ran in N s\n"
    )


def test_long_graphs_are_told_in_short(tmp_path: Path) -> None:
    """Over 60 nodes, a plan is cut and hits are counted; `-v` lists all."""
    nodes = "".join(f"  n{number}: {{uses: 'steps:plain'}}\n" for number in range(100))
    (tmp_path / "fr.yml").write_text("version: 1\nnodes:\n" + nodes)
    (tmp_path / "steps.py").write_text("def plain():\n    return 1\n")
    fr = Fr(tmp_path)
    assert len(fr("plan").stdout.splitlines()) == 62
    assert "… and 40 more nodes; -v lists them all" in fr("plan").stdout
    assert len(fr("plan", "-v").stdout.splitlines()) == 101
    assert fr("run", "-q").stdout == ""
    assert fr("run").stdout.startswith("100 nodes: 100 hit in ")
    assert len(fr("run", "-v").stdout.splitlines()) == 101


def _on_a_terminal(fr: Fr, *arguments: str) -> str:
    """What a command writes to a terminal that is its stdout and stderr."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=fr.folder,
        env=fr.environ,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        chunks = []
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # Linux: nobody has the other end open
                break
            if not chunk:
                break
            chunks.append(chunk)
        assert process.wait(timeout=60) == 0
    os.close(ours)
    return b"".join(chunks).decode()


def test_a_terminal_gets_a_live_line_and_colours(new_fr: Fr) -> None:
    """While nodes run one line moves; what they print stands above it; a line a node stays."""
    shown = _on_a_terminal(new_fr, "run")
    assert "running" in shown
    assert " of 4 done" in shown
    assert "\x1b[32m      ran\x1b" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r\n", "\n").replace("\r", "\n")
    assert "start" not in plain
    lines = [_without_times(line).rstrip() for line in plain.split("\n")]
    assert "printed by Python" in lines
    assert "      ran  numbers  N s   never run before" in lines
    assert lines[-2] == "4 nodes: 4 ran in N s"


def test_no_color(fr: Fr) -> None:
    """`NO_COLOR` takes the colours away, on a terminal as well."""
    coloured = _on_a_terminal(fr, "run")
    assert "\x1b[36m      hit" in coloured
    plain = _on_a_terminal(Fr(fr.folder, {"NO_COLOR": "1"}), "run")
    assert "\x1b" not in plain
