"""YAML 1.2 text (core types) as plain data with the position of every key.

Invariants: linear and iterative, whatever the nesting; keys are text and stand once; nothing is
made but dict, list, str, int, float, bool and None; positions count from 1. Aliases, merge keys and
tags of other types are refused, so that what stands in the text is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fingerprint_runner.errors import InvalidGraph
from fingerprint_runner.recipes.tree import Tree, TreeBuilder, split_lines

_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_TAKES_KEY = re.compile(r"[\w.-]+\[[^\[\]]*\]")
_MAY_BE_NUMBER = frozenset("0123456789+-.")
_CORE = "tag:yaml.org,2002:"
_CORE_TYPES: Mapping[str, tuple[type, ...]] = {
    f"{_CORE}int": (int,),
    f"{_CORE}float": (int, float),
    f"{_CORE}bool": (bool,),
    f"{_CORE}null": (type(None),),
}


def core_value(text: str) -> Any:
    """What an unquoted YAML 1.2 scalar means by the core schema: `no` and `1:30` are texts, `012` is 12.

    Raises:
        ValueError: an integer of more digits than Python reads.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAY_BE_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _refuse_binary(text: str, file: str | None) -> None:
    found = _NOT_TEXT.search(text)
    if found is not None:
        before = text[: found.start()]
        line = before.count("\n") + 1
        column = found.start() - (before.rfind("\n") + 1) + 1
        raise InvalidGraph.single(
            "not-text",
            f"there is a character {found[0]!r}, which no text holds",
            file=file,
            line=line,
            column=column,
            hint="is this the right file?",
        )


def read_yaml(text: str, file: str | None = None) -> Tree:
    """What a YAML text says, by YAML 1.2's core types.

    Args:
        text: one document.
        file: the path that problems name.

    Raises:
        InvalidGraph: with all problems up to the first that can't be read past.
    """
    # Only here: a run that changes nothing never reads YAML.
    import yaml

    _refuse_binary(text, file)
    builder = TreeBuilder(text, file)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parser = loader(text)
    try:
        return _build(yaml, parser.get_event, builder)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        if "nesting depth" in str(error.problem):
            # The C parser looks ahead, and has a limit of its own since libyaml 0.2.6.
            raise builder.too_deep(line, column) from error
        message, hint, at_start = _explain(error.problem or error.context or "", text, line, column)
        if at_start and error.context_mark is not None:
            line, column = error.context_mark.line + 1, error.context_mark.column + 1
        raise builder.fail("syntax", f"this isn't YAML: {message}", line, column, hint) from error
    finally:
        parser.dispose()


def _build(yaml: Any, get_event: Callable[[], Any], builder: TreeBuilder) -> Tree:
    scalar_event, alias_event = yaml.ScalarEvent, yaml.AliasEvent
    mapping_start, sequence_start = yaml.MappingStartEvent, yaml.SequenceStartEvent
    ends = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
    end: tuple[int, int] | None = None
    documents = 0
    aliases: set[str] = set()
    while True:
        event = get_event()
        kind = type(event)
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if kind is scalar_event:
            _add_scalar(builder, event, line, column)
        elif kind is mapping_start or kind is sequence_start:
            if builder.wants_key:
                raise builder.fail(
                    "bad-key", "a key must be text, not a mapping or a list", line, column, "quote the key"
                )
            tag = event.tag
            is_mapping = kind is mapping_start
            if tag is not None and tag not in ("!", f"{_CORE}map" if is_mapping else f"{_CORE}seq"):
                _refuse_tag(builder, tag, line, column)
            builder.open({} if is_mapping else [], line, column)
            continue
        elif kind in ends:
            builder.close()
        elif kind is alias_event:
            if event.anchor not in aliases:
                aliases.add(event.anchor)
                builder.note(
                    "alias",
                    f"the alias '*{event.anchor}' isn't allowed: a graph file says each thing where it holds",
                    line,
                    column,
                    "write the value out, or quote it if it is a text",
                )
            if builder.wants_key:
                builder.key(f"*{event.anchor}", line, column)
            else:
                builder.scalar(None, line, column)
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            _check_document(builder, event, documents, line, column)
            continue
        elif kind is yaml.StreamEndEvent:
            return builder.tree(end)
        else:
            continue
        if builder.is_complete and not (kind in ends and event.end_mark.index == event.start_mark.index):
            end = (event.end_mark.line + 1, event.end_mark.column + 1)


