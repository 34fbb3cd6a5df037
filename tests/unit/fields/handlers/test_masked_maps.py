"""Constant masks that maps are multiplied by close paths: the fields are those of gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Dirichlet, Gamma
from torch.nn.init import kaiming_uniform_

from archcheck.fields import UnknownField
from tests.support.exactness import assert_every_region, field_of

SHAPE = (2, 6, 8)
Body = Callable[["Net", Tensor, Tensor], Tensor]


def board(high: int, wide: int) -> Tensor:
    """Zeros and ones as on a chessboard."""
    return (torch.arange(high)[:, None] + torch.arange(wide)) % 2


def neighbours(count: int) -> Tensor:
    places = torch.arange(count)
    return ((places[:, None] - places).abs() <= 1).float()


class Net(nn.Module):
    """Two maps, one of which sees further, and what is made of both."""

    board: Tensor
    hole: Tensor

    def __init__(self, body: Body, high: int = 6, wide: int = 8) -> None:
        super().__init__()
        self.near = nn.Conv2d(2, 4, 1)
        self.far = nn.Conv2d(2, 4, 3, padding=1)
        self.last = nn.Conv2d(4, 2, 3, padding=1)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.token = nn.Parameter(torch.ones(4))
        self.trained = nn.Parameter(torch.rand(48, 48) + 0.5)
        self.frozen = nn.Parameter(board(high, wide).float(), requires_grad=False)
        self.register_buffer("board", board(high, wide).float())
        hole = torch.ones(high, wide)
        hole[2:4, 3:6] = 0
        self.register_buffer("hole", hole)
        self.body = body

    def seen(self, x: Tensor) -> Tensor:
        """What the last convolution makes of a map."""
        y: Tensor = self.last(x)
        return y

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self, self.near(x), self.far(x))


def of_a_grid(net: Net, a: Tensor, b: Tensor) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(8), indexing="ij")
    mask = ((rows + columns) % 2 == 0).to(a.dtype)
    return net.seen(a * mask + b * (1 - mask))


def in_place(net: Net, a: Tensor, b: Tensor) -> Tensor:
    a, b = a.clone(), b.clone()
    a *= net.hole
    b.mul_(1 - net.hole)
    return net.seen(a.add_(b))


def into_the_mask(net: Net, a: Tensor, b: Tensor) -> Tensor:
    mask = net.hole.to(a.dtype).expand(1, 4, 6, 8).clone()
    mask *= b
    return net.seen(a + mask)


def coupled(net: Net, a: Tensor, b: Tensor) -> Tensor:
    mask = net.board.to(a.dtype)
    for _ in range(2):
        kept = b * mask
        shift = net.inner(kept)
        b, mask = kept + (1 - mask) * (b * shift.tanh().exp() + shift), 1 - mask
    return b


def masked_tokens(net: Net, a: Tensor, b: Tensor) -> Tensor:
    tokens = b.flatten(2).transpose(1, 2)
    hidden = (torch.arange(48) % 5 == 0).to(b.dtype)[:, None]
    tokens = tokens * (1 - hidden) + net.token * hidden
    return net.seen(tokens.transpose(1, 2).reshape(a.shape))


def channels(net: Net, a: Tensor, b: Tensor) -> Tensor:
    mask = torch.zeros(1, 4, 1, 1, dtype=a.dtype)
    mask[:, :2] = 1
    return (mask * a + (1 - mask) * b)[:, :2]


def fixed_dropout(net: Net, a: Tensor, b: Tensor) -> Tensor:
    kept = torch.rand(6, 8, generator=torch.Generator().manual_seed(3)) < 0.6
    return net.seen(a + b * kept / 0.6)


def neighbouring_tokens(net: Net, a: Tensor, b: Tensor) -> Tensor:
    graph = torch.kron(torch.eye(6), neighbours(8)).to(a.dtype)
    tokens = graph / graph.sum(1, keepdim=True) @ b.flatten(2).transpose(1, 2)
    return net.seen(tokens.transpose(1, 2).reshape(b.shape))


def trained_on_edges(net: Net, a: Tensor, b: Tensor) -> Tensor:
    graph = torch.kron(neighbours(6), torch.eye(8)) * net.trained
    return (b.flatten(2) @ graph.to(b.dtype)).reshape(b.shape)


def decaying(net: Net, a: Tensor, b: Tensor) -> Tensor:
    t = b.flatten(2).transpose(1, 2)
    away = torch.arange(48)[:, None] - torch.arange(48)
    decay = (0.9 ** away.clamp(min=0)) * (away >= 0)
    return ((t @ t.transpose(1, 2) * decay) @ t).transpose(1, 2).reshape(b.shape)


CASES: dict[str, Body] = {
    "a buffer": lambda net, a, b: net.seen(a * net.board + b * (1 - net.board)),
    "booleans": lambda net, a, b: net.seen(a * net.hole.bool() + ~net.hole.bool() * b),
    "made of a grid": of_a_grid,
    "a hole at the end": lambda net, a, b: b * net.hole,
    "a hole at the end, einsum": lambda net, a, b: torch.einsum(
        "bchw,hw->bchw", b, net.hole.to(b.dtype)
    ),
    "a sum that runs over a hole": lambda net, a, b: net.seen((b * net.hole).cumsum(3)),
    "graphs of several kinds": lambda net, a, b: torch.einsum(
        "nkctv,kvw->nctw",
        b.view(1, 2, 2, 6, 8),
        torch.stack([neighbours(8), torch.eye(8)]).to(b.dtype) * net.trained[:8, :8],
    ),
    "a hole": lambda net, a, b: net.seen(b * net.hole),
    "a triangle": lambda net, a, b: net.seen(b * torch.ones(6, 8).tril(1).to(b.dtype)),
    "in place": in_place,
    "a product written over the mask": into_the_mask,
    "addcmul": lambda net, a, b: torch.addcmul(a, b, net.hole.to(a.dtype)),
    "lerp": lambda net, a, b: net.seen(torch.lerp(a, b, net.board.to(a.dtype))),
    "lerp at a weight of its own": lambda net, a, b: torch.lerp(a, b, net.hole.to(a.dtype) / 2),
    "a quotient": lambda net, a, b: net.seen(net.hole / (b + 9) + a),
    "a weight that is masked": lambda net, a, b: net.seen(b * (net.hole * net.trained[:6, :8])),
    "filled": lambda net, a, b: net.seen(b.masked_fill(net.board == 0, 0.0)),
    "coupled": coupled,
    "masked tokens": masked_tokens,
    "channels": channels,
    "dropout that is fixed": fixed_dropout,
    "the sum of what is left": lambda net, a, b: a + (b * net.board).sum((2, 3), keepdim=True),
    "neighbours": lambda net, a, b: b @ neighbours(8).to(b.dtype),
    "neighbours, linear": lambda net, a, b: F.linear(b, neighbours(8).to(b.dtype)),
    "neighbours, einsum": lambda net, a, b: torch.einsum(
        "uh,bchw->bcuw", neighbours(6).to(b.dtype), b
    ),
    "neighbours, tensordot": lambda net, a, b: torch.tensordot(
        b, neighbours(8).to(b.dtype), dims=([3], [0])
    ),
    "neighbouring tokens": neighbouring_tokens,
    "trained on the edges of a graph": trained_on_edges,
    "a decay": decaying,
    "a kernel of one position": lambda net, a, b: F.conv2d(
        b, torch.eye(9, dtype=b.dtype)[:4].view(4, 1, 3, 3), padding=1, groups=4
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_sets_of_a_masked_map_equal_the_gradients(name: str) -> None:
    assert_every_region(Net(CASES[name]).double(), SHAPE)


def edges() -> Tensor:
    """Which tokens of six by eight are side by side."""
    eye = torch.eye(6), torch.eye(8)
    near = torch.kron(neighbours(6), eye[1]) + torch.kron(eye[0], neighbours(8))
    return near > 0


def low(value: float = -1e9) -> Tensor:
    return torch.zeros(48, 48).masked_fill(~edges(), value)


def written_low(net: Net) -> Tensor:
    logits = net.trained.clone()
    logits[~edges()] = float("-inf")
    return logits


LOGITS: dict[str, Callable[[Net], Tensor]] = {
    "filled": lambda net: net.trained.masked_fill(~edges(), float("-inf")),
    "added": lambda net: net.trained / 2 + low(),
    "taken away": lambda net: net.trained - (~edges()).float() * 1e9,
    "taken from": lambda net: low() - net.trained,
    "chosen": lambda net: torch.where(edges(), net.trained, torch.tensor(-1e9)),
    "written": written_low,
    "stacked": lambda net: torch.stack([net.trained + low(), net.trained + low()])[1],
}


@pytest.mark.parametrize("name", LOGITS)
def test_what_a_mask_makes_low_in_trained_logits_is_left_out_of_a_softmax(name: str) -> None:
    def weighted(net: Net, a: Tensor, b: Tensor) -> Tensor:
        weights = LOGITS[name](net).softmax(-1).to(b.dtype)
        return (weights @ b.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(b.shape)

    def added(net: Net, a: Tensor, b: Tensor) -> Tensor:
        t = b.flatten(2).transpose(1, 2)
        scores = t @ t.transpose(1, 2) + LOGITS[name](net)
        return (scores.softmax(-1) @ t).transpose(1, 2).reshape(b.shape)

    def given(net: Net, a: Tensor, b: Tensor) -> Tensor:
        t = b.flatten(2).transpose(1, 2)
        t = F.scaled_dot_product_attention(t, t, t, LOGITS[name](net).to(t.dtype))
        return t.transpose(1, 2).reshape(b.shape)

    for body in (weighted, added, given):
        field = assert_every_region(Net(body).double(), SHAPE)
        assert field.unit((0, 0)).actual.count == 8


HALVES = torch.full((6, 8), 0.5)
OPEN: dict[str, Body] = {
    "trained": lambda net, a, b: a + b * net.trained[:6, :8],
    "of trained values": lambda net, a, b: a + b * (net.trained[:6, :8] > 1),
    "drawn in each pass": lambda net, a, b: a + b * (torch.rand(6, 8) > 2),
    "drawn, where": lambda net, a, b: torch.where(torch.rand(6, 8) > 2, b, a),
    "drawn, filled": lambda net, a, b: a + b.masked_fill(torch.rand(6, 8) < 2, 0.0),
    "drawn as weights": lambda net, a, b: torch.where(
        kaiming_uniform_(torch.empty(6, 8)) > 9, b, a
    ),
    "drawn as counts": lambda net, a, b: torch.where(torch.binomial(HALVES, HALVES) > 2, b, a),
    "drawn as shares": lambda net, a, b: torch.where(Dirichlet(HALVES).sample() > 2, b, a),
    "drawn above zero": lambda net, a, b: torch.where(Gamma(HALVES, HALVES).sample() < 0, b, a),
    "dropped in each pass": lambda net, a, b: torch.where(F.dropout(torch.ones(6, 8)) > 3, b, a),
    "dropped alpha": lambda net, a, b: torch.where(
        F.alpha_dropout(HALVES, training=True) > 9, b, a
    ),
    "of the input": lambda net, a, b: a + b * (a > 1e9),
    "negative weights": lambda net, a, b: a + b * (net.board - net.board.T[:6].sum() * net.hole),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_is_no_constant_mask_closes_nothing(name: str) -> None:
    field = field_of(Net(OPEN[name]), SHAPE)
    assert (field.size, field.smallest) == ((3, 3), (3, 3))


def test_dropout_that_is_off_leaves_a_mask_as_it_is() -> None:
    def body(net: Net, a: Tensor, b: Tensor) -> Tensor:
        return a * F.dropout(net.board, training=False) + b * (1 - net.board)

    assert_every_region(Net(body).double(), SHAPE)
    assert field_of(Net(body), SHAPE).smallest == (1, 1)


def test_a_mask_on_a_device_without_values_is_not_guessed() -> None:
    with torch.device("meta"):
        net = Net(lambda net, a, b: net.seen(b * net.hole))
    with pytest.raises(UnknownField, match="values were not read"):
        field_of(net, SHAPE)


def test_a_parameter_of_zeros_and_ones_that_is_never_trained_is_a_mask() -> None:
    fields = [
        field_of(Net(body), SHAPE)
        for body in (
            lambda net, a, b: a * net.board + b * (1 - net.board),
            lambda net, a, b: a * net.frozen + b * (1 - net.frozen),
        )
    ]
    for unit in np.ndindex(6, 8):
        of_buffer, of_parameter = [field.unit(unit).actual for field in fields]
        assert of_buffer == of_parameter
        assert (of_buffer.count == 1) == (sum(unit) % 2 == 1)


class Mixed(nn.Module):
    """Of a map and what a convolution makes of it, every other position each."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(2, 2, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        mask = board(*x.shape[2:]).to(x.dtype)
        for conv in self.convs:
            x = x * mask + conv(x) * (1 - mask)
        return x


def test_a_regular_mask_goes_on_beyond_the_borders() -> None:
    assert_every_region(Mixed().double(), SHAPE)
    small, large = field_of(Mixed(), SHAPE), field_of(Mixed(), (2, 30, 32))
    for unit in ((0, 0), (0, 1), (3, 3), (5, 6)):
        endless = small.unit(unit).theoretical
        inside = large.unit((unit[0] + 12, unit[1] + 12)).actual
        mask = endless.mask((-12, -12), (30, 32))
        assert np.array_equal(mask, inside.mask())


def test_a_large_chessboard_is_as_small_a_table_as_a_small_one() -> None:
    field = field_of(Net(CASES["a buffer"], 96, 128), (2, 96, 128))
    assert field.map.tracks[0].local.values.size <= 4
