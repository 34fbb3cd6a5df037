"""The tensors that a network is given, and the call of its forward with them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from archcheck.errors import closest
from archcheck.network import Place
from archcheck.network.inputs import Input, Inputs, Path, PlainValue, tensors_of
from archcheck.tracing.module_tree import Paths, named_parameters
from archcheck.worker.failures import RunError
from archcheck.worker.owners import Owner, owner
from archcheck.worker.scripts import placed

Arguments = tuple[list[Any], dict[str, Any]]
"""The arguments of a call, by place and by name."""


def input_options(paths: Paths) -> tuple[torch.device, torch.dtype]:
    """The device and the type of a model's inputs: those of its first floating-point parameter."""
    first = next((p for _, p in named_parameters(paths) if p.is_floating_point()), None)
    return (torch.device("cpu"), torch.float32) if first is None else (first.device, first.dtype)


def samples(
    inputs: Inputs, paths: Paths, batch: int, *, drawn: bool = True, seed: int = 0
) -> list[torch.Tensor]:
    """A tensor for each tensor among the inputs, on the model's device.

    Every sample of a batch is the same, so that decisions by values are. Where none is ``drawn``
    real numbers are what was in memory; integers have to be within their range nevertheless.
    """
    device, dtype = input_options(paths)
    generator = torch.Generator().manual_seed(seed)
    return [
        _sample(each, device, dtype, batch, generator if drawn else None)
        for each in tensors_of(inputs)
    ]


def _sample(
    each: Input,
    device: torch.device,
    dtype: torch.dtype,
    batch: int,
    generator: torch.Generator | None,
) -> torch.Tensor:
    shape = each.sides(batch)
    dtype = getattr(torch, each.dtype) if each.dtype else dtype
    blank = generator is None and (dtype.is_floating_point or dtype.is_complex)
    if device.type == "meta" or (blank and each.value is None):
        return torch.empty(shape, device=device, dtype=dtype)
    if each.value is not None:
        return torch.full(shape, each.value, device=device, dtype=dtype)
    sample = _random(each, dtype, generator or torch.Generator().manual_seed(0))
    if each.batch is not None:
        sample = sample.unsqueeze(each.batch).expand(shape).clone()
    return sample.to(device=device, dtype=dtype)


def _random(each: Input, dtype: torch.dtype, generator: torch.Generator) -> torch.Tensor:
    if dtype.is_complex:
        return torch.randn(each.shape, generator=generator, dtype=torch.complex64)
    if dtype.is_floating_point:
        return torch.randn(each.shape, generator=generator)
    start, below = (0, 2) if dtype is torch.bool else (each.start, each.most)
    return torch.randint(start, below, each.shape, generator=generator)


def arguments(model: nn.Module, inputs: Inputs, tensors: Sequence[torch.Tensor]) -> Arguments:
    """The arguments of forward. What has a name is given in its place where forward has one for
    it, so that hooks see it, else by its name.

    Raises:
        RunError: if forward has no parameter of a name.
    """
    packed = _packed(inputs, tensors)
    by_place = [packed[place] for place in sorted(key for key in packed if isinstance(key, int))]
    by_name = {name: value for name, value in packed.items() if isinstance(name, str)}
    if not by_name:
        return by_place, {}
    parameters = _parameters(model)
    if parameters is None:
        return by_place, by_name
    _refuse_unknown(model, parameters, by_name, len(by_place))
    for parameter in parameters[len(by_place) :]:
        if parameter.kind not in _BY_PLACE or parameter.name not in by_name:
            break
        by_place.append(by_name.pop(parameter.name))
    return by_place, by_name


_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _packed(inputs: Inputs, tensors: Sequence[torch.Tensor]) -> dict[str | int, Any]:
    """The value of each argument, by its name or place: tensors in their dictionaries and lists."""
    left = iter(tensors)
    whole: dict[str | int, Any] = {}
    for each in inputs:
        inner = whole
        for key in each.path[:-1]:
            inner = inner.setdefault(key, {})
        inner[each.path[-1]] = each.value if isinstance(each, PlainValue) else next(left)
    return {key: _with_lists(value, (key,), inputs) for key, value in whole.items()}


def _with_lists(value: Any, path: Path, inputs: Inputs) -> Any:
    """A dictionary of what stands at a path, as a list where its keys are places."""
    if not isinstance(value, dict) or any(each.path == path for each in inputs):
        return value
    inner = {key: _with_lists(item, (*path, key), inputs) for key, item in value.items()}
    return list(inner.values()) if isinstance(next(iter(inner)), int) else inner


def _parameters(model: nn.Module) -> list[inspect.Parameter] | None:
    """The parameters of a model's forward; None if they are not known."""
    try:
        return list(inspect.signature(model.forward).parameters.values())
    except (TypeError, ValueError):
        return None


def _refuse_unknown(
    model: nn.Module,
    parameters: list[inspect.Parameter],
    by_name: dict[str, Any],
    by_place: int,
) -> None:
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    taken = [p.name for p in parameters[:by_place] if p.kind in _BY_PLACE]
    for name in by_name:
        if name in names and name not in taken:
            continue
        message = f'forward has no parameter "{name}"{closest(name, names)}'
        if name in taken:
            message = f'"{name}" is given twice: by its place and by its name'
        hint = f"forward takes {', '.join(names)}" if names else "forward takes none"
        raise RunError(message, cause="unusable", place=forward_place(model), hint=hint)


def forward_place(model: nn.Module) -> Place | None:
    """The line of a model's forward, if it is the author's."""
    code = getattr(inspect.unwrap(type(model).forward), "__code__", None)
    if code is None or owner(code.co_filename) <= Owner.LIBRARY:
        return None
    return placed(Place(code.co_filename, code.co_firstlineno))
