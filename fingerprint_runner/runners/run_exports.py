"""`RunExports`: at the end of a run, outputs are put where people look for them.

Invariants: every output that a node's `export` asks for is there after a run in which nothing failed, whether
the node ran, was a hit, isn't cached, or isn't kept any more; what can't be written fails the run and leaves
the other exports alone.
"""

from __future__ import annotations

from fingerprint_runner.errors import DamagedArtifact, NodeFailed
from fingerprint_runner.fingerprints.record import NodeRecord
from fingerprint_runner.runners.exports import Exporter
from fingerprint_runner.runners.outputs import value_store
from fingerprint_runner.runners.run_state import RunState
from fingerprint_runner.storage.model_storage import ModelStorage


class RunExports:
    """The exports of one run.

    Args:
        state: the run.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._setup = state.setup
        nodes = self._setup.schema.nodes
        self._wanted = {
            name: folder for name in self._setup.planner.order if (folder := nodes[name].export) is not None
        }

    def unpublished(self) -> None:
        """Export what isn't kept, while the run's private folders are there."""
        publisher = self._state.publisher
        for name in self._wanted:
            record = self._setup.planner.outcomes.get(name)
            if record is not None and record.storable and name in publisher.unpublished:
                store = value_store(self._setup.storage, publisher.places.get(name))
                self._export(self._exporter(store), name, record)

    def from_store(self) -> list[str]:
        """Export what is in the store; gives the nodes that must run again first (R11, R13)."""
        storage = self._setup.storage
        exporter = self._exporter(storage)
        again = []
        for name, folder in list(self._wanted.items()):
            record = self._setup.planner.outcomes.get(name)
            if record is None or not record.storable or name in self._state.publisher.unpublished:
                continue
            if not storage.is_kept(record):
                if not exporter.is_current(name, record, folder):
                    again.append(name)
                continue
            try:
                self._export(exporter, name, record)
            except DamagedArtifact:
                again.append(name)
            else:
                del self._wanted[name]
        return again

    def fail(self, names: list[str]) -> None:
        """Give up on outputs that can't be kept long enough to be exported."""
        for name in names:
            self._fail(name, "its stored output is damaged each time it is made")

    def _exporter(self, storage: ModelStorage) -> Exporter:
        setup = self._setup
        return Exporter(setup.world.folder, storage, setup.world.file_digests, setup.storage.memo)

    def _export(self, exporter: Exporter, name: str, record: NodeRecord) -> None:
        folder = self._wanted[name]
        try:
            with self._setup.world.importable():
                written = exporter.export(name, record, folder)
        except OSError as error:
            # Its value is in the store all the same, and the other exports can go on.
            self._fail(name, f"can't write to {folder!r}: {error.strerror or error}", type(error).__name__)
            return
        for path in written:
            self._state.progress.exported.append(path)
            self._setup.observer.exported(path)

    def _fail(self, name: str, message: str, error_type: str = "ExportFailed") -> None:
        schema = self._setup.schema
        line = None if schema.origin is None else schema.origin.place("nodes", name, "export")[0]
        self._state.progress.failures.append(
            NodeFailed(
                name,
                schema.nodes[name].component,
                error_type=error_type,
                error_message=message,
                place=None if schema.origin is None else f"{schema.origin.shown}:{line}",
                kind="export",
            )
        )
