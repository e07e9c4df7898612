"""Identity of torch's tensors, alone and in modules, optimisers and state dicts."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from fingerprint_runner.fingerprints.identity import identify

torch = pytest.importorskip("torch")


def name(value: Any) -> str:
    return identify(value).identity


def test_layout_that_cannot_be_seen_does_not_count() -> None:
    """A slice, a copy, a broadcast and a conjugate agree with equal tensors made by themselves."""
    numbers = torch.arange(24.0).reshape(4, 6)
    pairs = [
        (numbers[1:3], torch.arange(6.0, 18.0).reshape(2, 6)),
        (numbers[:, ::2], numbers[:, ::2].clone()),
        (torch.tensor([[1.0], [2.0]]).expand(2, 3), torch.tensor([[1.0] * 3, [2.0] * 3])),
        (torch.tensor([1 + 2j]).conj(), torch.tensor([1 - 2j])),
        (numbers[:, None].permute(0, 2, 1)[:, :, :1], numbers[:, :, None].clone()),
        (numbers.t(), numbers.t().clone()),
        (torch.tensor(1.0), torch.tensor([1.0, 2.0])[0]),
        (torch.empty(0, 3), torch.empty(5, 3)[:0]),
    ]
    for one, other in pairs:
        assert name(one) == name(other) == name(copy.deepcopy(one)), one


def test_everything_a_consumer_sees_of_a_tensor_counts() -> None:
    """Elements, their type, shape, order in memory, gradients being asked for, and attributes count."""
    numbers = torch.arange(6.0).reshape(2, 3)
    noted = numbers.clone()
    noted.note = "x"
    values = [
        *[numbers, numbers + 1, numbers.double(), numbers.half(), numbers.bfloat16(), numbers.int()],
        *[
            numbers.bool(),
            numbers.to(torch.complex64),
            numbers.reshape(3, 2),
            numbers.reshape(6),
            numbers.t(),
        ],
        *[numbers.t().contiguous().t(), numbers[:, None], numbers.clone().requires_grad_(), noted],
        *[torch.nn.Parameter(numbers), torch.nn.Parameter(numbers, requires_grad=False), numbers.numpy()],
        *[torch.tensor(0.0), torch.tensor(-0.0), torch.tensor([0.0]), torch.empty(0), torch.empty(0, 2)],
        *[torch.empty(2, 3, device="meta"), numbers.to_sparse(), (numbers + 1).to_sparse(), torch.float32],
        *[torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last)],
        *[torch.ones(3, dtype=torch.float8_e4m3fn), torch.Size([2]), torch.device("cpu")],
    ]
    assert len({name(value) for value in values}) == len(values)
    for value in values:
        assert name(copy.deepcopy(value)) == name(value), value


def trained(steps: int = 2) -> tuple[Any, Any]:
    torch.manual_seed(7)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(model.parameters())
    for step in range(steps):
        model(torch.arange(6.0).reshape(2, 3) + step).sum().backward()
        optimizer.step()
    return model, optimizer


def test_equally_trained_models_agree() -> None:
    """Modules, state dicts and optimisers of two equal trainings agree, and of a longer one don't."""
    model, optimizer = trained()
    again, same = trained()
    longer, other = trained(3)
    for take in (
        lambda m, o: m,
        lambda m, o: m.state_dict(),
        lambda m, o: o.state_dict(),
        lambda m, o: (m, o),
    ):
        assert name(take(model, optimizer)) == name(take(again, same))
        assert name(take(model, optimizer)) != name(take(longer, other))
    assert name(pickle.loads(pickle.dumps(model.state_dict()))) == name(model.state_dict())


def test_a_part_without_identity_is_named() -> None:
    """The path leads through the module."""
    from fingerprint_runner.errors import NoIdentity

    model, _ = trained()
    model.extra = iter([])
    with pytest.raises(NoIdentity, match="iterator"):
        name({"model": model})
