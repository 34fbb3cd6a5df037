"""Multiply-accumulates of whatever a pass computes, work on weights included, beside torch's own
counter; and where the two differ."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archcheck
from archcheck.network import Network
from archcheck.network.contractions import chain_products, einsum_products
from archcheck.network.macs import op_macs

Function = Callable[[Tensor, Tensor], Any]
SHAPE = (4, 8, 6)
TORCH: Any = torch
"""torch, some of whose functions have no types."""


class Of(nn.Module):
    """A function of the input, of 4 x 8 x 6, and of a square weight of six rows."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(6, 6) + torch.eye(6))
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x, self.weight)


def traced(function: Function) -> Network:
    return archcheck.trace(Of(function), SHAPE)


def counted(model: nn.Module, shape: tuple[int, ...] = SHAPE) -> int:
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.eval().forward(torch.rand(1, *shape))
    return int(counter.get_total_flops()) // 2


def ones(*shape: int) -> Tensor:
    return torch.ones(shape)


PRODUCTS: dict[str, Function] = {
    "two matrices of a chain": lambda x, w: torch.linalg.multi_dot([x[0, 0], w]),
    "three": lambda x, w: torch.linalg.multi_dot([x[0, 0], w, ones(6, 50)]),
    "a row, four, in the cheapest order": lambda x, w: torch.linalg.multi_dot(
        [x[0, 0, 0], ones(6, 9), ones(9, 2), ones(2, 7)]
    ),
    "a row and a column": lambda x, w: torch.linalg.multi_dot([x[0, 0, 0], w, w, w[0]]),
    "chain_matmul": lambda x, w: TORCH.chain_matmul(x[0, 0], w, ones(6, 2), ones(2, 7)),
    "inner": lambda x, w: torch.inner(x, w),
    "powers": lambda x, w: [torch.linalg.matrix_power(x[..., :6, :], n) for n in range(12)],
    "tensordot over nothing": lambda x, w: torch.tensordot(x, w, 0),
    "tensordot over one that is broadcast": lambda x, w: torch.tensordot(
        x[:, :1], ones(5, 4), ([1], [0])
    ),
    "a row times a matrix": lambda x, w: w[0] @ w + x,
    "grouped, transposed, dilated": lambda x, w: F.conv_transpose2d(
        x, ones(4, 3, 3, 3), groups=2, dilation=2
    ),
    "a mixture": lambda x, w: (x @ w).flatten(1) @ torch.kron(ones(32, 1), w @ w)[:, :2],
}
FREE: dict[str, Function] = {
    "einsum that contracts nothing": lambda x, w: torch.einsum("bchw,c->bchw", x, w[0, :4]),
    "einsum that sums alone": lambda x, w: torch.einsum("bchw->bc", x),
    "kron": lambda x, w: torch.kron(x, w),
    "outer": lambda x, w: torch.outer(x[0, 0, 0], w[0]),
    "addr": lambda x, w: torch.addr(w, x[0, 0, 0], w[0]),
    "meshgrid": lambda x, w: torch.meshgrid(x[0, 0, 0], w[0], indexing="xy"),
    "meshgrid as it was": lambda x, w: torch.meshgrid([x[0, 0, 0], w[0]], indexing="ij"),
    "unique": lambda x, w: TORCH.unique(x),
    "unique with counts": lambda x, w: TORCH.unique(x, return_counts=True),
    "unique_consecutive": lambda x, w: torch.unique_consecutive(x),
    "nonzero": lambda x, w: x.nonzero(),
    "argwhere": lambda x, w: torch.argwhere(x > 0),
    "histc": lambda x, w: torch.histc(x, 10),
    "bincount": lambda x, w: torch.bincount((x.flatten() > 0).long()),
    "searchsorted": lambda x, w: torch.searchsorted(w[0].sort()[0], x),
    "bucketize": lambda x, w: torch.bucketize(x, w[0].sort()[0]),
    "sorted": lambda x, w: (x.argsort(), x.sort()[0], x.topk(2)[0], x.kthvalue(2)[0]),
    "as_strided": lambda x, w: x.as_strided((1, 4, 4, 6), (192, 48, 12, 1)),
    "diagonals": lambda x, w: (torch.diag_embed(x), torch.diag(x[0, 0]), torch.trace(x[0, 0])),
    "block_diag": lambda x, w: TORCH.block_diag(x[0, 0], w),
    "parts": lambda x, w: (
        TORCH.atleast_3d(x[0]),
        torch.narrow_copy(x, 2, 1, 3),
        torch.as_strided_scatter(x, w, (6, 6), (6, 1)),
        x[0, 0].clone().fill_diagonal_(1.0),
    ),
    "masked_scatter": lambda x, w: x.masked_scatter(x > 0, ones(200)),
}


