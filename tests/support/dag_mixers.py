"""What a drawn graph is made of, too: axes that are joined one by one, seen as channels or as
depth, and attention over channels or a few latents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.dag_pieces import LAYERS, STEPS
from tests.support.dag_steps import CHANNELS, layer, step

__all__ = ["LAYERS", "STEPS"]


def strip_added(net: nn.Module, x: Tensor) -> Tensor:
    """Strip pooling: rows are averaged, a convolution runs along what is left."""
    y: Tensor = net(x.mean(-1).flatten(2))
    return x + y.view(x.shape[:-1]).unsqueeze(-1)


def strip_expanded(net: nn.Module, x: Tensor) -> Tensor:
    y: Tensor = net(x.mean(-1).flatten(2))
    return y.view(x.shape[:-1]).unsqueeze(-1).expand_as(x)


def averages_alone(net: nn.Module, x: Tensor) -> Tensor:
    return x.mean(-1, keepdim=True).repeat(*[1] * (x.dim() - 1), x.shape[-1])


def resized_average(net: nn.Module, x: Tensor) -> Tensor:
    y = x.mean(-1, keepdim=True).flatten(2, -2)
    return F.interpolate(y, size=(y.shape[2], x.shape[-1])).view(x.shape)


STRIPS: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    way.__name__: way for way in (strip_added, strip_expanded, averages_alone, resized_average)
}
"""What is done with the averages along one axis."""


@step
def strip(net: nn.Module, x: Tensor, dim: int, way: str) -> Tensor:
    return STRIPS[way](net, x.movedim(dim, -1)).movedim(-1, dim)


LAYERS["strip"] = lambda dims, **_: layer("Conv", 1, kernel_size=3, padding=1)


@step
def coordinate(net: nn.Module, x: Tensor) -> Tensor:
    """Coordinate attention: averages along either axis, concatenated, mixed and split again."""
    sides = x.shape[2:]
    both: Tensor = net(torch.cat([x.mean(3), x.mean(2)], 2))
    rows, columns = both.tensor_split([sides[0]], 2)
    return (x + 1) * rows.sigmoid().unsqueeze(3) * columns.sigmoid().unsqueeze(2)


LAYERS["coordinate"] = lambda dims: layer("Conv", 1, kernel_size=1)


@step
def patches(net: nn.Module, x: Tensor, kernel_size: int, stride: int, padding: int) -> Tensor:
    """Overlapping patches as tokens, each mixed by a linear layer."""
    columns = F.unfold(x, kernel_size, 1, padding, stride).transpose(1, 2)
    tokens: Tensor = net(columns).transpose(1, 2)
    sides = [(side + 2 * padding - kernel_size) // stride + 1 for side in x.shape[2:]]
    return tokens.reshape(x.shape[0], CHANNELS, *sides)


LAYERS["patches"] = lambda dims, kernel_size, **_: nn.Linear(CHANNELS * kernel_size**2, CHANNELS)


@step
def spectral(net: nn.Module, x: Tensor) -> Tensor:
    """Channels as depth."""
    return net(x.unsqueeze(1)).squeeze(1)  # type: ignore[no-any-return]


LAYERS["spectral"] = lambda dims: getattr(nn, f"Conv{dims + 1}d")(1, 1, 3, padding=1)


@step
def rows_as_channels(net: nn.Module, x: Tensor, side: int) -> Tensor:
    """A convolution along the last axis that mixes all positions of the others."""
    lines: Tensor = net(x.flatten(1, -2))
    return lines.view(x.shape)


LAYERS["rows_as_channels"] = lambda dims, side: nn.Conv1d(
    CHANNELS * side, CHANNELS * side, 3, padding=1
)


@step
def mixed_tokens(net: nn.Module, x: Tensor, count: int) -> Tensor:
    """A linear layer over all tokens."""
    return x + net(x.flatten(2)).view(x.shape)  # type: ignore[no-any-return]


LAYERS["mixed_tokens"] = lambda dims, count: nn.Linear(count, count)


@step
def channel_attention(_: None, x: Tensor) -> Tensor:
    rows = x.flatten(2)
    scores = torch.softmax(rows @ rows.transpose(1, 2), -1)
    return (scores @ (rows + 1)).view(x.shape)  # a zero of the padding would hide the scores


@step
def latents(_: None, x: Tensor) -> Tensor:
    """A few learned queries read all tokens, and all tokens read them."""
    tokens = x.flatten(2).transpose(1, 2)
    few = torch.softmax(tokens.new_ones(1, 3, CHANNELS) @ tokens.transpose(1, 2), -1) @ tokens
    back = torch.softmax(tokens @ few.transpose(1, 2), -1) @ few
    return x + back.transpose(1, 2).reshape(x.shape)


def attended(x: Tensor, y: Tensor) -> Tensor:
    queries, keys = x.flatten(2).transpose(1, 2), y.flatten(2).transpose(1, 2)
    read = F.scaled_dot_product_attention(queries, keys, keys)
    return read.transpose(1, 2).reshape(x.shape)


def volume(x: Tensor, y: Tensor) -> Tensor:
    """What stereo networks compare: one map beside the other, moved by some positions."""
    x, y = x + 1, y + 1
    cost = x.new_zeros(1, 3, *x.shape[1:])
    for shift in range(min(3, x.shape[-1])):
        if shift:
            cost[:, shift, ..., shift:] = x[..., shift:] * y[..., :-shift]
        else:
            cost[:, shift] = x * y
    return cost.sum(1)


def coupled(x: Tensor, y: Tensor) -> Tensor:
    """Every second position from the one map, the others from the other."""
    places = sum(torch.meshgrid(*map(torch.arange, x.shape[2:]), indexing="ij"))
    mask = torch.as_tensor(places) % 2
    return mask * x + (1 - mask) * y


def correlated(x: Tensor, y: Tensor) -> Tensor:
    padded = F.pad(y, (1, 1)) + 1
    x = x + 1
    near = [(x * padded[..., n : n + x.shape[-1]]).sum(1, keepdim=True) for n in range(3)]
    return torch.cat([*near, x[:, :1]], 1)


PAIRS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    way.__name__: way for way in (attended, volume, coupled, correlated)
}
"""Ways in which two maps of one size meet."""


@step
def pair(_: None, x: Tensor, y: Tensor, way: str) -> Tensor:
    common: Any = (..., *(slice(min(n)) for n in zip(x.shape[2:], y.shape[2:], strict=True)))
    return PAIRS[way](x[common], y[common])
