"""Third-party code counts by the versions of what is installed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from fingerprint_runner.provenance import distributions as module
from fingerprint_runner.provenance.distributions import Distributions
from fingerprint_runner.provenance.memo import MemoryMemo, NoMemo
from fingerprint_runner.provenance.metadata import (
    Requirement,
    canonical_name,
    parse_metadata,
    parse_requirement,
    parse_requires_txt,
    pinned_source,
    record_top_names,
)
from fingerprint_runner.provenance.signatures import first_changed

HOUR = 3_600_000_000_000


def later() -> int:
    """A clock an hour ahead: everything written by a test is settled."""
    return time.time_ns() + HOUR


def install(
    site: Path, name: str, version: str, *modules: str, requires: tuple[str, ...] = (), direct_url: str = ""
) -> Path:
    """Write a distribution as pip leaves it."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    lines += [f"Requires-Dist: {each}" for each in requires]
    (info / "METADATA").write_text("\n".join(lines) + "\n\nVersion: of the description\n")
    (info / "RECORD").write_text(
        "".join(f"{each},sha256=x,1\n" for each in (*modules, f"{info.name}/METADATA"))
    )
    for each in modules:
        path = site / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}")
    if direct_url:
        (info / "direct_url.json").write_text(direct_url)
    return info


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def test_agrees_with_the_standard_library() -> None:
    """Owners and versions in this environment are those that `importlib.metadata` gives."""
    import importlib.metadata

    found = Distributions(sys.path, NoMemo())
    expected = importlib.metadata.packages_distributions()
    for top, names in expected.items():
        # `__pycache__` of single-file modules is listed as a module by newer versions.
        if top != "__pycache__" and all(part.isidentifier() for part in top.split(".")):
            assert set(found.owners(top)) >= {canonical_name(name) for name in names}, top
    for distribution in importlib.metadata.distributions():
        assert found.version(distribution.name) == distribution.version
    assert found.owner("no_such_module") is None


def test_top_modules_lead_to_distributions(site: Path) -> None:
    """Modules are found by RECORD whatever the distribution is called, single files and extensions too."""
    install(site, "Scikit.Learn", "1.9", "sklearn/__init__.py", "../../bin/tool", "sklearn.libs/x.so")
    install(site, "single", "2", "one.py", "fast.cpython-311-x86_64-linux-gnu.so")
    found = Distributions([str(site)], NoMemo())
    assert found.owner("sklearn") == "scikit-learn"
    assert found.owner("one") == found.owner("fast") == "single"
    assert found.owner("bin") is found.owner("libs") is None
    assert found.version("scikit_learn") == "1.9"
    assert found.version("none") is None


def test_namespace_packages_have_several_owners(site: Path) -> None:
    """All distributions that share a top-level name are its owners."""
    install(site, "google-b", "1", "google/b.py")
    install(site, "google-a", "1", "google/a.py")
    found = Distributions([str(site)], NoMemo())
    assert found.owners("google.a") == ("google-a", "google-b")
    assert found.owner("google") == "google-a"
    assert found.query_names("google.a") == ("google-a", "google-b")
    assert found.query_names("loose.inner") == ("module:loose",)


def test_first_folder_of_the_path_wins(tmp_path: Path) -> None:
    """Of a distribution installed twice, the one that Python would find counts."""
    install(tmp_path / "one", "dep", "1", "dep.py")
    install(tmp_path / "two", "dep", "2", "dep.py")
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert Distributions([one, two], NoMemo()).version("dep") == "1"
    assert Distributions([two, one], NoMemo()).version("dep") == "2"


def test_leftover_versions_all_count(site: Path) -> None:
    """Where one folder holds two versions of a distribution, none of them is picked by chance."""
    install(site, "dep", "1", "dep.py")
    install(site, "dep", "2", "dep.py")
    assert Distributions([str(site)], NoMemo()).version("dep") == "1, 2"


def test_requirements_are_followed(site: Path) -> None:
    """Requirements count transitively, through circles; those of extras only where asked for."""
    install(
        site,
        "a",
        "1",
        requires=("B.b>=1", "c[fast] (>2); python_version>'3'", "t; extra == 'test'", "missing"),
    )
    install(site, "b-b", "1", requires=("a", "winonly; sys_platform == 'win32'"))
    install(site, "c", "1", requires=("f; extra == 'fast'", "s; extra == 'slow'", "fingerprint-runner"))
    for name in ("f", "s", "t"):
        install(site, name, "1")
    found = Distributions([str(site)], NoMemo())
    assert found.with_requirements(["A"]) == ("a", "b-b", "c", "f", "missing")
    assert found.with_requirements([]) == ()
    assert found.with_requirements(["none"]) == ("none",)
    install(site, "winonly", "1")
    found.refresh()
    assert "winonly" in found.with_requirements(["a"])


