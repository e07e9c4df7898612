"""`Environments`: one virtual environment for each engine, made once and kept.

Invariants: an environment holds exactly the versions of `pins/NAME.txt`, and ours this checkout's
wheel besides; its folder is named by a digest of all that, so that it is made anew when a pin, the
Python or a source of ours changes; a folder without its mark of completion is made again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).with_name("pins")
_WHEEL_PARTS = ("fingerprint_runner", "cli", "pyproject.toml", "README.md", "LICENSE")


class Environments:
    """Virtual environments below a folder.

    Args:
        folder: where they are kept.
        interpreter: the Python that they are made with.
    """

    def __init__(self, folder: Path, interpreter: str) -> None:
        self.folder = folder
        self.interpreter = interpreter
        self._ready: dict[str, Path] = {}
        self.python_version = _printed(interpreter, "import platform; print(platform.python_version())")

    def python(self, name: str) -> Path:
        """The Python of an environment, which is made if need be."""
        if name not in self._ready:
            self._ready[name] = self._made(name)
        return self._ready[name]

    def versions(self, names: set[str]) -> dict[str, str]:
        """What each environment is about: its engine's package → version."""
        found = {}
        for name in sorted(names):
            package, version = main_pin(name)
            found[package] = version
        return found

    def _made(self, name: str) -> Path:
        pins = (PINS / f"{name}.txt").read_text()
        digest = hashlib.sha256(f"{self.python_version}\n{pins}".encode())
        if name == "fr":
            digest.update(_source_digest())
        folder = self.folder / f"{name}-{self.python_version}-{digest.hexdigest()[:12]}"
        python = folder / "bin" / "python"
        if (folder / "complete").exists():
            return python
        print(f"making the environment {folder}", flush=True)
        for old in self.folder.glob(f"{name}-{self.python_version}-*"):
            shutil.rmtree(old)
        subprocess.run([self.interpreter, "-m", "venv", str(folder)], check=True)
        _pip(python, "install", "-r", str(PINS / f"{name}.txt"))
        if name == "fr":
            _install_wheel(python)
        (folder / "complete").touch()
        return python


def main_pin(name: str) -> tuple[str, str]:
    """The package that an environment is for, and its version: its pins' first line, or our own."""
    if name == "fr":
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
        return project["name"], project["version"]
    package, _, version = (PINS / f"{name}.txt").read_text().splitlines()[0].partition("==")
    return package, version


def default_folder() -> Path:
    """Below the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fingerprint_runner" / "benchmarks"


def _install_wheel(python: Path) -> None:
    """A wheel of this checkout; built from a copy, so that nothing left by older builds gets in."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "checkout"
        copy.mkdir()
        for part in _WHEEL_PARTS:
            source = CHECKOUT / part
            if source.is_dir():
                shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / part)
        _pip(python, "wheel", "--no-deps", "-w", scratch, str(copy))
        wheel = next(Path(scratch).glob("*.whl"))
        _pip(python, "install", "--no-deps", str(wheel))


def _source_digest() -> bytes:
    digest = hashlib.sha256()
    for part in _WHEEL_PARTS:
        source = CHECKOUT / part
        for file in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            digest.update(str(file.relative_to(CHECKOUT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.digest()


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def _printed(python: str, code: str) -> str:
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
