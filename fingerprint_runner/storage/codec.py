"""Rows of the table as bytes, and back.

    row = b"fr" + format + kind of body + xxh3-128(key, body) + body

Invariants: a row read under another key than it was written for, with any bit changed, or of a format
that this program doesn't know, is None, never an exception and never another object; adding a field
with a default to a dataclass doesn't change the format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import xxhash
from msgspec import Struct
from msgspec.structs import replace

from fingerprint_runner.fingerprints.manifest import Query, Trace, TracePart
from fingerprint_runner.fingerprints.record import (
    NodeFailure,
    NodeRecord,
    Origin,
    Reason,
    RunNode,
    RunRecord,
    TreeEntry,
)

ROW_FORMAT = 1
_MAGIC = b"fr" + bytes([ROW_FORMAT])
_MSGPACK, _JSON = b"m", b"j"
_HEAD = len(_MAGIC) + 1 + 16

T = TypeVar("T")
_decoders: dict[type, Callable[[bytes], Any]] = {}


class RecordRow(Struct, frozen=True):
    """A record as it is stored: without its code part, which is a row of its own.

    `sources` names the row of the texts that its modules had; empty where none were kept.
    """

    record: NodeRecord
    code: str
    sources: str = ""


class ArtifactSummary(Struct, frozen=True):
    """Of an artifact, what listings and pruning ask."""

    digest: str
    size: int
    inline: bytes | None = None


class ValueSummary(Struct, frozen=True):
    """Of a value, the same."""

    artifact: ArtifactSummary | None = None


class TreeSummary(Struct, frozen=True):
    """Of a resource, the same."""

    entries: tuple[TreeEntry, ...] = ()


class RecordSummary(Struct, frozen=True):
    """Of a record, the same: decoding it takes a fraction of what its manifest takes."""

    fingerprint: str
    first_key: str
    trace: str
    node: str
    component: str
    value: ValueSummary | None = None
    resource: TreeSummary | None = None
    storable: bool = True
    seconds: float = 0.0
    created: float = 0.0
    origin: Origin = Origin()
    dropped: float = 0.0


class RecordSummaryRow(Struct, frozen=True):
    """A record's row, read for its summary."""

    record: RecordSummary
    code: str
    sources: str = ""


def blobs_of(record: RecordSummary) -> Iterator[tuple[str, int]]:
    """Digest and size of the files that a record needs; what is empty, or in the record itself, has none."""
    artifact = None if record.value is None else record.value.artifact
    if artifact is not None and artifact.inline is None:
        yield artifact.digest, artifact.size
    for entry in () if record.resource is None else record.resource.entries:
        if entry.kind == "file" and entry.size > 0:
            yield entry.digest, entry.size


class CodeRow(Struct, frozen=True):
    """The code part of a manifest: answers to a trace's queries, and the symbols that explain them."""

    answers: tuple[tuple[str, str, str], ...]
    symbols: dict[str, str]

    @classmethod
    def of(cls, part: TracePart) -> CodeRow:
        """The row of a code part, in one order whatever order it was made in."""
        answers = tuple((query.kind, query.argument, part.answers[query]) for query in sorted(part.answers))
        return cls(answers, {name: part.symbols[name] for name in sorted(part.symbols)})

    def part(self) -> TracePart:
        """The code part again."""
        answers = {Query(kind, argument): answer for kind, argument, answer in self.answers}
        return TracePart(answers, self.symbols)


class SourcesRow(Struct, frozen=True):
    """Module → digest of the text that it had, sorted."""

    texts: dict[str, str]


class TextRow(Struct, frozen=True):
    """A module's text, compressed by zlib; `size` is that of the text itself, in bytes."""

    size: int
    compressed: bytes


class TraceRow(Struct, frozen=True):
    """The queries of a trace."""

    queries: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, trace: Trace) -> TraceRow:
        """The row of a trace."""
        return cls(tuple((query.kind, query.argument) for query in trace.queries))

    def trace(self) -> Trace:
        """The trace again."""
        return Trace(tuple(Query(kind, argument) for kind, argument in self.queries))


class TraceListRow(Struct, frozen=True):
    """Names of the traces of a first key, oldest first."""

    traces: tuple[str, ...]


class NewestRow(Struct, frozen=True):
    """The newest fingerprint of a node name with a component."""

    fingerprint: str


class GraphRow(Struct, frozen=True):
    """Where a graph stands: its last run, and by what it is registered (its name, or the file's path).

    `earlier` are the runs before it, the newest first, that say of a node what no later one does: runs of
    other targets, and runs of nodes that failed since. Together they are what the graph needs.
    """

    graph_id: str
    run_id: str
    registered_name: str
    earlier: tuple[str, ...] = ()


class PinRow(Struct, frozen=True):
    """A record that is never pruned; when that was asked for, in seconds since the epoch."""

    fingerprint: str
    created: float