def test_warm_answers_read_nothing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a saved memo an unchanged folder is known by its stat alone."""
    install(
        site,
        "a",
        "1",
        "a.py",
        requires=("b",),
        direct_url='{"url": "x", "vcs_info": {"commit_id": "c0ffee"}}',
    )
    install(site, "b", "1", "b.py")
    memo = MemoryMemo()
    first = Distributions([str(site)], memo, later)
    answers = (first.owner("a"), first.with_requirements(["a"]), first.answer("a"), first.answer("b"))
    first.save()

    def refuse(path: str) -> str:
        raise AssertionError(f"read {path}")

    monkeypatch.setattr(module, "read_or_none", refuse)
    again = Distributions([str(site)], memo, later)
    assert (again.owner("a"), again.with_requirements(["a"]), again.answer("a"), again.answer("b")) == answers
    assert answers == ("a", ("a", "b"), "1 @c0ffee", "1")


@pytest.mark.parametrize("saved", [True, False])
def test_every_change_is_seen(site: Path, saved: bool) -> None:
    """An upgrade, an install, metadata edited in place: each changes a signature and the answer."""
    info = install(site, "a", "1", "a.py")
    memo = MemoryMemo()
    found = Distributions([str(site)], memo, later)

    def changed() -> bool:
        nonlocal found
        old = found.looked_at()
        if saved:
            found.save()
            found = Distributions([str(site)], memo, later)
        else:
            found.refresh()
        return first_changed(old) is not None

    assert (found.answer("a"), found.answer("new"), found.owner("new")) == ("1", "absent", None)
    assert not changed()
    assert found.answer("a") == "1"
    (info / "METADATA").write_text("Name: a\nVersion: 1.0.1\n")
    assert changed()
    assert (found.answer("a"), found.answer("new")) == ("1.0.1", "absent")
    install(site, "new", "3", "new.py")
    assert changed()
    assert (found.answer("new"), found.owner("new"), found.answer("a")) == ("3", "new", "1.0.1")


def test_unsettled_folders_are_not_remembered(site: Path) -> None:
    """A folder that changed just before the look is read again in the next run."""
    install(site, "a", "1", "a.py")
    moment = site.stat().st_ctime_ns
    memo = MemoryMemo()
    found = Distributions([str(site)], memo, lambda: moment)
    assert found.answer("a") == "1"
    found.save()
    assert memo.load("distributions") is None
    assert first_changed(found.looked_at()) is not None


def test_code_without_distribution_counts_by_its_bytes(site: Path) -> None:
    """A loose file or package is answered by the digest of its source; byte code doesn't count."""
    (site / "loose.py").write_text("x = 1")
    (site / "pack" / "__pycache__").mkdir(parents=True)
    (site / "pack" / "__init__.py").write_text("")
    (site / "pack" / "inner.py").write_text("x = 1")
    found = Distributions([str(site)], MemoryMemo(), later)
    before = {name: found.answer(name) for name in ("loose", "pack", "module:pack", "module:none")}
    assert before["loose"].startswith("bytes:")
    assert before["pack"] == before["module:pack"] != before["loose"]
    assert before["module:none"] == "absent"
    old = found.looked_at()
    (site / "pack" / "__pycache__" / "inner.cpython-311.pyc").write_text("machine")
    found.refresh()
    assert {name: found.answer(name) for name in before} == before
    (site / "pack" / "inner.py").write_text("x = 2")
    assert first_changed(old) is not None
    found.refresh()
    assert found.answer("pack") != before["pack"]
    assert found.answer("loose") == before["loose"]


def test_archives_count_by_their_bytes(tmp_path: Path) -> None:
    """A module in a zip file on the path counts by the archive's bytes."""
    import zipfile

    answers = set()
    for text in ("x = 1", "x = 2"):
        with zipfile.ZipFile(tmp_path / "lib.zip", "w") as file:
            file.writestr("pack/__init__.py", text)
        answers.add(Distributions([str(tmp_path / "lib.zip")], NoMemo()).answer("module:pack"))
    assert len(answers) == 2
    assert all(answer.startswith("bytes:") for answer in answers)


def test_a_module_by_its_own_name(site: Path) -> None:
    """Asked for a module whose distribution is called otherwise, the answer is that distribution's."""
    install(site, "scikit-learn", "1.9", "sklearn/__init__.py")
    assert Distributions([str(site)], NoMemo()).answer("sklearn") == "scikit-learn 1.9"


