"""Verifying finds what is missing, corrupt or foreign, and calls nothing else damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from storage_cases import DAY, NOW, new_storage, publish, put_run

from fingerprint_runner.fingerprints.record import NodeRecord
from fingerprint_runner.storage import keys
from fingerprint_runner.storage.model_storage import ModelStorage
from fingerprint_runner.storage.prune_plan import PruneRequest, plan_prune
from fingerprint_runner.storage.verifying import Damage, DamageKind


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ModelStorage]:
    with new_storage(tmp_path) as opened:
        yield opened


def damage(storage: ModelStorage) -> list[Damage]:
    return list(storage.upkeep.verification().damage())


def blob(storage: ModelStorage, record: NodeRecord) -> Path:
    assert record.value is not None and record.value.artifact is not None
    digest = record.value.artifact.digest
    return storage.folder / "blobs" / digest[:2] / digest


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def sql(storage: ModelStorage, statement: str, *values: object) -> None:
    """Change the table behind the store's back."""
    storage.close()
    connection = sqlite3.connect(storage.folder / "records" / "cache.db")
    # diskcache's triggers count rows by columns that a test may spoil.
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def test_a_store_that_is_well_has_no_damage(storage: ModelStorage) -> None:
    """All that was looked at is counted; a store that isn't there is well too."""
    assert damage(storage) == []
    put_run(storage, [publish(storage, "a"), publish(storage, "b", size=100)])
    storage.upkeep.pin([publish(storage, "c").fingerprint])
    storage.memo.save("m", b"x")
    verification = storage.upkeep.verification()
    assert list(verification.damage()) == []
    assert (verification.records, verification.artifacts, verification.bytes) == (3, 2, 20_000)


def test_a_missing_artifact_is_missing_unless_it_was_pruned(storage: ModelStorage) -> None:
    """What somebody deleted is missed, with its node; what pruning dropped isn't."""
    lost, pruned = publish(storage, "lost"), publish(storage, "pruned", days_ago=9)
    with storage.upkeep.inventory() as inventory:
        plan_prune(inventory, PruneRequest(older_than_s=5 * DAY), NOW)
        assert storage.upkeep.prune(inventory).artifacts == 1
    assert not blob(storage, pruned).exists()
    blob(storage, lost).unlink()
    (found,) = damage(storage)
    assert (found.kind, found.what, found.nodes) == (
        DamageKind.MISSING,
        blob(storage, lost).name,
        ("lost",),
    )


@pytest.mark.parametrize("content", [b"", b"x" * 9_999, b"x" * 10_000, b"x" * 10_001])
def test_an_artifact_of_other_bytes_is_corrupt(storage: ModelStorage, content: bytes) -> None:
    """Emptied, truncated, overwritten and lengthened artifacts are found, with their node."""
    record = publish(storage, "n")
    overwrite(blob(storage, record), content)
    assert [(each.kind, each.nodes) for each in damage(storage)] == [(DamageKind.CORRUPT, ("n",))]


def test_two_artifacts_swapped_are_both_corrupt(storage: ModelStorage) -> None:
    """Each has bytes that were right under another name."""
    one, two = (blob(storage, publish(storage, node)) for node in ("a", "b"))
    contents = one.read_bytes(), two.read_bytes()
    overwrite(one, contents[1])
    overwrite(two, contents[0])
    assert [(each.kind, each.nodes) for each in sorted(damage(storage), key=lambda each: each.nodes)] == [
        (DamageKind.CORRUPT, ("a",)),
        (DamageKind.CORRUPT, ("b",)),
    ]


def test_rows_that_do_not_check_out_are_corrupt(storage: ModelStorage) -> None:
    """A changed row, and a row under another key, are named by their keys."""
    one, two = publish(storage, "a"), publish(storage, "b")
    key, other = keys.record_key(one.fingerprint), keys.record_key(two.fingerprint)
    sql(storage, "UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = ?) WHERE key = ?", other, key)
    assert [(each.kind, each.what) for each in damage(storage)] == [(DamageKind.CORRUPT, f"row {key}")]


