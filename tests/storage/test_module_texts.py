"""Texts of modules: kept once, found by record, gone with the last record that names them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from storage_cases import DAY, NOW, new_storage
from storage_strategies import first_party, make_record
from xxhash import xxh3_128_hexdigest

from fingerprint_runner.fingerprints.record import NodeRecord
from fingerprint_runner.storage import module_texts
from fingerprint_runner.storage.model_storage import ModelStorage
from fingerprint_runner.storage.module_texts import SourceTexts
from fingerprint_runner.storage.prune_plan import PruneRequest, plan_prune
from fingerprint_runner.storage.verifying import DamageKind

ONE, TWO = b"X = 1\n" * 400, b"def f():\n    return 2\n"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ModelStorage]:
    with new_storage(tmp_path) as opened:
        yield opened


class Sources:
    """Modules with texts, which notes what was read of them."""

    def __init__(self, **texts: bytes) -> None:
        self.texts: Mapping[str, bytes] = texts
        self.read: list[str] = []

    def __call__(self) -> SourceTexts:
        digests = {module: xxh3_128_hexdigest(text) for module, text in self.texts.items()}
        return SourceTexts(digests, self._read)

    def _read(self, module: str) -> bytes:
        self.read.append(module)
        return self.texts[module]


def publish(
    storage: ModelStorage, option: int, sources: Sources | None, *, days_ago: float = 0, replace: bool = False
) -> NodeRecord:
    value = storage.store_value(option, is_first_party=first_party)
    record, trace = make_record(value, option=option, created=NOW - days_ago * DAY)
    given = None if sources is None else sources()
    return storage.publish(record, trace, replace=replace, sources=given).record


def texts_of(storage: ModelStorage, record: NodeRecord) -> dict[str, bytes | None]:
    storage.forget()
    return {
        module: storage.texts.text(digest) for module, digest in storage.texts.of(record.fingerprint).items()
    }


def rows(storage: ModelStorage, prefix: str) -> list[str]:
    return [key for key, _ in storage._reader.below(prefix)]


def sql(storage: ModelStorage, statement: str, *values: object) -> None:
    storage.close()
    connection = sqlite3.connect(storage.folder / "records" / "cache.db")
    connection.execute(statement, values)
    connection.commit()
    connection.close()
    storage.forget()


def test_texts_are_found_by_the_record_that_was_published_with_them(storage: ModelStorage) -> None:
    """Each module with the bytes that it had, in another process too; without texts there are none."""
    record = publish(storage, 1, Sources(steps=ONE, helpers=TWO))
    bare = publish(storage, 2, None)
    assert texts_of(storage, record) == {"helpers": TWO, "steps": ONE}
    assert texts_of(storage, bare) == {} and storage.texts.of("f" * 32) == {}
    with new_storage(storage.folder.parent.parent) as other:
        assert texts_of(other, record) == {"helpers": TWO, "steps": ONE}


def test_a_text_is_read_compressed_and_written_once(
    storage: ModelStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many records name it: the second publication reads no module, another process's neither."""
    packed: list[int] = []
    compress = module_texts.zlib.compress
    monkeypatch.setattr(
        module_texts.zlib, "compress", lambda text, level: packed.append(len(text)) or compress(text, level)
    )
    sources = Sources(steps=ONE, helpers=TWO)
    publish(storage, 1, sources)
    publish(storage, 2, sources)
    with new_storage(storage.folder.parent.parent) as other:
        publish(other, 3, sources)
    assert sorted(sources.read) == ["helpers", "steps"] and len(packed) == 2
    assert len(rows(storage, "t/")) == 2 and len(rows(storage, "s/")) == 1
    sources.texts = {"steps": ONE, "helpers": TWO + b"#\n"}
    publish(storage, 4, sources)
    assert sources.read[2:] == ["helpers"]
    assert len(rows(storage, "t/")) == 3 and len(rows(storage, "s/")) == 2


def test_texts_are_small(storage: ModelStorage) -> None:
    """They are compressed, and count in the store's size."""
    bare = publish(storage, 1, None)
    before = storage.upkeep.stats().bytes
    publish(storage, 1, Sources(steps=ONE), replace=True)
    grown = storage.upkeep.stats().bytes - before
    assert 0 < grown < len(ONE) / 4 and texts_of(storage, bare) == {"steps": ONE}


