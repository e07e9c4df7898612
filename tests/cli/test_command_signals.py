"""Ctrl-C and SIGTERM during a run: exit 130, what finished stays, and a next run goes on."""

from __future__ import annotations

import json
import signal

import pytest
from command_project import Fr

GRAPH = """\
version: 1
nodes:
  numbers: {uses: 'steps:numbers', config: {limit: 3}}
  wait: {uses: 'steps:wait', needs: {total: numbers}}
  after: {uses: 'steps:scale', needs: {values: wait}, config: {factor: 2}}
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_it_finished(new_fr: Fr, number: signal.Signals) -> None:
    """The running node and what needs it are cancelled; the next run starts with them."""
    (new_fr.folder / "fr.yml").write_text(GRAPH)
    process = new_fr.start("run", "--json")
    assert process.stderr is not None
    for line in process.stderr:
        if line == "waiting\n":
            break
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    found = json.loads(stdout)
    assert found["ok"] is False
    assert {name: node["status"] for name, node in found["nodes"].items()} == {
        "numbers": "ran",
        "wait": "cancelled",
        "after": "cancelled",
    }
    assert "Traceback" not in stderr
    assert "interrupted; 3 nodes: 1 ran, 2 cancelled" in stderr
    (new_fr.folder / "go").touch()
    nodes = new_fr.json("run")["nodes"]
    assert {name: node["status"] for name, node in nodes.items()} == {
        "numbers": "hit",
        "wait": "ran",
        "after": "ran",
    }
