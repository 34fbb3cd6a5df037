"""Devices that this machine lacks: what a network puts on them stays on the CPU.

Only a worker stands in for them (:func:`stand_in`), never the process that imports archcheck. What
is there is left alone, and ``torch.cuda.is_available()`` stays true to the machine.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from archcheck.network import Place, Remark
from archcheck.worker.source_locations import caller

_OF_PLUGINS = frozenset("npu mlu musa dml".split())
"""Kinds of devices that torch knows by these names only where a package has named them."""
KINDS = frozenset("cuda hip xpu mps mtia hpu ipu xla maia".split()) | _OF_PLUGINS
"""The kinds of devices that may not be here. Others are mistakes, or run everywhere."""
_MOVES = {
    getattr(torch.Tensor, kind): kind
    for kind in ("cuda", "xpu", "ipu", "mtia", "hpu")
    if hasattr(torch.Tensor, kind)
}
"""The methods of a tensor that move it to a device by the device's name."""
ACCELERATOR = "accelerator"
"""A device of any kind: what a number alone names, and what memory is pinned for."""
_MODULES = ("cuda", "xpu", "mps", "mtia")
"""The kinds of devices that torch has a module for."""
PLACING = frozenset(
    {torch.device, torch.Tensor.to, torch.Tensor.type, torch.Tensor.pin_memory, *_MOVES}
)
"""The functions that say by their first arguments where a tensor is to lie."""
PLACES = frozenset({"device", "pin_memory"})
"""The keywords that say so."""
_CPU = torch.device("cpu")

_stands_in = False
_met: dict[str, Place | None] = {}
"""The devices that were asked for and are not here, each with the first line that did."""


class TorchCall(NamedTuple):
    """A call of a torch function."""

    function: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]


def stand_in() -> None:
    """From now on this process stands in for the devices that are not here."""
    global _stands_in
    _stands_in = True
    _met.clear()
    is_here.cache_clear()


def stand_in_no_more() -> None:
    """The opposite of :func:`stand_in`."""
    global _stands_in
    _stands_in = False


def absence_notes() -> list[Remark]:
    """A note on every device that was asked for and is not here, with the first line that did."""
    text = "{} is not here: what is put there stays on the CPU"
    return [Remark(text.format(_called(kind)), place) for kind, place in _met.items()]


def _called(kind: str) -> str:
    return "a GPU" if kind == ACCELERATOR else kind


@functools.cache
def is_here(kind: str) -> bool:
    """Whether this machine has a device of a kind, such as ``cuda``, that torch can use."""
    if kind == ACCELERATOR:
        return any(map(is_here, _MODULES))
    try:
        return bool(getattr(torch, kind).device_count())
    except (AttributeError, RuntimeError, AssertionError):
        return False


def met(kind: str) -> None:
    """Note that the running line asks for a device that is not here."""
    if kind not in _met:
        _met[kind] = caller()


def is_absent(device: Any) -> bool:
    """Whether something names a device that is not here; it is noted, if this process stands in."""
    kind = _kind_of(device)
    if not _stands_in or not kind or is_here(kind):
        return False
    met(kind)
    return True


def _kind_of(device: Any) -> str:
    """The kind of device that something names, empty if that is none of those in question."""
    if isinstance(device, int) and not isinstance(device, bool):
        return ACCELERATOR
    name = device.type if isinstance(device, torch.device) else device
    kind = name.partition(":")[0] if isinstance(name, str) else ""
    return kind if kind in KINDS else ""


def places(function: Callable[..., Any], kwargs: Mapping[str, Any] | None) -> bool:
    """Whether a call of a torch function may say on which device its result is to lie."""
    return function in PLACING or bool(kwargs and not PLACES.isdisjoint(kwargs))


def on_the_cpu(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> TorchCall:
    """A call of a torch function, with the CPU in place of a device that is not here."""
    call = TorchCall(function, args, kwargs)
    if not _stands_in:
        return call
    moved_to = _MOVES.get(function)
    if moved_to is not None:
        return call if is_here(moved_to) else _staying(moved_to, args)
    if function is torch.Tensor.pin_memory:
        return call if is_here(ACCELERATOR) else TorchCall(torch.Tensor.to, (args[0], _CPU), {})
    if function is torch.device:
        return TorchCall(function, ("cpu",), {}) if _is_unheard_of(args) else call
    if function is torch.Tensor.type:
        typed = {name: type_on_the_cpu(value) for name, value in kwargs.items()}
        return TorchCall(function, (args[0], *map(type_on_the_cpu, args[1:])), typed)
    return _without_device(function, args, kwargs)


def _is_unheard_of(args: Sequence[Any]) -> bool:
    """Whether the arguments of ``torch.device`` name a kind that torch does not know here."""
    return bool(args) and _kind_of(args[0]) in _OF_PLUGINS and is_absent(args[0])


def _staying(kind: str, args: Sequence[Any]) -> TorchCall:
    met(kind)
    return TorchCall(torch.Tensor.to, (args[0], _CPU), _copied(args[0]))


def _without_device(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> TorchCall:
    kwargs = dict(kwargs)
    absent = is_absent(kwargs.get("device"))
    if absent:
        kwargs["device"] = _CPU
    if kwargs.get("pin_memory") and not is_here(ACCELERATOR):
        kwargs["pin_memory"] = False
    if function is torch.Tensor.to:
        if len(args) > 1 and is_absent(args[1]):
            absent, args = True, (args[0], _CPU, *args[2:])
        if absent:
            kwargs.update(_copied(args[0]))
    return TorchCall(function, args, kwargs)


def _copied(tensor: torch.Tensor) -> dict[str, bool]:
    """Moving a parameter gives a tensor that is none: its layer does not register it."""
    moved = torch.is_grad_enabled() and isinstance(tensor, nn.Parameter)
    return {"copy": True} if moved else {}


def type_on_the_cpu(kind: Any) -> Any:
    """The type of tensors on the CPU in place of ``torch.cuda.FloatTensor`` and the like."""
    on_cpu = getattr(kind, "on_the_cpu", None)
    if on_cpu is not None:
        met(kind.device)
        return on_cpu
    parts = kind.split(".") if isinstance(kind, str) else []
    return ".".join((parts[0], parts[2])) if len(parts) == 3 and is_absent(parts[1]) else kind


def staying_on_the_cpu() -> AbstractContextManager[Any]:
    """While this is entered, calls of torch find the CPU in place of devices that are not here.

    It does nothing in a process that does not stand in for them.
    """
    return _OnTheCpu() if _stands_in else nullcontext()


def constructed(make: Callable[[], Any]) -> Any:
    """What a constructor returns, on the CPU where its device is not here."""
    with staying_on_the_cpu():
        return make()


class _OnTheCpu(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if places(func, kwargs):
            func, args, kwargs = on_the_cpu(func, args, kwargs or {})
        return func(*args, **kwargs) if kwargs else func(*args)
