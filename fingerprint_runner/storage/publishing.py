"""What holds when an outcome is published (R14).

Invariants: rows of one publication change in one transaction; a record whose artifacts are there is
never replaced but by force, which goes for the records of all traces that match; two identities under one
fingerprint are reported, unless one of them is of bytes, which say less than values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Protocol

import xxhash
from msgspec import Struct
from msgspec.structs import replace

from fingerprint_runner.fingerprints.manifest import Trace
from fingerprint_runner.fingerprints.record import NodeRecord, RunRecord
from fingerprint_runner.storage import codec, keys

TRACES_KEPT = 16
EARLIER_RUNS_KEPT = 256
"""A graph whose nodes are each run alone has as many last runs as nodes; their list ends here."""


class Published(Struct, frozen=True):
    """What came of publishing.

    Attributes:
        record: the one that holds; the publisher goes on with its value.
        nondeterministic: another identity was found under the same fingerprint.
        inserted: whether the given record, or its artifacts, are what holds.
    """

    record: NodeRecord
    nondeterministic: bool = False
    inserted: bool = True


class Rows(Protocol):
    """The transaction that a publication is made in."""

    def get(self, key: str) -> bytes | None: ...

    def set(self, key: str, row: bytes) -> None: ...

    def remove(self, key: str) -> None: ...


class Texts(Protocol):
    """The texts of a record's modules, ready to be written."""

    def write(self, rows: Rows) -> str: ...


def publish_record(
    rows: Rows,
    record: NodeRecord,
    trace: Trace,
    is_kept: Callable[[NodeRecord], bool],
    force: bool,
    fingerprint_under: Callable[[Trace], str | None] | None = None,
    texts: Texts | None = None,
) -> Published:
    """Decide which record holds, and write what is new; see `ModelStorage.publish`."""
    names = _trace_names(rows, record.first_key)
    if not force and fingerprint_under is not None:
        older = _older(rows, record, names, is_kept, fingerprint_under)
        if older is not None:
            return Published(older, _differ(older, record), inserted=False)
    existing = _read(rows, record.fingerprint)
    published = _holding(existing, record, is_kept, force)
    if published.record.dropped:
        # Its artifacts have come back, or were those of another record all the time.
        published = replace(published, record=replace(published.record, dropped=0.0))
        _write(rows, published.record, texts)
    elif published.inserted:
        _write(rows, published.record, texts)
    if published.inserted and fingerprint_under is not None:
        matching = _matching(rows, record, names, fingerprint_under)
        differ = _supersede(rows, record, matching, is_kept, force)
        published = replace(published, nondeterministic=published.nondeterministic or differ)
    _add_trace(rows, record.first_key, trace, names)
    newest = keys.newest_key(published.record.node, published.record.component)
    rows.set(newest, codec.encode_row(newest, codec.NewestRow(published.record.fingerprint)))
    return published


def publish_run(rows: Rows, run: RunRecord, registered_name: str, graph_nodes: Collection[str]) -> None:
    """Write a run, and where its graph stands after it; see `ModelStorage.put_run`."""
    key = keys.run_key(run.run_id)
    rows.set(key, codec.encode_row(key, codec.RunRow.of(run)))
    key = keys.graph_key(run.graph_id)
    content = rows.get(key)
    before = None if content is None else codec.decode_row(key, content, codec.GraphRow)
    earlier = () if before is None else _earlier(rows, (before.run_id, *before.earlier), run, graph_nodes)
    rows.set(key, codec.encode_row(key, codec.GraphRow(run.graph_id, run.run_id, registered_name, earlier)))


def _earlier(
    rows: Rows, candidates: Sequence[str], run: RunRecord, graph_nodes: Collection[str]
) -> tuple[str, ...]:
    """Those of a graph's runs, newest first, that tell what came of a node and are the last to do so."""
    open_nodes = set(graph_nodes) - _with_outcome(run)
    told = []
    for run_id in candidates[:EARLIER_RUNS_KEPT]:
        if not open_nodes:
            break
        key = keys.run_key(run_id)
        content = rows.get(key)
        row = None if content is None else codec.decode_row(key, content, codec.RunRow)
        tells = set() if row is None else open_nodes & _with_outcome(row.run())
        if tells:
            told.append(run_id)
            open_nodes -= tells
    return tuple(told)


def _with_outcome(run: RunRecord) -> set[str]:
    return {name for name, line in run.nodes.items() if line.has_outcome}


def _holding(
    existing: NodeRecord | None, record: NodeRecord, is_kept: Callable[[NodeRecord], bool], force: bool
) -> Published:
    if existing is None:
        return Published(record)
    differ = _differ(existing, record)
    if force:
        return Published(record, differ)
    if is_kept(existing) or (not existing.storable and not record.storable):
        return Published(existing, differ, inserted=False)
    if existing.storable and existing.identity == record.identity:
        return Published(_with_artifacts(existing, record))
    return Published(record, differ)


