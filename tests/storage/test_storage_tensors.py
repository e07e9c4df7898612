"""Tensors in the store: as arrays, without what they don't show."""

from __future__ import annotations

from typing import Any

import pytest

from fingerprint_runner.fingerprints.identity import identify
from fingerprint_runner.storage.serializers import deserialise, serialise

torch = pytest.importorskip("torch")


def again(value: Any) -> Any:
    """The value after a round trip."""
    written = serialise(value, "value")
    payload = bytearray().join(bytes(memoryview(chunk).cast("B")) for chunk in written.chunks)
    return deserialise(written.serializer, written.header, payload)


def tensors() -> list[Any]:
    """One of each kind."""
    numbers = torch.arange(2400.0).reshape(4, 6, 100)
    noted = numbers.clone()
    noted.note = "x"
    return [
        *[numbers, numbers[1:3], numbers[:, ::2], numbers.transpose(0, 2), numbers.bfloat16(), numbers > 7],
        *[
            numbers.to(torch.complex64).conj(),
            torch.tensor(1.5),
            torch.empty(0, 3),
            torch.ones(3, requires_grad=True),
        ],
        *[torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last), torch.ones(2).expand(3, 2), noted],
        *[torch.nn.Parameter(numbers), numbers.to_sparse(), torch.empty(2, device="meta")],
        *[torch.ones(3, dtype=torch.float8_e4m3fn)],
    ]


@pytest.mark.parametrize("place", range(len(tensors())))
def test_tensors_come_back_as_they_were(place: int) -> None:
    """Type, elements, order, attributes and identity survive, and what is restored can be changed."""
    value = tensors()[place]
    found = again({"t": value})["t"]
    assert type(found) is type(value)
    assert found.dtype == value.dtype
    assert identify(found).identity == identify(value).identity
    if value.layout is torch.strided and value.device.type == "cpu":
        shown = [each.detach().to(torch.complex64) for each in (found, value)]
        assert torch.equal(*shown)
        found.detach().zero_()
        assert vars(found) == vars(value)


def test_what_a_tensor_does_not_show_is_not_stored() -> None:
    """A row of a large tensor takes the room of a row."""
    written = serialise([torch.zeros(1000, 1000)[3]], "value")
    assert sum(memoryview(chunk).nbytes for chunk in written.chunks) < 6000


def test_large_tensors_lie_beside_the_pickle() -> None:
    """Their bytes are written as they are and come back as the memory that they were read into."""
    written = serialise(torch.nn.Linear(100, 100).state_dict(), "value")
    assert written.header["buffers"] == 1


def test_a_model_computes_the_same_after_a_round_trip() -> None:
    """A module and its optimiser are restored with parameters that belong together."""
    torch.manual_seed(1)
    model = torch.nn.Linear(3, 2)
    found = again(model)
    values = torch.ones(1, 3)
    assert torch.equal(found(values), model(values))
    assert identify(found).identity == identify(model).identity
