"""The store's whole interface against a dictionary: whatever is done, in any order, with deaths in between.

What the store must say is kept here in a few dictionaries that know nothing of it. Pruning may drop what
nobody needs, so what it left is observed, from the files themselves, and what is needed must be among it.
A process that is killed leaves each change whole or not at all.

`FR_TEST_FULL=1` runs over ten times as many histories.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faults import FULL, in_child, killing_at
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from storage_strategies import first_party, make_record

from fingerprint_runner.errors import DamagedArtifact
from fingerprint_runner.fingerprints.record import NodeRecord, RunNode, RunRecord
from fingerprint_runner.storage.artifacts import INLINE_BYTES, digest_of
from fingerprint_runner.storage.model_storage import DURABILITIES, ModelStorage, open_storage
from fingerprint_runner.storage.prune_plan import PruneRequest, plan_prune

NOW = 1_800_000_000.0
DAY = 86400.0
OPTIONS = range(6)
GRAPHS = ("g", "h")

options = st.sampled_from(OPTIONS)
variants = st.integers(0, 1)
some_options = st.sets(options, min_size=1)
requests = st.builds(
    PruneRequest,
    max_size=st.one_of(st.none(), st.integers(0, 60_000)),
    older_than_s=st.one_of(st.none(), st.integers(0, 20).map(lambda days: days * DAY)),
    keep_last=st.one_of(st.none(), st.integers(0, 2)),
)


def content(option: int, variant: int) -> bytes:
    """What an option puts out: in the record or in a file, which some share."""
    size = 900 if option % 3 == 0 else 5000 + 700 * (option // 2)
    return f"{option // 2}-{variant}".encode().ljust(size, b".")


def is_file(value: bytes) -> bool:
    return len(value) > INLINE_BYTES


def fingerprint_of(option: int) -> str:
    return make_record(node=f"n{option % 4}", option=option)[0].fingerprint


FINGERPRINTS = {fingerprint_of(option): option for option in OPTIONS}


@dataclass
class Model:
    """What the store is to say.

    Attributes:
        values: option → what its record says that it put out.
        files: contents that lie in the store as files.
        damaged: those of them whose bytes were changed.
        lines: graph → node → option of its last line.
        runs: ids of the runs, oldest first, with their graph.
    """

    values: dict[int, bytes] = field(default_factory=dict)
    files: set[bytes] = field(default_factory=set)
    damaged: set[bytes] = field(default_factory=set)
    lines: dict[str, dict[str, int]] = field(default_factory=lambda: {graph: {} for graph in GRAPHS})
    runs: dict[str, str] = field(default_factory=dict)
    pins: set[int] = field(default_factory=set)
    memos: dict[str, bytes] = field(default_factory=dict)

    def is_kept(self, option: int) -> bool:
        value = self.values.get(option)
        return value is not None and (not is_file(value) or value in self.files)

    def needed(self) -> set[int]:
        lasts = {option for lines in self.lines.values() for option in lines.values()}
        return (lasts | self.pins) & self.values.keys()


def publish(storage: ModelStorage, option: int, variant: int, replace: bool, age: int) -> Any:
    value = storage.store_value(content(option, variant), is_first_party=first_party)
    record, trace = make_record(
        value, node=f"n{option % 4}", option=option, created=NOW - age * DAY, seconds=float(option)
    )
    return storage.publish(record, trace, replace=replace)


def put_run(storage: ModelStorage, run_id: str, graph: str, used: set[int]) -> None:
    lines = {f"n{option % 4}": RunNode(None, fingerprint_of(option), "hit", 0.0) for option in sorted(used)}
    run = RunRecord(run_id, graph, NOW, 1.0, True, tuple(lines), lines)
    storage.put_run(run, graph, [f"n{number}" for number in range(4)])


def prune(storage: ModelStorage, request: PruneRequest) -> None:
    with storage.upkeep.inventory() as inventory:
        plan = plan_prune(inventory, request, NOW)
        assert storage.upkeep.prune(inventory) == plan.going


class StoreMachine(RuleBasedStateMachine):
    """Drives a store and its model."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
        self.model = Model()
        self.live = ExitStack()
        self.protected: set[int] = set()
        self.run_number = 0
        self.has_failed = False

    @initialize(
        durability=st.sampled_from(DURABILITIES),
        filled=st.fixed_dictionaries({}, optional=dict.fromkeys(OPTIONS, variants)),
        pinned=st.sets(options, max_size=2),
        used=st.sets(options, max_size=2),
    )
    def begin(self, durability: str, filled: dict[int, int], pinned: set[int], used: set[int]) -> None:
        """A store that has seen something already: histories are short."""
        self.storage = open_storage(self.folder / "cache", durability=durability)
        for option, variant in filled.items():
            self.publish(option, variant, replace=False, age=option * 5)
        self.pin(pinned)
        self.put_run(GRAPHS[0], used)

    def teardown(self) -> None:
        self.live.close()
        self.storage.close()
        shutil.rmtree(self.folder)

    # --- what is done ---------------------------------------------------------------------------------

    @rule(option=options, variant=variants, replace=st.booleans(), age=st.integers(0, 30))
    def publish(self, option: int, variant: int, replace: bool, age: int) -> None:
        wanted = content(option, variant)
        published = publish(self.storage, option, variant, replace, age)
        # Its own bytes may be all that the earlier record lacked.
        self._stored(wanted)
        before, kept = self.model.values.get(option), self.model.is_kept(option)
        holds = before if before is not None and kept and not replace else wanted
        self.model.values[option] = holds
        assert published.inserted == (before is None or replace or not kept)
        assert published.nondeterministic == (before not in (None, wanted))
        assert published.record.value is not None
        assert published.record.value.artifact.digest == digest_of([holds])
        self._used(option)

    @rule(some=some_options)
    def load(self, some: set[int]) -> None:
        for option in some & self.model.values.keys():
            value, record = self.model.values[option], self._record(option)
            assert record.value is not None and record.value.artifact is not None
            if self.model.is_kept(option) and value not in self.model.damaged:
                assert self.storage.load_value(record.value.artifact) == value
                continue
            with pytest.raises(DamagedArtifact):
                self.storage.load_value(record.value.artifact)
            assert self.storage.take_damage()
            # What was damaged has been set aside.
            self.model.damaged.discard(value)
            self.model.files.discard(value)

    @rule(graph=st.sampled_from(GRAPHS), used=some_options)
    def put_run(self, graph: str, used: set[int]) -> None:
        used = {option for option in used if option in self.model.values}
        run_id = self._new_run()
        put_run(self.storage, run_id, graph, used)
        self._ran(run_id, graph, used)

    @rule(some=some_options)
    def pin(self, some: set[int]) -> None:
        self.storage.upkeep.pin(fingerprint_of(option) for option in some)
        self.model.pins |= some

    @rule(some=some_options)
    def unpin(self, some: set[int]) -> None:
        self.storage.upkeep.unpin(fingerprint_of(option) for option in some)
        self.model.pins -= some

    @rule(request=requests)
    def prune(self, request: PruneRequest) -> None:
        prune(self.storage, request)
        self._observe_pruned()

    @rule()
    def clear(self) -> None:
        self.storage.upkeep.clear()
        self.model = Model()
        self.protected.clear()

    @rule(some=some_options)
    def begin_live_run(self, some: set[int]) -> None:
        """A run starts here that uses some records; an earlier one ends."""
        self.live.close()
        self.protected = {option for option in some if option in self.model.values}
        self.live.enter_context(self.storage.live_run([fingerprint_of(o) for o in self.protected]))

    @rule(name=st.sampled_from(["a", "b/c"]), data=st.binary(max_size=20))
    def save_memo(self, name: str, data: bytes) -> None:
        self.storage.memo.save(name, data)
        self.model.memos[name] = data

    @rule(durability=st.sampled_from(DURABILITIES))
    def reopen(self, durability: str) -> None:
        self.live.close()
        self.protected.clear()
        self.storage.close()
        self.storage = open_storage(self.folder / "cache", durability=durability)

    @rule(files=st.dictionaries(st.sampled_from(["a", "b/c", "b/d"]), st.binary(max_size=5000), max_size=3))
    def store_and_restore_a_folder(self, files: dict[str, bytes]) -> None:
        folders = [self.folder / f"tree-{os.urandom(8).hex()}" for _ in range(2)]
        folders[0].mkdir()
        for name, data in files.items():
            (folders[0] / name).parent.mkdir(exist_ok=True)
            (folders[0] / name).write_bytes(data)
        tree = self.storage.store_tree(folders[0])
        self.storage.restore_tree(tree, folders[1], read_only=False)
        restored = {
            str(path.relative_to(folders[1])): path.read_bytes()
            for path in folders[1].rglob("*")
            if path.is_file()
        }
        assert restored == files

    @rule(option=options, place=st.integers(0, 5000))
    def spoil(self, option: int, place: int) -> None:
        """A bit of an artifact flips."""
        value = self.model.values.get(option)
        if value in self.model.files and value not in self.model.damaged:
            path = self._path(value)
            path.chmod(0o644)
            spoilt = bytearray(value)
            spoilt[place % len(spoilt)] ^= 4
            path.write_bytes(spoilt)
            path.chmod(0o444)
            self.model.damaged.add(value)

    @rule(option=options)
    def delete(self, option: int) -> None:
        """Somebody removes an artifact."""
        value = self.model.values.get(option)
        if value in self.model.files:
            self._path(value).unlink()
            self.model.files.discard(value)
            self.model.damaged.discard(value)

    # --- what other processes do, and where they die ----------------------------------------------------

    @rule(
        option=options,
        variant=variants,
        replace=st.booleans(),
        number=st.integers(1, 70),
        flush=st.booleans(),
    )
    def publisher_dies(self, option: int, variant: int, replace: bool, number: int, flush: bool) -> None:
        def act(storage: ModelStorage) -> None:
            publish(storage, option, variant, replace, 0)
            if flush:
                storage.flush()

        wanted = content(option, variant)
        killed = self._elsewhere(act, number)
        self._observe_file(wanted)
        before, kept = self.model.values.get(option), self.model.is_kept(option)
        holds = before if before is not None and kept and not replace else wanted
        after = self._said(option)
        assert after in ((before, holds) if killed else (holds,))
        if after is not None:
            self.model.values[option] = after

    @rule(graph=st.sampled_from(GRAPHS), used=some_options, number=st.integers(1, 40))
    def runner_dies(self, graph: str, used: set[int], number: int) -> None:
        used = {option for option in used if option in self.model.values}
        run_id = self._new_run()
        killed = self._elsewhere(lambda storage: put_run(storage, run_id, graph, used), number)
        if self.storage.run(run_id) is not None:
            self._ran(run_id, graph, used)
        else:
            assert killed

    @rule(request=requests, number=st.integers(1, 120))
    def pruner_dies(self, request: PruneRequest, number: int) -> None:
        self._elsewhere(lambda storage: prune(storage, request), number)
        self._observe_pruned()

    @rule(number=st.integers(1, 60))
    def clearing_dies(self, number: int) -> None:
        """Records go at once; what is cleared halfway says nothing that isn't so."""
        there = set(self.model.values)
        killed = self._elsewhere(lambda storage: storage.upkeep.clear(), number)
        left = {option for option in there if self._said(option) is not None}
        assert killed or not left
        self.model.values = {option: value for option, value in self.model.values.items() if option in left}
        self.model.pins = {FINGERPRINTS[name] for name in self.storage.upkeep.pinned()}
        self.model.runs = {run.run_id: run.graph_id for run in reversed(list(self.storage.runs()))}
        for graph in GRAPHS:
            lines = self.storage.last_lines(graph)
            self.model.lines[graph] = {
                node: FINGERPRINTS[line.fingerprint] for node, line in lines.items() if line.fingerprint
            }
        self._observe_files()
        self.model.memos = {}
        self.protected &= left

    # --- what must be so --------------------------------------------------------------------------------

    @invariant()
    def records_are_as_the_model_says(self) -> None:
        if not hasattr(self, "storage"):
            return
        for fresh in (False, True):
            storage = open_storage(self.folder / "cache") if fresh else self.storage
            found = storage.records(FINGERPRINTS)
            assert {FINGERPRINTS[name] for name in found} == self.model.values.keys()
            for name, record in found.items():
                option = FINGERPRINTS[name]
                assert self._value_of(record) == digest_of([self.model.values[option]])
                assert storage.is_kept(record) == self.model.is_kept(option)
                assert storage.traces([record.first_key])[record.first_key]
            assert storage.upkeep.pinned() == {fingerprint_of(option) for option in self.model.pins}
            for graph in GRAPHS:
                runs = [run_id for run_id, of in self.model.runs.items() if of == graph]
                last = storage.last_run(graph)
                assert (last.run_id if last is not None else None) == (runs[-1] if runs else None)
                lines = {node: line.fingerprint for node, line in storage.last_lines(graph).items()}
                wanted = self.model.lines[graph]
                assert lines == {node: fingerprint_of(option) for node, option in wanted.items()}
            for name, data in self.model.memos.items():
                assert storage.memo.load(name) == data
            assert storage.take_damage() == ()
            if fresh:
                storage.close()

    @rule()
    def verify(self) -> None:
        """Exactly what was spoilt or taken away is found."""
        found = {damage.what for damage in self.storage.upkeep.verification().damage()}
        spoilt = {digest_of([value]) for value in self.model.damaged}
        missing = {
            digest_of([value])
            for option, value in self.model.values.items()
            if not self.model.is_kept(option) and not self._record(option).dropped
        }
        assert found == spoilt | missing

    # --- between model and store ------------------------------------------------------------------------

    def _elsewhere(self, act: Callable[[ModelStorage], Any], number: int) -> bool:
        """Let another process do something; whether it died before it was done."""

        def opened(tell: Callable[[Any], None]) -> None:
            with open_storage(self.folder / "cache") as storage:
                act(storage)

        killed = in_child(opened, killing_at(number)).killed
        note(f"killed: {killed}")
        self.storage.forget()
        return killed

    def _path(self, value: bytes) -> Path:
        digest = digest_of([value])
        return self.folder / "cache" / "fr" / "blobs" / digest[:2] / digest

    def _stored(self, value: bytes) -> None:
        """An artifact that was damaged is found so by who stores the same bytes, and written anew."""
        if is_file(value):
            self.model.files.add(value)
            assert bool(self.storage.take_damage()) == (value in self.model.damaged)
            self.model.damaged.discard(value)

    def _record(self, option: int) -> NodeRecord:
        (record,) = self.storage.records([fingerprint_of(option)]).values()
        return record

    def _said(self, option: int) -> bytes | None:
        """What the store says that an option put out."""
        found = self.storage.records([fingerprint_of(option)])
        for record in found.values():
            return next(
                content(option, variant)
                for variant in range(2)
                if digest_of([content(option, variant)]) == self._value_of(record)
            )
        return None

    def _value_of(self, record: NodeRecord) -> str:
        assert record.value is not None and record.value.artifact is not None
        return record.value.artifact.digest

    def _new_run(self) -> str:
        self.run_number += 1
        return f"run-{self.run_number:05}"

    def _ran(self, run_id: str, graph: str, used: set[int]) -> None:
        self.model.runs[run_id] = graph
        for option in sorted(used):
            self.model.lines[graph][f"n{option % 4}"] = option

    def _used(self, option: int) -> None:
        """A live run of this process uses what it publishes."""
        if self.protected:
            self.protected.add(option)

    def _observe_file(self, value: bytes) -> None:
        """What a process that may have died made of an artifact: nothing, or what is right."""
        there = self._path(value).read_bytes() if self._path(value).exists() else None
        if there == value:
            self.model.files.add(value)
            self.model.damaged.discard(value)
        elif there is None:
            assert value in self.model.damaged or value not in self.model.files
            self.model.files.discard(value)
            self.model.damaged.discard(value)
        else:
            assert value in self.model.damaged

    def _observe_files(self) -> None:
        self.model.files = {value for value in self.model.files if self._path(value).exists()}
        self.model.damaged &= self.model.files

    def _observe_pruned(self) -> None:
        needed = self.model.needed() | (self.protected & self.model.values.keys())
        kept = {option for option in needed if self.model.is_kept(option)}
        self._observe_files()
        left = {option for option in self.model.values if self._said(option) is not None}
        assert needed <= left
        self.model.values = {option: value for option, value in self.model.values.items() if option in left}
        assert all(self.model.is_kept(option) for option in kept)
        there = {run.run_id for run in self.storage.runs()}
        lasts = {
            run_id
            for graph in GRAPHS
            for run_id in [r for r, of in self.model.runs.items() if of == graph][-1:]
        }
        assert lasts <= there
        self.model.runs = {run_id: graph for run_id, graph in self.model.runs.items() if run_id in there}


TestStoreMachine = pytest.mark.kills(StoreMachine.TestCase)
TestStoreMachine.settings = settings(
    max_examples=1000 if FULL else 60,
    stateful_step_count=30,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
