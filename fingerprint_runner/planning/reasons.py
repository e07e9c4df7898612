"""Why a node is stale: the differences between its baseline's manifest and the present one.

Invariants: pure; linear in the two manifests; the order is component, config, inputs, parents,
files, environment, addon, code, packages, Python, format: what a person changed first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from fingerprint_runner.fingerprints.manifest import TRACKED, ConfigEntry, Manifest
from fingerprint_runner.fingerprints.record import Reason, ReasonKind


class Baseline(Struct, frozen=True):
    """The earlier record that a node is compared with.

    Attributes:
        manifest: of that record, with its symbols.
        present_symbols, present_answers: the baseline's trace answered now: its code part today.
    """

    manifest: Manifest
    present_symbols: Mapping[str, str]
    present_answers: Mapping[Any, str]


def differences(baseline: Baseline | None, present: Manifest | None) -> tuple[Reason, ...]:
    """All reasons why `present` isn't the baseline; `never-run` where there is no baseline.

    `artifact-missing` where nothing differs: then the record itself is gone.
    """
    if baseline is None or present is None:
        return (Reason(ReasonKind.NEVER_RUN),)
    found = tuple(_all_differences(baseline, present))
    return found or (Reason(ReasonKind.ARTIFACT_MISSING),)


def _all_differences(baseline: Baseline, present: Manifest) -> Iterator[Reason]:
    old, new = baseline.manifest.first, present.first
    for label, old_text, new_text in (
        ("uses", old.component, new.component),
        ("fn", old.fn, new.fn),
        ("constructor_name", old.constructor_name, new.constructor_name),
        ("version", old.version, new.version),
    ):
        if old_text != new_text:
            yield Reason(ReasonKind.COMPONENT_CHANGED, label, old_text, new_text)
    if TRACKED in present.code.answers and TRACKED not in baseline.manifest.code.answers:
        yield Reason(ReasonKind.COMPONENT_CHANGED, "track", "report", "auto")
    yield from _entries(ReasonKind.CONFIG_CHANGED, old.config, new.config)
    yield from _entries(ReasonKind.INPUT_CHANGED, old.inputs, new.inputs)
    for parameter in _keys(old.parents, new.parents):
        before, after = old.parents.get(parameter), new.parents.get(parameter)
        if (before and before.identity) != (after and after.identity):
            named = after or before
            yield Reason(
                ReasonKind.PARENT_CHANGED,
                None if named is None else named.source,
                None if before is None else before.identity,
                None if after is None else after.identity,
            )
    if old.resource != new.resource:
        yield Reason(ReasonKind.PARENT_CHANGED, "resource", old.resource, new.resource)
    yield from _texts(ReasonKind.FILE_CHANGED, old.files, new.files)
    # Values of environment variables are nobody's to see: only which of them changed.
    for name in _keys(old.env, new.env):
        if old.env.get(name) != new.env.get(name):
            yield Reason(ReasonKind.ENV_CHANGED, name)
    if old.addon != new.addon:
        yield Reason(ReasonKind.ADDON_CHANGED, None, old.addon, new.addon)
    if old.component == new.component:
        yield from _code(baseline)
    if old.python != new.python:
        yield Reason(ReasonKind.PYTHON_CHANGED, None, old.python, new.python)
    if old.format != new.format:
        yield Reason(ReasonKind.FORMAT_CHANGED, None, old.format, new.format)


def _code(baseline: Baseline) -> Iterator[Reason]:
    """Symbols, packages, files and variables that the baseline's trace answers otherwise today."""
    old_answers = baseline.manifest.code.answers
    changed = [q for q in sorted(old_answers) if old_answers[q] != baseline.present_answers.get(q)]
    if any(query.kind in ("closure", "symbol", "loading", "module", "live") for query in changed):
        symbols = list(
            _texts(ReasonKind.CODE_CHANGED, baseline.manifest.code.symbols, baseline.present_symbols)
        )
        if symbols:
            yield from symbols
        else:
            for query in changed:
                if query.kind != "dist":
                    yield Reason(ReasonKind.CODE_CHANGED, query.argument)
    kinds = {
        "dist": ReasonKind.PACKAGE_CHANGED,
        "file": ReasonKind.FILE_CHANGED,
        "env": ReasonKind.ENV_CHANGED,
    }
    for query in changed:
        if query.kind in kinds:
            yield Reason(
                kinds[query.kind],
                query.argument,
                None if query.kind == "env" else old_answers[query],
                None if query.kind == "env" else baseline.present_answers.get(query),
            )


def _entries(
    kind: ReasonKind, old: Mapping[str, ConfigEntry], new: Mapping[str, ConfigEntry]
) -> Iterator[Reason]:
    for key in _keys(old, new):
        before, after = old.get(key), new.get(key)
        if before is not None and after is not None:
            if before.identity != after.identity:
                yield from _narrowed(kind, key, before.shown, after.shown)
        else:
            yield Reason(
                kind,
                key,
                None if before is None else before.shown,
                None if after is None else after.shown,
            )


def _narrowed(kind: ReasonKind, key: str, old: Any, new: Any) -> Iterable[Reason]:
    """The innermost keys of two nested configs that differ, dotted; one reason where the forms differ."""
    waiting = [(key, old, new)]
    found = []
    while waiting:
        path, before, after = waiting.pop(0)
        if isinstance(before, dict) and isinstance(after, dict) and set(before) == set(after):
            inner = [(f"{path}.{part}", before[part], after[part]) for part in before]
            different = [item for item in inner if item[1] != item[2] or type(item[1]) is not type(item[2])]
            if different:
                waiting.extend(different)
                continue
        found.append(Reason(kind, path, before, after))
    return found


def _texts(kind: ReasonKind, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Reason]:
    for key in _keys(old, new):
        if old.get(key) != new.get(key):
            yield Reason(kind, key, old.get(key), new.get(key))


def _keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return sorted({*old, *new})
