"""`read_policy`: what a node declares of its reads, and what a run asks of them."""

# Plain strings: what a node opens comes as text.
# ruff: noqa: PTH100

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.provenance.environment import secret_variables
from fingerprint_runner.runners.observing.reads import ReadPolicy


def read_policy(schema: GraphSchema, name: str, inputs: Mapping[str, Any], *, strict: bool) -> ReadPolicy:
    """The policy for one node.

    Args:
        schema: the graph.
        name: of the node.
        inputs: the values of the run's inputs by name; those of type `path` are declared by being needed.
        strict: whether undeclared reads fail the node.
    """
    node = schema.nodes[name]
    given = [
        os.path.abspath(inputs[need.name])
        for need in node.parents.values()
        if need.name in schema.inputs and schema.inputs[need.name].type == "path" and need.name in inputs
    ]
    secret = [variable for key in node.secret for variable in secret_variables(str(node.config.get(key, "")))]
    origin = schema.origin
    form = "python" if origin is None else "json" if origin.file.suffix == ".json" else "yaml"
    return ReadPolicy(
        files=tuple(node.files),
        env=tuple(node.env),
        secret=tuple(secret),
        given=tuple(given),
        track=node.track == "auto",
        strict=strict,
        form=form,
    )