class RunRow(Struct, frozen=True):
    """A run record in columns, which load several times as fast as one object a node."""

    run_id: str
    graph_id: str
    started: float
    seconds: float
    ok: bool
    targets: tuple[str, ...]
    names: list[str]
    first_keys: list[str | None]
    fingerprints: list[str | None]
    statuses: list[str]
    node_seconds: list[float]
    reasons: dict[int, tuple[Reason, ...]]
    failures: dict[str, NodeFailure] = {}

    @classmethod
    def of(cls, run: RunRecord) -> RunRow:
        """The row of a run record."""
        nodes = list(run.nodes.values())
        return cls(
            run.run_id,
            run.graph_id,
            run.started,
            run.seconds,
            run.ok,
            tuple(run.targets),
            list(run.nodes),
            [node.first_key for node in nodes],
            [node.fingerprint for node in nodes],
            [node.status for node in nodes],
            [node.seconds for node in nodes],
            {index: tuple(node.reasons) for index, node in enumerate(nodes) if node.reasons},
            dict(run.failures),
        )

    def run(self) -> RunRecord:
        """The run record again."""
        columns = zip(self.first_keys, self.fingerprints, self.statuses, self.node_seconds, strict=True)
        nodes = {
            name: RunNode(*line, self.reasons.get(index, ()))
            for index, (name, line) in enumerate(zip(self.names, columns, strict=True))
        }
        return RunRecord(
            self.run_id,
            self.graph_id,
            self.started,
            self.seconds,
            self.ok,
            self.targets,
            nodes,
            self.failures,
        )


class RunSummaryRow(Struct, frozen=True):
    """A run's row, read for what it used and when."""

    run_id: str
    started: float
    fingerprints: list[str | None]
    statuses: list[str]


class LazyMapping(Mapping[Any, Any]):
    """A mapping that is loaded when it is first looked into."""

    def __init__(self, load: Callable[[], Mapping[Any, Any]]) -> None:
        self._load: Callable[[], Mapping[Any, Any]] | None = load
        self._content: Mapping[Any, Any] = {}

    def _all(self) -> Mapping[Any, Any]:
        load = self._load
        if load is not None:
            self._content = load()
            self._load = None
        return self._content

    def __getitem__(self, key: Any) -> Any:
        return self._all()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def __reduce__(self) -> tuple[type[dict[Any, Any]], tuple[dict[Any, Any]]]:
        return dict, (dict(self._all()),)


def record_row(record: NodeRecord, code: str, sources: str = "") -> RecordRow:
    """A record's row, given the names of the rows of its code part and of its modules' texts."""
    bare = replace(record.manifest, code=TracePart({}, {}))
    return RecordRow(replace(record, manifest=bare), code, sources)


def with_code(row: RecordRow, part: Callable[[], TracePart]) -> NodeRecord:
    """The record of a row, whose code part is loaded when it is first looked into."""
    lazy = TracePart(LazyMapping(lambda: part().answers), LazyMapping(lambda: part().symbols))
    return replace(row.record, manifest=replace(row.record.manifest, code=lazy))


def encode_row(key: str, row: Any) -> bytes:
    """A row's bytes, good under `key` alone.

    Raises:
        TypeError: the row holds what isn't plain data.
    """
    kind, body = _encode_body(row)
    return _MAGIC + kind + _checksum(key, kind, body) + body


def decode_row(key: str, content: bytes, form: type[T]) -> T | None:
    """What `encode_row` took, if these are its bytes under this key; else None."""
    import json

    import msgspec

    if not checks_out(key, content):
        return None
    kind, body = content[3:4], content[_HEAD:]
    try:
        if kind == _MSGPACK:
            return _decoder(form)(body)
        if kind == _JSON:
            return msgspec.convert(json.loads(body), form, str_keys=True)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # Whole, and yet not of this form: written by a program that says the same format and isn't.
        return None
    return None


def checks_out(key: str, content: bytes) -> bool:
    """Whether bytes are a whole row of this format, written for this key."""
    kind, body = content[3:4], content[_HEAD:]
    return content[:3] == _MAGIC and content[4:_HEAD] == _checksum(key, kind, body)


def _decoder(form: type[T]) -> Callable[[bytes], T]:
    """Decodes a form; looking a form up costs ten times what decoding a row does."""
    import msgspec

    found = _decoders.get(form)
    if found is None:
        found = _decoders[form] = msgspec.msgpack.Decoder(form).decode
    return found


def _encode_body(row: Any) -> tuple[bytes, bytes]:
    import json

    import msgspec

    try:
        return _MSGPACK, msgspec.msgpack.encode(row, enc_hook=_plain)
    except (UnicodeEncodeError, OverflowError):
        # File names that aren't UTF-8, and integers past 64 bits: JSON as Python writes it holds both.
        return _JSON, json.dumps(msgspec.to_builtins(row, str_keys=True, enc_hook=_plain)).encode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} isn't plain data")


def _checksum(key: str, kind: bytes, body: bytes) -> bytes:
    name = key.encode("utf-8", "surrogatepass")
    checked = xxhash.xxh3_128(len(name).to_bytes(4, "little"))
    checked.update(name)
    checked.update(kind)
    checked.update(body)
    return bytes(checked.digest())
