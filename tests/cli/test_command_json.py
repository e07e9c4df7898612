"""What `--json` prints: one object, with every field of the contract, whatever nodes print."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from command_project import Fr, edit

NODE = {
    "status",
    "fingerprint",
    "first_key",
    "artifact",
    "value",
    "resource",
    "seconds",
    "early_cutoff",
    "reasons",
    "undeclared",
}
ERROR = {"kind", "message", "file", "line", "node", "key", "hint"}
ORIGIN = {"origin", "accepted_by", "accepted_at"}
REASON = {"kind", "what", "old", "new"}


def test_a_run_is_one_object_though_nodes_print_everywhere(new_fr: Fr) -> None:
    """Python's prints, descriptor 1 and a child process all go to stderr."""
    done = new_fr("run", "--json")
    for text in ("printed by Python", "written to descriptor 1", "from a child process"):
        assert text in done.stderr
        assert text not in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_run_has_every_field(new_fr: Fr) -> None:
    """The object of `fr run --json`, field by field, for nodes that ran."""
    found = new_fr.json("run")
    assert set(found) == {"ok", "run_id", "seconds", "counts", "targets", "nodes"}
    assert found["ok"] is True
    assert found["counts"] == {"ran": 4, "hit": 0, "failed": 0, "skipped": 0, "cancelled": 0}
    assert list(found["nodes"]) == ["numbers", "double", "total", "page"]
    for node in found["nodes"].values():
        assert set(node) == NODE
        assert node["status"] == "ran"
        assert node["reasons"] == [{"kind": "never-run", "what": None, "old": None, "new": None}]
        assert len(node["fingerprint"]) == len(node["first_key"]) == 32
    total, page = found["nodes"]["total"], found["nodes"]["page"]
    assert found["targets"] == {"page": {"artifact": None}, "total": {"artifact": total["artifact"]}}
    assert total["artifact"] is not None
    assert total["value"] is not None
    assert total["resource"] is None
    assert page["resource"] is not None


def test_hits_are_told_as_hits(fr: Fr) -> None:
    """A second run has the same fields, no seconds and no reasons."""
    found = fr.json("run")
    assert found["counts"] == {"ran": 0, "hit": 4, "failed": 0, "skipped": 0, "cancelled": 0}
    for node in found["nodes"].values():
        assert set(node) == NODE
        assert (node["status"], node["reasons"], node["early_cutoff"]) == ("hit", [], False)


def test_a_changed_config_value_is_a_reason_with_old_and_new(fr: Fr) -> None:
    """The reason names the key and both values; what is below waits."""
    edit(fr.folder / "fr.yml", "factor: 2", "factor: 3")
    found = fr.json("plan")
    assert set(found) == {"ok", "counts", "targets", "nodes"}
    assert found["counts"] == {"up_to_date": 1, "stale": 1, "undecided": 2}
    nodes = found["nodes"]
    assert all(set(node) >= NODE for node in nodes.values())
    assert {name: node["status"] for name, node in nodes.items()} == {
        "numbers": "up-to-date",
        "double": "stale",
        "total": "undecided",
        "page": "undecided",
    }
    assert nodes["numbers"]["kept"] is True
    assert {key: nodes["numbers"][key] for key in ORIGIN} == {
        "origin": "ran",
        "accepted_by": None,
        "accepted_at": None,
    }
    assert nodes["double"]["reasons"] == [{"kind": "config-changed", "what": "factor", "old": 2, "new": 3}]
    assert nodes["total"]["first_key"] is None
    assert nodes["total"]["fingerprint"] is None


def test_early_cutoff_is_told(fr: Fr) -> None:
    """A node whose parent ran and gave the same is a hit with `early_cutoff`."""
    edit(fr.folder / "steps.py", "value * factor", "factor * value")
    nodes = fr.json("run")["nodes"]
    assert {name: (node["status"], node["early_cutoff"]) for name, node in nodes.items()} == {
        "numbers": ("hit", False),
        "double": ("ran", False),
        "total": ("hit", True),
        "page": ("hit", True),
    }
    assert [reason["kind"] for reason in nodes["double"]["reasons"]] == ["code-changed"]
    assert nodes["double"]["reasons"][0]["what"] == "steps:scale"


def test_an_explanation_is_a_plan_and_the_last_record(fr: Fr) -> None:
    """`fr explain --json` gives what `plan` gives, the node, when it last ran and why, and each node."""
    found = fr.json("explain", "total")
    assert set(found) == {
        *("ok", "counts", "targets", "nodes", "node", "last", "widened"),
        *("narrowed", "not_narrowed", "asked", "explained"),
    }
    assert (found["node"], found["asked"], list(found["explained"])) == ("total", ["total"], ["total"])
    assert set(found["last"]) == {"created", "seconds", "fingerprint", "reasons", *ORIGIN}
    assert set(found["last"]["reasons"][0]) == REASON


def test_a_failed_node_is_in_the_run_and_in_the_errors(graph_of: Callable[[str], Fr]) -> None:
    """A failure exits with 1; what needs it is skipped; its error has a place in the graph file."""
    fr = graph_of(
        "  start: {uses: 'steps:plain'}\n"
        "  broken: {uses: 'steps:broken', needs: {total: start}}\n"
        "  below: {uses: 'steps:total', needs: {values: broken}}\n"
    )
    found = fr.json("run", status=1)
    assert found["ok"] is False
    assert found["counts"] == {"ran": 1, "hit": 0, "failed": 1, "skipped": 1, "cancelled": 0}
    (error,) = found["errors"]
    assert set(error) == ERROR
    assert (error["kind"], error["node"], error["file"], error["line"]) == ("node", "broken", "fr.yml", 4)
    assert error["message"] == "KeyError: 'missing'"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["run", "nothing"], "unknown-node"),
        (["plan", "--set", "double.factr=1"], "unknown-parameter"),
        (["explain", "nothing"], "unknown-node"),
        (["get", "nothing"], "unknown-node"),
        (["validate", "-f", "nothing.yml"], "no-file"),
        (["run", "--nothing"], "usage"),
        (["explain"], "usage"),
        (["nothing"], "usage"),
        (["cache"], "usage"),
        (["cache", "clear"], "usage"),
        ([], "usage"),
    ],
)
def test_errors_have_every_field(fr: Fr, arguments: list[str], kind: str) -> None:
    """Wrong graphs, requests and calls give one object and exit with 2."""
    found = fr.json(*arguments, status=2)
    assert set(found) == {"ok", "errors"}
    assert found["ok"] is False
    assert [set(error) for error in found["errors"]] == [ERROR]
    assert found["errors"][0]["kind"] == kind


def test_validate_gives_nodes_and_targets(fr: Fr) -> None:
    """A graph that is all well."""
    assert fr.json("validate") == {"ok": True, "nodes": 4, "targets": ["page", "total"]}


def test_nan_is_text_in_json(graph_of: Callable[[str], Fr]) -> None:
    """JSON has no NaN: what is printed stays JSON."""
    fr = graph_of("  a: {uses: 'steps:scale', config: {values: [1], factor: .nan}}\n")
    assert fr("run", "-q").returncode == 0
    edit(fr.folder / "fr.yml", ".nan", "2")
    (reason,) = fr.json("plan")["nodes"]["a"]["reasons"]
    assert (reason["old"], reason["new"]) == ("nan", 2)