def test_a_text_that_is_not_what_ran_is_left_out(
    storage: ModelStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file edited since, or gone, or large and made by a program: the others are kept."""
    monkeypatch.setattr(module_texts, "LARGEST_TEXT", 2400)
    sources = Sources(steps=ONE, large=ONE + b"#")
    given = sources()
    digests = {**given.digests, "edited": "0" * 32, "gone": "1" * 32}
    given = SourceTexts(digests, lambda module: None if module == "gone" else sources.texts.get(module, b"x"))
    record, trace = make_record(storage.store_value(1, is_first_party=first_party))
    storage.publish(record, trace, sources=given)
    assert texts_of(storage, record) == {"steps": ONE}
    assert list(storage.upkeep.verification().damage()) == []


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("UPDATE Cache SET value = x'00' WHERE key LIKE 't/%'", {"helpers": None, "steps": None}),
        ("DELETE FROM Cache WHERE key LIKE 't/%'", {"helpers": None, "steps": None}),
        ("UPDATE Cache SET value = x'00' WHERE key LIKE 's/%'", {}),
        ("DELETE FROM Cache WHERE key LIKE 's/%'", {}),
    ],
)
def test_a_text_that_is_gone_or_damaged_is_none(
    storage: ModelStorage, change: str, left: dict[str, bytes | None]
) -> None:
    """The record is good all the same, and verifying says what is wrong."""
    record = publish(storage, 1, Sources(steps=ONE, helpers=TWO))
    sql(storage, change)
    assert texts_of(storage, record) == left
    assert storage.records([record.fingerprint]) == {record.fingerprint: record}
    found = {each.kind for each in storage.upkeep.verification().damage()}
    assert found == {DamageKind.MISSING if change.startswith("DELETE") else DamageKind.CORRUPT}


def test_a_text_under_another_name_is_corrupt(storage: ModelStorage) -> None:
    """A whole row that holds another text than its name says, as one that somebody made up."""
    from fingerprint_runner.storage import codec, keys

    record = publish(storage, 1, Sources(steps=ONE))
    (key,) = rows(storage, "t/")
    forged = codec.encode_row(key, codec.TextRow(1, module_texts.zlib.compress(b"x")))
    sql(storage, "UPDATE Cache SET value = ? WHERE key = ?", forged, key)
    assert texts_of(storage, record) == {"steps": None}
    assert [each.what for each in storage.upkeep.verification().damage()] == [f"row {key}"]
    bomb = codec.encode_row(key, codec.TextRow(5, module_texts.zlib.compress(bytes(10**7))))
    sql(storage, "UPDATE Cache SET value = ? WHERE key = ?", bomb, key)
    assert texts_of(storage, record) == {"steps": None}
    assert keys.text_key(xxh3_128_hexdigest(ONE)) == key


def prune(storage: ModelStorage, **wanted: object) -> None:
    """Prune, and check that it came as announced."""
    before = storage.upkeep.stats().bytes
    with storage.upkeep.inventory() as inventory:
        plan = plan_prune(inventory, PruneRequest(**wanted), NOW)  # type: ignore[arg-type]
        assert storage.upkeep.prune(inventory) == plan.going
    assert (plan.before, plan.after) == (before, storage.upkeep.stats().bytes)
    assert list(storage.upkeep.verification().damage()) == []


def test_texts_go_with_the_last_record_that_names_them(storage: ModelStorage) -> None:
    """What a record that stays names is kept; the rest goes, to the byte as announced."""
    old = publish(storage, 1, Sources(steps=ONE, helpers=TWO), days_ago=400)
    new = publish(storage, 2, Sources(steps=ONE, helpers=TWO + b"#\n"), days_ago=1)
    prune(storage, older_than_s=30 * DAY)
    assert texts_of(storage, old) == {} and old.fingerprint not in storage.records([old.fingerprint])
    assert texts_of(storage, new) == {"helpers": TWO + b"#\n", "steps": ONE}
    assert len(rows(storage, "t/")) == 2 and len(rows(storage, "s/")) == 1
    prune(storage, max_size=0)
    assert rows(storage, "t/") == rows(storage, "s/") == []


def test_a_record_without_outputs_keeps_its_texts(storage: ModelStorage) -> None:
    """Dropping what a record put out leaves what it ran with."""
    value = storage.store_value(b"x" * 10_000, is_first_party=first_party)
    record, trace = make_record(value, created=NOW - 9 * DAY)
    storage.publish(record, trace, sources=Sources(steps=ONE)())
    prune(storage, older_than_s=DAY)
    assert not storage.is_kept(record)
    assert texts_of(storage, record) == {"steps": ONE}


def test_texts_of_a_record_that_is_published_meanwhile_stay(storage: ModelStorage) -> None:
    """Between choosing and dropping somebody publishes with a text that was to go."""
    publish(storage, 1, Sources(steps=ONE), days_ago=400)
    with storage.upkeep.inventory() as inventory:
        plan_prune(inventory, PruneRequest(older_than_s=30 * DAY), NOW)
        new = publish(storage, 2, Sources(steps=ONE))
        storage.upkeep.prune(inventory)
    assert texts_of(storage, new) == {"steps": ONE}
    assert list(storage.upkeep.verification().damage()) == []


def test_a_text_that_was_pruned_is_written_again(storage: ModelStorage) -> None:
    """A process that saw it there, and publishes after another one pruned it, doesn't rely on that."""
    for option in (3, 4):
        publish(storage, option, Sources(steps=ONE), days_ago=400)
    with new_storage(storage.folder.parent.parent) as other:
        prune(other, older_than_s=30 * DAY)
        assert rows(other, "t/") == []
    sources = Sources(steps=ONE)
    record = publish(storage, 2, sources)
    assert sources.read == ["steps"] and texts_of(storage, record) == {"steps": ONE}


def test_a_text_that_is_pruned_while_a_publication_is_prepared_is_left_out(storage: ModelStorage) -> None:
    """A list never names a text that isn't there."""
    publish(storage, 1, Sources(steps=ONE), days_ago=400)
    prepare = storage.texts.prepare

    def prepare_and_lose(sources: SourceTexts) -> module_texts.PreparedTexts:
        prepared = prepare(sources)
        with new_storage(storage.folder.parent.parent) as other:
            prune(other, older_than_s=30 * DAY)
        return prepared

    storage.texts.prepare = prepare_and_lose  # type: ignore[method-assign]
    record = publish(storage, 2, Sources(steps=ONE, helpers=TWO))
    assert texts_of(storage, record) == {"helpers": TWO}
    assert list(storage.upkeep.verification().damage()) == []
