"""What a drawn graph is made of, too: what joins positions, and what merges two maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.dag_steps import CHANNELS, LAYERS, STEPS, by_rank, layer, split_sides, step

__all__ = ["LAYERS", "STEPS"]

# -- joining -----------------------------------------------------------------------------------


def attend(tokens: Tensor, way: str, net: nn.Module | None) -> Tensor:
    """Mix the tokens of (..., tokens, channels)."""
    if way == "function":
        return F.scaled_dot_product_attention(tokens, tokens, tokens)
    if way == "module":
        assert net is not None
        flat = tokens.reshape(-1, *tokens.shape[-2:])
        mixed: Tensor = net(flat, flat, flat, need_weights=False)[0]
        return mixed.reshape(tokens.shape)
    if way == "mean":
        return tokens + tokens.mean(-2, keepdim=True)
    if way == "causal":
        return F.scaled_dot_product_attention(tokens, tokens, tokens, is_causal=True)
    scores = tokens @ tokens.transpose(-1, -2)
    places = torch.arange(tokens.shape[-2])
    far = (places[:, None] - places[None, :]).abs() > 1
    if way == "filled":
        scores = scores.masked_fill(far, float("-inf"))
    if way == "added":
        scores = scores + torch.where(far, -100.0, 0.0)
    return torch.softmax(scores, dim=-1) @ tokens


def attention(way: str, **_: Any) -> nn.Module | None:
    return nn.MultiheadAttention(CHANNELS, 2, batch_first=True) if way == "module" else None


@step
def windows(
    net: nn.Module | None, x: Tensor, parts: Sequence[int], way: str, shift: int, grid: bool
) -> Tensor:
    """Attention inside windows, or over a grid; the windows shifted without a mask."""
    if shift:
        x = torch.roll(x, (-shift,) * len(parts), tuple(range(2, x.dim())))
    y, kept = split_sides(x, parts, grid)
    outer, inner = list(range(2, y.dim(), 2)), list(range(3, y.dim(), 2))
    if grid:
        outer, inner = inner, outer
    order = [0, *outer, *inner, 1]
    y = y.permute(order)
    shape = y.shape
    tokens = y.reshape(-1, int(torch.tensor(parts).prod()), CHANNELS)
    y = attend(tokens, way, net).view(shape)
    y = y.permute([order.index(axis) for axis in range(len(order))])
    y = y.reshape(x.shape[0], CHANNELS, *kept)
    return torch.roll(y, (shift,) * len(parts), tuple(range(2, y.dim()))) if shift else y


LAYERS["windows"] = lambda dims, **options: attention(**options)


@step
def axial(net: nn.Module | None, x: Tensor, dim: int, way: str) -> Tensor:
    y = x.movedim(dim, -1).movedim(1, -1)
    return attend(y, way, net).movedim(-1, 1).movedim(-1, dim)


LAYERS["axial"] = lambda dims, **options: attention(**options)


@step
def halo(_: None, x: Tensor, dim: int, block: int, reach: int) -> Tensor:
    """Every position reads all of its block and some positions on either side of it."""
    y = x.movedim(dim, -1)
    y = y[..., : y.shape[-1] // block * block]
    read = F.pad(y, (reach, reach)).unfold(-1, block + 2 * reach, block).mean(-1)
    return (y + read.repeat_interleave(block, -1)).movedim(-1, dim)


@step
def gate(_: None, x: Tensor, dims: Sequence[int], way: str) -> Tensor:
    if way == "pool":
        return x * torch.sigmoid(by_rank("adaptive_avg_pool", x)(x, 1))
    if way == "expand":
        return x + x.mean(tuple(dims), keepdim=True).expand_as(x)
    if way == "number":
        return x * (x.sum() + x.flatten(2).mean() + x[0, 0].sum()).sigmoid()
    return x * F.hardsigmoid(x.sum(tuple(dims), keepdim=True))


@step
def along(net: nn.Module | None, x: Tensor, dim: int, way: str, side: int) -> Tensor:
    """One axis joined whole."""
    if net is not None:
        return net(x.transpose(dim, -1)).transpose(dim, -1)  # type: ignore[no-any-return]
    if way == "cumsum":  # from both ends, for it counts as reading everything
        return x.cumsum(dim) + x.flip(dim).cumsum(dim).flip(dim)
    return x.softmax(dim)


LAYERS["along"] = lambda dims, way, side, **_: nn.Linear(side, 5) if way == "linear" else None


@step
def norm(net: nn.Module, x: Tensor, way: str) -> Tensor:
    if way == "last":  # channels last, as in ConvNeXt
        return net(x.movedim(1, -1)).movedim(-1, 1)  # type: ignore[no-any-return]
    return net(x)  # type: ignore[no-any-return]


def norms(dims: int, way: str) -> nn.Module:
    if way == "group":
        return nn.GroupNorm(2, CHANNELS)
    if way in ("batch", "instance"):
        made: nn.Module = getattr(nn, f"{way.title()}Norm{dims}d")(CHANNELS)
        return made
    return nn.LayerNorm(CHANNELS) if way == "last" else nn.LocalResponseNorm(3)


LAYERS["norm"] = norms


# -- two maps ----------------------------------------------------------------------------------


def fitted(x: Tensor, y: Tensor, fit: str) -> tuple[Tensor, Tensor]:
    """Two maps of one size: cut to what both have, or the second one resized."""
    if fit == "resize":
        return x, F.interpolate(y, size=x.shape[2:], mode="nearest")
    common: Any = (
        ...,
        *(slice(min(sides)) for sides in zip(x.shape[2:], y.shape[2:], strict=True)),
    )
    return x[common], y[common]


@step
def two(net: nn.Module | None, x: Tensor, y: Tensor, way: str, fit: str) -> Tensor:
    x, y = fitted(x, y, fit)
    if way == "cat":
        return net(torch.cat([x, y], dim=1))  # type: ignore[misc, no-any-return]
    if way == "some":
        return torch.cat([x[:, 1:3], y[:, :2]], dim=1)
    if way == "gate":  # one more, for a zero of the padding would hide the gate
        return (x + 1) * torch.sigmoid(y)
    if way == "in place":
        z = x * 1
        z += y
        return z.relu_()
    if way == "write":
        z = x.clone()
        z[:, :, 1:] = y[:, :, :-1]
        return z
    return x + y


LAYERS["two"] = lambda dims, way, **_: (
    layer("Conv", dims, 2 * CHANNELS, kernel_size=1) if way == "cat" else None
)
