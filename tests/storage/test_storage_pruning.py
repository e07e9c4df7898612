"""Pruning drops what was asked for, least worth first, and nothing that anybody needs."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faults import in_child, killing_at
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from storage_cases import DAY, NOW, kept, new_storage, publish, put_run, there

from fingerprint_runner.storage import prune_plan
from fingerprint_runner.storage.model_storage import ModelStorage
from fingerprint_runner.storage.prune_plan import (
    PruneCounts,
    PrunePlan,
    PruneRequest,
    dropped_lines,
    plan_prune,
)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ModelStorage]:
    with new_storage(tmp_path) as opened:
        yield opened


def planned(storage: ModelStorage, **wanted: object) -> PrunePlan:
    """What pruning would do now."""
    with storage.upkeep.inventory() as inventory:
        return plan_prune(inventory, PruneRequest(**wanted), NOW)  # type: ignore[arg-type]


def prune(storage: ModelStorage, **wanted: object) -> PruneCounts:
    """Prune, and check that it came as announced."""
    before = size(storage)
    request = PruneRequest(**wanted)  # type: ignore[arg-type]
    with storage.upkeep.inventory() as inventory:
        plan = plan_prune(inventory, request, NOW)
        gone = storage.upkeep.prune(inventory)
    assert gone == plan.going
    assert (plan.before, plan.after) == (before, size(storage))
    assert list(storage.upkeep.verification().damage()) == []
    return gone


def size(storage: ModelStorage) -> int:
    return storage.upkeep.stats().bytes


def test_age_goes_by_last_use_and_not_by_when_it_was_made(storage: ModelStorage) -> None:
    """A record that a run used lately is young, however old it is."""
    old, used, new = (publish(storage, "n", option, days_ago=50) for option in (1, 2, 3))
    put_run(storage, [used], days_ago=10)
    put_run(storage, [new], days_ago=5)
    gone = prune(storage, older_than_s=30 * DAY)
    assert kept(storage, old, used, new) == [False, True, True]
    assert (gone.artifacts, gone.records_dropped, gone.records_removed) == (1, 1, 0)
    assert there(storage, old) == [True]


def test_the_last_run_of_a_graph_is_never_dropped(storage: ModelStorage) -> None:
    """What it needs stays, whatever is asked for; what earlier runs needed goes."""
    before, last = publish(storage, "n", 1, days_ago=90), publish(storage, "n", 2, days_ago=90)
    put_run(storage, [before], days_ago=90)
    put_run(storage, [last], days_ago=80)
    prune(storage, max_size=0, older_than_s=DAY)
    assert kept(storage, before, last) == [False, True]


def test_the_last_run_is_taken_node_by_node(storage: ModelStorage) -> None:
    """A run of other targets, and one in which a node failed, leave what they say nothing of needed."""
    train, report, other = (publish(storage, node, days_ago=9) for node in ("train", "report", "other"))
    put_run(storage, [train, report], days_ago=9)
    newer = publish(storage, "train", 2, days_ago=8)
    put_run(storage, [newer], failed=["report"], days_ago=8)
    put_run(storage, [other], days_ago=7, graph_nodes=["train", "report", "other"])
    assert set(storage.last_lines("g")) == {"train", "report", "other"}
    prune(storage)
    assert kept(storage, train, report, other, newer) == [False, True, True, True]


def test_earlier_runs_count_only_for_what_no_later_run_tells(storage: ModelStorage) -> None:
    """However often a graph runs, it has few last runs."""
    for days in (9, 8, 7):
        put_run(storage, [publish(storage, "a", days), publish(storage, "b", days)], days_ago=days)
    for days in (6, 5):
        put_run(storage, [publish(storage, "a", days)], failed=["b"], days_ago=days)
    graph = storage._rows.graph("g")
    assert graph is not None and len(graph.earlier) == 1
    put_run(storage, [publish(storage, "c")], days_ago=4, graph_nodes=["a", "b", "c"])
    graph = storage._rows.graph("g")
    assert graph is not None and len(graph.earlier) == 2
    put_run(storage, [publish(storage, "b")], days_ago=3, graph_nodes=["a", "b"])
    graph = storage._rows.graph("g")
    assert graph is not None and len(graph.earlier) == 1


def test_an_artifact_found_there_meanwhile_stays(storage: ModelStorage) -> None:
    """A writer that found it, and hasn't published yet, will name it."""
    record = publish(storage, "n", days_ago=9)
    with storage.upkeep.inventory() as inventory:
        assert plan_prune(inventory, PruneRequest(), NOW).going.artifacts == 1
        storage.store_value(b"n1".ljust(10_000, b"."), is_first_party=lambda module: False)
        assert storage.upkeep.prune(inventory).artifacts == 0
    assert kept(storage, record) == [True]


