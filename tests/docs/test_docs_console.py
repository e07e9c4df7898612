"""What README and the docs show is what happens."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from console_pages import (
    CHECKOUT,
    VARYING,
    Command,
    Edit,
    NewFile,
    PageError,
    Played,
    matches,
    pages,
    plain,
    play,
    rewritten,
    steps_of,
)


@pytest.fixture(scope="session")
def fonts() -> None:
    """Let matplotlib look for its fonts once: on a fresh machine it prints a line about that."""
    subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], check=True, capture_output=True)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("fonts")
@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_a_page_shows_what_its_commands_put_out(page: Path, tmp_path: Path) -> None:
    """Every command of a page, run in order in a fresh copy of the examples, gives the output shown."""
    played = play(page.read_text(encoding="utf-8"), tmp_path)
    wrong = [_difference(page, each) for each in played if not each.as_shown]
    assert not wrong, "\n".join([*wrong, "If the new output is right: python tests/docs/regenerate.py"])


def _difference(page: Path, played: Played) -> str:
    command = played.command
    lines = difflib.unified_diff(
        [plain(line) for line in command.expected],
        [plain(line) for line in played.actual],
        "shown",
        "real",
        lineterm="",
    )
    return "\n".join([f"{page.relative_to(CHECKOUT)}:{command.line}: $ {command.text}", *lines])


def test_readme_and_tutorial_are_among_the_pages() -> None:
    """A page that lost its console blocks would otherwise pass unseen."""
    assert {"README.md", "docs/tutorial.md"} <= {str(page.relative_to(CHECKOUT)) for page in pages()}


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link of README, CONTRIBUTING, CHANGELOG and docs/ names a file that is there."""
    broken = [
        f"{page.relative_to(CHECKOUT)}: {target}"
        for page in [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken


def test_steps_are_read_in_the_order_of_the_page() -> None:
    """Commands with their outputs, edits and new files come out in order, each with its line."""
    text = (
        "# Page\n\n```console\n$ one\nout\n$ two\n> more\n```\n\n"
        "<!-- edit: a.py -->\n```diff\n same\n-old\n+new\n```\n\n"
        "<!-- write: b/c.yml -->\n```yaml\nx: 1\n```\n"
    )
    assert steps_of(text) == [
        Command(4, "one", ("out",)),
        Command(7, "two\nmore", ()),
        Edit(11, "a.py", "same\nold", "same\nnew"),
        NewFile(18, "b/c.yml", "x: 1\n"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ one\n",
        "```console\noutput\n```\n",
        "<!-- edit: a.py -->\nprose\n",
        "<!-- edit: a.py -->\n```diff\n same\n```\n",
    ],
)
def test_a_page_that_cannot_be_followed_is_refused(text: str) -> None:
    """Blocks without end or command, and directives without an edit, are errors of the page."""
    with pytest.raises(PageError):
        steps_of(text)


def test_only_times_ages_digests_and_sizes_may_vary() -> None:
    """Whatever else differs, such as a count or a name, is a difference."""
    assert [name for _, name in VARYING] == ["TIME", "AGO", "DIGEST", "RUN", "SIZE"]
    assert matches(("19 nodes: 19 ran in 8.07 s",), ("19 nodes: 19 ran in 1 min 02 s",))
    assert matches(("last ran just now",), ("last ran 2 minutes ago",))
    assert not matches(("19 nodes: 19 ran in 8.07 s",), ("19 nodes: 18 ran in 8.07 s",))
    assert not matches(("config trees: 200 → 400",), ("config trees: 200 → 300",))


def test_dots_stand_for_any_lines_but_not_for_the_lines_around_them() -> None:
    """`...` matches no line, or many; what is shown before and after it must be there."""
    assert matches(("a", "...", "z"), ("a", "b", "c", "z"))
    assert matches(("a", "...", "z"), ("a", "z"))
    assert not matches(("a", "...", "z"), ("a", "b"))
    assert not matches(("a", "...", "a"), ("a",))


def test_a_command_that_fails_unannounced_is_an_error(tmp_path: Path) -> None:
    """A failing command must be followed by `$ echo $?`, so that no page shows a failure by mistake."""
    with pytest.raises(PageError, match="exits with 3"):
        play("```console\n$ (exit 3)\n$ true\n```\n", tmp_path / "one")
    played = play("```console\n$ (exit 3)\n$ echo $?\n3\n```\n", tmp_path / "two")
    assert [each.as_shown for each in played] == [True, True]


def test_regenerating_rewrites_what_changed_and_nothing_else(tmp_path: Path) -> None:
    """Outputs that hold stay as they are; others are replaced, with as many lines around a gap as before."""
    text = "```console\n$ echo 0.20 s\n0.10 s\n$ echo b\na\n$ printf '1\\n2\\n3\\n4\\n'\n1\n...\n5\n```\n"
    new = rewritten(text, play(text, tmp_path))
    assert (
        new == "```console\n$ echo 0.20 s\n0.10 s\n$ echo b\nb\n$ printf '1\\n2\\n3\\n4\\n'\n1\n...\n4\n```\n"
    )