def _with_artifacts(existing: NodeRecord, record: NodeRecord) -> NodeRecord:
    """A record that isn't kept, whose artifacts are there again; what it says of its run stays."""
    if existing.value is None or record.value is None:
        return existing
    return replace(existing, value=replace(existing.value, artifact=record.value.artifact))


def _differ(existing: NodeRecord, record: NodeRecord) -> bool:
    if not existing.storable or not record.storable or existing.identity == record.identity:
        return False
    values = [found.value for found in (existing, record) if found.value is not None]
    if all(value.identified_by == "walk" for value in values):
        return True
    resources = [found.resource and found.resource.identity for found in (existing, record)]
    return resources[0] != resources[1]


def _older(
    rows: Rows,
    record: NodeRecord,
    names: tuple[str, ...],
    is_kept: Callable[[NodeRecord], bool],
    fingerprint_under: Callable[[Trace], str | None],
) -> NodeRecord | None:
    """The kept record to which an older trace of the same first key leads: lookups find it first."""
    older = itertools.takewhile(lambda name: name != record.trace, names)
    return next(filter(is_kept, _matching(rows, record, older, fingerprint_under)), None)


def _matching(
    rows: Rows,
    record: NodeRecord,
    names: Iterable[str],
    fingerprint_under: Callable[[Trace], str | None],
) -> Iterator[NodeRecord]:
    """The other records to which these traces of the same first key lead as things stand."""
    for name in names:
        trace = None if name == record.trace else _trace(rows, name)
        fingerprint = None if trace is None else fingerprint_under(trace)
        found = None if fingerprint is None else _read(rows, fingerprint)
        if found is not None:
            yield found


def _supersede(
    rows: Rows,
    record: NodeRecord,
    others: Iterable[NodeRecord],
    is_kept: Callable[[NodeRecord], bool],
    force: bool,
) -> bool:
    """Remove records that lookups would find in the place of one that was inserted.

    That is by force all of them, and else those that say something else and that nobody can have.

    Returns:
        Whether one of them had another identity.
    """
    differ = False
    for other in others:
        differs = _differ(other, record)
        differ = differ or differs
        if force or (differs and not is_kept(other)):
            rows.remove(keys.record_key(other.fingerprint))
    return differ


def _read(rows: Rows, fingerprint: str) -> NodeRecord | None:
    key = keys.record_key(fingerprint)
    content = rows.get(key)
    row = None if content is None else codec.decode_row(key, content, codec.RecordRow)
    if row is None or row.record.fingerprint != fingerprint:
        return None
    code_key = keys.code_key(row.code)
    code = rows.get(code_key)
    part = None if code is None else codec.decode_row(code_key, code, codec.CodeRow)
    if part is None:
        # Nothing could explain the next change: a damaged record, which a new one replaces.
        return None
    return replace(row.record, manifest=replace(row.record.manifest, code=part.part()))


def _write(rows: Rows, record: NodeRecord, texts: Texts | None) -> None:
    name, code = _code_row(record)
    rows.set(keys.code_key(name), code)
    sources = "" if texts is None else texts.write(rows)
    key = keys.record_key(record.fingerprint)
    rows.set(key, codec.encode_row(key, codec.record_row(record, name, sources)))


def _code_row(record: NodeRecord) -> tuple[str, bytes]:
    row = codec.CodeRow.of(record.manifest.code)
    name = str(xxhash.xxh3_128_hexdigest(codec.encode_row("c/", row)))
    return name, codec.encode_row(keys.code_key(name), row)


def _trace_names(rows: Rows, first_key: str) -> tuple[str, ...]:
    key = keys.trace_list_key(first_key)
    content = rows.get(key)
    row = None if content is None else codec.decode_row(key, content, codec.TraceListRow)
    return () if row is None else row.traces


def _trace(rows: Rows, name: str) -> Trace | None:
    key = keys.trace_key(name)
    content = rows.get(key)
    row = None if content is None else codec.decode_row(key, content, codec.TraceRow)
    trace = None if row is None else row.trace()
    return trace if trace is not None and trace.name == name else None


def _add_trace(rows: Rows, first_key: str, trace: Trace, names: tuple[str, ...]) -> None:
    key = keys.trace_key(trace.name)
    rows.set(key, codec.encode_row(key, codec.TraceRow.of(trace)))
    if trace.name in names:
        return
    kept = (*names, trace.name)[-TRACES_KEPT:]
    key = keys.trace_list_key(first_key)
    rows.set(key, codec.encode_row(key, codec.TraceListRow(kept)))
