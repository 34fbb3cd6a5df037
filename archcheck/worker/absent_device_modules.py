"""What ``torch.cuda`` and the modules like it do where there is no such device: nothing.

Functions that work without one, ``is_available`` and ``device_count``, are as they are.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch.utils._device import DeviceContext

from archcheck.worker.absent_devices import (
    is_absent,
    is_here,
    met,
    stand_in,
    stand_in_no_more,
    type_on_the_cpu,
)

_MODULES = {
    "cuda": ("cuda", "cuda.nvtx", "cuda.profiler"),
    "mps": ("mps",),
    "xpu": ("xpu",),
    "accelerator": ("accelerator",),
}
_CLASSES = ("Stream", "Event", "ExternalStream", "CUDAGraph", "graph", "device")
"""The classes of those modules whose instances cannot be made, or entered, without a device."""


class _Idle:
    """Stands for an object of a device: whatever is called of it does nothing."""

    name = "cpu"
    total_memory = major = minor = multi_processor_count = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Takes what the true class takes."""

    def __enter__(self) -> _Idle:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: _answer(name)


_ANSWERS: dict[str, Callable[[], Any]] = {
    "current_device": lambda: 0,
    "get_device_name": lambda: _Idle.name,
    "get_device_capability": lambda: (0, 0),
    "get_device_properties": _Idle,
    "mem_get_info": lambda: (0, 0),
    "memory_summary": str,
    "current_stream": _Idle,
    "default_stream": _Idle,
    "get_stream_from_external": _Idle,
    "get_rng_state": torch.get_rng_state,
    "initial_seed": torch.initial_seed,
    "current_allocated_memory": int,
    "driver_allocated_memory": int,
    "elapsed_time": float,
    "query": lambda: True,
}
"""What functions and methods answer whose answer is worked on."""


def _answer(name: str) -> Any:
    return _ANSWERS.get(name, lambda: None)()


@contextmanager
def absent_devices() -> Iterator[None]:
    """While this is entered, the devices that are not here are stood in for, as by
    :func:`stand_in_for_devices`."""
    done: list[tuple[Any, str, Any]] = []
    stand_in_for_devices(lambda owner, name, value: _replace(done, owner, name, value))
    try:
        yield
    finally:
        stand_in_no_more()
        for owner, name, value in reversed(done):
            setattr(owner, name, value)


def _replace(done: list[tuple[Any, str, Any]], owner: Any, name: str, value: Any) -> None:
    done.append((owner, name, getattr(owner, name)))
    setattr(owner, name, value)


def stand_in_for_devices(replace: Callable[[Any, str, Any], None] = setattr) -> None:
    """Have this process keep on the CPU what is put on devices that are not here.

    ``replace`` sets an attribute of a module or class of torch.
    """
    stand_in()
    for kind, names in _MODULES.items():
        if not is_here(kind):
            for name in names:
                _idle_module(kind, functools.reduce(_part, name.split("."), torch), replace)
    if not is_here("cuda"):
        for name, on_cpu in _types_of_tensors():
            replace(torch.cuda, name, _TypeOfTensors(name, (), {"on_the_cpu": on_cpu}))
    _keep_modules(replace)
    _keep_contexts(replace)
    _keep_rest(replace)


def _part(owner: Any, name: str) -> Any:
    return getattr(owner, name, None)


def _idle_module(kind: str, module: Any, replace: Callable[[Any, str, Any], None]) -> None:
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name, None)
        if isinstance(value, types.FunctionType):
            replace(module, name, _tried(kind, value))
        elif isinstance(value, type) and name in _CLASSES:
            replace(module, name, _idle_class(kind, name))


def _tried(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does nothing where it cannot work for lack of the device."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (RuntimeError, AssertionError, AttributeError, ImportError, KeyError):
            if function.__name__.startswith("is_"):
                return False  # a question puts nothing anywhere
            met(kind)
            return _answer(function.__name__)

    return call


def _idle_class(kind: str, name: str) -> type:
    def noted(self: _Idle, *args: Any, **kwargs: Any) -> None:
        met(kind)

    return type(name, (_Idle,), {"__init__": noted})


class _TypeOfTensors(type):
    """The class of ``torch.cuda.FloatTensor`` and the like: no tensor is an instance of them."""

    device: ClassVar[str] = "cuda"
    on_the_cpu: Any

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        met(cls.device)
        return cls.on_the_cpu(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return False


def _types_of_tensors() -> list[tuple[str, Any]]:
    names = [name for name in vars(torch.cuda) if name.endswith("Tensor")]
    return [(name, getattr(torch, name)) for name in names if hasattr(torch, name)]


def _keep_modules(replace: Callable[[Any, str, Any], None]) -> None:
    """``net.cuda()`` and ``net.to("cuda")`` leave a module as it is, but for the type; memory stays
    where it is, too."""
    module = torch.nn.Module
    if not is_here("cuda"):
        replace(torch.UntypedStorage, "cuda", _stays("cuda"))
        replace(torch.TypedStorage, "cuda", _stays("cuda"))
        replace(torch.Tensor, "record_stream", _stays("cuda"))
    for name in ("cuda", "xpu", "ipu", "mtia"):
        if hasattr(module, name) and not is_here(name):
            replace(module, name, _stays(name))
    to = module.to

    @functools.wraps(to)
    def stays(self: Any, *args: Any, **kwargs: Any) -> Any:
        there = args[:1] or (kwargs.get("device"),)
        if not is_absent(there[0]):
            return to(self, *args, **kwargs)
        rest = {name: value for name, value in kwargs.items() if name != "device"}
        return to(self, *args[1:], **rest) if args[1:] or rest else self

    replace(module, "to", stays)


def _stays(kind: str) -> Callable[..., Any]:
    def moved(self: Any, *args: Any, **kwargs: Any) -> Any:
        met(kind)
        return self

    return moved


def _keep_contexts(replace: Callable[[Any, str, Any], None]) -> None:
    """``with torch.device("cuda")`` and ``torch.autocast("cuda")`` change nothing."""
    placed, cast = DeviceContext.__init__, torch.autocast.__init__

    def on_device(self: Any, device: Any) -> None:
        placed(self, torch.device("cpu") if is_absent(device) else device)

    @functools.wraps(cast)
    def autocast(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
        if is_absent(device_type):
            cast(self, "cuda", enabled=False)
        else:
            cast(self, device_type, *args, **kwargs)

    replace(DeviceContext, "__init__", on_device)
    replace(torch.autocast, "__init__", autocast)


def _keep_rest(replace: Callable[[Any, str, Any], None]) -> None:
    """Defaults, generators and what files hold."""
    default_device, default_type = torch.set_default_device, torch.set_default_tensor_type
    registry = torch.serialization._package_registry

    def set_default_device(device: Any) -> None:
        if not is_absent(device):
            default_device(device)

    def set_default_tensor_type(kind: Any) -> None:
        default_type(type_on_the_cpu(kind))

    def restored(storage: Any, location: str) -> Any:
        return storage if is_absent(location) else None

    replace(torch, "set_default_device", set_default_device)
    replace(torch, "set_default_tensor_type", set_default_tensor_type)
    replace(torch, "Generator", _Generators("Generator", (), {}))
    first = (0, lambda storage: None, restored)
    replace(torch.serialization, "_package_registry", [first, *registry])


class _Generators(type):
    """The class of ``torch.Generator``, whose instances are torch's own."""

    there = torch.Generator

    def __call__(cls, device: Any = "cpu") -> Any:
        return cls.there("cpu" if is_absent(device) else device)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.there)
