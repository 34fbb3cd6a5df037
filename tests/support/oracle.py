"""Receptive fields by gradients: slow, obvious, and sharing nothing with the product.

A copy of the module gets positive weights, non-linearities become the identity, and maxima
positive averages over the same windows: nothing cancels, so in float64 the input positions
with a non-zero gradient are the field. Two things need a convention:

* Linear interpolation has taps whose coefficient is exactly zero (scale 3, the middle unit).
  Rounding would decide on them, so coefficients are fractions here: such a tap is not read, or
  is with `zero_taps=True`.
* A unit that reads nothing along one axis reads nothing at all. Answers per axis therefore
  take the union over the other axes' units; `actual_field` does not.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]
Shape = Sequence[int]

_IDENTITIES = """relu relu6 hardtanh leaky_relu elu selu celu gelu silu mish hardswish softplus
    softsign tanh tanhshrink softshrink hardshrink logsigmoid log_sigmoid threshold prelu rrelu
    clamp clip clamp_min clamp_max abs neg __neg__ dropout dropout1d dropout2d dropout3d
    alpha_dropout feature_dropout feature_alpha_dropout batch_norm""".split()
_NORMS = ("group_norm", "layer_norm", "instance_norm", "rms_norm")
_SUMS = ("sub", "sub_", "__sub__", "__isub__", "__rsub__", "rsub", "maximum", "minimum")
_ADDITIONS = ("add", "add_", "__add__", "__radd__", "__iadd__")
_GLOBAL = ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "mean")
_REFUSED = ("max", "min", "amax", "topk", "median", "max_unpool1d", "max_unpool2d", "max_unpool3d")


def _gate(x: Tensor, **_: Any) -> Tensor:
    """Into [1/4, 1/2]: chains of x * gate must not overflow, nor gate or 1 - gate be zero."""
    return (x / x.detach().abs().max().clamp_min(1e-300) + 1) / 4


def _join(x: Tensor, dim: Any) -> Tensor:
    return (x + x.mean(dim, keepdim=True)) / 2


def _cut(operand: Any) -> Any:
    """A constant addend of -100 or less cuts a path, however large the scores grow here."""
    if isinstance(operand, Tensor) and not operand.requires_grad and operand.is_floating_point():
        return operand.masked_fill(operand <= -100, float("-inf"))
    return operand


def _softmax(x: Tensor, dim: int = -1, *_: Any, **__: Any) -> Tensor:
    """Join along `dim`, leaving out what a mask cuts off."""
    kept = x > float("-inf")
    return _gate(_join(torch.where(kept, x, 0.0), dim)) * kept


_REPLACED: dict[str, Any] = {"sigmoid": _gate, "hardsigmoid": _gate, "softmax": _softmax}


def _tuple(value: Any, dims: int) -> tuple[Any, ...]:
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return found * dims if len(found) == 1 else found


def _max_pool(dims: int, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    given = dict(zip(names, (None, None, 0, 1, False), strict=True))
    given |= dict(zip(names, args, strict=False)) | kwargs
    given["stride"] = given["stride"] or given["kernel_size"]
    windows = zip(*(_tuple(given[name], dims) for name in names[:4]), strict=True)
    for axis, (size, stride, pad, dilation) in zip(range(-dims, 0), windows, strict=True):
        side, reach = x.shape[axis], dilation * (size - 1)
        room = side + 2 * pad - reach - 1
        last = -(-room // stride) if given["ceil_mode"] else room // stride
        if given["ceil_mode"] and last * stride >= side + pad:
            last -= 1
        # Zeros stand for what a max pool never reads: its padding, and beyond the border.
        after = max(0, last * stride + reach + 1 - pad - side)
        x = F.pad(x, [0, 0] * (-1 - axis) + [pad, after])
        starts = (x.narrow(axis, dilation * t, last * stride + 1) for t in range(size))
        x = torch.stack([tap.unfold(axis, 1, stride)[..., 0] for tap in starts]).mean(0)
    return x


def _resize(zero_taps: bool, x: Tensor, *, size: Any, scale_factor: Any, **rest: Any) -> Tensor:
    """Linear interpolation whose coefficients are exactly zero or clearly not."""
    for axis in range(2, x.ndim):
        side, half = x.shape[axis], Fraction(1, 2)
        factor = None if size else Fraction(_tuple(scale_factor, x.ndim - 2)[axis - 2])
        length = int(factor * side) if factor else _tuple(size, x.ndim - 2)[axis - 2]
        given = factor and not rest["recompute_scale_factor"]
        ratio = 1 / factor if factor and given else Fraction(side, length)
        if rest["align_corners"]:
            ratio, half = Fraction(side - 1, max(1, length - 1)), Fraction(0)
        places = [max(Fraction(0), (o + half) * ratio - half) for o in range(length)]
        low = torch.tensor([min(int(place), side - 1) for place in places])
        share = [float(place % 1) or 0.5 * zero_taps for place in places]
        weight = torch.tensor(share, dtype=x.dtype).view(-1, *[1] * (x.ndim - axis - 1))
        upper = x.index_select(axis, (low + 1).clamp_max(side - 1))
        x = x.index_select(axis, low) * (1 - weight) + upper * weight
    return x


def _joined(name: str, x: Tensor, extent: Any = None, *_: Any, **options: Any) -> Tensor:
    if name == "group_norm":
        groups = x.reshape(x.shape[0], options.get("num_groups", extent), -1)
        return _join(groups, -1).reshape(x.shape)
    dims = x.ndim - 2 if name == "instance_norm" else len(options.get("normalized_shape", extent))
    return _join(x, tuple(range(-dims, 0)))


class _Linear(TorchFunctionMode):
    """Replaces, by name, every function that could stop or cancel a positive gradient."""

    def __init__(
        self, normalization: str = "left out", zero_taps: bool = False, gates: str = "open"
    ) -> None:
        super().__init__()
        self.joins, self.zero_taps = normalization == "joins", zero_taps
        self.ungated = gates == "ignored"

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        args = args or ((options.pop("input"),) if "input" in options else ())
        if name in _ADDITIONS and any(getattr(a, "requires_grad", False) for a in args):
            # What is written in place has to stay the tensor that it is.
            kept = 1 if name in ("add_", "__iadd__") else 0
            args = (*args[:kept], *map(_cut, args[kept:]))
        x = args[0] if args else None
        # Constants, masks and index tensors keep their meaning.
        if not isinstance(x, Tensor) or not x.requires_grad:
            return func(*args, **options)
        in_place = name.endswith("_") and not name.endswith("__")
        plain = name[:-1] if in_place else name
        if plain in _IDENTITIES or (plain in _NORMS and not self.joins):
            # A copy, for the original too returns a new tensor.
            return x if in_place or options.get("inplace") else x.clone()
        if self.ungated and plain in _GLOBAL:
            return func(*args, **options).detach()
        if plain in _NORMS:
            return _joined(plain, *args, **options)
        if name in _SUMS and len(args) > 1 and getattr(args[1], "requires_grad", False):
            return x.add_(args[1]) if name in ("sub_", "__isub__") else x + args[1]
        if plain == "interpolate" and "linear" in options["mode"] and not options["antialias"]:
            return _resize(self.zero_taps, *args, **options)
        if plain in _REFUSED or plain.endswith("_with_indices"):
            raise TypeError(f"the oracle has no linear form of {name}")
        if plain.startswith("adaptive_max_pool"):
            return getattr(F, plain.replace("max", "avg"))(*args[:2])
        if plain.startswith("max_pool"):
            return _max_pool(int(plain[-2]), *args, **options)
        return _REPLACED.get(plain, func)(*args, **options)


def _positive(module: nn.Module) -> nn.Module:
    """A frozen float64 copy in eval mode, weights in [0.5, 1.5] over the fan-in."""
    net = copy.deepcopy(module).double().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for part in net.modules():
        for parameter in part.parameters(recurse=False):
            values = torch.rand(parameter.shape, generator=generator, dtype=torch.float64) + 0.5
            if parameter.ndim > 1:
                across = getattr(part, "transposed", False)  # Weights (inputs, outputs, ...)
                values *= parameter.shape[1 if across else 0] / parameter.numel()
            parameter.copy_(values)
    return net


class _Run:
    """One forward run, kept so that many units can be asked about."""

    def __init__(self, net: nn.Module, shape: Shape, at: str | None, **options: Any):
        values = torch.rand(1, *shape, generator=torch.Generator().manual_seed(1))
        self.input = (values.double() + 0.5).requires_grad_(True)
        seen: list[Tensor] = []

        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            while not isinstance(output, Tensor):
                output = output[next(iter(output)) if isinstance(output, dict) else 0]
            seen[:] = [output.clone()]  # What follows may change the output in place.

        handle = (net if at is None else net.get_submodule(at)).register_forward_hook(hook)
        try:
            with torch.enable_grad(), _Linear(**options):
                net(self.input.clone())
        except RuntimeError:  # Behind `at` a Linear may refuse an enlarged input: no matter.
            if not seen:
                raise
        finally:
            handle.remove()
        self.output, self.map = seen[0], tuple(seen[0].shape[2:])

    def mask(self, index: Sequence[Any]) -> Mask:
        """The input positions read by the units at `index` (integers or slices, one per axis)."""
        return self.read((slice(None), slice(None), *index))

    def read(self, index: Sequence[Any]) -> Mask:
        """The input positions read by the elements at `index`, which counts every dimension."""
        # The zero keeps a graph where nothing depends on the input.
        unit = self.output[tuple(index)].sum() + 0 * self.input.sum()
        (gradient,) = torch.autograd.grad(unit, self.input, retain_graph=True)
        size = gradient.abs().amax((0, 1))
        read = size > 0
        if not size.isfinite().all() or (read.any() and float(size[read].min()) < 1e-290):
            raise FloatingPointError("the oracle's gradients over- or underflow")
        return np.asarray(read.numpy())

    def along(self, axis: int, place: int, block: Sequence[slice]) -> Positions:
        """The positions along `axis` read by the units of `block` whose index there is `place`."""
        return project(self.mask([*block[:axis], place, *block[axis + 1 :]]), axis)


class Fields(_Run):
    """The fields of a module's units, one after the other as asked for: see `actual_field`."""

    def __init__(
        self, module: nn.Module, input_shape: Shape, at: str | None = None, **options: Any
    ) -> None:
        super().__init__(_positive(module), input_shape, at, **options)


