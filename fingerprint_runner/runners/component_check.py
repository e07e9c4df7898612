"""`ComponentCheck`: looks at the components of one plan before anything runs (R5).

Source first; a worker process imports only those whose source doesn't tell enough, once for each
state of their code: the verdict is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fingerprint_runner.errors import InvalidGraph, Problem
from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.graph.node import has_import_path
from fingerprint_runner.graph.schema import GraphSchema
from fingerprint_runner.planning.decide import Decision, UpToDate
from fingerprint_runner.planning.plan import Plan
from fingerprint_runner.provenance.environment import resolve_secret
from fingerprint_runner.provenance.memo import Memo
from fingerprint_runner.runners.validation import (
    asks_import,
    described_problems,
    may_have_addon,
    placed,
    source_problems,
    unsupported_problems,
)
from fingerprint_runner.runners.world import PresentWorld

if TYPE_CHECKING:
    from fingerprint_runner.runners.describe import Description

_MEMO = "verdicts"


class ComponentCheck:
    """Checks the components of some nodes of a schema."""

    def __init__(self, schema: GraphSchema, names: Sequence[str], world: PresentWorld, memo: Memo) -> None:
        self._schema = schema
        self._world = world
        self._memo = memo
        # A component that no import path leads to is what it is: there is nothing to look up.
        self._names = [
            name
            for name in names
            if name not in world.objects and has_import_path(schema.nodes[name].component)
        ]

    def before_plan(self) -> None:
        """Check what source tells, and ask components for their `fingerprint_addon`.

        Raises:
            InvalidGraph: with all problems that source shows.
        """
        problems = self._before_import()
        if problems:
            raise InvalidGraph(problems)
        asked = [name for name in self._names if may_have_addon(self._component(name))]
        if asked:
            described = self._describe(asked)
            self._raise_for(described)
            self._world.addons.update({name: found.addon for name, found in described.items()})

    def _require_secrets(self, plan: Plan) -> None:
        """Every variable of a secret must be set before the first node starts."""
        problems = []
        for name, planned in plan.nodes.items():
            node = self._schema.nodes[name]
            if not node.secret or isinstance(planned.decision, UpToDate):
                continue
            for key in node.secret:
                try:
                    resolve_secret(node.config.get(key, ""), self._world.environ)
                except InvalidGraph as error:
                    problems += [replace(each, node=name, key=f"config.{key}") for each in error.problems]
        if problems:
            raise InvalidGraph(placed(self._schema, problems))

    def before_run(self, plan: Plan, *, wants_config: bool) -> Mapping[str, Mapping[str, Any]]:
        """Import, in a worker, what has to be imported to be sure; nothing has run yet.

        Args:
            wants_config: whether hooks need every stale node's merged config.

        Returns:
            Node → merged config, for the nodes that were looked at.

        Raises:
            InvalidGraph: with all problems that importing shows.
        """
        self._require_secrets(plan)
        may_run = [name for name in self._names if _may_run(plan.nodes[name].decision)]
        known = self._verdicts()
        keys = {name: self._verdict_key(name) for name in may_run if asks_import(self._component(name))}
        asked = [
            name
            for name in may_run
            if (name in keys and keys[name] not in known)
            or (wants_config and self._component(name).kind != "function")
        ]
        if not asked:
            return {}
        described = self._describe(asked)
        self._raise_for(described)
        self._memo.save(_MEMO, "\n".join(sorted({*known, *(keys[n] for n in asked if n in keys)})).encode())
        return {name: found.merged_config for name, found in described.items()}

    def all_problems(self) -> list[Problem]:
        """Problems that source shows, else those that importing every component shows."""
        problems = self._before_import()
        if problems or not self._names:
            return problems
        return described_problems(self._schema, self._describe(self._names))

    def _before_import(self) -> list[Problem]:
        found = source_problems(self._schema, self._names, self._world)
        return [*unsupported_problems(self._schema, self._names), *found]

    def _raise_for(self, described: Mapping[str, Description]) -> None:
        problems = described_problems(self._schema, described)
        if problems:
            raise InvalidGraph(problems)

    def _component(self, name: str) -> Any:
        return self._world.component(self._schema.nodes[name].component)

    def _verdicts(self) -> set[str]:
        saved = self._memo.load(_MEMO)
        return set() if saved is None else set(saved.decode().split("\n"))

    def _verdict_key(self, name: str) -> str:
        """Digest of all that the verdict depends on: code, packages, and how the node uses them."""
        node = self._schema.nodes[name]
        code = self._world.static_code((node.component,), pinned=False)
        answers = [(query.kind, query.argument, answer) for query, answer in sorted(code.answers.items())]
        return digest(
            [node.component, node.fn, node.constructor_name, sorted(node.needs), sorted(node.config), answers]
        )

    def _describe(self, names: Sequence[str]) -> dict[str, Description]:
        # For weight: most components are read from source alone.
        import tempfile

        from fingerprint_runner.runners.describe import DescribeNode, DescribeRequest, describe_in_worker

        nodes = self._schema.nodes
        request = DescribeRequest(
            nodes=tuple(
                DescribeNode(
                    name,
                    nodes[name].component,
                    nodes[name].fn,
                    nodes[name].constructor_name,
                    nodes[name].config,
                )
                for name in names
            ),
            modules=self._world.modules({nodes[name].component for name in names}),
            folder=self._world.folder,
            search_path=self._world.search_path,
        )
        with tempfile.TemporaryDirectory(prefix="fr-") as scratch:
            return describe_in_worker(request, Path(scratch))


def _may_run(decision: Decision) -> bool:
    return not (isinstance(decision, UpToDate) and decision.kept)
