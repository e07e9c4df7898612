"""Declared files count by content, and a look at them can be repeated by stats alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import xxhash

from fingerprint_runner.errors import SourceChanged
from fingerprint_runner.provenance import files
from fingerprint_runner.provenance.files import FileDigests
from fingerprint_runner.provenance.memo import MemoryMemo, NoMemo
from fingerprint_runner.provenance.signatures import UNSETTLED, first_changed

HOUR = 3_600_000_000_000


def later() -> int:
    """A clock an hour ahead: everything written by a test is settled."""
    return time.time_ns() + HOUR


def fill(root: Path, **contents: str) -> None:
    for name, text in contents.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def settled(memo: MemoryMemo | None = None) -> FileDigests:
    return FileDigests(MemoryMemo() if memo is None else memo, clock=later)


def of(text: str) -> str:
    return xxhash.xxh3_128_hexdigest(text.encode())


def test_digest_is_of_content(tmp_path: Path) -> None:
    """A file's digest is xxh3-128 of its bytes, also over many blocks; what is no file has none."""
    big = b"0123456789abcdef" * (3 << 16) + b"end"
    (tmp_path / "big").write_bytes(big)
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    found = FileDigests(NoMemo())
    assert found.digest(tmp_path / "big") == xxhash.xxh3_128_hexdigest(big)
    assert found.digest(tmp_path / "empty") == of("")
    assert found.digest(tmp_path / "none") is None
    assert found.digest(tmp_path) is None
    assert found.digest(tmp_path / "pipe") is None


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    reads: list[str] = []
    real = files._read_digest

    def counted(path: str, expected: tuple[int, ...]) -> str | None:
        reads.append(Path(path).name)
        return real(path, expected)

    monkeypatch.setattr(files, "_read_digest", counted)
    return reads