@pytest.mark.parametrize("name", [*PRODUCTS, *FREE])
@pytest.mark.filterwarnings("ignore:.*chain_matmul", "ignore:.*meshgrid")
def test_functions_cost_what_torch_counts(name: str) -> None:
    function = (PRODUCTS | FREE)[name]
    network = traced(function)
    assert network.macs == counted(Of(function))
    assert (network.macs == 0) == (name in FREE)
    assert not network.uncounted_ops
    assert not network.left_out_ops


LETTERS = {"a": 2, "b": 3, "c": 1, "d": 5, "e": 4}


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """An equation over one to four operands, with the shapes of the operands."""
    orders = draw(st.lists(st.permutations(list(LETTERS)), min_size=1, max_size=4))
    terms = ["".join(order[: draw(st.integers(1, 4))]) for order in orders]
    used = sorted(set("".join(terms)))
    result = draw(st.lists(st.sampled_from(used), unique=True))
    shapes = [tuple(draw(st.sampled_from([1, LETTERS[c]])) for c in term) for term in terms]
    return f"{','.join(terms)}->{''.join(result)}", shapes


@given(equations())
def test_einsum_costs_the_products_of_matrices_that_torch_makes_of_it(
    drawn: tuple[str, list[tuple[int, ...]]],
) -> None:
    equation, shapes = drawn
    with FlopCounterMode(display=False) as counter:
        torch.einsum(equation, *[torch.ones(shape) for shape in shapes])
    assert einsum_products(equation, shapes) == counter.get_total_flops() // 2


def test_einsum_in_the_order_of_a_path() -> None:
    shapes = [(2, 3), (3, 50), (50, 4)]
    assert einsum_products("ab,bc,cd->ad", shapes) == 2 * 3 * 50 + 2 * 50 * 4
    assert einsum_products("ab,bc,cd->ad", shapes, [1, 2, 0, 1]) == 3 * 50 * 4 + 2 * 3 * 4


@given(st.lists(st.integers(1, 9), min_size=3, max_size=7))
def test_a_chain_costs_its_cheapest_order(sides: list[int]) -> None:
    shapes = list(pairwise(sides))
    with FlopCounterMode(display=False) as counter:
        torch.linalg.multi_dot([torch.ones(shape) for shape in shapes])
    assert chain_products(shapes) == counter.get_total_flops() // 2


# -- work on weights alone -------------------------------------------------------------------------


class PositionBias(nn.Module):
    """Attention whose bias comes from a small network over relative positions."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1, bias=False))
        self.register_buffer("positions", torch.rand(8, 8, 2))

    def forward(self, x: Tensor) -> Tensor:
        scores = x @ x.mT + self.bias(self.positions).squeeze(-1)
        mixed: Tensor = scores.softmax(-1) @ x
        return mixed


class Hypernetwork(nn.Module):
    """A convolution whose kernel a linear layer makes of a learned vector."""

    def __init__(self) -> None:
        super().__init__()
        self.code = nn.Parameter(torch.rand(5))
        self.kernel = nn.Linear(5, 3 * 4 * 9)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel(self.code).view(3, 4, 3, 3))


class LowRank(nn.Module):
    """A frozen weight and an update of low rank, merged in every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(6, 7)
        self.down, self.up = nn.Parameter(torch.rand(2, 6)), nn.Parameter(torch.rand(7, 2))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.base.weight + self.up @ self.down, self.base.bias)


