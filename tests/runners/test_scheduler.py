"""The scheduler: which nodes run, in which order, and what failures and losses do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fingerprint_runner.fingerprints.manifest import FirstPart, Manifest, TracePart
from fingerprint_runner.fingerprints.record import NodeRecord, Reason, ReasonKind
from fingerprint_runner.planning.decide import Decision, Stale, Undecided, UpToDate
from fingerprint_runner.runners.scheduler import Scheduler, State

STALE = Stale((Reason(ReasonKind.NEVER_RUN),))


def hit(name: str, *, kept: bool = True) -> UpToDate:
    manifest = Manifest(FirstPart(component=f"m:{name}", python="3"), TracePart({}))
    record = NodeRecord(
        fingerprint=name, first_key=name, trace="", node=name, component=f"m:{name}", manifest=manifest
    )
    return UpToDate(record, kept)


def drive(scheduler: Scheduler, fails: frozenset[str] = frozenset()) -> list[str]:
    """Run everything that starts; children that were undecided turn out stale."""
    started = []
    while (name := scheduler.take()) is not None:
        started.append(name)
        if name in fails:
            scheduler.failed(name)
            continue
        for child in scheduler.ran(name):
            decision = scheduler.decision(child)
            if isinstance(decision, Undecided):
                left = tuple(p for p in decision.waiting_on if scheduler.state(p) is not State.RAN)
                scheduler.decided(child, Undecided(left) if left else STALE)
    return started


CHAIN = {"a": (), "b": ("a",), "c": ("b",)}


def test_hits_run_nothing() -> None:
    """Where every node is up to date and kept, nothing starts."""
    scheduler = Scheduler("abc", CHAIN, ["c"], {name: hit(name) for name in "abc"})
    assert drive(scheduler) == []


def test_work_above_a_hit_is_never_done() -> None:
    """A stale parent that no stale child needs doesn't run."""
    parents = {"a": (), "b": ("a",)}
    scheduler = Scheduler("ab", parents, ["b"], {"a": STALE, "b": hit("b")})
    assert drive(scheduler) == []


def test_undecided_nodes_wait_for_their_parents() -> None:
    """A stale node runs first; what waited for it is decided then."""
    decisions: dict[str, Decision] = {"a": STALE, "b": Undecided(("a",)), "c": Undecided(("b",))}
    scheduler = Scheduler("abc", CHAIN, ["c"], decisions)
    assert drive(scheduler) == ["a", "b", "c"]


def test_a_hit_that_is_not_kept_runs_only_for_a_stale_child() -> None:
    """A not-kept record decides; it runs when a child that runs needs its value (R13)."""
    lazy = Scheduler("abc", CHAIN, ["c"], {"a": hit("a"), "b": hit("b", kept=False), "c": hit("c")})
    assert drive(lazy) == []
    needed = Scheduler("abc", CHAIN, ["c"], {"a": hit("a"), "b": hit("b", kept=False), "c": STALE})
    assert drive(needed) == ["b", "c"]


def test_a_target_that_is_not_kept_runs() -> None:
    """A target's value is wanted itself."""
    scheduler = Scheduler("abc", CHAIN, ["c"], {**{n: hit(n) for n in "ab"}, "c": hit("c", kept=False)})
    assert drive(scheduler) == ["c"]


def test_a_failure_skips_what_depends_on_it_and_cancels_the_rest() -> None:
    """Without keep-going nothing new starts after a failure."""
    parents = {"a": (), "b": ("a",), "x": (), "y": ("x",)}
    decisions: dict[str, Decision] = dict.fromkeys("abxy", STALE)
    scheduler = Scheduler("abxy", parents, ["b", "y"], decisions)
    assert drive(scheduler, frozenset("a")) == ["a"]
    assert [scheduler.state(name) for name in "abxy"] == [
        State.FAILED,
        State.SKIPPED,
        State.CANCELLED,
        State.CANCELLED,
    ]


def test_keep_going_runs_what_does_not_depend_on_the_failure() -> None:
    """With keep-going only what needs the failed node is skipped."""
    parents = {"a": (), "b": ("a",), "x": (), "y": ("x",)}
    decisions: dict[str, Decision] = dict.fromkeys("abxy", STALE)
    scheduler = Scheduler("abxy", parents, ["b", "y"], decisions, keep_going=True)
    assert drive(scheduler, frozenset("a")) == ["a", "x", "y"]
    assert scheduler.state("b") is State.SKIPPED


def test_a_lost_artifact_makes_its_node_run_before_the_one_that_asked() -> None:
    """The consumer is given back, the producer runs, then the consumer."""
    scheduler = Scheduler("abc", CHAIN, ["c"], {"a": hit("a"), "b": hit("b"), "c": STALE})
    assert scheduler.take() == "c"
    scheduler.give_back("c")
    scheduler.lost("b", hit("b", kept=False))
    assert drive(scheduler) == ["b", "c"]


def test_a_wide_node_costs_its_parents_once() -> None:
    """A node with 20,000 parents is reached in linear time."""
    names = [f"n{i}" for i in range(20_000)]
    parents: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    parents["sink"] = tuple(names)
    decisions: dict[str, Decision] = dict.fromkeys([*names, "sink"], STALE)
    scheduler = Scheduler([*names, "sink"], parents, ["sink"], decisions)
    assert drive(scheduler)[-1] == "sink"


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, tuple[str, ...]], dict[str, Decision], list[str]]:
    count = draw(st.integers(1, 8))
    names = [f"n{i}" for i in range(count)]
    parents: dict[str, tuple[str, ...]] = {}
    decisions: dict[str, Decision] = {}
    known: set[str] = set()
    for index, name in enumerate(names):
        chosen = draw(st.sets(st.sampled_from(names[:index]), max_size=3)) if index else set()
        parents[name] = tuple(sorted(chosen))
        waiting = tuple(parent for parent in parents[name] if parent not in known)
        if waiting:
            decisions[name] = Undecided(waiting)
        else:
            decisions[name] = draw(st.sampled_from([STALE, hit(name), hit(name, kept=False)]))
            if isinstance(decisions[name], UpToDate):
                known.add(name)
    targets = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    return parents, decisions, targets


@given(graphs())
def test_every_wanted_value_is_made_once_after_its_parents(
    graph: tuple[dict[str, tuple[str, ...]], dict[str, Decision], list[str]],
) -> None:
    """On any graph: targets end with a value, parents run before children, nothing runs twice."""
    parents, decisions, targets = graph
    scheduler = Scheduler(list(parents), parents, targets, decisions)
    started = drive(scheduler)
    assert len(started) == len(set(started))
    have = {name for name, decision in decisions.items() if isinstance(decision, UpToDate) and decision.kept}
    for name in started:
        assert all(parent in have for parent in parents[name])
        have.add(name)
    assert set(targets) <= have


@given(graphs())
def test_nothing_runs_that_no_target_needs(
    graph: tuple[dict[str, tuple[str, ...]], dict[str, Decision], list[str]],
) -> None:
    """Every node that runs is a target, or needed by one that runs."""
    parents, decisions, targets = graph
    scheduler = Scheduler(list(parents), parents, targets, decisions)
    started = drive(scheduler)
    needed = {*targets, *(parent for name in started for parent in parents[name])}
    assert set(started) <= needed
