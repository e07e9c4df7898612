"""How torch's tensors are pickled: as arrays, so that they are stored and mapped as arrays are.

Invariants: elements that a tensor doesn't show aren't stored; what is restored has the same order in memory,
but for tensors whose elements overlap or have gaps between them, which come back in C order.
"""

from __future__ import annotations

import sys
from typing import Any


def reduce_tensor(value: Any) -> Any:
    """What pickle's reduce protocol asks of an exact tensor; `NotImplemented` leaves it to torch."""
    from fingerprint_runner.fingerprints.identity_tensors import is_dense, laid_out

    if not is_dense(value) or value.device.type != "cpu":
        return NotImplemented
    octets, order = laid_out(value)
    arguments = (octets, value.dtype, tuple(value.shape), order, value.requires_grad)
    # Torch's own `__setstate__` expects another state.
    return rebuild_tensor, arguments, dict(vars(value)) or None, None, None, set_attributes


def rebuild_tensor(
    octets: Any, dtype: Any, shape: tuple[int, ...], order: list[int], requires_grad: bool
) -> Any:
    """The tensor of some bytes, which it keeps for its memory.

    Args:
        octets: a flat array of bytes.
        order: the dimensions, from the outermost in memory on.
    """
    import torch

    flat: Any = torch.from_numpy(octets).view(dtype)
    outer = flat.reshape([shape[place] for place in order])
    return outer.permute(sorted(range(len(order)), key=order.__getitem__)).requires_grad_(requires_grad)


def set_attributes(tensor: Any, attributes: dict[str, Any]) -> None:
    """What was set on a tensor from outside."""
    vars(tensor).update(attributes)


def is_tensor(value: object) -> bool:
    """Whether a value is exactly a tensor; loads nothing."""
    torch = sys.modules.get("torch")
    return torch is not None and type(value) is torch.Tensor