def test_a_node_that_left_the_graph_is_needed_no_more(storage: ModelStorage) -> None:
    """Once a run of the graph covers its nodes, an earlier run's other nodes are history."""
    old, new = publish(storage, "before"), publish(storage, "after")
    put_run(storage, [old], days_ago=2)
    put_run(storage, [new], days_ago=1, graph_nodes=["after"])
    assert list(storage.last_lines("g")) == ["after"]
    prune(storage)
    assert kept(storage, old, new) == [False, True]


def test_pins_are_never_dropped(storage: ModelStorage) -> None:
    """A pinned record stays until it is unpinned."""
    one, two = publish(storage, "n", 1), publish(storage, "n", 2)
    storage.upkeep.pin([one.fingerprint, two.fingerprint])
    storage.upkeep.unpin([two.fingerprint])
    assert storage.upkeep.pinned() == {one.fingerprint}
    prune(storage, max_size=0)
    assert kept(storage, one, two) == [True, False]
    storage.upkeep.unpin([one.fingerprint])
    prune(storage)
    assert kept(storage, one) == [False]


def test_what_a_live_run_uses_is_never_dropped(storage: ModelStorage) -> None:
    """Neither the records that its plan rests on nor those that it publishes."""
    used, unused = publish(storage, "n", 1, days_ago=9), publish(storage, "n", 2, days_ago=9)
    with storage.live_run([used.fingerprint]):
        made = publish(storage, "n", 3, days_ago=9)
        prune(storage, max_size=0)
        assert kept(storage, used, made, unused) == [True, True, False]
    prune(storage, max_size=0)
    assert there(storage, used, made) == [False, False]


def test_keep_last_counts_by_node(storage: ModelStorage) -> None:
    """Of each node the records used last stay."""
    records = {
        (node, days): publish(storage, node, days, days_ago=days) for node in ("a", "b") for days in (1, 2, 3)
    }
    prune(storage, keep_last=2)
    assert [place for place, record in records.items() if not kept(storage, record)[0]] == [
        ("a", 3),
        ("b", 3),
    ]


def test_conditions_hold_together(storage: ModelStorage) -> None:
    """What is old but among the last stays, and so does what is surplus but young."""
    young, old = publish(storage, "a", 1, days_ago=1), publish(storage, "a", 2, days_ago=40)
    surplus, last = publish(storage, "b", 1, days_ago=60), publish(storage, "b", 2, days_ago=50)
    prune(storage, older_than_s=30 * DAY, keep_last=1)
    assert kept(storage, young, old, surplus, last) == [True, False, False, True]


def test_to_a_size_the_least_worth_goes_first(storage: ModelStorage) -> None:
    """Seconds saved by byte and by hour since the last use: cheap, large and idle goes first."""
    dear = publish(storage, "dear", size=50_000, seconds=1000.0, days_ago=10)
    cheap = publish(storage, "cheap", size=50_000, seconds=1.0, days_ago=1)
    large = publish(storage, "large", size=600_000, seconds=1.0, days_ago=1)
    idle = publish(storage, "idle", size=50_000, seconds=1.0, days_ago=10)
    order = []
    with storage.upkeep.inventory() as inventory:
        plan_prune(inventory, PruneRequest(), NOW)
        order = [line.node for line in dropped_lines(inventory)]
    assert order == ["large", "idle", "cheap", "dear"]
    plan = planned(storage, max_size=size(storage) - 620_000)
    assert plan.fits and plan.going.artifacts == 2
    prune(storage, max_size=size(storage) - 620_000)
    assert kept(storage, large, idle, cheap, dear) == [False, False, True, True]


def test_a_size_that_cannot_be_reached_is_said(storage: ModelStorage) -> None:
    """What is needed is larger: all else goes, and the plan says that it doesn't fit."""
    needed, other = publish(storage, "a", size=100_000), publish(storage, "b", size=100_000)
    put_run(storage, [needed])
    plan = planned(storage, max_size=50_000)
    assert not plan.fits and plan.after > 100_000 and plan.protected.last_runs == 100_000
    prune(storage, max_size=50_000)
    assert kept(storage, needed, other) == [True, False]


def test_an_artifact_that_a_kept_record_shares_stays(storage: ModelStorage) -> None:
    """Equal bytes are one artifact; it goes with the last record that may go."""
    shared, other = (publish(storage, "n", option, fill="same", days_ago=40) for option in (1, 2))
    put_run(storage, [other])
    assert planned(storage, older_than_s=DAY).going.artifacts == 0
    prune(storage, older_than_s=30 * DAY)
    assert kept(storage, shared, other) == [True, True]
    put_run(storage, [publish(storage, "m")], days_ago=-1, graph_nodes=["m"])
    gone = prune(storage)
    assert (gone.artifacts, gone.records_dropped) == (1, 2)