def test_local_folders_count_by_version_and_bytes(site: Path) -> None:
    """The version of a distribution installed from a folder says nothing: its modules' bytes are added."""
    install(site, "mine", "1", "mine.py", direct_url='{"url": "file:///p", "dir_info": {}}')
    found = Distributions([str(site)], MemoryMemo(), later)
    before = found.answer("mine")
    assert before.startswith("1 mine=bytes:")
    (site / "mine.py").write_text("changed")
    found.refresh()
    assert found.answer("mine") != before


def test_eggs_are_understood(tmp_path: Path) -> None:
    """Older layouts count too: egg-info folders and files, and eggs on the path."""
    folder = tmp_path / "old.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Name: Old\nVersion: 3\n")
    (folder / "top_level.txt").write_text("old_module\n_old\n")
    (folder / "requires.txt").write_text("dep>=1\n\n[extra]\nother\n[:python_version<'3']\ncond\n")
    (tmp_path / "flat-2-py3.11.egg-info").write_text("Name: flat\nVersion: 2\n")
    egg = tmp_path / "zipped.egg"
    (egg / "EGG-INFO").mkdir(parents=True)
    (egg / "EGG-INFO" / "PKG-INFO").write_text("Name: eggy\nVersion: 4\n")
    found = Distributions([str(tmp_path), str(egg)], NoMemo())
    assert found.owner("old_module") == found.owner("_old") == "old"
    assert [found.version(name) for name in ("old", "flat", "eggy")] == ["3", "2", "4"]
    assert found.owner("flat") == "flat"
    assert found.with_requirements(["old"]) == ("dep", "old")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Search entries that don't exist hold nothing, and are noted as absent."""
    missing = str(tmp_path / "none")
    found = Distributions([missing], NoMemo())
    assert found.answer("x") == "absent"
    assert found.looked_at()[missing] is None


def test_requirements_are_parsed() -> None:
    """Names, extras and markers of the forms that metadata holds."""
    assert parse_requirement(
        "Foo.Bar[a, B_c]>=1,<2 ; python_version < '3' and extra == \"X_y\""
    ) == Requirement("foo-bar", ("a", "b-c"), ("x-y",), True)
    assert parse_requirement("foo; extra == 'x'") == Requirement("foo", (), ("x",), False)
    assert parse_requirement("foo; ('x' == extra)") == Requirement("foo", (), ("x",), False)
    assert parse_requirement("foo (>=1)") == Requirement("foo", (), (), False)
    assert parse_requirement("foo @ https://host/a.whl ; os_name == 'nt'") == Requirement("foo", (), (), True)
    assert parse_requirement("") is None
    assert parse_requires_txt("a\n[x:m]\nb\n") == (
        Requirement("a", (), (), False),
        Requirement("b", (), ("x",), True),
    )


def test_metadata_headers_are_parsed() -> None:
    """Only headers count: neither folded lines nor the description."""
    text = "Name: A_b\nLicense: x\n Version: 0\nVersion: 1!2.0\nRequires-Dist: c\n\nVersion: 9\n"
    assert parse_metadata(text) == ("a-b", "1!2.0", (Requirement("c", (), (), False),))
    assert parse_metadata("") == (None, None, ())


def test_records_name_top_modules() -> None:
    """Folders and module files at the top count; metadata, scripts and data don't."""
    paths = (
        '"with,comma.py"',
        "a/b.py",
        "c.py",
        "../x",
        "a-1.dist-info/METADATA",
        "__pycache__/c.pyc",
        "README",
    )
    record = "".join(f"{path},,\n" for path in paths)
    assert record_top_names(record) == {"a", "c"}


def test_direct_urls_pin() -> None:
    """A commit or an archive's digest is added to a version; a local folder is told."""
    assert pinned_source('{"vcs_info": {"commit_id": "abc"}}') == ("abc", False)
    assert pinned_source('{"archive_info": {"hashes": {"sha256": "1", "md5": "2"}}}') == (
        "md5=2,sha256=1",
        False,
    )
    assert pinned_source('{"archive_info": {"hash": "sha256=1"}}') == ("sha256=1", False)
    assert pinned_source('{"dir_info": {"editable": true}}') == ("", True)
    assert pinned_source("[]") == pinned_source("{") == ("", False)


def test_the_engine_is_not_a_requirement(site: Path) -> None:
    """Neither the engine nor what only it requires counts among requirements."""
    install(site, "fingerprint-runner", "1", requires=("click",))
    install(site, "plugin", "1", requires=("fingerprint-runner",))
    assert Distributions([str(site)], NoMemo()).with_requirements(["plugin"]) == ("plugin",)
    assert os.sep not in Distributions([str(site)], NoMemo()).answer("plugin")
