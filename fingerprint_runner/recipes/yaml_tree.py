"""Plain data with the position of every key, from YAML 1.2 (core types) or JSON text.

Invariants: linear and iterative, whatever the nesting; keys are text and stand once; nothing is
made but dict, list, str, int, float, bool and None; positions count from 1. Aliases, merge keys and
tags of other types are refused, so that what stands in the text is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fingerprint_runner.errors import InvalidGraph, Problem

DEEPEST = 200
"""How many mappings and lists may stand inside each other."""

# Finding a line walks the whole text, so thousands of problems must not each do it.
_SHOWN_LINES = 20
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
_MAY_BE_NUMBER = frozenset("0123456789+-.")
_CORE = "tag:yaml.org,2002:"
_CORE_TYPES: Mapping[str, tuple[type, ...]] = {
    f"{_CORE}int": (int,),
    f"{_CORE}float": (int, float),
    f"{_CORE}bool": (bool,),
    f"{_CORE}null": (type(None),),
}

Positions = dict[tuple[str, ...], tuple[int, int]]


@dataclass(frozen=True)
class Tree:
    """What a text says.

    Attributes:
        value: plain data.
        positions: path of keys and list indices (as text) → line and column of the key, or of the
            list's item; the empty path is the whole.
        end: line and column (from 1) behind a value that is a scalar or in brackets; None elsewhere.
    """

    value: Any
    positions: Positions
    end: tuple[int, int] | None = None


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


class _Frame:
    """A mapping or list that is still open."""

    __slots__ = ("items", "key", "keys", "path")

    def __init__(self, path: tuple[str, ...], keys: dict[str, Any] | None, items: list[Any] | None) -> None:
        self.path = path
        self.keys = keys
        self.items = items
        self.key: str | None = None


class _Builder:
    """Puts scalars and collections together and notes where they stand."""

    def __init__(self, text: str, file: str | None) -> None:
        self.text = text
        self.file = file
        self.problems: list[Problem] = []
        self.positions: Positions = {}
        self.value: Any = None
        self._open: list[_Frame] = []

    @property
    def wants_key(self) -> bool:
        """Whether what comes next is a mapping's key."""
        if not self._open:
            return False
        frame = self._open[-1]
        return frame.keys is not None and frame.key is None

    def problem(self, kind: str, message: str, line: int, column: int, hint: str | None = None) -> Problem:
        """A problem at a place, with the line shown for the first few."""
        few = len(self.problems) < _SHOWN_LINES
        snippet = _snippet(self.text, line, column) if few else None
        return Problem(kind, message, self.file, line, column, hint=hint, snippet=snippet)

    def note(self, kind: str, message: str, line: int, column: int, hint: str | None = None) -> None:
        """Remember a problem and go on."""
        self.problems.append(self.problem(kind, message, line, column, hint))

    def fail(self, kind: str, message: str, line: int, column: int, hint: str | None = None) -> InvalidGraph:
        """The error that ends the reading, with all that was noted before."""
        return InvalidGraph([*self.problems, self.problem(kind, message, line, column, hint)])

    def key(self, key: str, line: int, column: int) -> None:
        """The next key of the innermost mapping."""
        frame = self._open[-1]
        path = (*frame.path, key)
        first = self.positions.setdefault(path, (line, column))
        if first != (line, column):
            self.note(
                "duplicate-key",
                f"the key {key!r} stands here a second time",
                line,
                column,
                f"the first is in line {first[0]}; keep one of the two",
            )
        frame.key = key

    def scalar(self, value: Any, line: int, column: int) -> None:
        """A value that holds no others."""
        self._put(value, line, column)

    def open(self, container: dict[str, Any] | list[Any], line: int, column: int) -> None:
        """A mapping or list begins.

        Raises:
            InvalidGraph: it is nested too deeply.
        """
        if len(self._open) >= DEEPEST:
            raise self.fail(
                "too-deep",
                f"more than {DEEPEST} mappings and lists stand inside each other",
                line,
                column,
                "keep such data in a file of its own, named by `files`",
            )
        path = self._put(container, line, column)
        is_mapping = isinstance(container, dict)
        self._open.append(
            _Frame(path, container, None) if is_mapping else _Frame(path, None, container)  # type: ignore[arg-type]
        )

    def close(self) -> None:
        """The innermost mapping or list ends."""
        self._open.pop()

    def tree(self, end: tuple[int, int] | None = None) -> Tree:
        """All of it.

        Raises:
            InvalidGraph: problems were noted.
        """
        if self.problems:
            raise InvalidGraph(self.problems)
        return Tree(self.value, self.positions, end)

    def _put(self, value: Any, line: int, column: int) -> tuple[str, ...]:
        if not self._open:
            self.value = value
            self.positions[()] = (line, column)
            return ()
        frame = self._open[-1]
        if frame.items is not None:
            path = (*frame.path, str(len(frame.items)))
            self.positions[path] = (line, column)
            frame.items.append(value)
        else:
            assert frame.keys is not None and frame.key is not None
            path = (*frame.path, frame.key)
            frame.keys[frame.key] = value
            frame.key = None
        return path


