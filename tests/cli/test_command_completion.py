"""Shells complete nodes, config keys, inputs and runs from the graph file, and nothing fails there."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from command_project import COMMAND, Fr


def completed(fr: Fr, *words: str) -> list[str]:
    """What a shell would offer for the last of these words."""
    done = subprocess.run(
        COMMAND,
        cwd=fr.folder,
        env=fr.environ
        | {
            "_FR_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["fr", *words]),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("run", ""), ["numbers", "double", "total", "page"]),
        (("run", "page", ""), ["numbers", "double", "total"]),
        (("plan", "pa"), ["page"]),
        (("show", "d"), ["double"]),
        (("get", "x"), []),
        (("run", "--force", "t"), ["total"]),
        (("run", "--set", "double."), ["double.factor="]),
        (("run", "--set", "pa"), ["page.title="]),
        (("run", "--set", "page.title="), []),
        (("run", "--input", ""), ["limit="]),
        (("cache", "pin", "nu"), ["numbers"]),
        (("cache", "p"), ["prune", "pin"]),
        (("hist",), ["history"]),
        (("history", "l"), ["last"]),
    ],
)
def test_words_of_the_graph_are_offered(fr: Fr, words: tuple[str, ...], offered: list[str]) -> None:
    """Of what begins so and isn't there yet."""
    assert completed(fr, *words) == offered


def test_runs_are_offered_by_their_ids(fr: Fr) -> None:
    """The latest first."""
    (run,) = fr.json("history")["runs"]
    assert completed(fr, "history", "2") == [run["run_id"]]


def test_options_before_the_word_count(fr: Fr) -> None:
    """The graph is that of `-C` and `-f`."""
    (fr.folder / "other.yml").write_text("version: 1\nnodes: {alone: {uses: 'steps:text'}}\n")
    assert completed(fr, "run", "-f", "other.yml", "") == ["alone"]
    elsewhere = Fr(fr.folder.parent)
    assert completed(elsewhere, "-C", "project", "run", "pa") == ["page"]


@pytest.mark.parametrize("text", ["version: [", "", "\0", "version: 1\nnodes: {a: {uses: 3}}\n"])
def test_a_broken_graph_offers_nothing_and_says_nothing(fr: Fr, text: str) -> None:
    """A shell that completes is no place for errors."""
    (fr.folder / "fr.yml").write_text(text)
    assert completed(fr, "run", "") == []
    assert completed(fr, "history", "2") == []


def test_completing_changes_nothing(new_fr: Fr) -> None:
    """Not even the cache folder is made."""
    assert completed(new_fr, "run", "pa") == ["page"]
    assert sorted(path.name for path in new_fr.folder.iterdir()) == ["fr.yml", "steps.py"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_given_a_script(fr: Fr, shell: str) -> None:
    """The one that `eval` takes, and, where the shell is there, that it can read."""
    done = subprocess.run(
        COMMAND,
        cwd=fr.folder,
        env=fr.environ | {"_FR_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "_FR_COMPLETE" in done.stdout
    program = shutil.which(shell)
    if program is not None:
        assert subprocess.run([program, "-n"], input=done.stdout, text=True).returncode == 0
