"""Serialisers: how a value becomes bytes and a value again, by its type.

    REGISTRY, asked in order:  array  plain  bytes  pickle

Invariants: what is read back has the types and bits of what was written; the buffers handed to `write`'s
result are the value's own memory, never a second copy of it; `read` is given private writable memory
and may keep it, so two restores share nothing. Registering a serialiser is one line: `register(...)`.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fingerprint_runner.errors import NotStorable, StorageError
from fingerprint_runner.storage.tensors import is_tensor, reduce_tensor

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]

_ALIGNMENT = 64
_IN_BAND_BYTES = 4096
_MAIN = ("__main__", "__mp_main__")
_PLAIN_DEPTH = 100
_SCALARS = {type(None), bool, int, float, str}


@dataclass(frozen=True)
class Written:
    """A value as bytes.

    Attributes:
        serializer: name of the serialiser that can read them.
        header: plain data that it needs beside the bytes.
        chunks: the bytes, in order.
    """

    serializer: str
    header: dict[str, Any] = field(default_factory=dict)
    chunks: Sequence[Buffer] = ()


@dataclass(frozen=True)
class Serializer:
    """One way to store values.

    Attributes:
        name: stands in records; never given to another format.
        accepts: whether it may be tried on a value; cheap, imports nothing.
        write: the value as bytes; None where it turns out not to be able to after all.
        read: the value from a header and private writable memory.
    """

    name: str
    accepts: Callable[[object], bool]
    write: Callable[[Any], Written | None]
    read: Callable[[Mapping[str, Any], memoryview], object]


REGISTRY: list[Serializer] = []


def register(serializer: Serializer) -> None:
    """Have a serialiser asked before those that take anything."""
    REGISTRY.insert(max(len(REGISTRY) - 1, 0), serializer)


def serialise(value: object, path: str) -> Written:
    """The bytes of a value.

    Args:
        value: anything.
        path: how the value is called in messages.

    Raises:
        NotStorable: it can't be written; names the part at fault.
    """
    for serializer in REGISTRY:
        if serializer.accepts(value):
            try:
                written = serializer.write(value)
            except Exception as error:
                raise _blame(value, path, error) from error
            if written is not None:
                return written
    raise NotStorable(path, type_name(value), "no serialiser takes it")


def deserialise(name: str, header: Mapping[str, Any], payload: bytearray | memoryview) -> object:
    """The value of some bytes.

    Args:
        name: the serialiser that wrote them.
        header: what it said beside them.
        payload: the bytes, in memory that the value may keep and write to.

    Raises:
        StorageError: the serialiser is unknown, or what the bytes need can't be loaded.
    """
    for serializer in REGISTRY:
        if serializer.name == name:
            try:
                return serializer.read(header, memoryview(payload))
            except Exception as error:
                raise StorageError(
                    f"a value stored by the serialiser {name!r} can't be restored: "
                    f"{type(error).__name__}: {error}"
                ) from error
    raise StorageError(f"a value was stored by a serialiser that isn't known here: {name!r}")


def type_name(value: object) -> str:
    """The qualified name of a value's type."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


# --- arrays -------------------------------------------------------------------------------------------


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject


def _write_array(array: Any) -> Written | None:
    import numpy as np

    dtype = _plain_dtype(array.dtype)
    if dtype is None:
        return None
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    header = {"dtype": dtype, "shape": list(array.shape), "order": "F" if fortran else "C"}
    if array.nbytes == 0:
        return Written("array", header)
    flat: Any = (array.T if fortran else np.ascontiguousarray(array)).reshape(-1)
    return Written("array", header, [memoryview(flat.view(np.uint8))])


def _read_array(header: Mapping[str, Any], payload: memoryview) -> object:
    import numpy as np

    dtype = _dtype_of(header["dtype"])
    shape = tuple(header["shape"])
    if len(payload) == 0:
        return np.zeros(shape, dtype, order=header["order"])
    return np.asarray(np.frombuffer(payload, np.uint8).view(dtype).reshape(shape, order=header["order"]))