def test_rows_that_others_need_are_missed(storage: ModelStorage) -> None:
    """A record's code part and a listed trace that are gone are named, with who needs them."""
    record = publish(storage, "a")
    sql(storage, "DELETE FROM Cache WHERE key LIKE 'c/%' OR key LIKE 'q/%'")
    found = damage(storage)
    assert {each.kind for each in found} == {DamageKind.MISSING}
    assert [each.what[:6] for each in found] == ["row c/", "row q/"]
    assert record.fingerprint in found[0].message


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO Cache (key, raw, mode, filename, value) VALUES ('r/x', 1, 4, NULL, x'80')",
        "INSERT INTO Cache (key, raw, mode, filename, value) VALUES ('r/x', 1, 2, '/etc/x', NULL)",
        "INSERT INTO Cache (key, raw, mode, filename, value) VALUES ('r/x', 0, 1, NULL, x'80')",
        "INSERT INTO Cache (key, raw, mode, filename, value) VALUES ('z/x', 1, 1, NULL, x'80')",
        "INSERT INTO Cache (key, raw, mode, filename, value) VALUES (x'00', 1, 1, NULL, x'80')",
    ],
)
def test_planted_rows_are_foreign(storage: ModelStorage, change: str) -> None:
    """Rows that the store never makes are named, and nothing of them is unpickled or opened."""
    publish(storage, "a")
    sql(storage, change)
    assert [each.kind for each in damage(storage)] == [DamageKind.FOREIGN]


def test_planted_files_are_foreign(storage: ModelStorage, tmp_path: Path) -> None:
    """Files, folders and links that the store never makes are named by their paths."""
    record = publish(storage, "a")
    root = storage.folder
    (root / "notes.txt").write_text("x")
    (root / "blobs" / "zz").mkdir()
    (root / "blobs" / "00").mkdir(exist_ok=True)
    (root / "blobs" / "00" / "name").write_text("x")
    (root / "blobs" / "00" / ("1" * 32)).write_text("wrong shard")
    (root / "records" / "x.val").write_text("x")
    path = blob(storage, record)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    found = damage(storage)
    foreign = sorted(each.what for each in found if each.kind is DamageKind.FOREIGN)
    assert foreign == sorted(
        ["notes.txt", "blobs/zz", "blobs/00/name", f"blobs/00/{'1' * 32}", "records/x.val"]
        + [str(path.relative_to(root))]
    )


def test_a_garbage_table_is_corrupt(storage: ModelStorage) -> None:
    """What isn't a table is said to be none, once."""
    publish(storage, "a")
    storage.close()
    table = storage.folder / "records" / "cache.db"
    content = bytearray(table.read_bytes())
    content[:200] = b"garbage " * 25
    table.write_bytes(content)
    found = damage(storage)
    assert (DamageKind.CORRUPT, "table") in [(each.kind, each.what) for each in found]


def test_verifying_changes_nothing(storage: ModelStorage) -> None:
    """Damaged artifacts stay where they are: setting them aside is for those who read them."""
    overwrite(blob(storage, publish(storage, "a")), b"x")
    storage.close()

    def contents() -> dict[Path, bytes]:
        # The table's log is SQLite's own, which makes it to read, too.
        return {
            path: path.read_bytes()
            for path in storage.folder.rglob("*")
            if path.suffix == "" and path.is_file()
        }

    before = contents()
    assert len(damage(storage)) == 1
    assert contents() == before


def test_progress_is_told_in_bytes(storage: ModelStorage) -> None:
    """After each artifact: how many bytes of how many were read."""
    publish(storage, "a", size=10_000)
    publish(storage, "b", size=20_000)
    steps: list[tuple[int, int]] = []
    assert list(storage.upkeep.verification(lambda done, total: steps.append((done, total))).damage()) == []
    assert steps[-1] == (30_000, 30_000) and len(steps) == 2