def test_records_go_ten_times_later(storage: ModelStorage) -> None:
    """At ten times the age a record goes with all that only it refers to, and so do runs."""
    dead, old = publish(storage, "n", 1, days_ago=400), publish(storage, "n", 2, days_ago=40)
    put_run(storage, [dead], days_ago=390)
    put_run(storage, [old], days_ago=40)
    last = publish(storage, "n", 3, days_ago=0)
    put_run(storage, [last])
    gone = prune(storage, older_than_s=30 * DAY)
    assert (gone.records_removed, gone.runs) == (1, 1)
    assert there(storage, dead, old, last) == [False, True, True]
    assert storage.traces([dead.first_key]) == {}
    assert len(list(storage.runs("g"))) == 2
    assert (
        last.manifest.code.symbols
        == storage.records([last.fingerprint])[last.fingerprint].manifest.code.symbols
    )


def test_to_a_size_records_go_when_no_artifact_is_left(storage: ModelStorage) -> None:
    """Small values live in their records: they go last, and the table's rows with them."""
    small = [publish(storage, "n", option, size=2000, days_ago=option) for option in range(1, 31)]
    large = publish(storage, "m", size=20_000)
    assert planned(storage, max_size=size(storage) - 1000).going.records_removed == 0
    prune(storage, max_size=30_000)
    assert kept(storage, large) == [False]
    assert 0 < sum(there(storage, *small)) < 30
    assert size(storage) <= 30_000


def test_going_back_to_a_dropped_record_still_decides(storage: ModelStorage) -> None:
    """The record stays, says that it was pruned, and gives its identity (R13)."""
    record = publish(storage, "n")
    prune(storage)
    storage.forget()
    found = storage.records([record.fingerprint])[record.fingerprint]
    assert (found.identity, storage.is_kept(found), found.dropped > 0) == (record.identity, False, True)
    again = publish(storage, "n")
    assert kept(storage, again) == [True]


def test_dead_graphs_are_listed_and_forgotten_by_name(storage: ModelStorage, tmp_path: Path) -> None:
    """A graph whose file is gone needs what it needed until somebody says otherwise."""
    record = publish(storage, "n")
    path = str(tmp_path / "gone" / "fr.yml")
    put_run(storage, [record], graph="mine", registered=path)
    plan = planned(storage)
    assert [graph.registered_name for graph in plan.dead_graphs] == [path]
    assert (plan.dead_graphs[0].bytes, plan.going.artifacts) == (10_000, 0)
    prune(storage, forget=(path,))
    assert kept(storage, record) == [False]
    assert planned(storage).dead_graphs == () and storage.last_run("mine") is None


def test_what_killed_processes_left_goes(storage: ModelStorage) -> None:
    """Unreferenced artifacts, temporary files and scratch folders go after an hour; those in use stay."""
    record = publish(storage, "n")
    put_run(storage, [record])
    storage.store_value(b"x" * 5000, is_first_party=lambda module: False)
    root = storage.folder
    (root / "tmp" / "1-a").write_bytes(b"y" * 700)
    (root / "tmp" / "run-1-b").mkdir()
    (root / "tmp" / "run-1-b" / "part").write_bytes(b"z" * 30)
    (root / "runs" / "1-c").write_bytes(b"0" * 16)
    with storage.scratch() as scratch:
        (scratch / "part").write_bytes(b"u" * 10)
        for path in [*(root / "blobs").glob("*/*"), *(root / "tmp").iterdir()]:
            os.utime(path, (0, 0))
        with storage.upkeep.inventory() as inventory:
            plan = plan_prune(inventory, PruneRequest())
            assert (plan.going.artifacts, plan.going.leftovers, plan.going.bytes) == (1, 3, 5746)
            assert storage.upkeep.prune(inventory) == plan.going
        assert (scratch / "part").exists()
    assert list((root / "tmp").iterdir()) == [] and list((root / "runs").iterdir()) == []
    assert kept(storage, record) == [True]


def test_what_is_fresh_is_left_to_its_writer(storage: ModelStorage) -> None:
    """An artifact without record may be about to get one: within an hour it stays."""
    storage.store_value(b"x" * 5000, is_first_party=lambda module: False)
    with storage.upkeep.inventory() as inventory:
        assert plan_prune(inventory, PruneRequest()).going.artifacts == 0


