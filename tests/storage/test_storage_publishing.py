"""What holds under a fingerprint when outcomes are published."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import StorageError
from fingerprint_runner.fingerprints.manifest import Trace
from fingerprint_runner.fingerprints.record import NodeRecord, RunNode, RunRecord, ValueRecord
from fingerprint_runner.storage import files
from fingerprint_runner.storage.model_storage import ModelStorage, open_storage

LARGE = b"a model's weights" * 1000
OTHER = b"other weights" * 1000


@pytest.fixture
def storage(tmp_path: Path) -> ModelStorage:
    return open_storage(tmp_path)


def stored(storage: ModelStorage, value: object) -> ValueRecord:
    return storage.store_value(value, is_first_party=first_party)


def again(storage: ModelStorage) -> ModelStorage:
    return open_storage(storage.folder.parent)


def delete_blobs(storage: ModelStorage) -> None:
    for path in (storage.folder / "blobs").glob("*/*"):
        path.unlink()


def holding(storage: ModelStorage, record: NodeRecord) -> NodeRecord:
    return again(storage).records([record.fingerprint])[record.fingerprint]


def test_a_published_record_is_found_by_others_at_once(storage: ModelStorage) -> None:
    """Without a flush, another opening finds record, trace, code part and the newest of the node."""
    record, trace = make_record(stored(storage, LARGE))
    published = storage.publish(record, trace)
    assert (published.record, published.inserted, published.nondeterministic) == (record, True, False)
    other = again(storage)
    assert other.records([record.fingerprint, "f" * 32]) == {record.fingerprint: record}
    assert other.traces([record.first_key, "f" * 32]) == {record.first_key: (trace,)}
    found = other.newest(record.node, record.component)
    assert found == record and found is not None
    assert found.manifest.fingerprint() == record.fingerprint
    assert other.code_symbols(found) == record.manifest.code.symbols
    assert other.is_kept(found)


def test_the_publisher_sees_its_own_record_after_having_missed_it(storage: ModelStorage) -> None:
    """A miss that was looked up before publishing isn't remembered after it."""
    record, trace = make_record(stored(storage, 1))
    assert storage.records([record.fingerprint]) == {} and storage.traces([record.first_key]) == {}
    storage.publish(record, trace)
    assert storage.records([record.fingerprint]) == {record.fingerprint: record}
    assert storage.traces([record.first_key]) == {record.first_key: (trace,)}


def test_others_are_seen_after_forgetting(storage: ModelStorage) -> None:
    """What another process published shows once `forget()` was called, without opening again."""
    record, trace = make_record(stored(storage, 1))
    other = again(storage)
    assert other.records([record.fingerprint]) == {}
    storage.publish(record, trace)
    other.forget()
    assert other.records([record.fingerprint]) == {record.fingerprint: record}


def test_the_first_kept_record_wins(storage: ModelStorage) -> None:
    """The loser gets the winner's record back, told of the nondeterminism."""
    first, trace = make_record(stored(storage, LARGE))
    second, _ = make_record(stored(storage, OTHER))
    storage.publish(first, trace)
    published = again(storage).publish(second, trace)
    assert published.record == first and published.nondeterministic and not published.inserted
    assert holding(storage, first) == first


def test_the_same_outcome_twice_is_no_nondeterminism(storage: ModelStorage) -> None:
    """Two runs that put out the same are at peace; the first one's log and time stay."""
    first, trace = make_record(stored(storage, LARGE))
    second, _ = make_record(stored(storage, LARGE), seconds=9.0)
    storage.publish(first, trace)
    published = storage.publish(second, trace)
    assert published.record == first and not published.nondeterministic


def test_identities_by_bytes_are_not_called_nondeterministic(storage: ModelStorage) -> None:
    """Bytes may differ between equal values, so they accuse nobody."""
    first, trace = make_record(replace(stored(storage, LARGE), identified_by="bytes"))
    second, _ = make_record(stored(storage, OTHER))
    storage.publish(first, trace)
    assert not storage.publish(second, trace).nondeterministic


def test_force_replaces_a_kept_record(storage: ModelStorage) -> None:
    """`replace=True` makes the new record hold, and still reports two identities."""
    first, trace = make_record(stored(storage, LARGE))
    second, _ = make_record(stored(storage, OTHER))
    storage.publish(first, trace)
    published = storage.publish(second, trace, replace=True)
    assert published.record == second and published.nondeterministic
    assert holding(storage, first) == second


def test_a_record_that_is_not_kept_gets_its_artifacts_back(storage: ModelStorage) -> None:
    """With the same identity only the artifacts change: what the record says of its run stays."""
    first, trace = make_record(value := stored(storage, LARGE))
    storage.publish(first, trace)
    delete_blobs(storage)
    assert not storage.is_kept(first)
    other_bytes = stored(storage, OTHER).artifact
    second, _ = make_record(replace(value, artifact=other_bytes), seconds=9.0)
    published = storage.publish(second, trace)
    assert published.inserted and not published.nondeterministic
    assert holding(storage, first).seconds == first.seconds
    assert holding(storage, first).value == second.value
    assert again(storage).is_kept(holding(storage, first))


