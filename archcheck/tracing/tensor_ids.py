"""Which tensor object holds which value: numbers, names, and shared memory."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from archcheck.network import Memory, Tensor
from archcheck.tracing.made_before import made_before
from archcheck.tracing.module_tree import Paths
from archcheck.worker.registered import own_attributes, table_of
from archcheck.worker.source_locations import caller_frame


def tensors_in(value: Any) -> list[torch.Tensor]:
    """All tensors inside nested tuples, lists and dicts."""
    kind = type(value)
    if kind is torch.Tensor:
        return [value]
    if kind is tuple and len(value) == 1 and type(value[0]) is torch.Tensor:
        return [value[0]]  # the arguments of most calls
    tensors: list[torch.Tensor] = []
    if kind not in _SCALARS:
        _collect(value, tensors)
    return tensors


def is_parameter(tensor: torch.Tensor) -> bool:
    """Whether a tensor is a parameter. ``isinstance`` alone is slow for plain tensors."""
    return type(tensor) is not torch.Tensor and isinstance(tensor, nn.Parameter)


def _collect(value: Any, tensors: list[torch.Tensor]) -> None:
    if isinstance(value, (tuple, list)):
        for item in value:
            kind = type(item)
            if kind in _TENSORS:
                tensors.append(item)
            elif kind in _SCALARS or (kind is tuple and _SCALARS.issuperset(map(type, item))):
                continue  # as _is_plain, without a call: most arguments are such
            else:
                _collect(item, tensors)
    elif isinstance(value, torch.Tensor):
        tensors.append(value)
    elif isinstance(value, dict):
        _collect(tuple(value.values()), tensors)


def _is_plain(value: Any) -> bool:
    """Whether a value is a number, a text, None, or a tuple of such: it holds no tensor."""
    kind = type(value)
    return kind in _SCALARS or (kind is tuple and _SCALARS.issuperset(map(type, value)))


_TENSORS = frozenset({torch.Tensor, nn.Parameter})
_SCALARS = frozenset({int, float, bool, str, type(None)})
_THERE_BEFORE = frozenset({"parameter", "buffer", "constant"})
"""The origins of tensors that were there before the pass."""
_OUTSIDE = frozenset({"input", "unseen"})
"""The origins of tensors that may hold anything."""
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
"""The attributes of every module: hooks, flags, and the tables of registered members."""


_Entry = tuple[weakref.ref[torch.Tensor], tuple[int], str | None, int | None]
"""A tensor object (another may get its address later), its number (in a tuple of its own, which
saves memory), its name if it is a parameter of the model, and how often its memory had been written
to: of no parameter, whose values may be drawn late."""


class TensorIds:
    """Gives every value of a forward pass a number, and remembers which object holds it now."""

    def __init__(self, paths: Paths) -> None:
        self.tensors: list[Tensor] = []
        self.owners: dict[str, nn.Module] = {}
        """The module that owns each parameter, by the parameter's name."""
        self._entries: dict[int, _Entry] = {}
        self._storages: dict[int, list[weakref.ref[torch.Tensor]]] = {}
        self._memories: dict[int, int] = {}
        self._driven: set[int] = set()
        self.unseen = False
        """Whether a tensor appeared that no recorded operation made."""
        # What the model holds before the pass depends on no input.
        for module, path in paths.entries():
            self._adopt(module, f"{path}." if path else "")

    def _adopt(self, module: nn.Module, prefix: str) -> None:
        for name, parameter in table_of(module, "_parameters").items():
            if parameter is not None and not self.knows(parameter):
                self.register(parameter, "parameter", name=prefix + name)
                self.owners[prefix + name] = module
        for name, buffer in table_of(module, "_buffers").items():
            if buffer is not None and not self.knows(buffer):
                self.register(buffer, "buffer", name=prefix + name)
        own = own_attributes(module)
        for name in [name for name in own if name not in _OF_EVERY_MODULE]:
            value = own[name]
            if _is_plain(value):
                continue
            for tensor in tensors_in(value):
                if not self.knows(tensor):
                    self.register(tensor, "constant", name=prefix + name)

    def register(
        self,
        tensor: torch.Tensor,
        origin: str,
        *,
        op: int | None = None,
        name: str | None = None,
        known: bool = False,
    ) -> int:
        """Give the value that a tensor object holds now a new number, and return it.

        ``known`` are the values of an input that is a constant.
        """
        number = len(self.tensors)
        try:
            shape = _sides(tensor.shape)
        except (RuntimeError, ValueError):  # an uninitialised lazy parameter has no shape yet
            shape = ()
        storage = storage_of(tensor)
        memory = None
        if origin in _THERE_BEFORE and storage is not None:
            memory = self._memory(tensor, storage, shape)
        dtype = _dtype_name(tensor.dtype)
        trains = origin == "constant" and (is_parameter(tensor) or tensor.requires_grad)
        frozen = trains and not tensor.requires_grad
        self.tensors.append(Tensor(number, shape, dtype, origin, op, name, memory, trains, frozen))
        if origin in _OUTSIDE and not known:
            self._driven.add(number)
            self.unseen = self.unseen or origin == "unseen"
        entry = self._entries.get(id(tensor))
        if entry is not None and entry[0]() is tensor:
            reference, held_as = entry[0], entry[2]
        else:
            reference, held_as = weakref.ref(tensor), name if origin == "parameter" else None
            if storage is not None:
                self._storages.setdefault(storage, []).append(reference)
        version = None if held_as else version_of(tensor)
        self._entries[id(tensor)] = (reference, (number,), held_as, version)
        return number

    def _memory(self, tensor: torch.Tensor, storage: int, shape: tuple[int, ...]) -> Memory | None:
        """Where a tensor's elements lie. What was there before the pass keeps its memory."""
        number = self._memories.setdefault(storage, len(self._memories))
        try:
            return Memory(number, shape, tensor.stride(), int(tensor.storage_offset()))
        except RuntimeError:  # of an unusual layout
            return None

    def knows(self, tensor: object) -> bool:
        """Whether an object is a tensor that has a number."""
        entry = self._entries.get(id(tensor))
        return entry is not None and entry[0]() is tensor

    def made(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor holds a value that was made in the pass, of no input."""
        number = self.number(tensor)
        return self.tensors[number].origin == "op" and number not in self._driven

    def kept(self) -> tuple[int, ...]:
        """What was made by operations and is still there."""
        held = (
            number for reference, (number,), *_ in self._entries.values() if reference() is not None
        )
        return tuple(sorted(n for n in held if self.tensors[n].op is not None))

    def number(self, tensor: torch.Tensor, name: str | None = None) -> int:
        """The number of the value that a tensor object holds.

        A new one is a constant if it was there before the pass, else it is marked as unseen.
        """
        entry = self._entries.get(id(tensor))
        if entry is not None and entry[0]() is tensor:
            return entry[1][0]
        with torch._C.DisableTorchFunction():  # between two calls of torch a mode would see this
            if made_before(tensor):
                return self.register(tensor, "constant", name=name or _global_name(tensor))
            return self.register(tensor, "unseen")

    def accept_writes(self, tensors: Iterable[torch.Tensor]) -> None:
        """Note that an operation may have written to what it read, as running statistics are."""
        for tensor in tensors:
            entry = self._entries.get(id(tensor))
            if entry is None or entry[0]() is not tensor:
                continue
            if entry[3] is not None and entry[3] != tensor._version:
                self._entries[id(tensor)] = (*entry[:3], tensor._version)

    def numbers(self, tensors: Sequence[torch.Tensor]) -> tuple[int, ...]:
        """The numbers of several tensors."""
        if len(tensors) != 1:
            return tuple([self.number(tensor) for tensor in tensors])
        entry = self._entries.get(id(tensors[0]))
        if entry is not None and entry[0]() is tensors[0]:
            return entry[1]
        return (self.number(tensors[0]),)

    def look_up(self, tensors: Sequence[torch.Tensor]) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The numbers of several tensors, and the names of the model's parameters among them, while
        no function mode is active.

        One that was written to since it got its number, by nothing that was recorded, is unseen
        from now on.
        """
        numbers, names = [], []
        for tensor in tensors:
            entry = self._entries.get(id(tensor))
            if entry is None or entry[0]() is not tensor:
                numbers.append(self.number(tensor))
            elif entry[3] is not None and entry[3] != tensor._version:
                numbers.append(self.register(tensor, "unseen"))
            else:
                if entry[2] is not None:
                    names.append(entry[2])
                elif len(tensors) == 1:
                    return entry[1], ()
                numbers.append(entry[1][0])
        return tuple(numbers), tuple(names)

    def drive(self, numbers: Iterable[int]) -> None:
        """Mark values as depending on the input."""
        self._driven.update(numbers)

    def is_driven(self, number: int) -> bool:
        """Whether a value depends on the input, or may."""
        return number in self._driven

    def driven(self, numbers: Iterable[int]) -> set[int]:
        """Those of the values that depend on the input, or may."""
        return self._driven.intersection(numbers)

    def aliases(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """The other living tensors that share a tensor's memory."""
        storage = storage_of(tensor)
        if storage is None:
            return []
        references = self._storages.get(storage, ())
        if len(references) == 1 and references[0]() is tensor:
            return []
        # Memory is reused: most of the tensors that lay there before are gone.
        dereferenced = [(ref, ref()) for ref in references]
        living = [(ref, other) for ref, other in dereferenced if other is not None]
        self._storages[storage] = [ref for ref, _ in living]
        return [
            other for _, other in living if other is not tensor and storage_of(other) == storage
        ]


@lru_cache(maxsize=4096)
def _sides(shape: torch.Size) -> tuple[int, ...]:
    return tuple(map(int, shape))


@lru_cache(maxsize=64)
def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _global_name(tensor: torch.Tensor) -> str | None:
    """The name of a global variable of the running code that holds a tensor."""
    frame = caller_frame()
    if frame is None:
        return None
    return next((name for name, value in frame.f_globals.items() if value is tensor), None)


def version_of(tensor: torch.Tensor) -> int | None:
    """How often a tensor was written to, None if torch does not count it."""
    try:
        return tensor._version
    except RuntimeError:  # inference tensors do not count their changes
        return None


def storage_of(tensor: torch.Tensor) -> int | None:
    """A number that identifies a tensor's memory, None if it has no ordinary memory."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError, ValueError):  # sparse or lazy
        return None