def _snippet(text: str, line: int, column: int) -> str | None:
    lines = re.split(r"\r\n|\r|\n", text)
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return None
    # A window of the line keeps a caret in a line of 100,000 characters readable.
    start = max(0, column - 61)
    shown = lines[line - 1][start : start + 100].replace("\t", "→")
    margin = " " * len(str(line))
    return f"  {line} | {shown}\n  {margin} | {' ' * (column - 1 - start)}^"


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
    builder = _Builder(text, file)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parser = loader(text)
    try:
        return _build(yaml, parser.get_event, builder)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        message, hint = _explain(error.problem or error.context or "", text, line, column)
        raise builder.fail("syntax", f"this isn't YAML: {message}", line, column, hint) from error
    finally:
        parser.dispose()


def _build(yaml: Any, get_event: Callable[[], Any], builder: _Builder) -> Tree:
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
        if not builder._open and not (kind in ends and event.end_mark.index == event.start_mark.index):
            end = (event.end_mark.line + 1, event.end_mark.column + 1)


def _check_document(builder: _Builder, event: Any, documents: int, line: int, column: int) -> None:
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


def _add_scalar(builder: _Builder, event: Any, line: int, column: int) -> None:
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


def _tagged(builder: _Builder, tag: str, text: str, line: int, column: int) -> Any:
    try:
        value = core_value(text)
    except ValueError:
        value = text
    if type(value) not in _CORE_TYPES[tag]:
        builder.note("bad-value", f"{text!r} isn't what its tag '!!{tag[len(_CORE) :]}' says", line, column)
        return None
    return float(value) if tag == f"{_CORE}float" else value


def _refuse_tag(builder: _Builder, tag: str, line: int, column: int) -> None:
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


def _explain(problem: str, text: str, line: int, column: int) -> tuple[str, str | None]:
    """A parser's complaint in our words: message and hint."""
    lines = re.split(r"\r\n|\r|\n", text)
    here = lines[line - 1] if line <= len(lines) else ""
    at = here[column - 1 : column]
    if "tab" in problem.split() or at == "\t" or (not here[: column - 1].strip() and "\t" in here[:column]):
        return "a tab can't indent", "indent with spaces"
    if problem == "found character that cannot start any token":
        return f"{at!r} can't start a value", "quote the text"
    if "mapping values are not allowed" in problem:
        return (
            "a ':' stands where no key can be",
            "quote a text that holds ': '; else look at the indentation of this line and of the one above",
        )
    if "',' or ']'" in problem or "',' or '}'" in problem or "expected node content" in problem:
        return (
            "a bracket isn't closed, or a text in it isn't quoted",
            'quote a text that holds any of [ ] { } , such as "corpus[train]"',
        )
    if "expected ':'" in problem:
        return "a key has no ':' behind it", "write `key: value`, with a space behind the colon"
    if "expected key" in problem or "expected <block end>" in problem or "expected '-' indicator" in problem:
        return (
            "this line fits no mapping or list above it",
            "indent it like its siblings; close quotes and brackets above it",
        )
    if "end of stream" in problem:
        return "the text ends inside quotes", "close the quotes"
    return problem, None


_JSON_TOKEN = re.compile(r'\n|"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(text: str, file: str | None = None) -> Tree:
    """What a JSON text says, with the positions of its keys.

    Args:
        text: one JSON value.
        file: the path that problems name.

    Raises:
        InvalidGraph: with all problems up to the first that can't be read past.
    """
    import json

    builder = _Builder(text, file)
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise builder.fail(
            "syntax",
            f"this isn't JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            error.lineno,
            error.colno,
            "JSON has no comments, no commas behind the last item, and double quotes only",
        ) from error
    except RecursionError:
        pass  # The builder counts the nesting and says where it is too deep.
    except ValueError as error:
        raise InvalidGraph.single("bad-number", f"this isn't JSON: {error}", file=file) from error
    line, line_start = 1, 0
    for token in _JSON_TOKEN.finditer(text):
        word = token[0]
        column = token.start() - line_start + 1
        if word == "\n":
            line, line_start = line + 1, token.end()
        elif word == "{":
            builder.open({}, line, column)
        elif word == "[":
            builder.open([], line, column)
        elif word in "}]":
            builder.close()
        elif word not in ",:":
            value = json.loads(word) if "\\" in word or word[0] != '"' else word[1:-1]
            if isinstance(value, str) and _SURROGATE.search(value):
                builder.note("bad-value", "this text holds half of a character pair", line, column)
            if builder.wants_key:
                builder.key(value, line, column)
            else:
                builder.scalar(value, line, column)
    return builder.tree()


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")
