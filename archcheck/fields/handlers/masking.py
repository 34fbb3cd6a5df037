"""Masks, and the operations that carry them: sums, products, choices, attention weights."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod
from typing import Any

import numpy as np
from msgspec.structs import replace

from archcheck.fields.algebra import masks
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.masks import Booleans
from archcheck.fields.algebra.merge import merged
from archcheck.fields.algebra.positions import EMPTY
from archcheck.fields.algebra.table import Table
from archcheck.fields.algebra.track import Cut
from archcheck.fields.handlers.base import Context, handles, is_tensor
from archcheck.network import kinds
from archcheck.network.constants import BOOLEANS, CUTTING, HIGH, LEARNED, LOW, ONES, UNREAD, ZEROS

_NOWHERE = Table.constant(EMPTY, 0)
_WEIGHTS = frozenset({"softmax", "log_softmax", "softmin", "gumbel_softmax"})


def truth(context: Context, name: str) -> Booleans | None:
    """The truth values of a constant mask; None for one made of weights or by chance.

    Raises:
        NotModelledError: if the values are not known.
    """
    number = context.op.arguments[name]["tensor"]
    mask = context.network.constant(number, BOOLEANS)
    if mask is not None:
        return mask.values
    if context.network.constant(number, LEARNED) is not None:
        return None
    raise NotModelledError("a mask whose values were not read")


def low(context: Context, number: int, kind: str = LOW) -> Cut | None:
    """The units that a constant addend closes, None if it closes none.

    ``is_open`` has the tensor's dimensions, not factors.
    """
    addend = context.network.constant(number, kind)
    if addend is not None:
        return Cut(Table(~addend.values, ()), None, addend.infinite)
    if context.network.constant(number, UNREAD) is not None:
        return Cut(Table(np.zeros(context.network.shape(number), bool), ()), None, seen=False)
    return None


def open_elements(context: Context, tensor: Any, closing: str = ZEROS) -> Booleans | None:
    """Where no constant mask makes an argument zero; None if none makes any of it zero.

    ``closing`` may name other values than zero.

    Raises:
        NotModelledError: if the values are not known.
    """
    if not is_tensor(tensor):
        return None
    values = context.network.constant(tensor["tensor"], closing)
    if values is None and context.network.constant(tensor["tensor"], UNREAD) is not None:
        raise NotModelledError("a mask whose values were not read")
    return None if values is None else ~values.values


def _is_low(cut: Cut) -> bool:
    return cut.value is None or cut.value <= -CUTTING


def combined(maps: Sequence[FieldMap], shape: Sequence[int]) -> FieldMap:
    """The union of maps that broadcast to ``shape``, regardless of closed units."""
    return merged([m if m.cut is None else replace(m, cut=None) for m in maps], shape)


def _both(cuts: Sequence[tuple[Booleans, Cut]], shape: Sequence[int]) -> Booleans:
    """Open where all are open; a dimension along which nothing differs may have length one."""
    is_open: Booleans = np.ones((1,) * len(shape), dtype=bool)
    for array, _ in cuts:
        is_open = is_open & array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    return is_open


def _closing(m: FieldMap, cuts: Sequence[tuple[Booleans, Cut]], value: float | None) -> FieldMap:
    is_open = _both(cuts, m.shape)
    infinite = any(cut.infinite for _, cut in cuts)
    seen = all(cut.seen for _, cut in cuts)
    return masks.closed(m, is_open, Cut(_NOWHERE, value, infinite, seen))


@handles(kinds.COPIES | kinds.DROPOUTS, cuts=True)
def copy(context: Context) -> FieldMap:
    """The same values, or zeros in place of some."""
    if len(context.operands) != 1:
        return merged([masks.settled(m) for m in context.operands], context.output_shape)
    m = context.operands[0]
    if context.op.kind in kinds.DROPOUTS and m.cut is not None and not _keeps_zero(m.cut):
        return masks.settled(m)
    return m


def _keeps_zero(cut: Cut) -> bool:
    return cut.value == 0.0


@handles({"add", "sub"}, cuts=True)
def addition(context: Context) -> FieldMap:
    """A union. A constant of -100 or less closes, for a softmax, the units it is added to."""
    maps, shape = context.operands, context.output_shape
    cuts = [(masks.open_units(m), m.cut) for m in maps if m.cut is not None and _is_low(m.cut)]
    for number in dict.fromkeys(context.op.inputs):
        if context.maps.get(number) is None:
            added = low(context, number, _sign(context, number))
            if added is not None and prod(context.network.shape(number)) > 1:
                cuts.append((added.is_open.values, added))
    maps = [m if m.cut is not None and _is_low(m.cut) else masks.settled(m) for m in maps]
    result = combined(maps, shape)
    if not cuts:
        return result
    if context.argument("alpha", 1) != 1:
        raise NotModelledError("a mask that is scaled as it is added")
    values = [cut.value for _, cut in cuts]
    constant = len(maps) == 1 and None not in values
    return _closing(result, cuts, -inf if constant else None)


def _sign(context: Context, number: int) -> str:
    """Whether a constant operand of a difference closes by being low or by being high."""
    if context.op.kind == "add":
        return LOW
    subtracted = "input" if "rsub" in context.op.function else "other"
    at = context.op.arguments.get(subtracted)
    return HIGH if is_tensor(at) and at["tensor"] == number else LOW


@handles({"mul", "div"}, cuts=True)
def product(context: Context) -> FieldMap:
    """A union, except for units that a mask makes zero: the product is zero there, too."""
    maps, shape = context.operands, context.output_shape
    zeros = []
    for name in ("input", "other") if context.op.kind == "mul" else ("input",):
        m, is_open = context.map(name), open_elements(context, context.op.arguments.get(name))
        if m is not None and m.cut is not None and _keeps_zero(m.cut):
            zeros.append((masks.open_units(m), m.cut))
        elif m is None and is_open is not None:
            zeros.append((is_open, Cut(_NOWHERE, 0.0)))
    if zeros:
        alike = [m if any(m.cut is cut for _, cut in zeros) else masks.settled(m) for m in maps]
        return _closing(combined(alike, shape), zeros, 0.0)
    m = context.map()
    if len(maps) == 1 and m is not None and m.cut and _is_low(m.cut) and _scales(context):
        cut = replace(m.cut, value=None if m.cut.value is None else -inf)
        return _closing(combined([m], shape), [(masks.open_units(m), cut)], cut.value)
    return combined([masks.settled(m) for m in maps], shape)


@handles({"addcmul"})
def added_product(context: Context) -> FieldMap:
    """A map, and a product of two others."""
    shape, names = context.output_shape, ("tensor1", "tensor2")
    factors = [m for m in map(context.map, names) if m is not None]
    parts = [combined(factors, shape)] if factors else []
    for name in names:
        is_open = open_elements(context, context.op.arguments.get(name))
        if is_open is not None and context.map(name) is None:
            parts = [masks.without(part, is_open) for part in parts]
    added = context.map()
    return combined([*parts, *([] if added is None else [added])], shape)


@handles({"lerp"})
def interpolated(context: Context) -> FieldMap:
    """Between two maps: the first alone where the weight is zero, the second where it is one."""
    shape, weight = context.output_shape, context.op.arguments.get("weight")
    parts = [] if context.map("weight") is None else [context.required("weight")]
    for name, closing in (("input", ONES), ("end", ZEROS)):
        m, is_open = context.map(name), open_elements(context, weight, closing)
        if m is not None:
            m = combined([m], shape)
            parts.append(m if is_open is None else masks.without(m, is_open))
    return combined(parts, shape)


def _scales(context: Context) -> bool:
    """Whether the other factor is a single number, so that low values stay low."""
    other = context.op.arguments.get("other")
    if is_tensor(other):
        return prod(context.shape("other")) == 1
    return isinstance(other, (int, float)) and other > 0


@handles({"clamp", "clamp_min", "maximum"}, cuts=True)
def clamped(context: Context) -> FieldMap:
    """Pointwise; a bound that is low itself does not change masks."""
    maps = context.operands
    bound = context.op.arguments.get("min", context.op.arguments.get("other"))
    if is_tensor(bound):
        lower = context.network.constant(bound["tensor"], LOW)
        stays = lower is not None and bool(lower.values.all())
    else:
        stays = bound is None or bound <= -CUTTING
    if len(maps) == 1 and maps[0].cut is not None and stays and _is_low(maps[0].cut):
        is_open = masks.open_units(maps[0])
        return _closing(combined(maps, context.output_shape), [(is_open, maps[0].cut)], None)
    return combined([masks.settled(m) for m in maps], context.output_shape)


@handles({"relu"}, cuts=True)
def rectified(context: Context) -> FieldMap:
    """Pointwise; zeros stay zeros."""
    m = context.required()
    return m if m.cut is not None and _keeps_zero(m.cut) else masks.settled(m)


@handles({"masked_fill"}, cuts=True)
def masked_fill(context: Context) -> FieldMap:
    """A constant where the mask is true."""
    shape = context.output_shape
    closing = None if context.map("mask") is not None else truth(context, "mask")
    if closing is None:  # the input, weights or chance decide: both are possible
        return combined([masks.settled(m) for m in context.operands], shape)
    m, value = context.map(), context.map("value")
    return chosen(context, m, value, ~closing, _number(context, "value"))


@handles({"where"}, cuts=True)
def where(context: Context) -> FieldMap:
    """The first where the condition is true, else the second."""
    shape = context.output_shape
    if "input" not in context.op.arguments:
        raise NotModelledError("the indices of what is not zero")
    keeping = None if context.map("condition") is not None else truth(context, "condition")
    if keeping is None:
        return combined([masks.settled(m) for m in context.operands], shape)
    first, second = context.map(), context.map("other")
    if first is None:
        return chosen(context, second, None, ~keeping, _number(context, "input"))
    return chosen(context, first, second, keeping, _number(context, "other"))


def _number(context: Context, name: str) -> float | None:
    """A number among the arguments; None if it is not known."""
    value = context.op.arguments.get(name)
    if isinstance(value, (int, float)):
        return float(value)
    if is_tensor(value):
        constant = context.network.constant(value["tensor"], LOW)
        if constant is not None and constant.values.all():
            return -inf if constant.infinite else -float(CUTTING)
    return None


def chosen(
    context: Context,
    m: FieldMap | None,
    other: FieldMap | None,
    keep: Booleans,
    value: float | None,
) -> FieldMap:
    """A map where ``keep`` is true; elsewhere another one, or a constant ``value``.

    Raises:
        NotModelledError: if neither depends on the input.
    """
    shape = context.output_shape
    if m is None and other is None:
        raise NotModelledError(f"{context.op.kind} of constants")
    if m is not None and other is None and value is not None:
        cuts = [(keep, Cut(_NOWHERE, value, infinite=value == -inf))]
        if m.cut is not None:
            if (_is_low(m.cut) and value <= -CUTTING) or (_keeps_zero(m.cut) and value == 0):
                cuts.append((masks.open_units(m), m.cut))
            else:
                m = masks.settled(m)
        low_ = any(cut.value is None for _, cut in cuts)
        return _closing(combined([m], shape), cuts, None if low_ else value)
    parts = []
    if m is not None:
        parts.append(masks.without(combined([masks.settled(m)], shape), keep))
    if other is not None:
        parts.append(masks.without(combined([masks.settled(other)], shape), ~keep))
    return combined(parts, shape)


@handles({"tril", "triu"}, cuts=True)
def triangle(context: Context) -> FieldMap:
    """Zeros above or below a diagonal."""
    m = context.required()
    rows, columns = m.shape[-2:]
    diagonal = context.argument("diagonal", 0)
    keep = np.arange(columns)[None, :] - np.arange(rows)[:, None] - diagonal
    is_open = keep <= 0 if context.op.kind == "tril" else keep >= 0
    return chosen(context, m, None, is_open, 0.0)


def _weighed(context: Context, m: FieldMap) -> int:
    """The dimension of a softmax; where the call names none, torch goes by the rank."""
    rank = len(m.groups)
    dimension = context.argument("dim", 0 if rank in (0, 1, 3) else 1)
    if not isinstance(dimension, int):
        raise NotModelledError(f"a softmax over {dimension!r}")
    return m.dimension(dimension)


@handles(_WEIGHTS, cuts=True)
def softmax(context: Context) -> FieldMap:
    """Joins all units along its dimension that no mask has closed."""
    m = context.required()
    if context.op.kind == "softmin" or not m.groups:
        m = masks.settled(m)
    if not m.groups:
        return m  # one number, whose weight is one
    result = masks.softmax(m, _weighed(context, m), context.op.index)
    return result if context.op.kind != "log_softmax" else masks.settled(result)