def test_settled_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved digest serves the next run without reading, until the file's signature changes."""
    reads = count_reads(monkeypatch)
    memo = MemoryMemo()
    (tmp_path / "a").write_text("one")
    first = settled(memo)
    assert first.digest(tmp_path / "a") == first.digest(tmp_path / "a") == of("one")
    first.save()
    assert settled(memo).digest(tmp_path / "a") == of("one")
    assert reads == ["a"]
    status = (tmp_path / "a").stat()
    (tmp_path / "b").write_text("two")
    (tmp_path / "b").replace(tmp_path / "a")
    os.utime(tmp_path / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert settled(memo).digest(tmp_path / "a") == of("two")


def test_unsettled_signatures_are_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changed just before the look is read again each time, and its look proves nothing."""
    reads = count_reads(monkeypatch)
    (tmp_path / "a").write_text("one")
    moment = (tmp_path / "a").stat().st_ctime_ns
    digests = FileDigests(MemoryMemo(), clock=lambda: moment + 50_000_000)
    digests.digest(tmp_path / "a")
    digests.digest(tmp_path / "a")
    assert reads == ["a", "a"]
    assert digests.look(tmp_path, ["a"]).signatures == {str(tmp_path / "a"): UNSETTLED}


def test_damaged_memo_is_done_without(tmp_path: Path) -> None:
    """A blob that can't be read leads to reading the files."""
    memo = MemoryMemo()
    (tmp_path / "a").write_text("one")
    memo.save("files", b"rubbish that is long enough to hold a checksum")
    assert settled(memo).digest(tmp_path / "a") == of("one")


def test_a_file_that_keeps_changing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes while it is read is read again, and after three times given up by name."""
    path = tmp_path / "a"
    path.write_text("start")
    real = files._signature
    texts = iter(["second"])

    def append_after(name: str) -> tuple[int, ...] | None:
        found = real(name)
        text = next(texts, None)
        if text is not None:
            path.write_text(text)
        return found

    monkeypatch.setattr(files, "_signature", append_after)
    assert FileDigests(NoMemo()).digest(path) == of("second")
    texts = iter("x" * count for count in range(1, 20))
    with pytest.raises(SourceChanged, match="a changed after"):
        FileDigests(NoMemo()).digest(path)


def test_patterns_name_files_below_the_root(tmp_path: Path) -> None:
    """Files, folders and globs give sorted relative paths; each pattern's matches add up."""
    fill(
        tmp_path,
        data__a_csv="a",
        data__b_csv="b",
        data__deep__c_csv="c",
        data__deep__d_txt="d",
        top_csv="top",
    )
    found = FileDigests(NoMemo())

    def keys(*patterns: str) -> list[str]:
        answer = found.declared(tmp_path, patterns)
        for key, digest in answer.items():
            assert digest == of(Path(key).stem), key
        return list(answer)

    everything = ["data/a.csv", "data/b.csv", "data/deep/c.csv", "data/deep/d.txt"]
    assert keys("top.csv") == keys("./top.csv") == keys(".//top.csv") == ["top.csv"]
    assert keys("data") == keys("data/") == keys("data/**") == keys("data/*") == everything
    assert keys("data/*.csv") == ["data/a.csv", "data/b.csv"]
    assert keys("data/[!a].csv") == ["data/b.csv"]
    assert keys("*/?.csv", "top.csv") == ["data/a.csv", "data/b.csv", "top.csv"]
    assert keys("**/*.csv") == ["data/a.csv", "data/b.csv", "data/deep/c.csv", "top.csv"]
    assert keys("data/**/d.*") == keys("**/deep/**/d.txt") == ["data/deep/d.txt"]
    assert keys("**/deep") == ["data/deep/c.csv", "data/deep/d.txt"]
    assert keys("**") == [*everything, "top.csv"]
    assert keys("top.csv", "data/deep/c.csv", "top.csv") == ["data/deep/c.csv", "top.csv"]


def test_the_unusual_is_told_apart(tmp_path: Path) -> None:
    """Absent and empty, a folder and a file, hidden names and literal brackets all count as they are."""
    (tmp_path / "empty").mkdir()
    fill(tmp_path, x="x", sub__y="y")
    (tmp_path / ".hidden").write_text("h")
    (tmp_path / "a[1].csv").write_text("bracket")
    os.mkfifo(tmp_path / "sub" / "pipe")
    found = FileDigests(NoMemo())
    assert found.declared(tmp_path, ["none", "none/*.csv", "*.none"]) == {
        "*.none": "absent",
        "none": "absent",
        "none/*.csv": "absent",
    }
    assert found.declared(tmp_path, ["empty"]) == {"empty/": "folder"}
    assert found.declared(tmp_path, ["a[1].csv"]) == {"a[1].csv": of("bracket")}
    assert found.declared(tmp_path, ["sub"]) == {"sub/pipe": "special", "sub/y": of("y")}
    assert ".hidden" in found.declared(tmp_path, ["*"])


def test_places_outside_the_root_are_keyed_as_written(tmp_path: Path) -> None:
    """`..` and absolute paths stand in keys as the author wrote them, and no other absolute path does."""
    root = tmp_path / "project"
    root.mkdir()
    fill(tmp_path, data__x_csv="x")
    found = FileDigests(NoMemo())
    assert found.declared(root, ["../data/x.csv"]) == {"../data/x.csv": of("x")}
    assert (
        found.declared(root, ["../data"]) == found.declared(root, ["../d*/*"]) == {"../data/x.csv": of("x")}
    )
    assert found.declared(root, [f"{tmp_path}/data"]) == {f"{tmp_path}/data/x.csv": of("x")}
    assert found.declared(root, [f"{tmp_path}/d*/x.csv"]) == {f"{tmp_path}/data/x.csv": of("x")}


def test_copied_trees_give_the_same(tmp_path: Path) -> None:
    """Where a folder lies, and when it was written, doesn't count (R3)."""
    for name in ("one", "two"):
        fill(tmp_path / name, data__a="a", data__b__c="c")
        os.utime(tmp_path / name / "data" / "a", (hash(name) % 1000, 5))
    found = FileDigests(NoMemo())
    assert found.declared(tmp_path / "one", ["data"]) == found.declared(tmp_path / "two", ["data"])
    assert found.content_identity(tmp_path / "one") == found.content_identity(tmp_path / "two")


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    """A link counts by what it leads to; one that leads back up or nowhere is told and ends."""
    fill(tmp_path, real__a="a")
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "real" / "self").symlink_to("self")
    (tmp_path / "real" / "gone").symlink_to("nowhere")
    (tmp_path / "link").symlink_to("real")
    found = FileDigests(NoMemo())
    assert found.declared(tmp_path, ["link/a"]) == {"link/a": of("a")}
    answer = found.declared(tmp_path, ["real"])
    assert answer["real/a"] == of("a")
    assert answer["real/self"] == answer["real/gone"] == "absent"
    assert answer["real/up/real/"] == "loop"
    assert "real/a" in found.declared(tmp_path, ["**/a"])


def test_names_that_are_no_text_have_keys(tmp_path: Path) -> None:
    """A file name that isn't UTF-8 gives a key that any encoding takes."""
    try:
        (tmp_path / os.fsdecode(b"caf\xe9")).write_text("x")
    except OSError:
        return  # a file system of UTF-8 names alone
    assert FileDigests(NoMemo()).declared(tmp_path, ["*"]) == {"caf\\xe9": of("x")}