def _plain_dtype(dtype: Any) -> object | None:
    """A dtype as plain data, None where that wouldn't give the very same dtype again."""
    if dtype.metadata is not None:
        return None
    plain: object
    if dtype.names is not None:
        if dtype.type.__name__ != "void":
            return None
        fields = [dtype.fields[name] for name in dtype.names]
        formats = [_plain_dtype(entry[0]) for entry in fields]
        if any(form is None for form in formats):
            return None
        plain = {
            "names": list(dtype.names),
            "formats": formats,
            "offsets": [entry[1] for entry in fields],
            "titles": [entry[2] if len(entry) > 2 else None for entry in fields],
            "itemsize": dtype.itemsize,
            "aligned": dtype.isalignedstruct,
        }
    elif dtype.subdtype is not None:
        base = _plain_dtype(dtype.subdtype[0])
        if base is None:
            return None
        plain = {"base": base, "shape": list(dtype.subdtype[1])}
    else:
        plain = dtype.str
    try:
        again = _dtype_of(plain)
    except (TypeError, ValueError):
        return None
    same = again == dtype and again.isalignedstruct == dtype.isalignedstruct
    return plain if same else None


def _dtype_of(plain: object) -> Any:
    import numpy as np

    if isinstance(plain, str):
        return np.dtype(plain)
    if not isinstance(plain, dict):
        raise TypeError("not a dtype")
    if "base" in plain:
        return np.dtype((_dtype_of(plain["base"]), tuple(plain["shape"])))
    spec: Any = {
        "names": plain["names"],
        "formats": [_dtype_of(form) for form in plain["formats"]],
        "offsets": plain["offsets"],
        "itemsize": plain["itemsize"],
    }
    if any(title is not None for title in plain["titles"]):
        spec["titles"] = plain["titles"]
    return np.dtype(spec, align=plain["aligned"])


# --- plain data ---------------------------------------------------------------------------------------


def is_plain(value: object) -> bool:
    """Whether a value is a tree of exact None, bool, int, float, str, list and dict with text keys.

    A list or dict that stands in two places isn't plain: its user may count on changing both at once.
    """
    level = [value]
    seen: set[int] = set()
    for _ in range(_PLAIN_DEPTH):
        below: list[object] = []
        for part in level:
            kind = type(part)
            if kind in _SCALARS:
                continue
            if kind is dict:
                if not set(map(type, part)) <= {str}:  # type: ignore[call-overload]
                    return False
                inner: list[object] = list(part.values())  # type: ignore[attr-defined]
            elif kind is list:
                inner = part  # type: ignore[assignment]
            else:
                return False
            if id(part) in seen:
                return False
            seen.add(id(part))
            kinds = set(map(type, inner)) - _SCALARS
            if not kinds <= {list, dict}:
                return False
            if kinds:
                below.extend(child for child in inner if type(child) in (list, dict))
        if not below:
            return True
        level = below
    return False


def _write_plain(value: object) -> Written | None:
    import msgspec

    try:
        return Written("plain", {}, [msgspec.msgpack.encode(value)])
    except (OverflowError, UnicodeEncodeError, ValueError, RecursionError):
        # Integers past 64 bits, text that isn't Unicode, more than MessagePack's lengths can say.
        return None


def _read_plain(header: Mapping[str, Any], payload: memoryview) -> object:
    import msgspec

    return msgspec.msgpack.decode(payload)


# --- everything else ----------------------------------------------------------------------------------


class _NotByName(Exception):
    """A class or function that another process couldn't import by its name."""