def _check_document(builder: TreeBuilder, event: Any, documents: int, line: int, column: int) -> None:
    if documents > 1:
        raise builder.fail(
            "two-documents",
            "a second document starts here, and a graph is one",
            line,
            column,
            "take the line '---' away, or keep the second graph in a file of its own",
        )
    if event.version is not None and event.version != (1, 2):
        shown = ".".join(map(str, event.version))
        builder.note(
            "yaml-version",
            f"the text says that it is YAML {shown}, and it is read as YAML 1.2",
            line,
            column,
            "take the line '%YAML' away; in YAML 1.2, 'yes' and 'no' are texts and 012 is 12",
        )


def _add_scalar(builder: TreeBuilder, event: Any, line: int, column: int) -> None:
    text: str = event.value
    tag = event.tag
    value: Any = text
    if tag is None:
        if event.implicit[0]:
            if text == "<<" and builder.wants_key:
                builder.note(
                    "merge-key", "merge keys ('<<') aren't allowed", line, column, "write the keys out"
                )
            try:
                value = core_value(text)
            except ValueError:
                builder.note("bad-number", "this number has too many digits", line, column, "quote it")
    elif tag in _CORE_TYPES:
        value = _tagged(builder, tag, text, line, column)
    elif tag not in ("!", f"{_CORE}str"):
        _refuse_tag(builder, tag, line, column)
    if not builder.wants_key:
        builder.scalar(value, line, column)
        return
    if not isinstance(value, str):
        builder.note(
            "bad-key",
            f"the key {text or 'null'} is {_type_word(value)}, and keys are texts",
            line,
            column,
            f'quote it: "{text}"',
        )
    builder.key(text, line, column)


def _tagged(builder: TreeBuilder, tag: str, text: str, line: int, column: int) -> Any:
    try:
        value = core_value(text)
    except ValueError:
        value = text
    if type(value) not in _CORE_TYPES[tag]:
        builder.note("bad-value", f"{text!r} isn't what its tag '!!{tag[len(_CORE) :]}' says", line, column)
        return None
    return float(value) if tag == f"{_CORE}float" else value


def _refuse_tag(builder: TreeBuilder, tag: str, line: int, column: int) -> None:
    shown = f"!!{tag[len(_CORE) :]}" if tag.startswith(_CORE) else tag
    builder.note(
        "tag",
        f"the tag {shown!r} isn't allowed: a graph file holds plain data",
        line,
        column,
        "write the value as text, number, list or mapping",
    )


def _type_word(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return "a number"


def _explain(problem: str, text: str, line: int, column: int) -> tuple[str, str | None, bool]:
    """A parser's complaint in our words: message, hint, and whether it is about where the part began."""
    lines = split_lines(text)
    here = lines[line - 1] if line <= len(lines) else ""
    at = here[column - 1 : column]
    if "tab" in problem.split() or at == "\t" or (not here[: column - 1].strip() and "\t" in here[:column]):
        return "a tab can't indent", "indent with spaces", False
    if problem == "found character that cannot start any token":
        return f"{at!r} can't start a value", "quote the text", False
    if "mapping values are not allowed" in problem:
        hint = "quote a text that holds ': '; else look at the indentation of this line and of the one above"
        return "a ':' stands where no key can be", hint, False
    if "',' or ']'" in problem or "',' or '}'" in problem or "expected node content" in problem:
        for found in _TAKES_KEY.finditer(here):
            if found.start() < column <= found.end():
                return "brackets inside brackets need quotes", f'write "{found[0]}"', False
        hint = "close it, and quote a text that holds any of [ ] { } ,"
        return "a bracket isn't closed, or a text in it isn't quoted", hint, not at
    if "expected ':'" in problem:
        return "a key has no ':' behind it", "write `key: value`, with a space behind the colon", False
    if "expected key" in problem or "expected <block end>" in problem or "expected '-' indicator" in problem:
        hint = "indent it like its siblings; close quotes and brackets above it"
        return "this line fits no mapping or list above it", hint, False
    if "end of stream" in problem:
        return "these quotes aren't closed", "close them", True
    return problem, None, False