def project(mask: Mask, axis: int) -> Positions:
    """The positions along one axis at which anything of the mask is set."""
    return np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))


def hull_size(positions: Positions) -> int:
    """The side of the hull; 0 where nothing is read. Coverage is `positions.size` over it."""
    return int(positions[-1] - positions[0]) + 1 if positions.size else 0


def actual_field(
    module: nn.Module, input_shape: Shape, unit: Shape, at: str | None = None, **options: Any
) -> Mask:
    """Which spatial input positions one unit reads (channels reduced by any).

    `input_shape` is (channels, *sides); `at` names the module whose last output holds the unit,
    None the network; a unit of an output (batch, channels) is `()`. Options, here and below:
    `normalization="joins"`, `zero_taps=True`, `gates="ignored"` (global averages are constants).
    """
    return _Run(_positive(module), input_shape, at, **options).mask(unit)


def actual_masks(
    module: nn.Module, input_shape: Shape, at: str | None = None, **options: Any
) -> Iterator[tuple[tuple[int, ...], Mask]]:
    """Every unit with the input positions it reads: `actual_field` for all of them at once."""
    run = _Run(_positive(module), input_shape, at, **options)
    for unit in np.ndindex(*run.map):
        yield unit, run.mask(unit)


def theoretical_masks(
    module: nn.Module, input_shape: Shape, phases: Shape, limit: int = 512, **options: Any
) -> list[Mask]:
    """What `phases` neighbouring centre units of a large enough input read, each cut to its hull.

    The input grows by multiples of 96 (3-D: 24), to keep the sides' divisibility by 2 and 3: where
    a map is flipped, that decides which of its positions a window behind it pairs. It grows until
    its border cuts no unit's field. RuntimeError where that never happens.
    """
    net, side = _positive(module), 96 if len(input_shape) < 4 else 24
    while side <= limit:
        shape = [input_shape[0], *(s + side for s in input_shape[1:])]
        run = _Run(net, shape, None, **options)
        if min(np.subtract(run.map, phases)) >= 2:
            pairs = zip(run.map, phases, strict=True)
            block = [range((s - n) // 2, (s - n) // 2 + n) for s, n in pairs]
            found = [_to_hull(run.mask(unit)) for unit in product(*block)]
            inside = [mask for mask in found if mask is not None]
            if len(inside) == len(found):
                return inside
        side *= 2
    raise RuntimeError(f"no field lay inside an input of {limit}")


def _to_hull(mask: Mask) -> Mask | None:
    """A mask's hull, None where the mask's border may have cut it."""
    window = []
    for axis, side in enumerate(mask.shape):
        read = project(mask, axis)
        if not read.size or _may_be_cut(read, side):
            return None
        window.append(slice(int(read[0]), int(read[-1]) + 1))
    return mask[tuple(window)]


def actual_fields_all(
    module: nn.Module, input_shape: Shape, at: str | None = None, **options: Any
) -> tuple[Positions, Positions]:
    """Lowest and highest position per axis for every unit: two arrays (input axes, *map).

    A unit that reads nothing has lowest = the input's side and highest = -1.
    """
    run = _Run(_positive(module), input_shape, at, **options)
    low = np.stack([np.full(run.map, side) for side in input_shape[1:]])
    high = np.full_like(low, -1)
    for unit in product(*map(range, run.map)):
        mask = run.mask(unit)
        for axis in range(mask.ndim if mask.any() else 0):
            low[(axis, *unit)], high[(axis, *unit)] = project(mask, axis)[[0, -1]]
    return low, high


def actual_fields_by_axis(
    module: nn.Module, input_shape: Shape, at: str | None = None, **options: Any
) -> list[list[Positions]]:
    """`fields[axis][o]`: positions along `axis` read by the units whose index there is `o`.

    The union over the other axes' units, hence what an analysis of one axis alone must find.
    """
    run = _Run(_positive(module), input_shape, at, **options)
    every = [slice(None)] * len(run.map)
    return [[run.along(a, o, every) for o in range(side)] for a, side in enumerate(run.map)]


def theoretical_field(
    module: nn.Module,
    input_shape: Shape,
    at: str | None = None,
    phases: int | Shape = 1,
    limit: int = 4096,
    **options: Any,
) -> list[list[Positions]]:
    """`fields[axis][t]`: what the t-th of `phases` neighbouring centre units reads along `axis`.

    `phases` must be a multiple of the period of the position dependence (per axis, or one for
    all). The input grows by multiples of 32 (3-D: 8), to keep the sides' divisibility, until no
    field touches its border and a larger input gives the same fields up to a shift. Along the
    other axes the union over their phases is taken: a dead phase there must not empty this axis.
    RuntimeError where nothing settles: a global op, or a map that cannot grow.
    """
    net, before, steps, unit = _positive(module), None, 1, 32 if len(input_shape) < 4 else 8
    while max(input_shape[1:]) + unit * steps <= limit:
        shape = [input_shape[0], *(side + unit * steps for side in input_shape[1:])]
        try:
            fields = _centre_fields(_Run(net, shape, at, **options), _tuple(phases, len(shape) - 1))
        except RuntimeError:  # A map too small for a window; only a real fault survives growing.
            if unit * steps > 512:
                raise
            fields = None
        shapes = fields and [sorted((p - p[:1]).tolist() for p in axis) for axis in fields]
        if fields and shapes == before:
            return fields
        before = shapes
        steps += max(1, steps // 4 if fields else round(steps * 0.6))
    raise RuntimeError(f"no field settled on inputs up to {limit}")


def _centre_fields(run: _Run, counts: Shape) -> list[list[Positions]] | None:
    """The fields of the centre units, None where the input's border may have cut one."""
    if len(run.map) != len(counts) or min(np.subtract(run.map, counts)) < 2:
        return None
    pairs = zip(run.map, counts, strict=True)
    block = [slice((side - n) // 2, (side + n) // 2) for side, n in pairs]
    fields: list[list[Positions]] = []
    for axis, units in enumerate(block):
        fields.append([run.along(axis, o, block) for o in range(units.start, units.stop)])
        if any(_may_be_cut(read, run.input.shape[2 + axis]) for read in fields[axis]):
            return None
    return fields


def _may_be_cut(read: Positions, side: int) -> bool:
    """Whether positions on an axis may be what a border left of more.

    What lies beyond shows in no gradient: positions that are as close to the border as their
    largest hole is wide may have lost some.
    """
    hole = int(np.diff(read).max(initial=1))
    return bool(read.size) and bool(read[0] < hole or side - 1 - read[-1] < hole)