@pytest.mark.parametrize(
    ("patterns", "change"),
    [
        (["data"], lambda root: (root / "data/new").write_text("n")),
        (["data/*.csv"], lambda root: (root / "data/new.csv").write_text("n")),
        (["**/*.csv"], lambda root: (root / "data/deep/new.csv").write_text("n")),
        (["none/*.csv"], lambda root: fill(root, none__a_csv="n")),
        (["none"], lambda root: (root / "none").write_text("n")),
        (["data/a.csv"], lambda root: (root / "data/a.csv").write_text("b")),
        (["data/a.csv"], lambda root: (root / "data/a.csv").unlink()),
        (["data"], lambda root: (root / "data/deep/c.csv").rename(root / "data/c.csv")),
        (["data[1]"], lambda root: (root / "data[1]").write_text("n")),
        (["link"], lambda root: ((root / "link").unlink(), (root / "link").symlink_to("data/deep/c.csv"))),
    ],
)
def test_every_change_shows_in_signatures(tmp_path: Path, patterns: list[str], change: object) -> None:
    """What changes an answer changes a signature that the look had named, and `changed_since` names it."""
    fill(tmp_path, data__a_csv="a", data__deep__c_csv="c")
    (tmp_path / "link").symlink_to("data/a.csv")
    for folder, _, names in os.walk(tmp_path):
        for name in [".", *names]:
            os.utime(Path(folder) / name, ns=(10**9, 10**9))
    digests = settled()
    before = digests.look(tmp_path, patterns)
    assert first_changed(before.signatures) is None
    assert digests.changed_since(before.looks) == []
    assert callable(change)
    change(tmp_path)
    assert digests.declared(tmp_path, patterns) != before.digests
    assert first_changed(before.signatures) is not None
    assert digests.changed_since(before.looks) != []


def test_looks_again_find_what_differs(tmp_path: Path) -> None:
    """Against a plan: changed bytes differ; a new mode or link doesn't; the same bytes anew do by default."""
    fill(tmp_path, same="s", changed="c", mode="m", anew="a")
    digests = settled()
    looks = digests.look(tmp_path, ["same", "changed", "mode", "anew"]).looks
    (tmp_path / "changed").write_text("d")
    (tmp_path / "mode").chmod(0o600)
    (tmp_path / "hard").hardlink_to(tmp_path / "same")
    os.utime(tmp_path / "anew", ns=(5, 5))
    names = {name: str(tmp_path / name) for name in ("changed", "anew")}
    assert digests.changed_since(looks) == sorted(names.values())
    assert digests.changed_since(looks, by_content_alone=True) == [names["changed"]]


def test_unsettled_looks_are_compared_by_content(tmp_path: Path) -> None:
    """Equal signatures don't prove a recent file unchanged: its content is compared."""
    (tmp_path / "a").write_text("one")
    moment = (tmp_path / "a").stat().st_ctime_ns
    looks = FileDigests(NoMemo(), clock=lambda: moment).look(tmp_path, ["a"]).looks
    path = str(tmp_path / "a")
    assert settled().changed_since(looks) == []
    assert settled().changed_since({path: looks[path]._replace(digest=of("two"))}) == [path]


def test_content_identity_of_files_and_folders(tmp_path: Path) -> None:
    """A `path` input counts by content and by the names inside it, not by its own."""
    fill(tmp_path, one__a="x", two__a="x", three__b="x", f="x", g="x")
    (tmp_path / "empty").mkdir()
    digests = FileDigests(NoMemo())
    identity = {name: digests.content_identity(tmp_path / name) for name in os.listdir(tmp_path)}  # noqa: PTH208
    assert identity["one"] == identity["two"]
    assert identity["f"] == identity["g"] == of("x")
    assert len(set(identity.values())) == 4
    with pytest.raises(FileNotFoundError):
        digests.content_identity(tmp_path / "none")


def test_deep_trees_are_walked_without_recursion(tmp_path: Path) -> None:
    """A tree deeper than Python's stack is walked."""
    depth = 1200
    here = os.getcwd()  # noqa: PTH109
    made = 0
    try:
        os.chdir(tmp_path)
        for _ in range(depth):
            os.mkdir("d")  # noqa: PTH102
            os.chdir("d")
            made += 1
        found = FileDigests(NoMemo()).declared(tmp_path, ["d"])
    finally:
        # pytest's own clean-up of old temporary folders is recursive.
        for _ in range(made):
            os.chdir("..")
            os.rmdir("d")  # noqa: PTH106
        os.chdir(here)
    assert len(found) == 1
