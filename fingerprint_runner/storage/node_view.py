"""`NodeStorageView`: the storage as one node's component sees it.

Invariants: a component writes its own resource alone, and reads only those that its needs bring;
whatever a resource is called, its folder lies inside the node's scratch folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from fingerprint_runner.errors import DamagedArtifact, MissingNeed
from fingerprint_runner.fingerprints.record import ResourceTree
from fingerprint_runner.graph.component import Resource
from fingerprint_runner.storage import files

if TYPE_CHECKING:
    from fingerprint_runner.storage.model_storage import ModelStorage


class NodeStorageView:
    """What a component is given as its `model_storage`.

    Args:
        node_name: the node, for messages.
        own: the resource that the node may write.
        readable: name → store and tree of the resources that its needs, or its `resource`, bring.
        scratch: a folder of the node's own, removed by the runner after the node.
    """

    def __init__(
        self,
        node_name: str,
        own: Resource,
        readable: Mapping[str, tuple[ModelStorage, ResourceTree]],
        scratch: Path,
    ) -> None:
        self._node_name = node_name
        self._own = own
        self._readable = readable
        self._scratch = scratch
        self._written: Path | None = None
        self._lost: str | None = None
        self._restored: dict[str, Path] = {}

    @property
    def written(self) -> Path | None:
        """The folder that the component wrote; None where it wrote none. The runner stores it."""
        return self._written

    @property
    def lost(self) -> str | None:
        """A resource that turned out to be damaged when it was read, whatever the component made of it."""
        return self._lost

    @contextmanager
    def write_to(self, resource: Resource) -> Iterator[Path]:
        """A folder that becomes the node's resource; the same one each time.

        Raises:
            MissingNeed: the resource isn't the node's own.
        """
        if resource.name != self._own.name:
            raise MissingNeed(self._node_name, resource.name)
        folder = self._scratch / "written"
        files.make_folders(str(folder))
        yield folder
        self._written = folder

    @contextmanager
    def read_from(self, resource: Resource) -> Iterator[Path]:
        """A read-only folder with the content of a resource.

        Raises:
            MissingNeed: none of the node's needs brings that resource.
            DamagedArtifact: a file of it is missing or damaged in the store.
        """
        if resource.name == self._own.name and self._written is not None:
            yield self._written
            return
        found = self._readable.get(resource.name)
        if found is None:
            raise MissingNeed(self._node_name, resource.name)
        folder = self._restored.get(resource.name)
        if folder is None:
            name = xxhash.xxh3_128_hexdigest(resource.name.encode("utf-8", "surrogatepass"))
            folder = self._scratch / "read" / name
            files.make_folders(str(folder.parent))
            try:
                storage, tree = found
                storage.restore_tree(tree, folder, read_only=True)
            except DamagedArtifact:
                self._lost = resource.name
                raise
            self._restored[resource.name] = folder
        yield folder
