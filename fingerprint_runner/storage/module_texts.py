"""`ModuleTexts`: the texts that first-party modules had when nodes ran, so that an edit can be shown.

    record ──> s/ which module had which text ──> t/ a text, once, compressed

Invariants: nothing decides by a text: one that is gone, damaged or was never kept is None; a text is
compressed and written once, however many records name it; a list names no text that isn't there when it is
written; planning and a run that publishes nothing load none of this.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import xxhash

from fingerprint_runner.storage import codec, keys
from fingerprint_runner.storage.publishing import Rows
from fingerprint_runner.storage.reader import RecordReader
from fingerprint_runner.storage.stored_rows import StoredRows

LARGEST_TEXT = 1 << 20
"""Bytes; a larger module was made by a program, and nobody reads its difference."""
_LEVEL = 6


@dataclass(frozen=True)
class SourceTexts:
    """Which first-party module had which text when a node ran.

    Attributes:
        digests: module → xxh3-128 of its text.
        read: gives a module's text; None where it can't be had any more. Called for texts that the store
            doesn't have yet; what it gives is checked against the digest.
    """

    digests: Mapping[str, str]
    read: Callable[[str], bytes | None]


class PreparedTexts:
    """Texts on their way into the store.

    Args:
        digests: module → digest of its text, of those that can be kept.
        rows: key → row of each text that wasn't there.
        generation: of the table when that was looked up.
    """

    def __init__(self, digests: dict[str, str], rows: Mapping[str, bytes], generation: str | None) -> None:
        self._digests = digests
        self._rows = rows
        self._generation = generation

    def write(self, rows: Rows) -> str:
        """Write what isn't there, in a publication's transaction; gives the name of the list of texts."""
        for key, row in self._rows.items():
            if rows.get(key) is None:
                rows.set(key, row)
        digests = self._digests
        now = rows.get(keys.GENERATION)
        if now is None or now.decode("ascii", "replace") != self._generation:
            # Rows were removed since: what was there then may not be there now.
            digests = {
                module: digest
                for module, digest in digests.items()
                if rows.get(keys.text_key(digest)) is not None
            }
        if not digests:
            return ""
        listed = codec.SourcesRow(digests)
        name = sources_name(listed)
        key = keys.sources_key(name)
        rows.set(key, codec.encode_row(key, listed))
        return name


class ModuleTexts:
    """The texts of one store; see `ModelStorage.texts`.

    Args:
        reader: says which texts are there.
        rows: the table's rows, decoded.
    """

    def __init__(self, reader: RecordReader, rows: StoredRows) -> None:
        self._reader = reader
        self._rows = rows
        self._there: set[str] = set()
        self._generation: str | None = None

    def of(self, fingerprint: str) -> Mapping[str, str]:
        """Module → digest of the text that it had when a record was made; empty where that isn't known."""
        record = self._rows.row(keys.record_key(fingerprint), codec.RecordRow)
        if record is None or not record.sources:
            return {}
        row = self._rows.row(keys.sources_key(record.sources), codec.SourcesRow)
        return {} if row is None else row.texts

    def text(self, digest: str) -> bytes | None:
        """A text; None where the store doesn't have it."""
        row = self._rows.row(keys.text_key(digest), codec.TextRow)
        return None if row is None else text_of(row, digest)

    def prepare(self, sources: SourceTexts) -> PreparedTexts:
        """Look up, before a publication, which texts the store doesn't have, and read and compress those."""
        generation = self._reader.generation()
        if generation != self._generation:
            self._there.clear()
            self._generation = generation
        wanted = {digest: module for module, digest in sources.digests.items()}
        unknown = [digest for digest in wanted if digest not in self._there]
        if unknown:
            found = self._reader.there([keys.text_key(digest) for digest in unknown])
            self._there.update(digest for digest in unknown if keys.text_key(digest) in found)
        rows = {}
        left_out = set()
        for digest, module in wanted.items():
            if digest in self._there:
                continue
            row = _text_row(sources.read(module), digest)
            if row is None:
                left_out.add(digest)
            else:
                key = keys.text_key(digest)
                rows[key] = codec.encode_row(key, row)
        digests = {
            module: digest for module, digest in sorted(sources.digests.items()) if digest not in left_out
        }
        return PreparedTexts(digests, rows, generation)


def sources_name(row: codec.SourcesRow) -> str:
    """The digest that a list of texts goes by."""
    return str(xxhash.xxh3_128_hexdigest(codec.encode_row(keys.sources_key(""), row)))


def text_of(row: codec.TextRow, digest: str) -> bytes | None:
    """The text in a row; None where it isn't the one that its name says."""
    if row.size > LARGEST_TEXT:
        return None
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(row.compressed, row.size + 1)
    except zlib.error:
        return None
    return text if xxhash.xxh3_128_hexdigest(text) == digest else None


def _text_row(text: bytes | None, digest: str) -> codec.TextRow | None:
    if text is None or len(text) > LARGEST_TEXT or xxhash.xxh3_128_hexdigest(text) != digest:
        return None
    return codec.TextRow(len(text), zlib.compress(text, _LEVEL))