class Prototypes(nn.Module):
    """Weights that are compared with the input, after a layer of their own; one is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors, self.layer = nn.Parameter(torch.rand(9, 6)), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        self.layer(x)
        return x @ F.normalize(self.layer(self.vectors), dim=-1).T


ON_WEIGHTS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "position bias": (PositionBias, 64 * (2 * 16 + 16)),
    "hypernetwork": (Hypernetwork, 5 * 108),
    "low rank": (LowRank, 7 * 2 * 6),
    "prototypes": (Prototypes, 9 * 6 * 6),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(6, 4)), 0),
}


@pytest.mark.parametrize("name", ON_WEIGHTS)
def test_work_on_weights_counts_and_stands_beside_the_total(name: str) -> None:
    build, constant = ON_WEIGHTS[name]
    network = archcheck.trace(build(), SHAPE)
    assert network.macs == counted(build())
    assert network.constant_macs == constant


def test_work_on_weights_is_done_once_for_a_batch() -> None:
    evaluated = archcheck.trace(Hypernetwork(), SHAPE)
    trained = archcheck.trace(Hypernetwork(), SHAPE, training=True)  # a batch of two
    assert trained.batch == 2
    assert (trained.macs, trained.constant_macs) == (evaluated.macs, evaluated.constant_macs)


def test_a_layer_that_leads_nowhere_counts() -> None:
    network = archcheck.trace(Prototypes(), SHAPE)
    dead = [op for op in network.ops if op.outputs and not network.consumers.get(op.outputs[0])]
    assert [network.op_macs(op) for op in dead[:1]] == [4 * 8 * 6 * 6]


@pytest.mark.parametrize(
    "constant",
    [
        lambda w: torch.linalg.svd(w)[0],
        lambda w: torch.fft.fft(w).real,
        lambda w: torch.matrix_exp(w),
        lambda w: torch.cov(w),
    ],
)
def test_unknown_work_on_weights_is_named_and_leaves_the_total_known(
    constant: Callable[[Tensor], Tensor],
) -> None:
    network = traced(lambda x, w: x @ constant(w))
    assert network.macs == 4 * 8 * 6 * 6
    assert not network.uncounted_ops
    assert len(network.left_out_ops) == 1


def test_a_grid_that_takes_its_type_from_the_input_depends_on_no_input() -> None:
    def anchors(x: Tensor, w: Tensor) -> Any:
        rows, columns = (torch.arange(side).type_as(x) for side in x.shape[2:])
        grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1).view(-1, 2)
        blocks = torch.linalg.matrix_exp(TORCH.block_diag(grid[:2], grid[:2]))
        return blocks.sum() + x @ w

    assert traced(anchors).macs == 4 * 8 * 6 * 6


# -- where the counter of torch counts nothing -----------------------------------------------------

LEFT_OUT_BY_TORCH: dict[str, tuple[Function, int]] = {
    "dot": (lambda x, w: torch.dot(x[0, 0, 0], w[0]), 6),
    "vdot": (lambda x, w: torch.vdot(x[0, 0, 0], w[0]), 6),
    "vecdot": (lambda x, w: torch.linalg.vecdot(x, w[0]), 4 * 8 * 6),
    "vecdot along channels": (lambda x, w: torch.linalg.vecdot(x, x, dim=1), 4 * 8 * 6),
    "mv": (lambda x, w: torch.mv(x[0, 0], w[0]), 8 * 6),
    "maps times a vector": (lambda x, w: x @ w[0], 4 * 8 * 6),
    "addmv": (lambda x, w: torch.addmv(w[0], w, x[0, 0, 0]), 6 * 6),
    "addbmm": (lambda x, w: torch.addbmm(ones(8, 6), x[0], ones(4, 6, 6)), 4 * 8 * 6 * 6),
    "bilinear": (lambda x, w: F.bilinear(x, x, ones(3, 6, 6)), 4 * 8 * 3 * 6 * 6),
    "cdist": (lambda x, w: torch.cdist(x, x), 4 * 8 * 8 * 6),
}


@pytest.mark.parametrize("name", LEFT_OUT_BY_TORCH)
def test_products_that_torch_leaves_out_count(name: str) -> None:
    function, macs = LEFT_OUT_BY_TORCH[name]
    assert counted(Of(function)) == 0
    assert traced(function).macs == macs


RECURRENT = [nn.LSTM(6, 5, batch_first=True), nn.GRU(6, 5, batch_first=True, bidirectional=True)]


@pytest.mark.parametrize("layer", RECURRENT, ids=["lstm", "gru"])
def test_recurrent_layers_cost_their_steps_fused_or_not(layer: nn.Module) -> None:
    # A processor runs an LSTM in one kernel, which torch does not count.
    network = archcheck.trace(layer, (8, 6))
    with FlopCounterMode(display=False) as counter:
        layer.to("meta")(torch.empty(1, 8, 6, device="meta"))
    assert network.macs == counter.get_total_flops() // 2


class Packed(nn.Module):
    """A recurrent layer over the first steps of a sequence."""

    def __init__(self, kind: Callable[..., nn.Module], length: int, **options: Any) -> None:
        super().__init__()
        self.layer = kind(8, 16, batch_first=True, **options)
        self.length = length

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.tensor([self.length])
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        padded, _ = nn.utils.rnn.pad_packed_sequence(self.layer(packed)[0], batch_first=True)
        return padded


@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_a_packed_sequence_costs_its_steps_alone(kind: type[nn.Module], gates: int) -> None:
    assert archcheck.trace(Packed(kind, 12), (20, 8)).macs == 12 * gates * 16 * (8 + 16)
    both = archcheck.trace(Packed(kind, 20, bidirectional=True), (20, 8))
    assert both.macs == 2 * 20 * gates * 16 * (8 + 16)


def test_fused_attention_costs_what_its_products_do() -> None:
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    # Four projections, scores and values over five tokens, and two layers.
    assert archcheck.trace(encoder, (5, 8)).macs == 5 * 4 * 64 + 2 * 5 * 5 * 8 + 2 * 5 * 8 * 16


def test_attention_with_an_added_key_costs_one_more() -> None:
    attention = nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True, batch_first=True)

    class Attend(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = attention

        def forward(self, x: Tensor) -> Any:
            return self.inner(x, x, x)[0]

    assert archcheck.trace(Attend(), (6, 8)).macs == counted(Attend(), (6, 8))


def arguments(**shapes: tuple[int, ...]) -> tuple[dict[str, Any], list[tuple[int, ...]]]:
    """Tensor arguments of an operation, and the shapes of the tensors by number."""
    return {name: {"tensor": n} for n, name in enumerate(shapes)}, list(shapes.values())


@pytest.mark.parametrize(
    ("left", "right", "result", "macs"),
    [
        ((10, 6), (3, 6, 7), (10, 7), 10 * 6 * 7),  # the rows are divided among the groups
        ((3, 10, 6), (6, 12), (10, 12), 10 * 6 * 12),  # the columns are
        ((10, 6), (6, 7), (3, 10, 7), 10 * 6 * 7),  # what is summed is
        ((3, 10, 6), (3, 6, 7), (3, 10, 7), 3 * 10 * 6 * 7),  # every group is whole
    ],
)
def test_a_grouped_product_costs_each_element_once(
    left: tuple[int, ...], right: tuple[int, ...], result: tuple[int, ...], macs: int
) -> None:
    named, shapes = arguments(mat_a=left, mat_b=right, result=result)
    assert op_macs("_grouped_mm", named, shapes.__getitem__, [2]) == macs


def test_a_deformable_convolution_costs_what_a_convolution_does() -> None:
    shapes = {"input": (1, 4, 9, 9), "weight": (6, 2, 3, 3), "offset": (1, 18, 7, 7)}
    named, sides = arguments(**shapes, result=(1, 6, 7, 7))
    macs = op_macs("deform_conv2d", named, sides.__getitem__, [3])
    assert macs == math.prod((6, 7, 7)) * math.prod((2, 3, 3))
    assert op_macs("nms", named, sides.__getitem__, [3]) == 0
