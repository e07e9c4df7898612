"""Identity of torch's tensors: by type of element, shape, order in memory, kind of device and every element.

Invariants: what else a tensor's storage holds, and gaps between its elements, don't count; gradients don't
either, since they aren't stored. Parameters, modules, optimisers and the rarer tensors go by the reduce
protocol, down to the tensors in them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from xxhash import xxh3_128_digest

from fingerprint_runner.fingerprints.parts import Hashed, Part


def rule_for(kind: type, payloads: dict[int, str]) -> Callable[[Any], Any] | None:
    """The rule for a type of torch; None leaves it to the reduce protocol."""
    return _tensor if kind is sys.modules["torch"].Tensor else None


def is_dense(value: Any) -> bool:
    """Whether an exact tensor is nothing more than numbers by place, and they are there."""
    torch = sys.modules["torch"]
    return bool(
        value.layout is torch.strided
        and not value.is_quantized
        and not value.is_nested
        and not any(getattr(value, "names", ()))  # which later releases of torch have not
        and value.device.type != "meta"
    )


def laid_out(value: Any) -> tuple[Any, list[int]]:
    """The bytes of a dense tensor as an array of numpy, and its dimensions from the outermost in memory on.

    A tensor whose elements overlap or have gaps between them is made C. Its memory is the tensor's own
    where that is possible.
    """
    value = value.detach().resolve_conj().resolve_neg().cpu()
    order = list(range(value.ndim))
    if not value.is_contiguous():
        # Where there is one place only, a stride says nothing.
        found = sorted(order, key=lambda each: (value.shape[each] != 1, -value.stride(each)))
        if value.permute(found).is_contiguous():
            order = found
    flat = value.permute(order).contiguous().reshape(-1)
    return flat.view(sys.modules["torch"].uint8).numpy(), order


def _tensor(value: Any) -> Part:
    from fingerprint_runner.fingerprints.identity_objects import attributes, by_reduction

    if not is_dense(value):
        return by_reduction(value)
    octets, order = laid_out(value)
    items = [
        *[type(value), value.dtype, tuple(value.shape), order, value.device.type, value.requires_grad],
        *[attributes(type(value), vars(value)), Hashed(xxh3_128_digest(octets))],
    ]
    return Part(b"o", items, [""] * len(items))
