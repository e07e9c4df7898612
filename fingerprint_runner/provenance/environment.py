"""What of the environment counts: variables by digest, secrets by name, Python by its minor version.

Invariants: no value of a variable stands in an answer or a message; the environment is handed in.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping

import xxhash

UNSET = "unset"

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def environment_digests(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that count, by name, sorted.

    Args:
        names: of the variables.
        environ: such as `os.environ`.

    Returns:
        name → digest of the value, or `unset`; an empty value isn't `unset`.
    """
    return {name: _digest(environ.get(name)) for name in sorted(set(names))}


def _digest(value: str | None) -> str:
    if value is None:
        return UNSET
    # Variables are bytes to the system: what isn't UTF-8 arrives as lone surrogates.
    return xxhash.xxh3_128_hexdigest(value.encode("utf-8", "surrogateescape"))


def resolve_secret(text: str, environ: Mapping[str, str]) -> str:
    """A secret's text with each `${VAR}` replaced by the variable's value, once.

    Args:
        text: as written in the config.
        environ: such as `os.environ`.

    Returns:
        The secret: never to be logged, stored or put into a message.

    Raises:
        InvalidGraph: variables that aren't set, or `${…}` around what is no name; all at once.
    """
    # For weight: a run that looks at variables again needs no errors.
    from fingerprint_runner.errors import InvalidGraph, Problem

    problems = []
    for name in dict.fromkeys(_REFERENCE.findall(text)):
        if _NAME.fullmatch(name) is None:
            problems.append(
                Problem("bad-variable", f"${{{name}}} names no environment variable", hint="write ${NAME}")
            )
        elif name not in environ:
            problems.append(
                Problem(
                    "unset-variable",
                    f"the environment variable {name} is not set",
                    hint=f"set {name}; a secret's value is taken from the environment",
                )
            )
    if problems:
        raise InvalidGraph(problems)
    return _REFERENCE.sub(lambda match: environ[match[1]], text)


def secret_texts(text: str, environ: Mapping[str, str]) -> list[str]:
    """What of a secret nobody may see: all of it, and the value of each variable in it."""
    names = [name for name in _REFERENCE.findall(text) if name in environ]
    whole = _REFERENCE.sub(lambda match: environ.get(match[1], ""), text)
    return [whole, *(environ[name] for name in names)] if names else []


def secret_variables(text: str) -> list[str]:
    """The variables that a secret's text refers to."""
    return list(dict.fromkeys(_REFERENCE.findall(text)))


def python_tag() -> str:
    """The running Python's minor version, such as `3.11`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
