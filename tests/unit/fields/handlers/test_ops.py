"""Every operation that vision networks use, in its spellings, against gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from tests.support.exactness import assert_every_unit
from tests.support.modules import SHAPES, Applied, Function

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def broadcast(*tensors: Tensor) -> Any:
    return torch.broadcast_tensors(*tensors)  # type: ignore[no-untyped-call]


def cut(x: Tensor, sizes: int | list[int], dim: int) -> Any:
    return x.split(sizes, dim)  # type: ignore[no-untyped-call]


def spaces(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


ANY: dict[str, Function] = {
    # arithmetic, in all spellings
    "add": lambda x: torch.add(x, x.flip(-1), alpha=2),
    "add_": lambda x: x.add_(x.flip(-1)),
    "radd": lambda x: 1 + x,
    "sub": lambda x: x.sub(x.flip(-1)),
    "rsub": lambda x: 2 - x,
    "mul": lambda x: x * x.flip(-1),
    "mul_": lambda x: x.mul_(x.flip(-1)),
    "div": lambda x: x / (x.flip(-1) + 1),
    "div rounded": lambda x: torch.div(x, 2.0),
    "neg": lambda x: -x,
    "pow": lambda x: x**2 + x.pow(3),
    "rpow": lambda x: 2**x,
    "square": lambda x: x.square() + torch.square(x),
    "exp": lambda x: (x / 100).exp(),
    "rsqrt": lambda x: torch.rsqrt(x),
    "sqrt": lambda x: x.sqrt(),
    "reciprocal": lambda x: x.reciprocal(),
    "log": lambda x: torch.log(x) + torch.log1p(x),
    "clamp": lambda x: x.clamp(0, 6),
    "clip": lambda x: x.clip(min=0),
    "clamp_": lambda x: x.clamp_(min=0),
    "abs": lambda x: x.abs() + torch.abs(x),
    "maximum": lambda x: torch.maximum(x, x.flip(-1)),
    "minimum": lambda x: torch.minimum(x, x.flip(-1)),
    "addcmul": lambda x: torch.addcmul(x, x.flip(-1), x, value=2),
    "addcmul_": lambda x: x.clone().addcmul_(x.flip(-1), x),
    "addcdiv": lambda x: torch.addcdiv(x, x.flip(-1), x + 1),
    "lerp": lambda x: torch.lerp(x, x.flip(-1), 0.5),
    "lerp by a tensor": lambda x: torch.lerp(x, x.flip(-1), torch.full_like(x, 0.5)),
    "hypot": lambda x: torch.hypot(x, x.flip(-1)),
    # activations
    "relu": lambda x: torch.relu(x) + x.relu() + F.relu(x),
    "relu_": lambda x: F.relu_(x),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "silu": lambda x: F.silu(x),
    "sigmoid": lambda x: torch.sigmoid(x) + x.sigmoid() + F.sigmoid(x),
    "tanh": lambda x: torch.tanh(x) + x.tanh(),
    "hardtanh": lambda x: F.hardtanh(x, -1, 1),
    "relu6": lambda x: F.relu6(x),
    "hardsigmoid": lambda x: F.hardsigmoid(x),
    "hardswish": lambda x: F.hardswish(x),
    "elu": lambda x: F.elu(x) + F.selu(x) + F.celu(x),
    "mish": lambda x: F.mish(x) + F.softplus(x) + F.softsign(x),
    "shrink": lambda x: F.hardshrink(x) + F.softshrink(x) + F.tanhshrink(x),
    "logsigmoid": lambda x: F.logsigmoid(x),
    "threshold": lambda x: F.threshold(x, 0.1, 0.0),
    "prelu": lambda x: F.prelu(x, torch.full((4,), 0.25, dtype=x.dtype)),
    "rrelu": lambda x: F.rrelu(x),
    "glu": lambda x: F.glu(x, 1),
    "softmax": lambda x: x.softmax(-1) + torch.softmax(x, 1) + F.softmax(x, dim=2),
    "log_softmax": lambda x: F.log_softmax(x, 1) + x.log_softmax(dim=1),
    "dropout": lambda x: F.dropout(x, 0.1, False) + F.alpha_dropout(x, 0.1, False),
    # copies
    "float": lambda x: x.float().double() + x.half().double() + x.to(torch.float64),
    "to another's type": lambda x: x.float().to(x) + x.float().type_as(x) + x.type(torch.float64),
    "contiguous": lambda x: x.contiguous().clone() + torch.clone(x),
    # shapes
    "flatten": lambda x: x.flatten(2).reshape(x.shape) + torch.flatten(x, 1).view(x.shape),
    "view_as": lambda x: x.flatten(1).view_as(x) + x.flatten(1).reshape_as(x),
    "unflatten": lambda x: nn.Unflatten(1, (2, -1))(x).flatten(1, 2),
    "squeeze": lambda x: x.unsqueeze(-1).squeeze(-1) + x.unsqueeze(1).squeeze(),
    "squeeze several": lambda x: x[:, None, :, None].squeeze((1, 3)),
    "unsqueeze_": lambda x: x.clone().unsqueeze_(1).squeeze_(1),
    "permute": lambda x: torch.permute(x, (0, *spaces(x), 1)).movedim(-1, 1),
    "permute by negatives": lambda x: (
        x.permute(0, -1, *range(1, x.ndim - 1)).transpose(1, -1) if x.ndim == 3 else x
    ),
    "transpose": lambda x: x.transpose(1, -1).transpose(-1, 1),
    "transpose_": lambda x: x.clone().transpose_(1, -1).swapaxes(1, -1),
    "swapdims": lambda x: torch.swapdims(torch.swapaxes(x, 1, 2), 1, 2),
    "moveaxis": lambda x: torch.moveaxis(torch.movedim(x, (1, 2), (2, 1)), 1, 2),
    "expand": lambda x: x.mean(1, keepdim=True).expand(-1, 3, *x.shape[2:]),
    "expand_as": lambda x: x.mean(2, keepdim=True).expand_as(x) + x,
    "broadcast_to": lambda x: x + torch.broadcast_to(x.sum(-1, keepdim=True), x.shape),
    "broadcast_tensors": lambda x: x + broadcast(x, x.mean(-1, keepdim=True))[1],
    "repeat": lambda x: x.repeat(1, 2, *[1] * (x.ndim - 3), 2),
    "tile": lambda x: x.tile(2) + torch.tile(x, (1, 1, *[1] * (x.ndim - 3), 2)),
    "repeat_interleave": lambda x: (
        x.repeat_interleave(2, -1) + torch.repeat_interleave(x, repeats=2, dim=x.ndim - 1)
    ),
    "repeat_interleave by a tensor": lambda x: x.repeat_interleave(
        torch.arange(x.shape[-1]) % 3, dim=-1
    ),
    "roll": lambda x: torch.roll(x, (1, -2), (1, 2)) + x.roll(3, -1),
    "roll all": lambda x: torch.roll(x, 5),
    "flip": lambda x: x.flip(-1) + torch.flip(x, [1, 2]) + x.flip(1, -1),
    "fliplr": lambda x: x.fliplr() + torch.flipud(x),
    "diff": lambda x: F.pad(x.diff(), (1, 0)) + F.pad(torch.diff(x, n=2, dim=-1), (0, 2)),
    # pieces
    "chunk": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1) + torch.cat(torch.chunk(x, 3, -1), -1),
    "split": lambda x: torch.cat(cut(x, 3, -1)[::-1], -1) + torch.cat(cut(x, [1, 3], 1), 1),
    "tensor_split": lambda x: (
        torch.cat(torch.tensor_split(x, 4, -1)[::-1], -1)
        + torch.cat(x.tensor_split((1, 3), dim=1), 1)
    ),
    "hsplit": lambda x: torch.cat(torch.hsplit(x, 2)[::-1], 1),
    "unbind": lambda x: torch.stack(x.unbind(-1)[::-1], -1) + torch.stack(torch.unbind(x, 1), 1),
    "iterate": lambda x: torch.stack(list(x.transpose(0, -1))[::-1], -1),
    "unsafe_chunk": lambda x: torch.cat(torch.unsafe_chunk(x, 2, 1), 1),
    "narrow": lambda x: x.narrow(-1, 1, 3) + torch.narrow(x, -1, -3, 3),
    "select": lambda x: x.select(1, 0).unsqueeze(1) + torch.select(x, 1, -1).unsqueeze(1),
    "index steps": lambda x: x[..., ::2] + x[..., 1::2],
    "index from behind": lambda x: x[:, -3:-1, ..., -4:],
    "index None": lambda x: x[:, None, 1] + x[:, [0, 2]][:, :, None].flatten(1, 2)[:, :1],
    "index Ellipsis": lambda x: x[..., None, 1:].squeeze(-2),
    "diagonal": lambda x: torch.diagonal(x, dim1=1, dim2=2)[:, None, ..., :],
    "cat": lambda x: torch.cat((x, x.flip(-1)), dim=-1) + torch.concat([x, x], -1),
    "cat with a negative dimension": lambda x: torch.cat([x, x[..., :1]], dim=-1),
    "cat of constants": lambda x: torch.cat([x, torch.ones_like(x[:, :1]), x], 1),
    "stack": lambda x: (
        torch.stack((x, x.flip(-1)), dim=1).flatten(1, 2)
        + torch.stack([x, x], -1).flatten(1, 1).sum(-1).repeat(1, 2, *[1] * (x.ndim - 2))
    ),
    "hstack": lambda x: torch.hstack((x, x.flip(-1))),
    "vstack": lambda x: torch.vstack((x, x.flip(-1))).sum(0, keepdim=True),
    "dstack": lambda x: torch.dstack((x, x.flip(-1))),
    "column_stack": lambda x: torch.column_stack([x, x.flip(-1)]),
    # reductions and scans
    "mean": lambda x: x - x.mean(-1, keepdim=True) + torch.mean(x, (1, -1), True),
    "mean over all": lambda x: x * x.mean(),
    "sum": lambda x: x + x.sum(dim=-1, keepdim=True) + x.sum((1, 2), keepdim=True),
    "prod": lambda x: x + (x / 10).prod(-1, keepdim=True),
    "var": lambda x: x + x.var(1, keepdim=True) + x.std(1, keepdim=True, unbiased=False),
    "norm": lambda x: x / x.norm(dim=1, keepdim=True) + x.norm(2, -1, True),
    "linalg norm": lambda x: x / torch.linalg.vector_norm(x, dim=-1, keepdim=True),
    "frobenius": lambda x: x / torch.norm(x, p="fro", dim=(1, 2), keepdim=True),
    "normalize": lambda x: F.normalize(x) + F.normalize(x, dim=-1) + F.normalize(x, p=1.0, dim=2),
    "normalize over two": lambda x: F.normalize(x, dim=(1, -1)),  # type: ignore[arg-type]
    "logsumexp": lambda x: x + torch.logsumexp(x, -1, keepdim=True),
    "cumsum": lambda x: x.cumsum(-1) + torch.cumsum(x, dim=1),
    "cumprod": lambda x: (x / 10).cumprod(-1),
    "logcumsumexp": lambda x: torch.logcumsumexp(x, -1),
    "cosine similarity": lambda x: F.cosine_similarity(x, x.flip(-1), dim=1).unsqueeze(1),
    # norms
    "batch_norm": lambda x: F.batch_norm(x, torch.zeros(4).to(x), torch.ones(4).to(x)),
    "group_norm": lambda x: F.group_norm(x, 2),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[1:]),
    "instance_norm": lambda x: F.instance_norm(x),
    "rms_norm": lambda x: F.rms_norm(x.transpose(1, -1), (4,)).transpose(1, -1),
    "local_response_norm": lambda x: F.local_response_norm(x, 3),
    # products
    "einsum": lambda x: x + torch.einsum("nc...w,vw->nc...v", x, torch.eye(x.shape[-1]).to(x) + 1),
    "einsum outer": lambda x: torch.einsum("nc...,nd...->n...d", x, x).movedim(-1, 1),
    "einsum implied": lambda x: torch.einsum("n...w->nw...", x).movedim(1, -1),
    "einsum of a list": lambda x: torch.einsum("nc...,oc->no...", [x, torch.ones(2, 4).to(x)]),
    "einsum of three": lambda x: torch.einsum(
        "nc...,cd,do->no...", x, torch.ones(4, 3).to(x), torch.ones(3, 2).to(x)
    ),
    "tensordot": lambda x: torch.tensordot(x, torch.ones(4, 3).to(x), ([1], [0])).movedim(-1, 1),
    "matmul by a weight": lambda x: (x.transpose(1, -1) @ torch.ones(4, 2).to(x)).transpose(1, -1),
    "linear": lambda x: F.linear(x, torch.ones(3, x.shape[-1]).to(x)),
    "bilinear": lambda x: F.bilinear(
        x.transpose(1, -1), x.transpose(1, -1), torch.ones(2, 4, 4).to(x)
    ).transpose(1, -1),
    "cdist": lambda x: torch.cdist(x.flatten(2)[..., :4], x.flatten(2)[..., 4:8]),
    "outer": lambda x: torch.outer(x[0, 0].flatten(), torch.ones(2).to(x)).T.reshape(
        1, 2, *x.shape[2:]
    ),
    "addr": lambda x: torch.addr(
        x[0].flatten(1)[:, :5], x[0, :, 0].flatten()[:4], x[0, 0].flatten()[:5]
    )[None],
    "inner": lambda x: torch.inner(x, torch.ones(3, x.shape[-1]).to(x)),
    "inner of two maps": lambda x: torch.inner(x.flatten(2)[0], x.flatten(2)[0, :2])[None],
    "vecdot": lambda x: torch.linalg.vecdot(x, x.flip(-1), dim=1).unsqueeze(1),
    "vecdot of the last": lambda x: torch.linalg.vecdot(x, torch.ones(x.shape[-1]).to(x))[
        ..., None
    ],
    "vdot": lambda x: torch.vdot(x[0, 0].flatten(), x[0, 1].flatten())[None, None, None],
    "multi_dot of a row and a column": lambda x: torch.linalg.multi_dot(
        [torch.ones(4).to(x), x.flatten(2)[0], x.flatten(2)[0, 0]]
    )[None, None, None],
    "addbmm": lambda x: torch.addbmm(
        torch.ones(4, 4).to(x), *[x.flatten(2).expand(2, -1, -1)[..., i : i + 4] for i in (0, 2)]
    )[None],
    "multi_dot": lambda x: torch.linalg.multi_dot(
        [x.flatten(2)[0], torch.ones(x[0, 0].numel(), 3).to(x), torch.ones(3, 2).to(x)]
    )[None],
    "matrix_power": lambda x: torch.cat(
        [torch.linalg.matrix_power(x.flatten(2)[..., :4], n) for n in (1, 2, 5)]
    )[None],
    "kron": lambda x: torch.kron(x, torch.ones(2, 3).to(x)) + torch.kron(torch.ones(2, 3).to(x), x),
    "kron of two maps": lambda x: torch.kron(x[0, 0].flatten()[:3], x[0, 1].flatten()[:5])[
        None, None
    ],
    "meshgrid of maps": lambda x: torch.stack(
        torch.meshgrid(x[0, 0].flatten()[:3], x[0, 1].flatten()[:5], indexing="xy")
    )[None],
    "cat with what is empty": lambda x: torch.cat([torch.tensor([]).to(x), x, x[..., :0]], -1),
    # constants made in forward
    "positions": lambda x: (
        x
        + torch.linspace(0, 1, x.shape[-1]).to(x)
        + torch.arange(4).view(1, 4, *[1] * (x.ndim - 2))
    ),
    "meshgrid": lambda x: (
        x + torch.meshgrid(*[torch.arange(s) for s in x.shape[2:]], indexing="ij")[0]
    ),
    "one_hot of constants": lambda x: (
        x + F.one_hot(torch.arange(4) % 2, 3).sum(1).view(1, 4, *[1] * (x.ndim - 2))
    ),
    "zeros in place": lambda x: torch.zeros_like(x).add_(x).mul_(2),
    # pads
    "pad": lambda x: F.pad(x, (2, 1)) + F.pad(x, [1, 2], value=1.0),
    "pad negative": lambda x: F.pad(x, (-1, 2)),
    "pad channels": lambda x: F.pad(x, [*[0, 0] * (x.ndim - 2), 1, 0]),
    "pad reflect": lambda x: F.pad(x, [1, 2] * (x.ndim - 2), mode="reflect"),
    "pad replicate": lambda x: F.pad(x, [2, 1] * (x.ndim - 2), mode="replicate"),
    "pad circular": lambda x: F.pad(x, [1, 3] * (x.ndim - 2), mode="circular"),
    "pad twice": lambda x: F.pad(F.pad(x, (1, 0)), (0, 1)),
}


UNLABELLED = {
    *("iterate", "diagonal", "cdist", "roll all", "outer", "addr", "inner", "inner of two maps"),
    *("vdot", "addbmm", "multi_dot", "multi_dot of a row and a column", "matrix_power", "kron"),
    *("kron of two maps", "meshgrid of maps", "vecdot of the last"),
}
"""Whose dimensions count no positions of space any more, or not surely."""


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("name", ANY)
def test_an_operation_of_any_rank(name: str, dims: int) -> None:
    if name in ("dstack",) and dims == 1:
        pytest.skip("stacks along the third axis")
    assert_every_unit(
        Applied(dims, ANY[name]), SHAPES[dims], most=40, labelled=name not in UNLABELLED
    )


class Sorted(nn.Module):
    """Sorts along one axis of space, by one of torch's functions."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "msort":  # along the first axis
            return torch.msort(x.transpose(0, 2)).transpose(0, 2)
        return x.sort(2).values if self.way == "sort" else x.topk(8, 2).values


