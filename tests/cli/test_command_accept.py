"""`fr accept`: an edit that changes nothing is said to, and everything that shows records says so."""

from __future__ import annotations

import getpass

import pytest
from command_project import Fr, edit

USER = getpass.getuser()


@pytest.fixture
def edited(fr: Fr) -> Fr:
    """`double` was rewritten to mean the same."""
    edit(fr.folder / "steps.py", "value * factor", "factor * value")
    return fr


def test_an_accepted_node_is_a_hit_and_so_is_what_is_below(edited: Fr) -> None:
    """One line a node with what is accepted, and nothing runs, then or later."""
    done = edited("accept", "double")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "  accepted  double  code steps:scale changed\n1 node accepted; nothing ran\n"
    assert edited.json("run")["counts"]["hit"] == 4


def test_plan_show_explain_and_ls_say_who_accepted_it(edited: Fr) -> None:
    """With when; records that ran say nothing of the kind."""
    assert edited("accept", "-q", "double").stdout == ""
    by = f"accepted by {USER} just now"
    assert f"up to date  double   {by}\n" in edited("plan").stdout
    assert f", {by}\n" in edited("show", "double").stdout
    assert edited("explain", "double").stdout.startswith(
        f"double is up to date\n  {by}, without running; what had changed:\n    code steps:scale changed"
    )
    assert [line.count(by) for line in edited("cache", "ls", "double").stdout.splitlines()] == [0, 1, 0, 0]


def test_json_says_who_accepted_it(edited: Fr) -> None:
    """The same three fields wherever a record is shown, null for what ran."""
    found = edited.json("accept", "double")
    assert set(found) == {"ok", "dry_run", "nodes"} and not found["dry_run"]
    (node,) = found["nodes"].values()
    assert set(node) == {"fingerprint", "first_key", "from", "value", "resource", "kept", "reasons"}
    assert node["from"] not in (None, node["fingerprint"]) and node["kept"]
    assert [reason["kind"] for reason in node["reasons"]] == ["code-changed"]
    plan = edited.json("plan")["nodes"]
    (record, *_) = edited.json("cache", "ls", "double")["records"]
    places = [
        plan["double"],
        edited.json("show", "double")["record"],
        edited.json("explain", "double")["last"],
    ]
    for place in (*places, record):
        assert (place["origin"], place["accepted_by"]) == ("accepted", USER)
        assert place["accepted_at"] == places[0]["accepted_at"] > 0
    assert [plan["numbers"][key] for key in ("origin", "accepted_by", "accepted_at")] == ["ran", None, None]


def test_a_dry_run_changes_nothing(edited: Fr) -> None:
    """And says what would be accepted."""
    done = edited("accept", "--dry-run", "double")
    assert done.stdout.endswith("1 node would be accepted; nothing ran\n")
    assert edited.json("plan")["nodes"]["double"]["status"] == "stale"
    assert edited.json("accept", "--dry-run", "double")["dry_run"] is True


def test_a_child_may_be_named_with_its_parent(edited: Fr) -> None:
    """Each is decided after the one before it."""
    edit(edited.folder / "steps.py", "return sum(values)", "return sum(values) + 0")
    done = edited("accept", "page", "total", "double")
    assert done.stdout == (
        "  accepted  double  code steps:scale changed\n"
        "  accepted  total   code steps:total changed\n"
        "up to date  page    there is no need: it has a record\n"
        "2 nodes accepted; nothing ran\n"
    )
    assert edited("plan", "--check").returncode == 0


@pytest.mark.parametrize(
    ("node", "message", "hint"),
    [
        ("numbers", "'numbers' is up to date already", "there is nothing to accept"),
        (
            "page",
            "'page' is undecided: it depends on what comes of total",
            "`fr run page` decides it; to accept what is stale above it, too: `fr accept double page`",
        ),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_what_to_do(
    edited: Fr, node: str, message: str, hint: str
) -> None:
    """Exit 2, with the node's place in the graph file; nothing changed."""
    done = edited("accept", node)
    assert (done.returncode, done.stdout) == (2, "")
    found = edited.json("accept", node, status=2)["errors"]
    assert [(error["kind"], error["message"], error["hint"], error["node"]) for error in found] == [
        ("not-acceptable", message, hint, node)
    ]
    assert found[0]["file"] == "fr.yml" and found[0]["line"] > 1
    assert edited.json("plan")["nodes"]["double"]["status"] == "stale"


def test_set_and_input_say_what_is_accepted(fr: Fr) -> None:
    """For a config that is tried, as `run` and `plan` take it."""
    options = ["--set", "double.factor=2.0", "--input", "limit=3"]
    assert "config factor: 2 → 2.0" in fr("accept", "double", *options).stdout
    assert fr.json("plan", *options)["counts"]["stale"] == 0


def test_a_forced_run_replaces_it(edited: Fr) -> None:
    """Then it is a record of a run again."""
    edited("accept", "double")
    assert edited.json("run", "--force", "double")["nodes"]["double"]["status"] == "ran"
    assert edited.json("plan")["nodes"]["double"]["origin"] == "ran"


def test_an_unknown_node_and_none_at_all(edited: Fr) -> None:
    """As of any command."""
    assert edited.json("accept", "duble", status=2)["errors"][0]["hint"] == "did you mean 'double'?"
    assert edited.json("accept", status=2)["errors"][0]["kind"] == "usage"


def test_a_cache_that_cannot_be_written_accepts_nothing(edited: Fr) -> None:
    """The store's own error, exit 2."""
    table = edited.folder / ".cache" / "fr" / "records"
    for path in table.iterdir():
        path.unlink()
    table.rmdir()
    table.write_text("in the way")
    done = edited("accept", "double")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
