"""`fr run` on disks that are full, read-only, out of inodes or taken away: it computes what it can."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from command_project import COMMAND, Fr, write_project

NOT_KEPT = "results aren't being kept from here on"
GRAPH = """\
version: 1
nodes:
  small: {uses: "disk_steps:small"}
  large: {uses: "disk_steps:large", needs: [small], config: {megabytes: 20}}
  folder: {uses: "disk_steps:folder", needs: [large], export: out}
  total: {uses: "disk_steps:total", needs: [large, folder]}
targets: [total, folder]
"""
STEPS = """\
import shutil
import subprocess
from pathlib import Path

from fingerprint_runner import OutputDirectory


def small():
    return list(range(1000))


def large(small, megabytes):
    return bytes(megabytes << 20) + bytes(len(small))


def folder(large, out: OutputDirectory):
    (Path(out) / "copy.bin").write_bytes(large)


def total(large, folder: Path):
    return len(large) + len((folder / "copy.bin").read_bytes())


def removing(small):
    shutil.rmtree(".cache")
    return len(small)


def read_only(small):
    # On top of itself: what is open there for writing would keep the disk from being remounted.
    subprocess.run(["mount", "--bind", ".cache", ".cache"], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", ".cache"], check=True)
    return len(small)
"""


def can_mount() -> bool:
    """Whether a user may mount in a namespace of its own here."""
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return done.returncode == 0


needs_mount = pytest.mark.skipif(not can_mount(), reason="mounting isn't permitted here")


class Shell:
    """Commands in one shell, in a namespace of their own, where the project's cache is mounted."""

    def __init__(self, fr: Fr) -> None:
        self._fr = fr

    def __call__(self, mount: str, *commands: str) -> list[tuple[int, str]]:
        """Run `fr` commands one after another; status and output of each."""
        calls = [f"{shlex.join(COMMAND)} {command} 2>&1 || status=$?" for command in commands]
        lines = [f"status=0; {call}; printf '\\037%s\\036' $status" for call in calls]
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-ec", "\n".join([f"mount {mount} .cache", *lines])],
            cwd=self._fr.folder,
            env=self._fr.environ,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        *parts, rest = done.stdout.split("\x1e")
        assert rest.strip() == ""
        return [(int(part.rpartition("\x1f")[2]), part.rpartition("\x1f")[0]) for part in parts]


@pytest.fixture
def project(tmp_path: Path) -> Fr:
    folder = tmp_path / "disk"
    write_project(folder)
    (folder / "fr.yml").write_text(GRAPH)
    (folder / "disk_steps.py").write_text(STEPS)
    (folder / ".cache").mkdir()
    return Fr(folder)


@pytest.fixture
def shell(project: Fr) -> Shell:
    return Shell(project)


def graph(project: Fr, nodes: str) -> None:
    (project.folder / "fr.yml").write_text("version: 1\nnodes:\n" + nodes)


LARGE = (20 << 20) + 1000


@needs_mount
def test_a_full_disk(shell: Shell) -> None:
    """12 MiB for outputs of 20: the run computes, says once that it keeps nothing, and so does the next."""
    first, second, verified = shell("-t tmpfs -o size=12m tmpfs", "run", "run", "cache verify")
    for status, output in (first, second):
        assert status == 0, output
        assert output.count(NOT_KEPT) == 1 and "No space left on device" in output
        assert "4 nodes" in output
    assert verified[0] == 0, verified[1]


@needs_mount
def test_out_of_inodes(shell: Shell, project: Fr) -> None:
    """A disk with room and no more files."""
    found = shell("-t tmpfs -o size=80m,nr_inodes=24 tmpfs", "run", "run", "cache verify")
    assert [status for status, _ in found] == [0, 0, 0], found
    assert found[0][1].count(NOT_KEPT) <= 1
    assert (project.folder / "out" / "copy.bin").stat().st_size == LARGE


@needs_mount
def test_a_cache_that_is_read_only(shell: Shell, project: Fr) -> None:
    """Hits are served, misses are computed and not kept; nothing is said where all are hits."""
    assert project("run", "--set", "large.megabytes=1").returncode == 0
    hits, misses, again = shell(
        "--bind -o ro .cache", "run --set large.megabytes=1", "run --set large.megabytes=2", "cache stats"
    )
    assert hits[0] == 0 and NOT_KEPT not in hits[1]
    assert misses[0] == 0 and misses[1].count(NOT_KEPT) == 1 and "Read-only file system" in misses[1]
    assert "4 records" in again[1]


@needs_mount
def test_a_disk_that_becomes_read_only_in_a_run(shell: Shell, project: Fr) -> None:
    """What was kept before is there afterwards; the rest is computed."""
    graph(
        project,
        "  small: {uses: 'disk_steps:small'}\n"
        "  middle: {uses: 'disk_steps:read_only', needs: [small]}\n"
        "  last: {uses: 'steps:page', needs: {total: middle}, config: {title: a}, export: out}\n",
    )
    first, status = shell("-t tmpfs -o size=12m tmpfs", "run", "cache stats")
    assert first[0] == 0 and first[1].count(NOT_KEPT) == 1, first[1]
    assert (project.folder / "out" / "page.txt").read_text() == "a: 1000\n"
    assert status[0] == 0 and "1 record," in status[1]


@pytest.mark.parametrize("limit", ["ulimit -f 1000", "ulimit -n 32"])
def test_limits_of_the_shell(project: Fr, limit: str) -> None:
    """A limit on file sizes is as a full disk; few open files are enough."""
    command = f"{limit}; exec {shlex.join(COMMAND)} run"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=project.folder,
        env=project.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (1 if "-f" in limit else 0), done.stdout + done.stderr
    if "-f" in limit:
        # The node's own folder and the export can't hold the file either.
        assert done.stderr.count(NOT_KEPT) == 1 and "Traceback" not in done.stderr.split("failed")[0]
    assert project("run").returncode == 0
    assert (project.folder / "out" / "copy.bin").stat().st_size == LARGE


def test_a_cache_that_is_deleted_in_a_run(project: Fr) -> None:
    """A node removes the cache folder: the run goes on, and leaves a cache that is well."""
    graph(
        project,
        "  small: {uses: 'disk_steps:small'}\n"
        "  middle: {uses: 'disk_steps:removing', needs: [small]}\n"
        "  last: {uses: 'steps:page', needs: {total: middle}, config: {title: a}, export: out}\n",
    )
    done = project("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project.folder / "out" / "page.txt").read_text() == "a: 1000\n"
    assert project("cache", "verify").returncode == 0
    assert project("run").returncode == 0


def test_a_table_that_is_deleted_while_artifacts_remain(project: Fr) -> None:
    """Everything runs again, and each artifact is there once."""
    arguments = ("--set", "large.megabytes=1")
    assert project("run", *arguments).returncode == 0
    before = project.json("cache", "stats")
    shutil.rmtree(project.folder / ".cache" / "fr" / "records")
    assert project.json("run", *arguments)["counts"]["ran"] == 4
    after = project.json("cache", "stats")
    assert after["artifacts"] == before["artifacts"] and after["kept"] == 4
    assert project("cache", "verify").returncode == 0
