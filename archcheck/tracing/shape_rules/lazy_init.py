"""Weights whose random values are drawn when they are first read, which is usually never.

A network's constructor draws a number for every weight; what a network is made of does not
depend on them. While :meth:`LazyInit.postponed` is entered, filling a tensor with random
numbers is noted instead of done. Whatever would see the difference (an operation that reads
such a tensor, another use of the random generator) first has all noted fills done, in order and
from the generator's state of that time: the values are exactly those that an ordinary constructor
gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import init
from torch.overrides import TorchFunctionMode

from archcheck.tracing.module_tree import buffers_of, parameters_of, paths_of
from archcheck.tracing.tensor_ids import storage_of, tensors_in
from archcheck.worker.absent_devices import on_the_cpu, places

_FILLS = frozenset({torch.Tensor.uniform_, torch.Tensor.normal_})
_CHANGES = frozenset(
    {
        torch.Tensor.zero_,
        torch.Tensor.fill_,
        torch.Tensor.mul_,
        torch.Tensor.add_,
        torch.Tensor.sub_,
        torch.Tensor.div_,
        torch.Tensor.clamp_,
        torch.Tensor.erfinv_,
        torch.Tensor.__imul__,
        torch.Tensor.__iadd__,
        torch.Tensor.__isub__,
    }
)
"""Changes of a tensor that take only numbers, so that they can be put off as well."""
_HARMLESS = frozenset(
    """shape size dim ndim dtype device requires_grad requires_grad_ is_leaf grad grad_fn numel
    data detach is_contiguous stride storage_offset element_size is_floating_point is_complex
    is_cuda is_cpu is_meta is_sparse is_quantized is_nested layout view permute transpose t
    unsqueeze squeeze expand narrow select __len__ __hash__ nelement itemsize nbytes names
    is_inference T mT empty_like zeros_like ones_like new_zeros new_ones new_empty""".split()
)
"""Operations and properties that do not read a tensor's values."""
_DRAWN = frozenset(
    """rand randn randint randperm rand_like randn_like randint_like bernoulli bernoulli_
    multinomial normal random_ exponential_ geometric_ cauchy_ log_normal_ poisson""".split()
)

_STATE = ("manual_seed", "seed", "get_rng_state", "set_rng_state")
"""The functions that read or set the state of the generator."""

_Step = tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]