class _Pickler(pickle.Pickler):
    """Refuses what another process, or another moment, couldn't load."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type) or callable(value):
            if getattr(value, "__module__", None) in _MAIN and hasattr(value, "__qualname__"):
                raise _NotByName(f"{value.__qualname__!r} is defined in the main script; move it to a module")
        elif _is_builtin_iterator(value):
            raise _NotByName("an iterator is used up by its first consumer; put out a list")
        elif is_tensor(value):
            return reduce_tensor(value)
        return NotImplemented


def _is_builtin_iterator(value: object) -> bool:
    kind = type(value)
    return kind.__module__ in ("builtins", "itertools") and hasattr(kind, "__next__")


def _write_pickle(value: object) -> Written:
    stream, buffers = _dump(value)
    lengths = struct.pack(f"<{len(buffers)}Q", *(buffer.nbytes for buffer in buffers))
    chunks: list[Buffer] = [lengths, stream]
    position = len(lengths) + len(stream)
    for buffer in buffers:
        padding = -position % _ALIGNMENT
        chunks += [bytes(padding), buffer]
        position += padding + buffer.nbytes
    return Written("pickle", {"stream": len(stream), "buffers": len(buffers)}, chunks)


def _dump(value: object) -> tuple[memoryview, list[memoryview]]:
    buffers: list[memoryview] = []

    def out_of_band(buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:
            return True
        if raw.nbytes < _IN_BAND_BYTES:
            return True
        buffers.append(raw)
        return False

    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=out_of_band).dump(value)
    return stream.getbuffer(), buffers


def _read_pickle(header: Mapping[str, Any], payload: memoryview) -> object:
    stream, buffers = _pickle_parts(header, payload)
    return pickle.loads(stream, buffers=buffers)


def _pickle_parts(header: Mapping[str, Any], payload: memoryview) -> tuple[memoryview, list[memoryview]]:
    count = header["buffers"]
    lengths = struct.unpack_from(f"<{count}Q", payload)
    position = 8 * count + header["stream"]
    stream = payload[8 * count : position]
    buffers = []
    for length in lengths:
        position += -position % _ALIGNMENT
        buffers.append(payload[position : position + length])
        position += length
    return stream, buffers


class _Recorder(pickle.Unpickler):
    """Notes the classes and functions that a pickle names."""

    def __init__(self, stream: io.BytesIO, buffers: Sequence[memoryview]) -> None:
        super().__init__(stream, buffers=buffers)
        self.names: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.names.add(f"{module}:{name}")
        return super().find_class(module, name)


def restore_naming(written: Written) -> tuple[object, tuple[str, ...]]:
    """What was written, restored from memory, with the `module:qualname` of all that it names."""
    payload = bytearray().join(bytes(memoryview(chunk).cast("B")) for chunk in written.chunks)
    if written.serializer != "pickle":
        return deserialise(written.serializer, written.header, payload), ()
    stream, buffers = _pickle_parts(written.header, memoryview(payload))
    recorder = _Recorder(io.BytesIO(stream), buffers)
    return recorder.load(), tuple(sorted(recorder.names))


# --- who is at fault ----------------------------------------------------------------------------------


def _blame(value: object, path: str, error: Exception) -> NotStorable:
    """The error that names the part that can't be stored: descends while one child fails by itself."""
    failure = error
    for _ in range(100):
        if isinstance(failure, RecursionError):
            break
        for step, child in _children(value):
            found = _failure(child)
            if found is not None:
                value, path, failure = child, path + step, found
                break
        else:
            break
    deep = isinstance(failure, RecursionError)
    return NotStorable(path, type_name(value), "it is nested too deeply" if deep else str(failure))


def _failure(value: object) -> Exception | None:
    if type(value) in _SCALARS:
        return None
    try:
        _dump(value)
    except Exception as error:
        return error
    return None


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield f"[{key!r}]", child
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield f"[{index}]", child
    elif isinstance(value, (set, frozenset)):
        for child in value:
            yield "{…}", child
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict) and not isinstance(value, (type, ModuleType)):
        for name, child in attributes.items():
            yield f".{name}", child


REGISTRY += [
    Serializer("array", _is_array, _write_array, _read_array),
    Serializer("plain", is_plain, _write_plain, _read_plain),
    Serializer(
        "bytes",
        lambda value: type(value) is bytes,
        lambda value: Written("bytes", {}, [value]),
        lambda header, payload: bytes(payload),
    ),
    Serializer("pickle", lambda value: True, _write_pickle, _read_pickle),
]
