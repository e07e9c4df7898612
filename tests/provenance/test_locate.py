"""Modules are found where Python would find them, without importing anything."""

from __future__ import annotations

import importlib
import os
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fingerprint_runner.errors import SourceChanged
from fingerprint_runner.provenance import locate
from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.signatures import signature

SUFFIX = EXTENSION_SUFFIXES[0]
LEAVES = [
    "{}.py",
    "{}.pyc",
    "{}" + SUFFIX,
    "{}/__init__.py",
    "{}/__init__.pyc",
    "{}/__init__" + SUFFIX,
    "{}/",
]


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def expected(module: str, path: list[str]) -> tuple[str | None, list[str]] | None:
    """What Python's path finder says of a module, asked part by part: origin and search locations."""
    importlib.invalidate_caches()
    places: list[str] | None = path
    spec = None
    for part in module.split("."):
        if places is None:
            return None
        # By its last part alone, which is all that finders look at: a nested namespace's full name
        # would have them ask for its parent in `sys.modules`.
        spec = PathFinder.find_spec(part, places)
        if spec is None:
            return None
        found = spec.submodule_search_locations
        # A namespace's own list asks `sys.modules` for its parent: take what it was made with.
        places = None if found is None else list(getattr(found, "_path", found))
    assert spec is not None
    return spec.origin, [os.path.normpath(place) for place in places or []]


def found(module: str, path: list[str]) -> tuple[str | None, list[str]] | None:
    location = Locator(path).locate(module)
    if location.kind == "absent":
        return None
    return location.path, list(location.search_locations)


@st.composite
def layouts(draw: st.DrawFn) -> list[list[str]]:
    names = st.sampled_from(["a", "b"])
    leaf = st.sampled_from(LEAVES)
    one = st.builds(lambda form, name: form.format(name), leaf, names)
    nested = st.builds(lambda outer, inner: f"{outer}/{inner}", names, one)
    init = st.builds(lambda outer: f"{outer}/__init__.py", names)
    return draw(st.lists(st.lists(one | nested | init, max_size=4), min_size=1, max_size=3))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layout=layouts())
