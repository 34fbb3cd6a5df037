"""The multiply-accumulates of a forward pass by torch's own counter, which shares nothing with
archcheck's table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def counted(net: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Half of what ``torch.utils.flop_counter`` counts for one pass.

    Tensors are fakes where no value decides what the pass does; the counter sees the same
    operations then. The module may keep some of them: it is of no use afterwards.
    """
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            return computed(net, tuple(torch.empty_like(tensor) for tensor in inputs))
    except Exception:
        return computed(net, inputs)


def computed(
    net: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any] | None = None
) -> int:
    """The same of a pass on these very inputs."""
    with torch.no_grad(), _attention_spelt_out(), FlopCounterMode(display=False) as counter:
        net(*inputs, **(named or {}))
    return int(counter.get_total_flops()) // 2


@contextmanager
def _attention_spelt_out() -> Iterator[None]:
    """The counter has no entry for what a CPU computes attention with, but sees its products."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