@pytest.mark.parametrize("way", ["msort", "sort", "topk"])
def test_what_is_sorted_depends_on_all_of_its_axis_and_no_other(way: str) -> None:
    # A gradient leads to one element only, so values are changed one by one.
    net, x = Sorted(way), torch.arange(64.0).reshape(1, 1, 8, 8)
    unit = net(x)[0, 0, 3, 5]
    changes = {
        at
        for at in [(row, column) for row in range(8) for column in range(8)]
        if any(net(x + _one(at, by))[0, 0, 3, 5] != unit for by in (-100, 100))
    }
    field = archcheck.receptive_field(archcheck.trace(net, (1, 8, 8))).at("output")
    assert changes == {(row, 5) for row in range(8)}
    assert field.size == (8, 1)


def _one(at: tuple[int, int], by: float) -> Tensor:
    change = torch.zeros(1, 1, 8, 8)
    change[0, 0, *at] = by
    return change


class PackedSteps(nn.Module):
    """A recurrent layer over the first steps of a map, with padding behind them."""

    def __init__(self, kind: Any, *, bidirectional: bool) -> None:
        super().__init__()
        self.stem = nn.Conv1d(2, 4, 3, padding=1)
        self.layer = kind(4, 3, batch_first=True, bidirectional=bidirectional)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.stem(x).transpose(1, 2)
        packed = nn.utils.rnn.pack_padded_sequence(steps, torch.tensor([9]), batch_first=True)
        read = self.layer(packed)[0]
        padded, _ = nn.utils.rnn.pad_packed_sequence(read, batch_first=True, total_length=12)
        return padded.transpose(1, 2)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_packed_sequence_is_its_first_steps(kind: Any, bidirectional: bool) -> None:
    field = assert_every_unit(PackedSteps(kind, bidirectional=bidirectional), (2, 12))
    assert field.unit((11,)).actual.count == 0
