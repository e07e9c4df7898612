"""The reader answers without importing, remembers what still holds, and says where it widened."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.memo import MemoryMemo
from fingerprint_runner.provenance.source_reader import SourceReader

MAIN = "from helpers import clean\nimport numpy_like\ndef run(x):\n    return clean(x)\n"
HELPERS = "K = 1\ndef clean(x):\n    return x + K\n"
LATER_NS = 3_600_000_000_000


def reader(folder: Path, memo: MemoryMemo | None = None, later: bool = True) -> SourceReader:
    """A reader whose clock is an hour ahead, so that files written just now have settled."""
    import time

    stdlib = str(Path(os.__file__).parent)
    path = [str(folder), str(folder / "site-packages"), stdlib]
    shift = LATER_NS if later else 0
    return SourceReader(Locator(path), memo or MemoryMemo(), lambda: time.time_ns() + shift)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of two modules and an installed package."""
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "numpy_like.py").write_text("x = 1\n")
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "helpers.py").write_text(HELPERS)
    return tmp_path


def test_a_closure_names_parts_modules_and_packages(folder: Path) -> None:
    """Parts are symbols, modules are files' digests, packages are top-level names."""
    found = reader(folder).closure("main:run")
    assert list(found.parts) == [
        "helpers:K",
        "helpers:clean",
        "main:clean",
        "main:run",
        "numpy_like:<package>",
    ]
    assert sorted(found.modules) == ["helpers", "main"]
    assert found.packages == ("numpy_like",)
    assert found.notes == ()