def test_what_is_published_meanwhile_stays(storage: ModelStorage) -> None:
    """Between inventory and the first step others publish what was about to go, and what shares its bytes."""
    shared = publish(storage, "n", 1, fill="same", days_ago=400)
    replaced = publish(storage, "n", 2, days_ago=400)
    other = publish(storage, "n", 3, days_ago=400)
    with storage.upkeep.inventory() as inventory:
        plan = plan_prune(inventory, PruneRequest(older_than_s=30 * DAY), NOW)
        assert plan.going.artifacts == plan.going.records_removed == 3
        with new_storage(storage.folder.parent.parent) as writer:
            sharing = publish(writer, "n", 9, fill="same")
            again = structs.replace(replaced, created=NOW)
            writer.publish(again, replaced.manifest.code.trace, replace=True)
        gone = storage.upkeep.prune(inventory)
    assert (gone.artifacts, gone.records_removed) == (1, 2)
    assert kept(storage, sharing, replaced) == [True, True]
    assert there(storage, shared, other) == [False, False]
    assert set(storage.traces([sharing.first_key, replaced.first_key])) == {
        sharing.first_key,
        replaced.first_key,
    }
    assert list(storage.upkeep.verification().damage()) == []


@pytest.mark.kills
def test_a_kill_at_any_step_leaves_nothing_wrong(quick_folder: Path) -> None:
    """Whichever file operation is the last: what is needed is there, and the next pruning ends it."""
    origin = quick_folder / "origin"
    with new_storage(origin) as storage:
        needed = publish(storage, "a", days_ago=400)
        put_run(storage, [needed])
        others = [publish(storage, "n", option, days_ago=400 * option) for option in (1, 2)]

    def prune_old(folder: Path) -> None:
        with new_storage(folder) as storage, storage.upkeep.inventory() as inventory:
            plan_prune(inventory, PruneRequest(older_than_s=30 * DAY), NOW)
            storage.upkeep.prune(inventory)

    for last in itertools.count(1):
        shutil.copytree(origin, folder := quick_folder / str(last))
        killed = in_child(lambda tell: prune_old(folder), killing_at(last)).killed
        with new_storage(folder) as storage:
            assert kept(storage, needed) == [True]
            assert list(storage.upkeep.verification().damage()) == []
            prune_old(folder)
            assert there(storage, *others) == [False, False]
        if not killed:
            assert last > 30
            return


facts = st.tuples(
    st.sampled_from("abc"),
    st.integers(1, 400),
    st.integers(5000, 60_000),
    st.floats(0, 100),
    st.sampled_from("uvwxyz"),
)


@settings(max_examples=int(os.environ.get("FR_TEST_FULL", 0)) * 170 + 30, deadline=None)
@given(
    st.lists(facts, max_size=12),
    st.sets(st.integers(0, 11)),
    st.sets(st.integers(0, 11)),
    st.one_of(st.none(), st.integers(0, 200_000)),
    st.one_of(st.none(), st.integers(0, 300)),
    st.one_of(st.none(), st.integers(0, 3)),
)
def test_whatever_is_asked_for_what_is_needed_stays_and_sizes_are_as_announced(
    tmp_path_factory: pytest.TempPathFactory,
    records: list[tuple[str, int, int, float, str]],
    pins: set[int],
    last: set[int],
    max_size: int | None,
    days: int | None,
    keep_last: int | None,
) -> None:
    """Any records, pins, last run and conditions: what is needed is kept, and the size is exact."""
    with new_storage(tmp_path_factory.mktemp("prune")) as storage:
        made = [
            publish(storage, node, option, days_ago=age, size=size, seconds=seconds, fill=fill)
            for option, (node, age, size, seconds, fill) in enumerate(records)
        ]
        storage.upkeep.pin(made[index].fingerprint for index in pins if index < len(made))
        run = {made[index].node: made[index] for index in sorted(last) if index < len(made)}
        put_run(storage, list(run.values()), days_ago=0)
        used = {record.fingerprint: record.created for record in made}
        used.update({record.fingerprint: NOW for record in run.values()})
        gone = prune(
            storage,
            max_size=max_size,
            older_than_s=None if days is None else days * DAY,
            keep_last=keep_last,
        )
        needed = [*run.values(), *(made[index] for index in pins if index < len(made))]
        assert all(kept(storage, *needed))
        if days is not None:
            assert all(kept(storage, *(r for r in made if used[r.fingerprint] > NOW - days * DAY)))
        if max_size is not None and gone.artifacts == gone.records_removed == 0:
            plan = planned(storage, max_size=max_size)
            assert plan.going.bytes == 0 or days is not None or keep_last is not None


def test_the_words_of_a_request_are_its_fields() -> None:
    """A condition that isn't given doesn't hold anything back."""
    assert PruneRequest() == replace(PruneRequest(max_size=1), max_size=None)
    assert prune_plan.RECORDS_LATER == 10
