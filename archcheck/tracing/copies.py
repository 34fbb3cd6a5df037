"""Values of tensors from before a pass, to be put back behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch.nn.parameter import is_lazy

SMALL = 1 << 14
"""The most elements of a tensor whose value is kept, and compared, together with others."""
_ALONE = 1 << 15
"""From so many elements on torch takes several threads, which is not worth it here."""
_PLAIN = frozenset(
    {
        *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.bool),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
    }
)

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Copies:
    """Values of tensors from before the pass."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[torch.Tensor, torch.Tensor | None, int | None]] = {}
        self._together: list[_Together] = []

    def keep(self, tensor: torch.Tensor) -> None:
        """Remember a tensor's value, unless it is remembered already."""
        if id(tensor) not in self._kept:
            with torch.no_grad():
                value = None if tensor.is_meta or is_lazy(tensor) else tensor.detach().clone()
            self._kept[id(tensor)] = (tensor, value, _version(tensor))

    def keep_all(self, tensors: Iterable[torch.Tensor]) -> None:
        """Remember the values of many tensors; small ones that are alike share a copy."""
        small: dict[tuple[torch.dtype, int], list[torch.Tensor]] = {}
        for tensor in tensors:
            if (
                type(tensor) is torch.Tensor
                and tensor.dtype in _PLAIN
                and tensor.is_cpu
                and tensor.layout is torch.strided
                and tensor.numel() <= SMALL
            ):
                small.setdefault((tensor.dtype, tensor.dim()), []).append(tensor)
            else:
                self.keep(tensor)
        for group in small.values():
            self._together += map(_Together, _portions(group))

    def restore(self) -> None:
        """Give every tensor that has changed its value back."""
        with torch.no_grad():
            for tensor, value, version in self._kept.values():
                if value is not None and _changed(tensor, value, version):
                    _put_back(tensor, value)
            for group in self._together:
                group.restore()


class _Together:
    """The values of small tensors of one type and rank, behind one another."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._tensors = tensors
        self._shapes = [tensor.shape for tensor in tensors]
        with torch.no_grad():
            self._values = _flat(tensors)

    def restore(self) -> None:
        """Give those that have changed their values back."""
        if [tensor.shape for tensor in self._tensors] == self._shapes and _same_bits(
            self._tensors, self._values
        ):
            return
        values = self._values.split_with_sizes([shape.numel() for shape in self._shapes])
        for tensor, shape, value in zip(self._tensors, self._shapes, values, strict=True):
            if tensor.shape != shape or not _same_bits([tensor], value):
                _put_back(tensor, value.view(shape))


def _portions(tensors: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Tensors in order, in portions that one thread copies and compares."""
    portion: list[torch.Tensor] = []
    elements = 0
    for tensor in tensors:
        elements += tensor.numel()
        if elements >= _ALONE:
            yield portion
            portion, elements = [], tensor.numel()
        portion.append(tensor)
    yield portion


def _flat(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    rank = tensors[0].dim()
    if rank == 0:
        return torch.stack(list(tensors))
    return torch.cat(list(tensors) if rank == 1 else [tensor.reshape(-1) for tensor in tensors])


def _same_bits(tensors: Sequence[torch.Tensor], values: torch.Tensor) -> bool:
    bits = _BITS[values.element_size()]
    try:
        # As whole numbers a NaN is itself, and 0.0 is not -0.0.
        return torch.equal(_flat(tensors).view(bits), values.view(bits))
    except RuntimeError:  # ``.data`` was given another type or device
        return False


def _put_back(tensor: torch.Tensor, value: torch.Tensor) -> None:
    if tensor.shape != value.shape:
        tensor.resize_(value.shape)
    tensor.detach().copy_(value)


def _changed(tensor: torch.Tensor, value: torch.Tensor, version: int | None) -> bool:
    # Neither is enough: writes through ``.data`` and running statistics count no version, and
    # sparse tensors compare with nothing.
    if version != _version(tensor) or tensor.shape != value.shape:
        return True
    try:
        if torch.equal(tensor, value):
            return False
        return not torch.equal(tensor.nan_to_num(), value.nan_to_num())
    except (RuntimeError, NotImplementedError):
        return False


def _version(tensor: torch.Tensor) -> int | None:
    try:
        return tensor._version
    except RuntimeError:  # inference tensors do not count their changes
        return None
