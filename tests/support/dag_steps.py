"""What a drawn graph is made of: windows, and positions moved about, on maps of four channels.

Every function takes the node's layer first, None where it has no weights, and maps with as many
spatial axes as the graph has; it returns such a map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = 4
Step = Callable[..., Tensor]
STEPS: dict[str, Step] = {}
LAYERS: dict[str, Callable[..., nn.Module | None]] = {}


def step(function: Step) -> Step:
    STEPS[function.__name__] = function
    return function


def by_rank(name: str, x: Tensor) -> Callable[..., Tensor]:
    found: Callable[..., Tensor] = getattr(F, f"{name}{x.dim() - 2}d")
    return found


# -- windows -----------------------------------------------------------------------------------


def layer(kind: str, dims: int, channels: int = CHANNELS, **options: Any) -> nn.Module:
    made: nn.Module = getattr(nn, f"{kind}{dims}d")(channels, CHANNELS, **options)
    return made


@step
def conv(net: nn.Module, x: Tensor, **_: Any) -> Tensor:
    return torch.relu(net(x))


LAYERS["conv"] = lambda dims, **options: layer("Conv", dims, **options)


class Masked(nn.Module):
    """A convolution whose weight is multiplied by zeros and ones."""

    mask: Tensor

    def __init__(self, conv: Any, is_open: Sequence[bool], each: str) -> None:
        super().__init__()
        self.conv = conv
        shape = list(conv.weight.shape)
        # One truth value for each tap, for each pair of channels, or for both: some repeated.
        sides = {"tap": [1, 1, *shape[2:]], "pair": [*shape[:2], *[1] * len(shape[2:])]}
        count = int(torch.tensor(sides.get(each, shape)).prod())
        values = (list(is_open) * (count // len(is_open) + 1))[:count]
        mask = torch.tensor(values, dtype=torch.float32).view(sides.get(each, shape))
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        weight: Any = self.conv.weight * self.mask
        y: Tensor = torch.func.functional_call(self.conv, {"weight": weight}, (x,))
        return y


@step
def masked(net: nn.Module, x: Tensor, **_: Any) -> Tensor:
    return net(x)  # type: ignore[no-any-return]


def masked_layer(
    dims: int, kind: str, is_open: Sequence[bool], each: str, **options: Any
) -> Masked:
    return Masked(layer(kind, dims, **options), is_open, each)


LAYERS["masked"] = masked_layer


@step
def transposed(net: nn.Module, x: Tensor, **_: Any) -> Tensor:
    return net(x)  # type: ignore[no-any-return]


LAYERS["transposed"] = lambda dims, **options: layer("ConvTranspose", dims, **options)


@step
def max_pool(_: None, x: Tensor, **options: Any) -> Tensor:
    return by_rank("max_pool", x)(x, **options)


@step
def avg_pool(_: None, x: Tensor, **options: Any) -> Tensor:
    return by_rank("avg_pool", x)(x, **options)


@step
def lp_pool(_: None, x: Tensor, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    if x.dim() == 3:
        (kernel_size,), (stride,) = kernel_size, stride
    return by_rank("lp_pool", x)(x, 2.0, kernel_size, stride, ceil_mode)


@step
def adaptive_pool(_: None, x: Tensor, size: Sequence[int], kind: str) -> Tensor:
    return by_rank(f"adaptive_{kind}_pool", x)(x, tuple(size))


@step
def resize(_: None, x: Tensor, **options: Any) -> Tensor:
    return F.interpolate(x, **options)


@step
def pad(_: None, x: Tensor, amounts: Sequence[int], mode: str) -> Tensor:
    return F.pad(x, list(amounts), mode=mode)


@step
def unfold_fold(_: None, x: Tensor, **options: Any) -> Tensor:
    return F.fold(F.unfold(x, **options), x.shape[2:], **options)


@step
def sliding(_: None, x: Tensor, dim: int, size: int, step: int) -> Tensor:
    return x.unfold(dim, size, step).mean(-1)


# -- positions moved about ---------------------------------------------------------------------


@step
def slices(_: None, x: Tensor, cuts: Sequence[tuple[int | None, int | None, int]]) -> Tensor:
    where: Any = (..., *(slice(*cut) for cut in cuts))
    return x[where]


@step
def flip(_: None, x: Tensor, dims: Sequence[int]) -> Tensor:
    return x.flip(tuple(dims))


@step
def roll(_: None, x: Tensor, shift: int, dim: int) -> Tensor:
    return torch.roll(x, shift, dim)


@step
def around(_: None, x: Tensor, by: int, dim: int, way: str) -> Tensor:
    """Neighbours on a ring, by constant indices."""
    index = (torch.arange(x.shape[dim]) + by) % x.shape[dim]
    if way == "add":
        return x.index_add(dim, index, x)
    if way == "scatter":
        shape = [1] * x.dim()
        shape[dim] = len(index)
        return x.scatter_add(dim, index.view(shape).expand_as(x), x)
    return x + x.index_select(dim, index)


@step
def swap(_: None, x: Tensor) -> Tensor:
    return x.transpose(2, 3)


@step
def repeated(_: None, x: Tensor, times: int, dim: int, way: str) -> Tensor:
    if way == "interleave":
        return x.repeat_interleave(times, dim=dim)
    counts = [1] * x.dim()
    counts[dim] = times
    return x.repeat(*counts) if way == "repeat" else x.tile(counts)


def split_sides(x: Tensor, parts: Sequence[int], grid: bool = False) -> tuple[Tensor, list[int]]:
    """Sides cut to multiples of ``parts``, each as two axes: windows and places in a window.

    Of a grid the first of the two has the given length.
    """
    kept = [side // part * part for side, part in zip(x.shape[2:], parts, strict=True)]
    where: Any = (..., *(slice(side) for side in kept))
    x = x[where]
    shape = list(x.shape[:2])
    for side, part in zip(kept, parts, strict=True):
        shape += [part, side // part] if grid else [side // part, part]
    return x.reshape(shape), kept


@step
def space_to_depth(
    net: nn.Module | None, x: Tensor, parts: Sequence[int], way: str, groups: int = 1
) -> Tensor:
    y, _ = split_sides(x, parts)
    outer, inner = list(range(2, y.dim(), 2)), list(range(3, y.dim(), 2))
    y = y.permute(0, *inner, 1, *outer) if way == "inner" else y.permute(0, 1, *inner, *outer)
    y = y.reshape(y.shape[0], -1, *y.shape[-len(outer) :])
    if way == "stack":
        return torch.stack(y.chunk(y.shape[1] // CHANNELS, dim=1), dim=2).sum(2)
    return net(y) if net is not None else torch.cat([y[:, :1], y[:, -3:]], dim=1)


@step
def depth_to_space(net: nn.Module, x: Tensor, parts: Sequence[int]) -> Tensor:
    y: Tensor = net(x)
    sides, dims = x.shape[2:], len(parts)
    y = y.view(y.shape[0], *parts, CHANNELS, *sides)
    pairs = [axis for place in range(dims) for axis in (dims + 2 + place, 1 + place)]
    y = y.permute(0, dims + 1, *pairs)
    return y.reshape(y.shape[0], CHANNELS, *(s * p for s, p in zip(sides, parts, strict=True)))


LAYERS["depth_to_space"] = lambda dims, parts, **_: getattr(nn, f"Conv{dims}d")(
    CHANNELS, CHANNELS * int(torch.tensor(parts).prod()), 1
)
LAYERS["space_to_depth"] = lambda dims, parts, way, groups=1, **_: (
    layer("Conv", dims, CHANNELS * int(torch.tensor(parts).prod()), kernel_size=1, groups=groups)
    if way in ("inner", "outer")
    else None
)


@step
def pixel_shuffles(_: None, x: Tensor, factor: int, first: str) -> Tensor:
    if first == "up":
        # Channels mixed first: else which one a row reads would depend on the column.
        x = x + x.sum(1, keepdim=True)
        return F.pixel_unshuffle(
            F.pixel_shuffle(x.repeat(1, factor**2, 1, 1), factor)[..., :-1], 1
        )[:, :CHANNELS]
    y = F.pixel_unshuffle(split_back(x, factor), factor)
    return y[:, ::3][:, :CHANNELS] + y[:, -CHANNELS:]


def split_back(x: Tensor, factor: int) -> Tensor:
    return x[..., : x.shape[-2] // factor * factor, : x.shape[-1] // factor * factor]


@step
def channels(_: None, x: Tensor, way: str) -> Tensor:
    """Channels in another order, or mixed."""
    if way == "shuffle":
        y = x.view(x.shape[0], 2, 2, *x.shape[2:]).transpose(1, 2)
        return y.reshape(x.shape)
    if way == "list":
        return x[:, [2, 0, 3, 1]]
    if way == "index":
        return torch.index_select(x[:, torch.tensor([2, 0, 3, 1])], 1, torch.arange(4).flip(0))
    if way == "halves":
        left, right = x.chunk(2, dim=1)
        return torch.cat([left.flip(-1), right], dim=1)
    if way == "unbind":
        first, *rest = x.unbind(1)
        return torch.stack([*rest, first * rest[0]], dim=1)
    if way == "einsum":
        return torch.einsum("ncx,od->nox", x.flatten(2), x.new_ones(4, 4)).reshape(x.shape)
    if way == "shifted":  # every channel looks another way
        return torch.cat([torch.roll(part, n, -1) for n, part in enumerate(x.chunk(4, 1))], 1)
    if way == "nothing":
        return torch.cat([torch.tensor([]), x[:, 2:], x[:, :0], x[:, :2]], dim=1)
    y = x.clone()
    y[:, 1:3] = x[:, 2:].flip(-1)
    y[:, 0].mul_(2)
    return y