class LazyInit:
    """The random fills that were put off, and their execution on demand."""

    def __init__(self) -> None:
        # Steps that start from the same state of the generator.
        self._runs: list[tuple[torch.Tensor, list[_Step]]] = []
        self._waiting: set[int] = set()
        self._held: list[torch.Tensor] = []  # keeps the memory, and with it its identity

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """While this is entered, random fills are put off."""
        truncated = init.trunc_normal_
        states = {name: getattr(torch.random, name) for name in _STATE}

        def settled(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                self.settle()
                return function(*args, **kwargs)

            return call

        def trunc_normal_(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            # It reads what it draws, but as a whole it can be put off.
            named = {**dict(zip(("mean", "std", "a", "b"), args, strict=False)), **kwargs}
            mean, std = named.get("mean", 0.0), named.get("std", 1.0)
            low, high = named.get("a", -2.0), named.get("b", 2.0)
            if not _simple(tensor, args, kwargs) or not (low <= mean <= high and std > 0):
                return truncated(tensor, *args, **kwargs)
            self._wait(truncated, (tensor, *args), kwargs)
            return tensor

        for name, function in states.items():
            for module in (torch, torch.random):
                setattr(module, name, settled(function))
        init.trunc_normal_ = trunc_normal_
        try:
            with _Postponing(self):
                yield
        finally:
            for name, function in states.items():
                for module in (torch, torch.random):
                    setattr(module, name, function)
            init.trunc_normal_ = truncated

    def construct(self, make: Callable[[], Any]) -> Any:
        """What a constructor returns, with the random fills of its parameters put off."""
        with self.postponed():
            model = make()
        if isinstance(model, nn.Module):
            self.keep_only_waiting_for(model)
        else:
            self.settle()
        return model

    def settle(self) -> None:
        """Do everything that was put off."""
        runs, self._runs = self._runs, []
        self._waiting.clear()
        self._held.clear()
        if not runs:
            return
        before = torch.default_generator.get_state()
        with torch._C.DisableTorchFunction(), torch.no_grad():
            for state, steps in runs:
                torch.default_generator.set_state(state)
                for function, args, kwargs in steps:
                    function(*args, **kwargs)
        if not torch.equal(before, runs[-1][0]):  # it was seeded anew since
            torch.default_generator.set_state(before)

    def keep_only_waiting_for(self, model: nn.Module) -> None:
        """Do everything that was put off, unless it only concerns parameters of a model."""
        paths = paths_of(model)
        parameters = {storage_of(parameter) for parameter in parameters_of(paths).values()}
        buffers = {storage_of(buffer) for buffer in buffers_of(paths)}
        if not self._waiting <= parameters - buffers:
            self.settle()

    def read(self, tensors: Iterable[torch.Tensor]) -> None:
        """Do what was put off if the values of one of these tensors depend on it."""
        if self._waiting and any(storage_of(tensor) in self._waiting for tensor in tensors):
            self.settle()

    def call(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The result of a call of a torch function while fills are put off."""
        if places(func, kwargs):
            func, args, kwargs = on_the_cpu(func, args, kwargs)
        name = getattr(func, "__name__", "")
        if name in ("__get__", "__set__"):
            owner = getattr(getattr(func, "__self__", None), "__name__", "")
            name = owner if name == "__get__" or owner == "requires_grad" else name
        if name in _HARMLESS:
            return func(*args, **kwargs)
        step = self._step(func, args, kwargs)
        if step is not None:
            self._wait(*step)
            return step[1][0]
        if name in _DRAWN or func in _FILLS or func in _INITIALIZERS:
            self.settle()
        self.read(tensors_in([args, list(kwargs.values())]))
        return func(*args, **kwargs)

    def _step(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> _Step | None:
        """The call as a step that can be put off, None if it has to be done now."""
        if func in _INITIALIZERS:  # functions of torch.nn.init, which call modes before they begin
            named = dict(kwargs)
            if args:
                named.setdefault("tensor", args[0])
            if len(args) > 1 or named.get("generator") is not None:
                return None
            func, args = _INITIALIZERS[func](**named)
            kwargs = {}
            free = True  # they draw without gradients
        else:
            free = not torch.is_grad_enabled()
        if not args or not isinstance(args[0], torch.Tensor):
            return None
        target = args[0]
        kwargs = {name: value for name, value in kwargs.items() if name != "generator" or value}
        if not _simple(target, args[1:], kwargs) or not (free or not target.requires_grad):
            return None
        if func in _FILLS:
            return (func, args, kwargs) if not kwargs and _drawable(func, args[1:]) else None
        if func in _CHANGES and storage_of(target) in self._waiting:
            return func, args, kwargs
        return None

    def _wait(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        state = torch.default_generator.get_state()
        if not self._runs or not torch.equal(self._runs[-1][0], state):
            self._runs.append((state, []))
        tensor: torch.Tensor = args[0].detach()  # the object may be given other memory meanwhile
        self._runs[-1][1].append((func, (tensor, *args[1:]), kwargs))
        self._waiting.add(storage_of(tensor) or 0)
        self._held.append(tensor)


def _simple(tensor: torch.Tensor, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a tensor is an ordinary one, and all other arguments are numbers."""
    return (
        type(tensor) in (torch.Tensor, nn.Parameter)
        and tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and tensor.is_floating_point()
        and tensor.numel() > 0
        and all(type(value) in (int, float) for value in (*args, *kwargs.values()))
    )


def _drawable(func: Callable[..., Any], numbers: Sequence[float]) -> bool:
    """Whether numbers are valid parameters of a distribution, so that drawing will not raise."""
    if len(numbers) > 2 or not all(map(math.isfinite, numbers)):
        return False
    first, second = (*numbers, 0.0, 1.0)[:2] if len(numbers) != 1 else (numbers[0], 1.0)
    if func is torch.Tensor.uniform_:
        return first <= second and max(abs(first), abs(second)) < 1e30
    return second >= 0


def _uniform(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    return torch.Tensor.uniform_, (tensor, a, b)


def _normal(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    return torch.Tensor.normal_, (tensor, mean, std)


def _constant(tensor: Any, val: float) -> Any:
    return torch.Tensor.fill_, (tensor, val)


def _kaiming(
    tensor: Any,
    a: float = 0,
    mode: Any = "fan_in",
    nonlinearity: Any = "leaky_relu",
    generator: Any = None,
) -> Any:
    # As torch.nn.init.kaiming_uniform_ does, down to the draw.
    if not tensor.numel():
        return None, ()
    fan = init._calculate_correct_fan(tensor, mode)
    bound = math.sqrt(3.0) * (init.calculate_gain(nonlinearity, a) / math.sqrt(fan))
    return torch.Tensor.uniform_, (tensor, -bound, bound)


_INITIALIZERS: dict[Callable[..., Any], Callable[..., Any]] = {
    init.uniform_: _uniform,
    init.normal_: _normal,
    init.constant_: _constant,
    init.kaiming_uniform_: _kaiming,
}


class _Postponing(TorchFunctionMode):
    def __init__(self, lazy_init: LazyInit) -> None:
        super().__init__()
        self._lazy_init = lazy_init

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return self._lazy_init.call(func, args, kwargs or {})
