"""Records and values that the store's tests share."""

from __future__ import annotations

from fingerprint_runner.fingerprints.manifest import ConfigEntry, FirstPart, Manifest, Query, Trace, TracePart
from fingerprint_runner.fingerprints.record import NodeRecord, Reason, ReasonKind, ValueRecord


def make_record(
    value: ValueRecord | None = None,
    *,
    node: str = "features",
    option: int = 1,
    root: str = "pipeline:Vectorizer",
    answer: str = "a1",
    seconds: float = 0.01,
    **fields: object,
) -> tuple[NodeRecord, Trace]:
    """A record and its trace; `option` changes the first key, `root` the trace, `answer` the code."""
    first = FirstPart(
        component="pipeline:Vectorizer",
        python="3.11",
        node=node,
        config={"ngrams": ConfigEntry(f"id-{option}", option)},
    )
    code = TracePart(
        {Query("closure", root): answer}, {"pipeline:Vectorizer.run": answer, "pipeline:HELP": "x"}
    )
    manifest = Manifest(first, code)
    record = NodeRecord(
        fingerprint=manifest.fingerprint(),
        first_key=first.first_key(),
        trace=code.trace.name,
        node=node,
        component=first.component,
        manifest=manifest,
        value=value,
        seconds=seconds,
        reasons=(Reason(ReasonKind.CONFIG_CHANGED, "ngrams", [1, 1], [1, 2]),),
        log_tail="fitted\n",
        **fields,  # type: ignore[arg-type]
    )
    return record, code.trace


def first_party(module: str) -> bool:
    """As a project whose only package is `pipeline` sees modules."""
    return module.partition(".")[0] == "pipeline"
