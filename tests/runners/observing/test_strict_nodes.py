"""`strict` fails a node that reads undeclared things, changes its inputs, or draws unseeded randomness."""

from __future__ import annotations

import pytest
from run_project import Project

from fingerprint_runner.errors import NodeFailed


@pytest.fixture
def strict(serial_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose working folder is its own; strict nodes run in processes of their own anyway."""
    monkeypatch.chdir(serial_project.folder)
    return serial_project


def failure(project: Project, code: str, **keys: object) -> NodeFailed | None:
    """What a strict run of one node, fed by another, says of it."""
    project.write("steps.py", code)
    project.write("making.py", "def make():\n    return {'rows': [[3, 1], [2]], 'name': 'n'}\n")
    project.nodes = {"make": {"uses": "making:make"}, "look": {"uses": "steps:look", **keys}}
    report = project.run(targets=["look"], strict=True)
    assert report.nodes["look"].status.value == ("failed" if report.failures else "ran")
    return report.failures[0] if report.failures else None


def test_an_undeclared_read_fails_the_node(strict: Project) -> None:
    """The message has the file, the place, and the line to add; nothing is kept, no retry is made."""
    strict.write("a.txt", "a")
    code = "def look():\n    with open('a.txt') as file:\n        return file.read()\n"
    found = failure(strict, code, retries=2)
    assert found is not None
    assert (found.error_type, found.error_message) == (
        "UndeclaredRead",
        "it reads what it doesn't declare\n  the file a.txt (steps.py:2)\n  hint: add `files=('a.txt',)`",
    )
    assert strict.run(targets=["look"]).ran == ("look",)


@pytest.mark.parametrize("keys", [{"files": ["a.txt"]}, {"track": "auto"}])
def test_declared_and_tracked_reads_pass(strict: Project, keys: dict[str, object]) -> None:
    """A strict node may read what it declares, and what it tracks."""
    strict.write("a.txt", "a")
    assert failure(strict, "def look():\n    open('a.txt').close()\n", **keys) is None


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("rows['rows'][0].sort()", "rows['rows']"),
        ("rows['more'] = 1", "rows['more']"),
        ("del rows['name']", "rows['name']"),
    ],
)
def test_a_changed_input_fails_the_node(strict: Project, code: str, place: str) -> None:
    """The message names node, parameter and key."""
    found = failure(strict, f"def look(rows):\n    {code}\n", needs={"rows": "make"})
    assert found is not None
    assert (found.node, found.error_type) == ("look", "InputChanged")
    assert found.error_message.startswith(f"it changes what its parameter {place} was given in place")


def test_a_changed_array_fails_the_node(strict: Project) -> None:
    """Arrays are handed over as maps that are copied when written to: a change shows all the same."""
    strict.write("arrays.py", "import numpy\n\ndef make():\n    return numpy.arange(5000)\n")
    strict.write("steps.py", "def look(values):\n    values[7] = 0\n    return int(values.sum())\n")
    strict.nodes = {
        "make": {"uses": "arrays:make"},
        "look": {"uses": "steps:look", "needs": {"values": "make"}},
    }
    report = strict.run(strict=True)
    assert [(found.node, found.error_type) for found in report.failures] == [("look", "InputChanged")]


def test_reading_an_input_passes(strict: Project) -> None:
    """A copy may be changed, and an input without identity isn't judged."""
    code = (
        "import copy\n\ndef look(rows):\n    mine = copy.deepcopy(rows)\n    mine.clear()\n    return rows\n"
    )
    assert failure(strict, code, needs={"rows": "make"}) is None


DRAWS = [
    ("random.random()", "the global generator of random"),
    ("numpy.random.rand()", "the global generator of numpy.random"),
    ("numpy.random.default_rng().random()", "`numpy.random.default_rng()` without a seed (steps.py:5)"),
    ("random.Random().random()", "`random.Random()` without a seed (steps.py:5)"),
    ("uuid.uuid4()", "uuid.uuid4 (steps.py:5)"),
    ("secrets.token_hex()", "secrets."),
    ("os.urandom(4)", "os.urandom (steps.py:5)"),
    ("random.SystemRandom().random()", "SystemRandom"),
    ("random.random(); random.seed(1)", "the global generator of random"),
    ("random.shuffle([1, 2, 3])", "the global generator of random"),
    ("numpy.random.seed(); numpy.random.rand()", "the global generator of numpy.random"),
    ("random.seed(); random.random()", "the global generator of random"),
]
SEEDED = [
    "random.seed(1); random.random()",
    "numpy.random.seed(1); numpy.random.rand()",
    "numpy.random.set_state(numpy.random.RandomState(1).get_state()); numpy.random.rand()",
    "numpy.random.default_rng(1).random()",
    "numpy.random.RandomState(1).rand()",
    "random.Random(1).random()",
    "random.setstate(random.Random(1).getstate()); random.random()",
    "uuid.uuid5(uuid.NAMESPACE_DNS, 'a')",
    "import tempfile; tempfile.mkdtemp()",
    "hash('a'); {1, 2}",
]
RANDOM = "import os, random, secrets, uuid\nimport numpy\n\ndef look():\n    {}\n"


@pytest.mark.parametrize(("code", "what"), DRAWS)
def test_unseeded_randomness_fails_the_node(strict: Project, code: str, what: str) -> None:
    """Global generators that nobody seeded, new ones without a seed, and the system's randomness."""
    found = failure(strict, RANDOM.format(code))
    assert found is not None
    assert found.error_type == "UnseededRandomness"
    assert what in found.error_message


@pytest.mark.parametrize("code", SEEDED)
def test_seeded_randomness_passes(strict: Project, code: str) -> None:
    """What is seeded, by the node itself or for a generator of its own, can be drawn again."""
    assert failure(strict, RANDOM.format(code)) is None


def test_a_package_imported_inside_the_node(strict: Project) -> None:
    """The global generator of numpy counts also where the node's function imports it."""
    code = "def look():\n    import numpy\n    {}\n    return float(numpy.random.rand())\n"
    assert failure(strict, code.format("pass")) is not None
    assert failure(strict, code.format("numpy.random.seed(1)")) is None


def test_neither_numpy_nor_torch_is_imported_for_it(strict: Project) -> None:
    """A strict node that uses neither finds neither loaded."""
    code = "import sys\n\ndef look():\n    return sorted({'numpy', 'torch', 'pandas'} & sys.modules.keys())\n"
    assert failure(strict, code) is None
    assert strict.run(targets=["look"]).values["look"] == []


def test_all_that_is_wrong_is_told_at_once(strict: Project) -> None:
    """Reads, changed inputs and randomness stand in one message."""
    code = (
        "import random\n\ndef look(rows):\n    rows.clear()\n    open('a.txt').close()\n    random.random()\n"
    )
    strict.write("a.txt", "")
    found = failure(strict, code, needs={"rows": "make"})
    assert found is not None
    assert [line for line in found.error_message.splitlines() if not line.startswith("  ")] == [
        "it reads what it doesn't declare",
        "it changes what its parameter rows['rows'] was given in place",
        "it draws random numbers from the global generator of random, which it didn't seed",
    ]


def test_hits_are_not_judged(strict: Project) -> None:
    """A record that was made without `strict` is a hit with it."""
    strict.write("steps.py", "import random\n\ndef look():\n    return random.random() * 0\n")
    strict.nodes = {"look": {"uses": "steps:look"}}
    assert strict.good().ran == ("look",)
    assert strict.good(strict=True).ran == ()
    assert not strict.run(strict=True, force=["look"]).ok
