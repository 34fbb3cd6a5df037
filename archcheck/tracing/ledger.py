"""Which tensor object is which value: numbers, names, and who shares whose memory."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.weak import WeakIdKeyDictionary

from archcheck.network import Tensor
from archcheck.tracing.places import caller_frame


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """All tensors inside nested tuples, lists and dicts."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


class Ledger:
    """Gives every value of a forward pass a number, and remembers which object holds it now."""

    def __init__(self, model: nn.Module) -> None:
        self.tensors: list[Tensor] = []
        self.owners: dict[str, nn.Module] = {}
        """The module that owns each parameter, by the parameter's name."""
        self._numbers: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self._names: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self._storages: dict[int, list[weakref.ref[torch.Tensor]]] = {}
        self._driven: set[int] = set()
        # Everything the model holds before the pass is known and depends on no input.
        for path, module in model.named_modules():
            self._adopt(module, f"{path}." if path else "")

    def _adopt(self, module: nn.Module, prefix: str) -> None:
        for name, parameter in module._parameters.items():
            if parameter is not None and parameter not in self._numbers:
                self.register(parameter, "parameter", name=prefix + name)
                self._names[parameter] = prefix + name
                self.owners[prefix + name] = module
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer not in self._numbers:
                self.register(buffer, "buffer", name=prefix + name)
        for name, value in vars(module).items():
            if not name.startswith("_") or isinstance(value, torch.Tensor):
                for tensor in tensors_in(value):
                    if tensor not in self._numbers:
                        self.register(tensor, "constant", name=prefix + name)

    def register(
        self, tensor: torch.Tensor, origin: str, *, op: int | None = None, name: str | None = None
    ) -> int:
        """Give what a tensor object holds now a new number."""
        number = len(self.tensors)
        try:
            shape = tuple(int(side) for side in tensor.shape)
        except (RuntimeError, ValueError):  # an uninitialised lazy parameter has no shape yet
            shape = ()
        dtype = str(tensor.dtype).removeprefix("torch.")
        self.tensors.append(Tensor(number, shape, dtype, origin, op, name))
        if origin in ("input", "unseen"):
            self._driven.add(number)
        fresh = tensor not in self._numbers
        self._numbers[tensor] = number
        storage = _storage(tensor)
        if fresh and storage is not None:
            self._storages.setdefault(storage, []).append(weakref.ref(tensor))
        return number

    def number(self, tensor: torch.Tensor) -> int:
        """The number of what a tensor object holds; one that was never seen is marked as such."""
        if tensor in self._numbers:
            known: int = self._numbers[tensor]
            return known
        held = isinstance(tensor, nn.Parameter) or _is_global(tensor)
        return self.register(tensor, "constant" if held else "unseen")

    def parameter_name(self, tensor: torch.Tensor) -> str | None:
        """The name of a parameter of the model, None for any other tensor."""
        name: str | None = self._names.get(tensor)  # type: ignore[no-untyped-call]
        return name

    def drive(self, numbers: Iterable[int]) -> None:
        """Mark values as depending on the input."""
        self._driven.update(numbers)

    def is_driven(self, number: int) -> bool:
        """Whether a value depends on the input, or may."""
        return number in self._driven

    def aliases(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """The other living tensors that share a tensor's memory."""
        storage = _storage(tensor)
        if storage is None:
            return []
        known = (reference() for reference in self._storages.get(storage, ()))
        return [
            other
            for other in known
            if other is not None and other is not tensor and _storage(other) == storage
        ]


def _is_global(tensor: torch.Tensor) -> bool:
    frame = caller_frame()
    return frame is not None and any(value is tensor for value in frame.f_globals.values())


def _storage(tensor: torch.Tensor) -> int | None:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError, ValueError):  # sparse, lazy: there is none
        return None