def test_a_record_that_is_not_kept_yields_to_another_identity(storage: ModelStorage) -> None:
    """Nothing of the old outcome is there to go on with, so the new one holds, and is reported."""
    first, trace = make_record(stored(storage, LARGE))
    storage.publish(first, trace)
    delete_blobs(storage)
    second, _ = make_record(stored(storage, OTHER))
    published = storage.publish(second, trace)
    assert published.record == second and published.nondeterministic
    assert holding(storage, first) == second


def test_a_record_without_value_yields_to_one_with_it(storage: ModelStorage) -> None:
    """An output that couldn't be stored, and now can, is found from then on."""
    first, trace = make_record(None, storable=False)
    storage.publish(first, trace)
    assert not storage.is_kept(first)
    second, _ = make_record(stored(storage, 1))
    assert storage.publish(second, trace).record == second


def test_a_first_key_keeps_its_sixteen_newest_traces(storage: ModelStorage) -> None:
    """Traces come oldest first; a seventeenth drops the oldest, a known one changes nothing."""
    traces: list[Trace] = []
    for index in range(18):
        record, trace = make_record(stored(storage, index), root=f"pipeline:C{index}")
        storage.publish(record, trace)
        traces.append(trace)
    assert storage.traces([record.first_key]) == {record.first_key: tuple(traces[2:])}
    middle, trace = make_record(stored(storage, 5), root="pipeline:C5")
    storage.publish(middle, trace)
    assert storage.traces([record.first_key]) == {record.first_key: tuple(traces[2:])}


def test_an_older_trace_that_matches_as_well_holds(storage: ModelStorage) -> None:
    """Lookups would find the older trace's record first, so publishing gives it too."""
    older, old_trace = make_record(stored(storage, LARGE), root="pipeline:Old")
    newer, new_trace = make_record(stored(storage, LARGE), root="pipeline:New")
    storage.publish(older, old_trace)
    answers = {old_trace: older.fingerprint}
    published = storage.publish(newer, new_trace, fingerprint_under=answers.get)
    assert published.record == older and not published.inserted
    assert storage.records([newer.fingerprint]) == {}
    assert storage.publish(newer, new_trace, fingerprint_under=lambda trace: None).record == newer


def test_force_replaces_what_other_traces_lead_to(storage: ModelStorage) -> None:
    """Else a lookup would find the older record in the place of the forced one; other states stay."""
    older, old_trace = make_record(stored(storage, LARGE), root="pipeline:Old")
    elsewhere, other_trace = make_record(stored(storage, LARGE), root="pipeline:Other")
    newer, new_trace = make_record(stored(storage, 2), root="pipeline:New")
    storage.publish(older, old_trace)
    storage.publish(elsewhere, other_trace)
    answers = {old_trace: older.fingerprint}
    published = storage.publish(newer, new_trace, replace=True, fingerprint_under=answers.get)
    assert published.inserted and published.nondeterministic
    found = again(storage).records([older.fingerprint, elsewhere.fingerprint, newer.fingerprint])
    assert list(found) == [elsewhere.fingerprint, newer.fingerprint]


@pytest.mark.parametrize("same", [True, False])
def test_a_record_that_is_not_kept_and_says_something_else_goes(storage: ModelStorage, same: bool) -> None:
    """It can't be had any more, and would decide for another value than the one that is there."""
    older, old_trace = make_record(stored(storage, LARGE), root="pipeline:Old")
    storage.publish(older, old_trace)
    (path,) = storage.folder.glob("blobs/*/*")
    path.unlink()
    newer, new_trace = make_record(stored(storage, LARGE if same else 2), root="pipeline:New")
    if same:
        path.unlink()
    other = again(storage)
    published = other.publish(newer, new_trace, fingerprint_under={old_trace: older.fingerprint}.get)
    assert published.inserted and published.nondeterministic is not same
    assert (older.fingerprint in other.records([older.fingerprint])) is same


def test_a_record_must_name_the_trace_given(storage: ModelStorage) -> None:
    """A mix-up is an error in the caller, not a record that can't be found."""
    record, _ = make_record(stored(storage, 1))
    _, trace = make_record(None, root="pipeline:Other")
    with pytest.raises(ValueError, match="another trace"):
        storage.publish(record, trace)


