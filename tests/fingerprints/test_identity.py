"""Value identity: what `identify` says beside the digest, and what it refuses."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xxhash
from hypothesis import given, settings
from test_encoding import VALUES

from fingerprint_runner.errors import NoIdentity
from fingerprint_runner.fingerprints import identity as identity_module
from fingerprint_runner.fingerprints.encoding import digest
from fingerprint_runner.fingerprints.identity import identify, register_identity


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = 0


NAMELESS = lambda: 1  # noqa: E731


def scale(value: float) -> float:
    return value * 2


class Tagged:
    def __init__(self, text: Any) -> None:
        self.text = text
        self.noise = object()

    def fingerprint(self) -> Any:
        return self.text


class Tagged2(Tagged):
    pass


class Handle:
    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = threading.Lock()


class SubHandle(Handle):
    pass


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_plain_data_has_its_digest_as_identity(value: Any) -> None:
    """For built-in types, `identify` and `digest` agree."""
    assert identify(value).identity == digest(value)


def test_keys_of_a_dict_have_identities_of_their_own() -> None:
    """Each top-level key has the identity its value has alone, however long or shared the value is."""
    shared = list(range(100))
    value = {
        "a": 1,
        "b": [1, {"c": (2,)}],
        "c": shared,
        "d": {"again": shared},
        "e": "x" * 5000,
        "f": math.nan,
    }
    found = identify(value)
    assert found.keys == {key: identify(item).identity for key, item in value.items()}


@pytest.mark.parametrize("value", [{1: 2}, {"a": 1, 2: 3}, [("a", 1)], "a", None])
def test_only_dicts_with_text_keys_have_keys(value: Any) -> None:
    """Anything else has no identity by key."""
    assert identify(value).keys is None


def test_an_empty_dict_has_no_keys_but_is_a_dict() -> None:
    """Absence of keys and absence of a dict differ."""
    assert identify({}).keys == {}


def test_classes_and_functions_are_named_whole_and_by_key() -> None:
    """Shared objects are named under each key that refers to them; built-in names aren't listed."""
    point = Point(1)
    found = identify({"a": [point, [int, len]], "b": {"k": (point, scale)}, "c": 3, "d": point})
    assert found.globals == (f"{__name__}:Point", f"{__name__}:scale")
    assert found.key_globals == {
        "a": (f"{__name__}:Point",),
        "b": (f"{__name__}:Point", f"{__name__}:scale"),
        "d": (f"{__name__}:Point",),
    }


def test_payload_digest_of_bytes_names_their_artifact() -> None:
    """Bare bytes carry the digest of their own content; nothing else does but arrays."""
    for data in (b"", b"abc", b"x" * 5000):
        assert identify(data).payload_digest == xxhash.xxh3_128_hexdigest(data)
    assert identify([b"abc"]).payload_digest is None
    assert identify("abc").payload_digest is None


def test_fingerprintable_objects_speak_for_themselves() -> None:
    """An object's `fingerprint()` and its class's name are its identity, whatever it holds."""
    assert identify(Tagged("a")).identity == identify(Tagged("a")).identity
    assert identify(Tagged("a")).identity != identify(Tagged("b")).identity
    assert identify(Tagged("a")).identity != identify(Tagged2("a")).identity
    assert identify([Tagged("a")]).globals == (f"{__name__}:Tagged",)
    with pytest.raises(NoIdentity, match="not str"):
        identify(Tagged(3))


def test_registering_a_type_gives_it_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line makes a type identifiable, by type or by name, and not its subclasses."""
    monkeypatch.setattr(identity_module, "_REGISTERED", {})
    with pytest.raises(NoIdentity):
        identify(Handle(1))
    register_identity(Handle, lambda handle: handle.number)
    assert identify(Handle(1)).identity == identify(Handle(1)).identity
    assert identify(Handle(1)).identity != identify(Handle(2)).identity
    assert identify(Handle(1)).identity != identify(1).identity
    assert identify({"a": Handle(1)}).globals == (f"{__name__}:Handle",)
    with pytest.raises(NoIdentity):
        identify(SubHandle(1))
    register_identity(f"{__name__}:SubHandle", lambda handle: handle.number)
    assert identify(SubHandle(1)).identity != identify(Handle(1)).identity


def generator() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("make", "path", "type_name"),
    [
        (lambda: NAMELESS, "config", "function '<lambda>'"),
        (lambda: {"a": [1, {2: (generator(),)}]}, "config['a'][1][2][0]", "generator"),
        (lambda: Point(1, iter([1])), "config.y", "list_iterator"),
        (lambda: {"m": Point([Point(sys)])}, "config['m'].x[0].x", "module"),
        (lambda: [threading.Lock()], "config[0]", "_thread.lock"),
        (lambda: {"n": Handle(1)}, "config['n'].lock", "_thread.lock"),
    ],
)
def test_what_has_no_identity_is_named_with_its_path(make: Any, path: str, type_name: str) -> None:
    """The error says where inside the value the part at fault is, and of which type."""
    with pytest.raises(NoIdentity) as refused:
        identify(make(), path="config")
    assert (refused.value.path, refused.value.type_name) == (path, type_name)


def test_open_files_are_refused() -> None:
    """A file isn't a value."""
    with Path(__file__).open() as file, pytest.raises(NoIdentity):
        identify({"file": file})


def test_classes_without_an_importable_name_are_refused() -> None:
    """Instances of a class made inside a function could never be loaded again."""

    class Local:
        pass

    with pytest.raises(NoIdentity, match="inside a function"):
        identify(Local())
    with pytest.raises(NoIdentity, match="inside a function"):
        identify(Local)


def test_the_cause_of_a_refusal_is_kept() -> None:
    """What the object's own code raised is chained."""
    with pytest.raises(NoIdentity) as refused:
        identify(threading.Lock())
    assert isinstance(refused.value.__cause__, TypeError)


def test_nothing_heavy_is_imported() -> None:
    """Identifying plain data, paths and dataclasses loads no package for arrays or frames."""
    program = (
        "import sys, pathlib, datetime; from fingerprint_runner.fingerprints.identity import identify;"
        "identify({'a': [1, pathlib.Path('x'), datetime.date(2020, 1, 1)]});"
        "print([name for name in ('numpy', 'pandas', 'scipy', 'importlib.metadata') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
