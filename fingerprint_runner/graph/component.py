"""What a component is: `GraphComponent`, and what it is given (`Resource`, `OutputDirectory`).

A component written for a graph-based training engine needs a changed import and nothing else.
Plain functions are components too and need nothing from here but, perhaps, `OutputDirectory`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from fingerprint_runner.graph.context import ExecutionContext


@dataclass(frozen=True)
class Resource:
    """A folder of files that a node puts out or is given, by name.

    Attributes:
        name: unique in a graph; usually the name of the node that made it.
        output_fingerprint: identity of the folder's tree, empty until it is known.
    """

    name: str
    output_fingerprint: str = ""

    def fingerprint(self) -> str:
        """The identity by which a consumer sees this resource."""
        return f"resource_{self.output_fingerprint}"


class OutputDirectory(type(Path())):  # type: ignore[misc]
    """Annotation for a parameter that receives an empty folder, which becomes the node's resource.

    It is a `pathlib.Path`. A function that returns None puts the folder out; otherwise the folder
    travels along with the value, and a consumer's parameter annotated `Path` receives it read-only.
    """


class ResourceStorage(Protocol):
    """What a component sees of `ModelStorage`: its own resource to write, its needs' to read."""

    def write_to(self, resource: Resource) -> AbstractContextManager[Path]:
        """A folder that becomes the content of `resource` when the block ends."""
        ...

    def read_from(self, resource: Resource) -> AbstractContextManager[Path]:
        """A read-only folder with the content of `resource`."""
        ...


@runtime_checkable
class Fingerprintable(Protocol):
    """A value that says by itself what its identity is."""

    def fingerprint(self) -> str:
        """A text that is equal exactly for equal values."""
        ...


class GraphComponent(ABC):
    """Base of classes that do a node's work."""

    @classmethod
    def required_components(cls) -> list[type]:
        """Components that must come before this one in a graph."""
        return []

    @classmethod
    @abstractmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ResourceStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> GraphComponent:
        """Make a component that is to be trained or run from its config.

        Args:
            config: defaults with the graph's config merged over them.
            model_storage: where the node's resource is written.
            resource: the name under which to write it.
            execution_context: about the run.
        """

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ResourceStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> GraphComponent:
        """Make a component from what an earlier node wrote to `resource`; `create` by default."""
        return cls.create(config, model_storage, resource, execution_context)

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """What the config is where the graph doesn't say."""
        return {}

    @staticmethod
    def supported_languages() -> list[str] | None:
        """Languages that the component works for; None means all."""
        return None

    @staticmethod
    def not_supported_languages() -> list[str] | None:
        """Languages that the component doesn't work for; None means none."""
        return None

    @staticmethod
    def required_packages() -> Iterable[str]:
        """Names of packages that must be importable; their versions count in the fingerprint."""
        return []

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Anything else that counts, such as a remote data set's version; called at every plan."""
        return None