def test_runs_come_back_newest_first(storage: ModelStorage) -> None:
    """The last run of a graph is the one put last; other graphs' runs aren't mixed in."""
    record, trace = make_record(stored(storage, 1))
    storage.publish(record, trace)

    def run(number: int, graph: str) -> RunRecord:
        nodes = {
            "features": RunNode(record.first_key, record.fingerprint, "ran", 0.5, record.reasons),
            "late": RunNode(None, None, "cancelled", 0.0),
        }
        return RunRecord(f"2024-{number:04}", graph, 1.0, 2.0, True, ("features",), nodes)

    for number in range(30):
        storage.put_run(run(number, "odd" if number % 2 else "even"), "fr.yml", ())
    other = again(storage)
    assert other.last_run("even") == run(28, "even")
    assert other.last_run("none") is None
    assert list(other.runs("odd", 3)) == [run(29, "odd"), run(27, "odd"), run(25, "odd")]
    assert len(list(other.runs("odd", 100))) == 15


def test_looking_up_the_last_run_fetches_what_it_names(
    storage: ModelStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records and traces of the last run's nodes are found without another look at the table."""
    record, trace = make_record(stored(storage, 1))
    storage.publish(record, trace)
    nodes = {"features": RunNode(record.first_key, record.fingerprint, "ran", 0.5)}
    storage.put_run(RunRecord("r1", "g", 1.0, 2.0, True, ("features",), nodes), "g", ())
    other = again(storage)
    other.last_run("g")
    monkeypatch.setattr(other._reader, "rows", lambda keys: pytest.fail(f"looked up {list(keys)}"))
    assert list(other.records([record.fingerprint])) == [record.fingerprint]
    assert other.traces([record.first_key]) == {record.first_key: (trace,)}


def test_the_generation_rises_when_a_row_is_replaced(storage: ModelStorage) -> None:
    """New rows and moved pointers leave it; replacing a record, and clearing, change it."""
    assert storage.generation() is None
    first, trace = make_record(stored(storage, LARGE))
    storage.publish(first, trace)
    made = storage.generation()
    other, other_trace = make_record(stored(storage, 2), option=2)
    storage.publish(other, other_trace)
    storage.put_run(RunRecord("r1", "g", 1.0, 2.0, True, (), {}), "g", ())
    storage.put_run(RunRecord("r2", "g", 1.0, 2.0, True, (), {}), "g", ())
    assert storage.generation() == made
    storage.publish(replace(first, seconds=5.0), trace, replace=True)
    replaced = storage.generation()
    assert replaced is not None and replaced != made
    storage.upkeep.clear()
    assert storage.generation() not in (made, replaced, None)


def test_clear_removes_everything_and_leaves_a_usable_store(storage: ModelStorage) -> None:
    """Records, runs, artifacts and memos are gone, and the next publication works, for others too."""
    other = again(storage)
    record, trace = make_record(stored(storage, LARGE))
    storage.publish(record, trace)
    storage.put_run(RunRecord("r1", "g", 1.0, 2.0, True, (), {}), "g", ())
    storage.memo.save("m", b"x")
    assert other.records([record.fingerprint])
    removed = other.upkeep.clear()
    assert (removed.kept, removed.artifacts, removed.runs) == (1, 1, 1) and removed.bytes > len(LARGE)
    storage.forget()
    assert storage.records([record.fingerprint]) == {} and storage.last_run("g") is None
    assert storage.memo.load("m") is None
    left = storage.upkeep.stats()
    assert (left.records, left.artifacts, left.runs) == (0, 0, 0)
    record, trace = make_record(stored(storage, LARGE))
    storage.publish(record, trace)
    assert again(storage).is_kept(holding(storage, record))


def test_stats_count_kept_and_not_kept(storage: ModelStorage) -> None:
    """A record whose blob is gone is counted as not kept."""
    storage.publish(*make_record(stored(storage, LARGE)))
    storage.publish(*make_record(stored(storage, 1), option=2))
    found = storage.upkeep.stats()
    assert (found.kept, found.not_kept, found.artifacts) == (2, 0, 1)
    delete_blobs(storage)
    found = storage.upkeep.stats()
    assert (found.kept, found.not_kept, found.artifacts) == (1, 1, 0)


def test_threads_publish_side_by_side(storage: ModelStorage) -> None:
    """Records of several threads all arrive."""
    from concurrent.futures import ThreadPoolExecutor

    pairs = [make_record(stored(storage, index), option=index) for index in range(40)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda pair: storage.publish(*pair), pairs))
    assert len(again(storage).records(record.fingerprint for record, _ in pairs)) == 40


def test_a_full_disk_is_a_storage_error_and_the_store_goes_on(
    storage: ModelStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed write raises, leaves nothing half done, and the next one works."""
    import errno

    def full(name: str, path: str) -> None:
        if name == "write":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_step", full)
    with pytest.raises(StorageError, match="No space left"):
        stored(storage, LARGE)
    monkeypatch.undo()
    assert not list((storage.folder).glob("tmp/*")) and not list((storage.folder).glob("blobs/*/*"))
    record, trace = make_record(stored(storage, LARGE))
    assert storage.publish(record, trace).inserted
