"""`Workspace`: a project laid out for one engine, and the runs of that engine on it.

Invariants: a file is written only when its text changes, so that what didn't change keeps its
times; nothing outlives `remove`, read-only files included.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Sequence, Set
from pathlib import Path

from benchmarks.engines.protocol import Engine
from benchmarks.graphs import Project
from benchmarks.processes import Command, Timing

# Compiled modules are told apart by size and whole seconds: an edit must not fall into the second in which
# the project was first written.
_AN_HOUR_AGO = time.time() - 3600


class Workspace:
    """A folder in which one engine works.

    Args:
        engine: the engine.
        python: of its environment.
        folder: where; made, and removed by `remove`.
        bound_s: of each command.
    """

    def __init__(self, engine: Engine, python: Path, folder: Path, bound_s: float) -> None:
        self.engine = engine
        self.folder = folder
        self._python = python
        self._bound_s = bound_s
        self._written: dict[str, str] = {}

    def write(self, project: Project) -> None:
        """Make the folder hold a project, and nothing of the one before."""
        first = not self.folder.exists()
        layout = self.engine.layout(project)
        for path in self._written.keys() - layout.keys():
            (self.folder / path).unlink()
        for path, text in layout.items():
            if self._written.get(path) != text:
                target = self.folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
                if first:
                    os.utime(target, (_AN_HOUR_AGO, _AN_HOUR_AGO))
        self._written = layout
        if first:
            self.prepare()

    def prepare(self) -> None:
        """Run what the engine needs once in a new folder."""
        for command in self.engine.first(self._python, self.folder):
            command.time()

    def command(self, **environ: str) -> Command:
        """What brings the project up to date, with variables of its own."""
        command = self.engine.command(self._python, self.folder)
        variables = {**command.environ, **environ}
        if (self.folder / "site-packages").exists():
            paths = [str(self.folder / "site-packages"), *filter(None, [variables.get("PYTHONPATH")])]
            variables["PYTHONPATH"] = os.pathsep.join(paths)
        return Command(command.argv, command.folder, variables, self._bound_s)

    @property
    def paths(self) -> Set[str]:
        """Of the files that were written."""
        return self._written.keys()

    def touch(self, paths: Sequence[str]) -> None:
        """Write files again as they are."""
        for path in paths:
            (self.folder / path).write_text(self._written[path])

    def run(self) -> Timing:
        """Bring the project up to date.

        Raises:
            CommandFailed: the engine failed, or took too long.
        """
        return self.command().time()

    def run_and_list(self) -> list[str]:
        """Bring the project up to date; gives the nodes that ran, in order."""
        journal = self._journal
        journal.unlink(missing_ok=True)
        self.command(JOURNAL=str(journal)).time()
        return journal.read_text().split() if journal.exists() else []

    def save(self) -> None:
        """Keep a copy of the folder as it is, caches and times included."""
        remove(self._copy)
        shutil.copytree(self.folder, self._copy, symlinks=True)

    def restore(self, project: Project) -> None:
        """Bring the folder back to what was saved when it held `project`."""
        remove(self.folder)
        shutil.copytree(self._copy, self.folder, symlinks=True)
        self._written = self.engine.layout(project)

    def remove(self) -> None:
        """Remove all that was made."""
        remove(self.folder)
        remove(self._copy)
        self._journal.unlink(missing_ok=True)
        self._written = {}

    def ran_before_failing(self) -> list[str]:
        """The nodes that ran in a run that failed."""
        return self._journal.read_text().split() if self._journal.exists() else []

    @property
    def _journal(self) -> Path:
        return self.folder.with_name(self.folder.name + ".journal")

    @property
    def _copy(self) -> Path:
        return self.folder.with_name(self.folder.name + ".saved")


def remove(folder: Path) -> None:
    """Remove a folder, and in it what may only be read."""
    if not folder.exists():
        return
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(folder)
