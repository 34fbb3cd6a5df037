"""The product's answer for every unit beside the oracle's: sets of positions, not only hulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import archcheck
from archcheck.fields import Field, ReceptiveField
from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.table import TOO_LARGE, united
from tests.support import oracle

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
        if name == "scaled_dot_product_attention":
            return _attention(*args, **(kwargs or {}))
        if name in _MASKING | _CHOOSING:
            sign = -1 if "sub" in name else 1
            args = tuple(_deep(arg, sign) for arg in args)
        return func(*args, **(kwargs or {}))


def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The function spelt out, so that its softmax is the oracle's: a real one saturates."""
    if enable_gqa:
        k, v = (t.repeat_interleave(q.shape[-3] // t.shape[-3], -3) for t in (k, v))
    scores = q @ k.transpose(-2, -1)
    mask = attn_mask
    if is_causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, float("-inf"))
    elif mask is not None:
        low = mask.detach() <= -50  # weights have been added to it
        scores = scores + mask.masked_fill(low & ~low.all(-1, keepdim=True), float("-inf"))
    return oracle._softmax(scores, -1) @ v


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


def followed(rf: ReceptiveField) -> bool:
    """Whether fields are known throughout; only what is too large to write out may be missing."""
    reasons = [cause.reason for cause in rf.not_modelled]
    assert all(reason.endswith(TOO_LARGE) for reason in reasons), reasons
    return not reasons


def sets(m: FieldMap, axis: int) -> NDArray[Any]:
    """The set of positions of every element of a tensor, in its shape."""
    m = m.within_borders()
    for factor in range(len(m.factors)):
        m = m.pinned(factor)
    sizes = [factor.size for factor in m.factors]
    tables = [np.broadcast_to(table.values, sizes) for table in m.tracks[axis].tables]
    return united(tables).reshape(m.shape)


def assert_every_unit(
    model: nn.Module, shape: Sequence[int], most: int = 400, *, labelled: bool = True
) -> Field:
    """Every unit's actual field equals its gradient, borders and holes included.

    A unit is an index of the output behind batch and channels. `labelled` says that the product
    has to know these as axes of space.
    """
    model = model.double()
    _, field = traced(model, shape)
    with Deep():
        run = oracle.Fields(model, shape)
    if labelled:
        assert field.shape == run.map, (field.shape, run.map)
    m = field.actual_map
    assert m.shape == run.output.shape, (m.shape, run.output.shape)
    found = [np.bitwise_or.reduce(sets(m, axis), axis=(0, 1)) for axis in range(len(m.tracks))]
    units = list(np.ndindex(*run.map))
    step = -(-len(units) // most)
    for unit in units[::step]:
        mask = run.mask(unit)
        at = [table[unit] for table in found]
        if not mask.any():  # what reads nothing along one axis reads nothing at all
            assert not all(at), unit
            continue
        for axis in range(mask.ndim):
            expected = tuple(oracle.project(mask, axis).tolist())
            assert at[axis].members() == expected, (unit, axis, at[axis].members(), expected)
    return field


def assert_every_element(model: nn.Module, shape: Sequence[int]) -> Field:
    """Every element of the output depends on what it has a plain gradient of.

    For outputs of any rank, those without batch or channels too; what `model` does has to be
    smooth, for nothing is replaced.
    """
    model = oracle._positive(model)
    _, field = traced(model, shape)
    values = torch.rand(1, *shape, generator=torch.Generator().manual_seed(1))
    x = (values.double() + 0.5).requires_grad_()
    output = model(x)
    m = field.actual_map
    assert m.shape == output.shape
    found = [sets(m, axis) for axis in range(len(m.tracks))]
    for at in np.ndindex(*output.shape):
        (gradient,) = torch.autograd.grad(output[at] + 0 * x.sum(), x, retain_graph=True)
        mask = (gradient.abs().amax((0, 1)) > 0).numpy()
        expected = [tuple(oracle.project(mask, axis).tolist()) for axis in range(mask.ndim)]
        assert [_members(table[at]) for table in found] == expected, at
    return field


def _members(positions: Any) -> tuple[int, ...]:
    members: tuple[int, ...] = positions.members()
    return members


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


def field_of(module: nn.Module, shape: tuple[int, ...], at: str = "output") -> Field:
    """The field of a module at a point."""
    return archcheck.receptive_field(archcheck.trace(module, shape)).at(at)


def assert_every_region(module: nn.Module, shape: tuple[int, ...]) -> Field:
    """The actual region of every unit is the positions with a gradient, on all axes at once."""
    field = field_of(module, shape)
    for unit, mask in oracle.actual_masks(module, shape):
        region = field.unit(unit).actual
        assert np.array_equal(region.mask(), mask), unit
        assert region.count == mask.sum()
    return field
