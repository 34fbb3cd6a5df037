"""Leaving the user's model, and the process, exactly as they were."""

from __future__ import annotations

import random
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from archcheck.tracing.module_tree import Paths, parameters_of, paths_of
from archcheck.tracing.tensor_ids import storage_of, version_of

MOST_GROUPED_ELEMENTS = 1 << 14
"""The most elements of a tensor whose value is kept, and compared, together with others."""
_MULTITHREADED_ELEMENTS = 1 << 15
"""From this many elements on torch uses several threads, which does not pay here."""
_PLAIN = frozenset(
    {
        *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.bool),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
    }
)

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@contextmanager
def unchanged(model: nn.Module, *, training: bool, paths: Paths | None = None) -> Iterator[Copies]:
    """Set the mode of a model's modules, and on the way out put everything back.

    Modes, attributes, buffers and gradients are put back, and the random states and defaults of
    the process. Parameters are too large to copy in advance: before one is written, its value has
    to be given to the :class:`Copies` that this yields. The flags are set one by one:
    ``model.train()`` may be overridden, and would give every child the mode of the root on the way
    back. ``paths`` are those of the model, if they are at hand.
    """
    paths = paths_of(model) if paths is None else paths
    copies = Copies()
    kept = []
    flags = []
    buffers: dict[int, torch.Tensor] = {}
    for module in paths:
        if isinstance(module, torch.jit.ScriptModule):  # keeps its contents elsewhere
            if hasattr(module, "training"):  # a frozen one has no mode any more
                flags.append((module, module.training))
            continue
        kept.append((module, type(module), _contents(module)))
        for buffer in module._buffers.values():
            if buffer is not None:
                buffers[id(buffer)] = buffer
    copies.keep_all(buffers.values())
    parameters = list(parameters_of(paths).values())
    gradients = [(p, p.grad, p.requires_grad) for p in parameters]
    for _, gradient, _ in gradients:
        if gradient is not None:
            copies.keep(gradient)
    try:
        with _process_unchanged({p.get_device() for p in parameters if p.is_cuda}):
            for module in paths:
                if getattr(module, "training", training) is not training:
                    _set_mode(module, training)
            yield copies
    finally:
        for parameter, gradient, required in gradients:
            _restore_gradient(parameter, gradient, required)
        for module, kind, contents in reversed(kept):
            _restore_module(module, kind, contents)
        for module, flag in flags:
            module.training = flag
        copies.restore()


_CONTAINERS = frozenset({list, dict, set, OrderedDict})
_Contents = tuple[dict[str, Any], list[Any], list[tuple[Any, Any]]]


def _contents(module: nn.Module) -> _Contents:
    """Every attribute, the containers among them, and copies of those that are not empty."""
    attributes = dict(vars(module))
    containers = [value for value in attributes.values() if type(value) in _CONTAINERS]
    # Most containers are empty, such as those of hooks.
    return attributes, containers, [(value, value.copy()) for value in filter(None, containers)]


def _restore_module(module: nn.Module, kind: type, contents: _Contents) -> None:
    attributes, containers, copied = contents
    if "training" in attributes and vars(module).get("training") is not attributes["training"]:
        _set_mode(module, attributes["training"])
    if type(module) is not kind:
        return  # a lazy module has determined its sizes and changed its class, as intended
    own = vars(module)
    own.clear()
    own.update(attributes)
    for value in filter(None, containers):
        value.clear()
    for value, content in copied:
        if isinstance(value, list):
            value[:] = content
        else:
            value.update(content)


def _set_mode(module: nn.Module, training: bool) -> None:
    """Set a module's flag: at once where its class makes nothing else of that, which is faster.

    A compiled module delegates its mode to the one that it wraps.
    """
    kind = type(module)
    if kind.__setattr__ is nn.Module.__setattr__ and not hasattr(kind, "training"):
        vars(module)["training"] = training
    else:
        module.training = training


def _restore_gradient(
    parameter: nn.Parameter, gradient: torch.Tensor | None, required: bool
) -> None:
    if parameter.grad is not gradient:
        parameter.grad = gradient
    if parameter.requires_grad != required:
        parameter.requires_grad_(required)


