"""Node outputs: stored with their identity, restored as a copy of one's own (R6, R9).

Invariants: equal values get one identity, however they were built or stored; whoever loads a value
gets an object that shares no memory with anybody else's; a value's identity holds names of classes
and functions, never their code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fingerprint_runner.errors import NoIdentity, NotStorable
from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.record import ArtifactRef, ValueRecord
from fingerprint_runner.storage.artifacts import INLINE_BYTES, Artifacts, digest_of
from fingerprint_runner.storage.serializers import Written, deserialise, restore_naming, serialise, type_name


@dataclass(frozen=True)
class _Named:
    """An identity, what is known of its parts, and how it was found."""

    identity: str
    keys: Mapping[str, str] | None
    names: tuple[str, ...]
    key_names: dict[str, tuple[str, ...]]
    payload_digest: str | None
    by: str


def store_value(
    artifacts: Artifacts, value: object, is_first_party: Callable[[str], bool], path: str
) -> ValueRecord:
    """Store a value; see `ModelStorage.store_value`."""
    written = serialise(value, path)
    named = _identify(value, written, path)
    raw = written.serializer in ("array", "bytes")
    artifact = store_written(artifacts, written, named.payload_digest if raw else None)

    def first_party(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if is_first_party(name.partition(":")[0]))

    return ValueRecord(
        identity=named.identity,
        artifact=artifact,
        keys=named.keys,
        symbols=first_party(named.names),
        key_symbols={key: first_party(names) for key, names in named.key_names.items()},
        identified_by=named.by,
    )


def store_written(artifacts: Artifacts, written: Written, digest: str | None = None) -> ArtifactRef:
    """Store serialised bytes: in the reference where they are few, else as a blob."""
    size = sum(memoryview(chunk).nbytes for chunk in written.chunks)
    if size > INLINE_BYTES:
        name, size = artifacts.put(written.chunks, digest)
        return ArtifactRef(name, size, written.serializer, written.header)
    inline = b"".join(bytes(memoryview(chunk)) for chunk in written.chunks)
    return ArtifactRef(digest_of([inline]), size, written.serializer, written.header, inline)


def load_value(artifacts: Artifacts, ref: ArtifactRef) -> object:
    """Restore a value; see `ModelStorage.load_value`."""
    if ref.inline is not None:
        return deserialise(ref.serializer, ref.header, bytearray(ref.inline))
    return deserialise(ref.serializer, ref.header, artifacts.load(ref.digest, ref.size))


def _identify(value: object, written: Written, path: str) -> _Named:
    from fingerprint_runner.fingerprints.identity import identify

    try:
        found = identify(value)
    except NoIdentity:
        return _identify_by_bytes(value, written, path)
    return _Named(
        found.identity,
        found.keys,
        tuple(found.globals),
        dict(found.key_globals),
        found.payload_digest,
        "walk",
    )


def _identify_by_bytes(value: object, written: Written, path: str) -> _Named:
    """Where the walk can't go: the digest of the bytes after one round trip.

    Most objects' bytes differ from those of their own round trip and are stable after it.
    """
    identity, names = _bytes_identity(value, written, path)
    if type(value) is not dict or not all(type(key) is str for key in value):
        return _Named(identity, None, names, {}, None, "bytes")
    keys: dict[str, str] = {}
    key_names: dict[str, tuple[str, ...]] = {}
    for key, part in value.items():
        step = f"{path}[{key!r}]"
        inner = _identify_part(part, step)
        keys[key] = inner.identity
        if inner.names:
            key_names[key] = inner.names
    return _Named(identity, keys, names, key_names, None, "bytes")


def _identify_part(value: object, path: str) -> _Named:
    from fingerprint_runner.fingerprints.identity import identify

    try:
        found = identify(value)
    except NoIdentity:
        identity, names = _bytes_identity(value, serialise(value, path), path)
        return _Named(identity, None, names, {}, None, "bytes")
    return _Named(found.identity, None, tuple(found.globals), {}, None, "walk")


def _bytes_identity(value: object, written: Written, path: str) -> tuple[str, tuple[str, ...]]:
    try:
        restored, names = restore_naming(written)
    except Exception as error:
        reason = f"it can't be restored: {type(error).__name__}: {error}"
        raise NotStorable(path, type_name(value), reason) from error
    again = serialise(restored, path)
    return digest(["bytes", again.serializer, dict(again.header), digest_of(again.chunks)]), names
