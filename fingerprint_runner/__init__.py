"""An incremental, build-system-style engine for machine-learning training graphs.

    import fingerprint_runner as fr
    report = fr.run("fr.yml", targets=["report"])

Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fingerprint_runner.errors import (
        DamagedArtifact,
        FingerprintRunnerError,
        InvalidGraph,
        MissingNeed,
        NodeFailed,
        NoIdentity,
        NotStorable,
        Problem,
        SourceChanged,
        StorageError,
    )
    from fingerprint_runner.fingerprints.identity import register_identity
    from fingerprint_runner.graph.component import (
        Fingerprintable,
        GraphComponent,
        OutputDirectory,
        Resource,
    )
    from fingerprint_runner.graph.context import ExecutionContext
    from fingerprint_runner.graph.node import CacheMode, InputDeclaration, SchemaNode
    from fingerprint_runner.graph.schema import GraphSchema
    from fingerprint_runner.hooks.hook import GraphNodeHook
    from fingerprint_runner.runners.graph_node import GraphNode
    from fingerprint_runner.runners.graph_runner import GraphRunner
    from fingerprint_runner.runners.report import NodeReport, NodeStatus, RunReport
    from fingerprint_runner.storage.model_storage import ModelStorage, open_storage
    from fingerprint_runner.training.session import run

_HOMES = {
    "errors": (
        "DamagedArtifact",
        "FingerprintRunnerError",
        "InvalidGraph",
        "MissingNeed",
        "NoIdentity",
        "NodeFailed",
        "NotStorable",
        "Problem",
        "SourceChanged",
        "StorageError",
    ),
    "fingerprints.identity": ("register_identity",),
    "graph.component": ("Fingerprintable", "GraphComponent", "OutputDirectory", "Resource"),
    "graph.context": ("ExecutionContext",),
    "graph.node": ("CacheMode", "InputDeclaration", "SchemaNode"),
    "graph.schema": ("GraphSchema",),
    "hooks.hook": ("GraphNodeHook",),
    "runners.graph_node": ("GraphNode",),
    "runners.graph_runner": ("GraphRunner",),
    "runners.report": ("NodeReport", "NodeStatus", "RunReport"),
    "storage.model_storage": ("ModelStorage", "open_storage"),
    "training.session": ("run",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CacheMode",
    "DamagedArtifact",
    "ExecutionContext",
    "FingerprintRunnerError",
    "Fingerprintable",
    "GraphComponent",
    "GraphNode",
    "GraphNodeHook",
    "GraphRunner",
    "GraphSchema",
    "InputDeclaration",
    "InvalidGraph",
    "MissingNeed",
    "ModelStorage",
    "NoIdentity",
    "NodeFailed",
    "NodeReport",
    "NodeStatus",
    "NotStorable",
    "OutputDirectory",
    "Problem",
    "Resource",
    "RunReport",
    "SchemaNode",
    "SourceChanged",
    "StorageError",
    "open_storage",
    "register_identity",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