@contextmanager
def _process_unchanged(devices: set[int]) -> Iterator[None]:
    random_state = random.getstate()
    numpy_random = sys.modules["numpy"].random if "numpy" in sys.modules else None
    numpy_state = numpy_random.get_state() if numpy_random is not None else None
    dtype, gradients = torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        with torch.random.fork_rng(devices=sorted(devices)):
            yield
    finally:
        random.setstate(random_state)
        if numpy_random is not None:
            numpy_random.set_state(numpy_state)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)


class Copies:
    """Values of tensors from before the pass."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[torch.Tensor, torch.Tensor | None, int | None]] = {}
        self._memories: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._together: list[_Together] = []

    def keep(self, tensor: torch.Tensor) -> None:
        """Remember a tensor's value, unless it is remembered already."""
        if id(tensor) not in self._kept:
            with torch.no_grad():
                value = None if tensor.is_meta or is_lazy(tensor) else tensor.detach().clone()
            self._kept[id(tensor)] = (tensor, value, version_of(tensor))
            if value is not None:
                self._memories.append((tensor, tensor.detach()))

    def keep_all(self, tensors: Iterable[torch.Tensor]) -> None:
        """Remember the values of many tensors; small ones that are alike share a copy."""
        small: dict[tuple[torch.dtype, int], list[torch.Tensor]] = {}
        for tensor in tensors:
            if (
                type(tensor) is torch.Tensor
                and tensor.dtype in _PLAIN
                and tensor.is_cpu
                and tensor.layout is torch.strided
                and tensor.numel() <= MOST_GROUPED_ELEMENTS
            ):
                small.setdefault((tensor.dtype, tensor.dim()), []).append(tensor)
            else:
                self.keep(tensor)
        for group in small.values():
            self._together += map(_Together, _portions(group))

    def restore(self) -> None:
        """Give every changed tensor its old value back."""
        with torch.no_grad():
            for tensor, memory in self._memories:
                if storage_of(tensor) != storage_of(memory):  # ``.data`` was set
                    tensor.data = memory
            for tensor, value, version in self._kept.values():
                if value is not None and _changed(tensor, value, version):
                    _put_back(tensor, value)
            for group in self._together:
                group.restore()


class _Together:
    """The values of small tensors of one type and rank, concatenated."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._tensors = tensors
        self._shapes = [tensor.shape for tensor in tensors]
        with torch.no_grad():
            self._values = _flat(tensors)

    def restore(self) -> None:
        """Give the changed tensors their old values back."""
        if [tensor.shape for tensor in self._tensors] == self._shapes and _same_bits(
            self._tensors, self._values
        ):
            return
        values = self._values.split_with_sizes([shape.numel() for shape in self._shapes])
        for tensor, shape, value in zip(self._tensors, self._shapes, values, strict=True):
            if tensor.shape != shape or not _same_bits([tensor], value):
                _put_back(tensor, value.view(shape))


def _portions(tensors: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Tensors in order, in portions small enough for one thread."""
    portion: list[torch.Tensor] = []
    elements = 0
    for tensor in tensors:
        elements += tensor.numel()
        if elements >= _MULTITHREADED_ELEMENTS:
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
        # As whole numbers a NaN equals itself, and 0.0 differs from -0.0.
        return torch.equal(_flat(tensors).view(bits), values.view(bits))
    except RuntimeError:  # ``.data`` was given another type or device
        return False


def _put_back(tensor: torch.Tensor, value: torch.Tensor) -> None:
    if tensor.shape != value.shape:
        tensor.resize_(value.shape)
    tensor.detach().copy_(value)


def _changed(tensor: torch.Tensor, value: torch.Tensor, version: int | None) -> bool:
    # Neither check is enough: writes through ``.data`` and running statistics do not raise the
    # version, and sparse tensors cannot be compared.
    if version != version_of(tensor) or tensor.shape != value.shape:
        return True
    try:
        if torch.equal(tensor, value):
            return False
        return not torch.equal(tensor.nan_to_num(), value.nan_to_num())
    except (RuntimeError, NotImplementedError):
        return False