def test_agrees_with_pythons_finder(
    layout: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On random layouts of files, packages, namespaces and extensions both find the same thing."""
    root = tmp_path_factory.mktemp("layout")
    path = []
    for index, names in enumerate(layout):
        folder = root / f"p{index}"
        folder.mkdir()
        make(folder, *names)
        path.append(str(folder))
    for module in ("a", "b", "a.a", "a.b", "b.a", "a.b.a"):
        assert found(module, path) == expected(module, path)


def test_relative_and_empty_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`''`, `.` and relative entries are of the working directory; files and gaps are passed over."""
    make(tmp_path, "here.py", "lib/there.py", "lib/pack/sub.py", "file")
    monkeypatch.chdir(tmp_path)
    for path in ([""], ["."], ["lib"], ["./lib", ""], ["none", "file", "lib", ""], ["", "lib"]):
        for module in ("here", "there", "pack", "pack.sub", "lib", "lib.there"):
            got, want = found(module, path), expected(module, path)
            if want is not None and want[0] is not None:
                want = (os.path.normpath(want[0]), want[1])
            assert got == want, (path, module)


def test_earlier_entry_shadows(tmp_path: Path) -> None:
    """The first entry with a module wins, over the standard library too; a namespace never does."""
    make(tmp_path, "one/json.py", "two/wave/x.py", "two/json.py")
    path = [str(tmp_path / "one"), str(tmp_path / "two"), *sys.path]
    locator = Locator(path)
    assert locator.locate("json").path == str(tmp_path / "one" / "json.py")
    assert locator.locate("json").kind == "first-party"
    assert locator.locate("json.decoder").kind == "absent"
    wave = locator.locate("wave")
    assert wave.kind == "stdlib"
    assert str(tmp_path / "two" / "wave") in wave.probed


def test_frozen_and_builtin_modules_are_not_shadowed(tmp_path: Path) -> None:
    """Modules that the interpreter carries come before every path."""
    make(tmp_path, "os.py", "sys.py")
    locator = Locator([str(tmp_path), *sys.path])
    assert locator.locate("os").kind == "stdlib"
    assert locator.locate("sys").kind == "builtin"


def test_nothing_is_imported(tmp_path: Path) -> None:
    """Locating a submodule runs neither it nor its parents."""
    make(tmp_path, "boom/")
    (tmp_path / "boom" / "__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "boom" / "inner.py").write_text("raise SystemExit('imported')")
    before = set(sys.modules)
    assert Locator([str(tmp_path)]).locate("boom.inner").is_source
    assert {name for name in set(sys.modules) - before if name.startswith("boom")} == set()


def test_answers_hold_until_refresh(tmp_path: Path) -> None:
    """A module that appears is seen after `refresh`, and a probed folder's signature showed it."""
    locator = Locator([str(tmp_path)])
    os.utime(tmp_path, ns=(10**9, 10**9))
    absent = locator.locate("late")
    before = {path: signature(path) for path in absent.probed}
    assert absent.kind == "absent"
    make(tmp_path, "late.py")
    assert locator.locate("late").kind == "absent"
    assert {path: signature(path) for path in absent.probed} != before
    locator.refresh()
    assert locator.locate("late").kind == "first-party"


@pytest.mark.parametrize(
    "new",
    ["one/m.py", "one/m/__init__.py", "two/m/__init__.py", "two/m" + SUFFIX, "absent/m.py"],
)
def test_probed_folders_show_what_would_shadow(tmp_path: Path, new: str) -> None:
    """Whatever new file would change an answer changes the signature of something probed."""
    make(tmp_path, "one/m/", "two/m.py", "two/m/")
    path = [str(tmp_path / name) for name in ("absent", "one", "two")]
    location = Locator(path).locate("m")
    assert location.path == str(tmp_path / "two" / "m.py")
    for folder in (tmp_path / "one", tmp_path / "two", tmp_path / "one/m", tmp_path / "two/m"):
        os.utime(folder, ns=(10**9, 10**9))
    before = {each: signature(each) for each in location.probed}
    make(tmp_path, new)
    assert Locator(path).locate("m") != location
    assert {each: signature(each) for each in location.probed} != before


def test_site_folders_are_third_party_wherever_they_lie(tmp_path: Path) -> None:
    """What lies under a site folder is third-party, by links too; what is beside it is not."""
    make(tmp_path, "env/lib/site-packages/dep/core.py", "env/lib/site-packages/dep/__init__.py", "src/own.py")
    make(tmp_path, "usr/dist-packages/other.py")
    (tmp_path / "linked").symlink_to(tmp_path / "env/lib/site-packages")
    for path in ("env/lib/site-packages", "linked"):
        locator = Locator([str(tmp_path / "src"), str(tmp_path / path), str(tmp_path / "usr/dist-packages")])
        kinds = [locator.locate(name).kind for name in ("own", "dep", "dep.core", "other")]
        assert kinds == ["first-party", "third-party", "third-party", "third-party"]


def test_engine_and_standard_library() -> None:
    """The engine is its own kind; the standard library's packages and extensions are its."""
    locator = Locator([str(Path(locate.__file__).parents[2]), *sys.path])
    assert locator.locate("fingerprint_runner").kind == "engine"
    assert locator.locate("fingerprint_runner.graph.schema").kind == "engine"
    assert locator.origin_of_path(locate.__file__) == "engine"
    assert locator.locate("xml.etree.ElementTree").kind == "stdlib"
    assert locator.origin_of_path(os.__file__) == "stdlib"
    assert locator.locate("pytest").kind == "third-party"
    assert locator.locate("no_such_module").kind == "absent"
    assert locator.locate("a..b").kind == "absent"
    assert locator.locate("").kind == "absent"


def test_extension_modules_are_no_source(tmp_path: Path) -> None:
    """A first-party extension module is found, and marked as counting by its bytes."""
    make(tmp_path, f"fast{SUFFIX}", "fast.py", "old.pyc")
    locator = Locator([str(tmp_path)])
    assert locator.locate("fast").path == str(tmp_path / f"fast{SUFFIX}")
    assert not locator.locate("fast").is_source
    assert locator.locate("fast").kind == "first-party"
    assert not locator.locate("old").is_source


def test_pth_files_extend_the_path(tmp_path: Path) -> None:
    """A folder that a `.pth` file names is searched after its site folder; its modules are first-party."""
    site = tmp_path / "site-packages"
    make(tmp_path, "site-packages/both.py", "project/both.py", "project/mine.py")
    (site / "editable.pth").write_text(f"# comment\n{tmp_path / 'project'}\nimport os; os.boom\nmissing\n")
    locator = Locator([str(site)])
    assert locator.locate("both").kind == "third-party"
    mine = locator.locate("mine")
    assert (mine.kind, mine.path) == ("first-party", str(tmp_path / "project" / "mine.py"))
    assert str(site / "editable.pth") in mine.probed


def test_setuptools_finders_are_read(tmp_path: Path) -> None:
    """The mapping that setuptools writes for editable installs is followed, its code never run."""
    site = tmp_path / "site-packages"
    make(
        tmp_path,
        "site-packages/",
        "src/pack/__init__.py",
        "src/pack/sub.py",
        "src/single.py",
        "cli/__init__.py",
    )
    make(
        tmp_path, "spaces/part/__init__.py", "spaces/late.py", "site-packages/shadowed.py", "src/shadowed.py"
    )
    mapping = {
        "pack": str(tmp_path / "src/pack"),
        "pack.cli": str(tmp_path / "cli"),
        "single": str(tmp_path / "src/single"),
        "shadowed": str(tmp_path / "src/shadowed"),
    }
    (site / "__editable__.pack-1.pth").write_text(
        "import __editable___pack_1_finder; __editable___pack_1_finder.install()"
    )
    (site / "__editable___pack_1_finder.py").write_text(
        "raise SystemExit('run')\n"
        f"MAPPING: dict[str, str] = {mapping!r}\n"
        f"NAMESPACES: dict[str, list[str]] = {{'space': [{str(tmp_path / 'spaces')!r}]}}\n"
    )
    locator = Locator([str(site)])
    where = {name: locator.locate(name).path for name in (*mapping, "pack.sub", "space", "space.part")}
    assert where == {
        "pack": str(tmp_path / "src/pack/__init__.py"),
        "pack.cli": str(tmp_path / "cli/__init__.py"),
        "single": str(tmp_path / "src/single.py"),
        "shadowed": str(site / "shadowed.py"),
        "pack.sub": str(tmp_path / "src/pack/sub.py"),
        "space": None,
        "space.part": str(tmp_path / "spaces/part/__init__.py"),
    }
    assert {locator.locate(name).kind for name in where} == {"first-party", "third-party"}
    assert locator.locate("shadowed").kind == "third-party"
    assert str(site / "__editable___pack_1_finder.py") in locator.locate("pack").probed


def test_path_installs_are_first_party(tmp_path: Path) -> None:
    """What `pip install ./folder` copied is first-party: its version needn't change with its code."""
    site = tmp_path / "site-packages"
    make(site, "mine/__init__.py", "mine/deep.py", "wheel.py", "space/mine.py", "space/theirs.py")
    for name, url, extra, record in (
        (
            "mine",
            "file:///home/me/project",
            '"dir_info": {}',
            "mine/__init__.py,,\nmine/deep.py,,\nspace/mine.py,,\n",
        ),
        ("wheel", "file:///tmp/wheel-1.whl", '"archive_info": {}', "wheel.py,,\nspace/theirs.py,,\n"),
    ):
        info = site / f"{name}-1.dist-info"
        info.mkdir()
        (info / "direct_url.json").write_text(f'{{"url": "{url}", {extra}}}')
        (info / "RECORD").write_text(record)
    locator = Locator([str(site)])
    kinds = {
        name: locator.locate(name).kind
        for name in ("mine", "mine.deep", "wheel", "space.mine", "space.theirs")
    }
    assert kinds == {
        "mine": "first-party",
        "mine.deep": "first-party",
        "wheel": "third-party",
        "space.mine": "first-party",
        "space.theirs": "third-party",
    }


def test_an_editable_project_does_not_own_the_environment_inside_it(tmp_path: Path) -> None:
    """`.venv` beside the source of an editable project: what is installed in it stays third-party."""
    site = tmp_path / ".venv" / "lib" / "site-packages"
    info = site / "mine-1.dist-info"
    info.mkdir(parents=True)
    url = tmp_path.as_uri()
    (info / "direct_url.json").write_text(f'{{"url": "{url}", "dir_info": {{"editable": true}}}}')
    (site / "__editable__.mine.pth").write_text(f"{tmp_path}\n")
    (site / "library.py").write_text("")
    (tmp_path / "mine.py").write_text("")
    locator = Locator([str(site)])
    assert locator.locate("library").kind == "third-party"
    assert locator.locate("mine").kind == "first-party"


def test_editable_project_under_a_site_folder(tmp_path: Path) -> None:
    """A project that lies under some site folder is first-party if it is installed editable."""
    project = tmp_path / "dist-packages" / "project"
    make(project, "mine.py")
    make(tmp_path, "dist-packages/theirs.py")
    info = tmp_path / "site-packages" / "mine-1.dist-info"
    info.mkdir(parents=True)
    (info / "direct_url.json").write_text(
        f'{{"url": "{project.as_uri()}", "dir_info": {{"editable": true}}}}'
    )
    (tmp_path / "site-packages" / "mine.pth").write_text(f"{project}\n")
    locator = Locator([str(tmp_path / "site-packages"), str(tmp_path / "dist-packages")])
    assert locator.locate("mine").kind == "first-party"
    assert locator.locate("theirs").kind == "third-party"


def test_archives_on_the_path(tmp_path: Path) -> None:
    """Modules in a zip file are third-party, with the archive as their file."""
    archive = tmp_path / "lib.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("pack/__init__.py", "")
        file.writestr("pack/inner.py", "")
    locator = Locator([str(archive)])
    for name in ("pack", "pack.inner"):
        location = locator.locate(name)
        assert (location.kind, location.path, location.is_source) == ("third-party", str(archive), False)
    assert str(archive) in locator.locate("pack.inner").probed
    assert locator.locate("pack.other").kind == "absent"


def test_long_names_are_walked_without_recursion() -> None:
    """A name of very many parts is absent, not a crash."""
    assert Locator([]).locate(".".join(["a"] * 100_000)).kind == "absent"


def test_text_comes_with_its_signature(tmp_path: Path) -> None:
    """The bytes read are those that the signature is of."""
    make(tmp_path, "m.py")
    (tmp_path / "m.py").write_bytes(b"x = 1\n")
    data, sig = Locator([]).read_text(str(tmp_path / "m.py"))
    assert data == b"x = 1\n"
    assert sig == signature(str(tmp_path / "m.py"))
    with pytest.raises(FileNotFoundError):
        Locator([]).read_text(str(tmp_path / "none.py"))


def test_text_that_keeps_changing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file replaced once while it is read is read again; one that always is raises."""
    path = tmp_path / "m.py"
    path.write_bytes(b"old")
    replacements = iter([b"new"])

    def replace_first(name: str) -> tuple[int, ...] | None:
        text = next(replacements, None)
        if text is not None:
            other = tmp_path / "other"
            other.write_bytes(text)
            other.replace(path)
        return signature(name)

    monkeypatch.setattr(locate, "signature", replace_first)
    assert Locator([]).read_text(str(path))[0] == b"new"
    replacements = iter([b"1", b"2", b"3"])
    with pytest.raises(SourceChanged):
        Locator([]).read_text(str(path))