def test_a_closure_holds_no_path(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same project elsewhere has the same closure."""
    other = tmp_path_factory.mktemp("elsewhere")
    (other / "site-packages").mkdir()
    (other / "site-packages" / "numpy_like.py").write_text("x = 1\n")
    (other / "main.py").write_text(MAIN)
    (other / "helpers.py").write_text(HELPERS)
    assert reader(folder).closure("main:run") == reader(other).closure("main:run")


@pytest.mark.parametrize("root", ["gone:run", "main:gone"])
def test_a_missing_root_is_absent(folder: Path, root: str) -> None:
    """A root that isn't there has a closure that says so, until it appears."""
    memo = MemoryMemo()
    first = reader(folder, memo)
    found = first.closure(root)
    assert found.parts == {root: "absent"}
    first.save()
    (folder / "gone.py").write_text("def run(): return 1\n")
    (folder / "main.py").write_text(MAIN + "def gone(): return 1\n")
    assert reader(folder, memo).closure(root).digest != found.digest


def test_a_syntax_error_names_file_and_line(folder: Path) -> None:
    """A loaded file that isn't Python is an error; one that nothing loads is none."""
    (folder / "broken.py").write_text("def f(:\n")
    reader(folder).closure("main:run")
    (folder / "helpers.py").write_text("import broken\n" + HELPERS)
    with pytest.raises(InvalidGraph) as caught:
        reader(folder).closure("main:run")
    problem = caught.value.problems[0]
    assert (problem.kind, problem.line) == ("syntax-error", 1)
    assert problem.file is not None and problem.file.endswith("broken.py")


def test_an_extension_module_counts_by_its_bytes(folder: Path) -> None:
    """A first-party extension that is imported changes the closure with its bytes."""
    extension = folder / f"fast{EXTENSION_SUFFIXES[0]}"
    extension.write_bytes(b"one")
    (folder / "main.py").write_text(MAIN + "import fast\n")
    before = reader(folder).closure("main:run")
    assert "fast" in before.modules
    extension.write_bytes(b"two")
    assert reader(folder).closure("main:run").digest != before.digest


def test_a_namespace_package_is_followed(folder: Path) -> None:
    """Folders without `__init__` are packages too."""
    (folder / "space" / "inner").mkdir(parents=True)
    (folder / "space" / "inner" / "mod.py").write_text("def f(): return 1\n")
    (folder / "main.py").write_text("import space.inner.mod\ndef run(): return space.inner.mod.f()\n")
    assert "space.inner.mod:f" in reader(folder).closure("main:run").parts


def test_a_module_beside_one_that_lists_its_folder_counts(folder: Path) -> None:
    """Where code lists the modules beside it, a new one is a change."""
    (folder / "plug").mkdir()
    (folder / "plug" / "__init__.py").write_text(
        "import pkgutil\ndef found(): return [m.name for m in pkgutil.iter_modules(__path__)]\n"
    )
    (folder / "main.py").write_text("import plug\ndef run(): return plug.found()\n")
    memo = MemoryMemo()
    first = reader(folder, memo)
    before = first.closure("main:run")
    assert before.notes == ("__init__.py:2: iter_modules: which modules lie beside it counts",)
    first.save()
    (folder / "plug" / "new.py").write_text("x = 1\n")
    assert reader(folder, memo).closure("main:run").digest != before.digest


def test_widening_is_noted(folder: Path) -> None:
    """Where reading can't follow, a note names file and line."""
    (folder / "helpers.py").write_text("def clean(x):\n    return eval(x)\n")
    found = reader(folder).closure("main:run")
    assert found.notes == ("helpers.py:2: eval(...): the whole module counts",)


def test_a_whole_module_can_be_a_root(folder: Path) -> None:
    """`module:*` counts every unit of a module."""
    (folder / "helpers.py").write_text(HELPERS + "def spare(): return 1\n")
    parts = reader(folder).closure("helpers:*").parts
    assert list(parts) == ["helpers:K", "helpers:clean", "helpers:spare"]


WARM = """
import sys
from fingerprint_runner.provenance.locate import Locator
from fingerprint_runner.provenance.source_reader import SourceReader

class Folder:
    def load(self, name):
        try:
            with open(f"{sys.argv[1]}/memo/{name}", "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
    def save(self, name, data):
        with open(f"{sys.argv[1]}/memo/{name}", "wb") as file:
            file.write(data)

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("main", "helpers", "numpy_like"):
            raise RuntimeError("imported " + name)
sys.meta_path.insert(0, Wall())
import time, os
folder = sys.argv[1]
locator = Locator([folder, folder + "/site-packages", os.path.dirname(os.__file__)])
reader = SourceReader(locator, Folder(), lambda: time.time_ns() + 3_600_000_000_000)
print(reader.closure("main:run").digest)
print(reader.component("main:run").kind)
reader.save()
heavy = ("module_table", "unit_reader", "closure_search", "component_source", "links")
print([name for name in heavy if "fingerprint_runner.provenance." + name in sys.modules])
"""


def test_a_no_op_parses_nothing_and_imports_nobody(folder: Path) -> None:
    """Behind an import hook that raises both runs work; the second loads nothing that reads trees."""
    (folder / "memo").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    runs = [
        subprocess.run(
            [sys.executable, "-c", WARM, str(folder)],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        ).stdout.splitlines()
        for _ in range(2)
    ]
    assert runs[0][:2] == runs[1][:2]
    assert runs[0][1] == "function"
    assert "module_table" in runs[0][2]
    assert runs[1][2] == "[]"


@pytest.mark.parametrize("later", [True, False], ids=["settled", "unsettled"])
def test_a_touched_file_is_read_again_and_nothing_else(folder: Path, later: bool) -> None:
    """A new signature with the same text keeps what was remembered."""
    memo = MemoryMemo()
    first = reader(folder, memo, later)
    before = first.closure("main:run")
    first.save()
    os.utime(folder / "helpers.py", ns=(1, 1))
    second = reader(folder, memo, later)
    assert second.closure("main:run") == before
    assert second._finder is None


def test_an_edit_within_the_clocks_grain_is_seen(folder: Path) -> None:
    """A file that had just changed isn't trusted by its signature: an edit that keeps it is found."""
    memo = MemoryMemo()
    first = reader(folder, memo, later=False)
    before = first.closure("main:run")
    first.save()
    path = folder / "helpers.py"
    status = path.stat()
    with path.open("r+") as file:
        file.write(HELPERS.replace("K = 1", "K = 2"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert reader(folder, memo).closure("main:run").digest != before.digest


def test_an_unrelated_new_file_keeps_what_was_remembered(folder: Path) -> None:
    """A folder that gets an entry no root looked for leaves the answers."""
    memo = MemoryMemo()
    first = reader(folder, memo)
    before = first.closure("main:run")
    first.save()
    (folder / "outputs").mkdir()
    (folder / "unrelated.py").write_text("x = 1\n")
    second = reader(folder, memo)
    assert second.closure("main:run") == before
    assert second._finder is None


def test_a_damaged_memo_is_done_without(folder: Path) -> None:
    """Truncated and flipped blobs give the same answers as none."""
    memo = MemoryMemo()
    first = reader(folder, memo)
    before = first.closure("main:run")
    first.save()
    for name, blob in list(memo.blobs.items()):
        for broken in (b"", blob[:40], blob[:-1], blob[:50] + bytes([blob[50] ^ 1]) + blob[51:]):
            memo.blobs[name] = broken
            assert reader(folder, memo).closure("main:run") == before


def test_refresh_sees_the_present(folder: Path) -> None:
    """One reader answers of one moment, and of the present after `refresh`."""
    source = reader(folder)
    before = source.closure("main:run")
    (folder / "helpers.py").write_text(HELPERS.replace("K = 1", "K = 2"))
    assert source.closure("main:run") == before
    source.refresh()
    assert source.closure("main:run").digest != before.digest


def test_places_and_digests_are_for_first_party_modules(folder: Path) -> None:
    """A symbol has file and line, a module its file's digest; what isn't first-party has neither."""
    source = reader(folder)
    assert source.place("helpers:clean") == (str(folder / "helpers.py"), 2)
    assert source.place("numpy_like:x") is None
    assert source.module_digest("helpers") == source.closure("main:run").modules["helpers"]
    assert source.module_digest("numpy_like") is None
    assert source.module_digest("gone") is None


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_hash_seeds_do_not_matter(folder: Path, seed: str) -> None:
    """Another process with another hash seed finds the same digest."""
    (folder / "memo").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", WARM, str(folder)], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[0] == reader(folder).closure("main:run").digest
