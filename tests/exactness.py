"""The product's answer for every unit beside the oracle's: sets of positions, not only hulls."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import archcheck
from archcheck.fields import Field, ReceptiveField
from archcheck.fields.field import unit_positions
from tests import oracle


_MASKING = {"sub", "sub_", "__sub__", "__isub__", "__rsub__", "rsub", "baddbmm", "masked_fill"}
_CHOOSING = {"masked_fill_", "where"}


class Deep(TorchFunctionMode):
    """Makes every constant that closes paths infinite, for the oracle's scores may be large.

    A row that is low throughout stays as it is: a softmax makes nothing of it.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in _MASKING | _CHOOSING:
            sign = -1 if "sub" in name else 1
            args = tuple(_deep(arg, sign) for arg in args)
        return func(*args, **(kwargs or {}))


def _deep(value: Any, sign: int) -> Any:
    if isinstance(value, float):
        return float("-inf") if value <= -100 else value
    if isinstance(value, Tensor) and value.is_floating_point() and not value.requires_grad:
        if value.ndim == 0:
            return torch.full_like(value, float("-inf")) if value <= -100 else value
        low = value * sign <= -100
        return value.masked_fill(low & ~low.all(-1, keepdim=True), sign * float("-inf"))
    return value


def traced(model: nn.Module, shape: Sequence[int]) -> tuple[ReceptiveField, Field]:
    """The receptive fields of a model, and the one at its output."""
    rf = archcheck.receptive_field(archcheck.trace(model, tuple(shape)))
    return rf, rf.at("output")


def assert_every_unit(model: nn.Module, shape: Sequence[int], most: int = 400) -> Field:
    """Every unit's actual field equals its gradient, borders and holes included."""
    model = model.double()
    rf, field = traced(model, shape)
    with Deep():
        run = oracle.Fields(model, shape)
    assert field.shape == run.map
    m = rf._known(field.point, rf._actual)
    units = list(np.ndindex(*field.shape))
    step = -(-prod(field.shape) // most)
    for unit in units[::step]:
        mask = run.mask(unit)
        for axis in range(mask.ndim):
            found = unit_positions(m, axis, unit).members()
            # A unit that reads nothing along one axis reads nothing at all.
            expected = tuple(oracle.project(mask, axis).tolist())
            if mask.any() or field.actual(unit)[axis] is None:
                assert found == expected, (unit, axis)
            else:
                assert any(h is None for h in field.actual(unit)), (unit, axis)
    return field


def assert_theoretical(
    model: nn.Module, shape: Sequence[int], phases: int | Sequence[int] = 1, **options: Any
) -> Field:
    """The theoretical field equals the gradients of centre units on a large input."""
    model = model.double()
    _, field = traced(model, shape)
    with Deep():
        positions = oracle.theoretical_field(model, shape, phases=phases, **options)
    for axis, units in enumerate(positions):
        sizes = [oracle.hull_size(unit) for unit in units]
        assert field.size[axis] == max(sizes)
        assert field.smallest[axis] == min(sizes)
    return field
