"""Multiply-accumulates of products and attention against torch's own counter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archcheck
from tests.support.masked_tokens import ATTENTION, Tokens, causal
from tests.support.masked_windows import SwinBlock
from tests.support.modules import SHAPES, Applied, MultiHead

PRODUCTS: dict[str, Callable[[Tensor], Tensor]] = {
    "einsum with an ellipsis": lambda x: torch.einsum("...hw,vw->...hv", x, x.new_ones(5, 6)),
    "einsum of a list": lambda x: torch.einsum("nchw,oc->nohw", [x, x.new_ones(3, 4)]),
    "einsum of a batch": lambda x: torch.einsum("nchw,nchv->ncwv", x, x),
    "tensordot": lambda x: torch.tensordot(x, x.new_ones(6, 5), 1),
    "tensordot over two": lambda x: torch.tensordot(x, x.new_ones(8, 4, 3), ([2, 1], [0, 1])),
    "bmm": lambda x: torch.bmm(x[0], x[0].mT),
    "baddbmm": lambda x: torch.baddbmm(x.new_ones(4, 8, 8), x[0], x[0].mT),
    "addmm": lambda x: torch.addmm(x.new_ones(8, 8), x[0, 0], x[0, 1].T),
    "mm": lambda x: torch.mm(x[0, 0], x[0, 1].T),
    "matmul of batches": lambda x: x @ x.mT,
    "linear": lambda x: F.linear(x, x.new_ones(7, 6)),
}


def torch_counts(model: nn.Module, shape: tuple[int, ...], *, training: bool = False) -> int:
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        model.train(training)(torch.rand(1, *shape, dtype=next(model.parameters()).dtype))
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_costs_what_torch_counts(name: str) -> None:
    model = Applied(2, PRODUCTS[name])
    counted = torch_counts(model, SHAPES[2])
    assert archcheck.trace(model, SHAPES[2]).macs == counted


@pytest.mark.parametrize("name", ["sdpa, causal", "sdpa, added", "masked_fill", "einsum", "heads"])
def test_masked_pairs_are_counted_as_torch_counts_them(name: str) -> None:
    model = Tokens(ATTENTION[name]).double()
    assert archcheck.trace(model, (2, 12)).macs == torch_counts(model, (2, 12))


def test_grouped_queries_cost_what_all_heads_do() -> None:
    model = Tokens(ATTENTION["grouped queries"]).double()
    assert archcheck.trace(model, (2, 12)).macs == torch_counts(model, (2, 12))


@pytest.mark.parametrize("spelling", ["added", "sdpa", "where"])
def test_a_swin_block_costs_what_torch_counts(spelling: str) -> None:
    model = SwinBlock(spelling)
    assert archcheck.trace(model, (2, 16, 12)).macs == torch_counts(model, (2, 16, 12))


def test_masked_multi_head_attention_costs_what_torch_counts() -> None:
    # In training mode: its fused form in eval mode is one that torch does not count.
    model = MultiHead(attn_mask=~causal(8))
    assert archcheck.trace(model, (2, 8)).macs == torch_counts(model, (2, 8), training=True)


def test_a_bilinear_layer_counts_every_weight() -> None:
    class Pairs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bilinear = nn.Bilinear(6, 6, 5)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.bilinear(x, x.flip(-1))
            return y

    # One for each weight at each of 2 x 8 rows.
    assert archcheck.trace(Pairs(), SHAPES[2]).macs == 2 * 8 * 5 * 6 * 6


def test_distances_count_every_feature_of_every_pair() -> None:
    model = Applied(2, lambda x: torch.cdist(x.flatten(2), x.flatten(2)))
    assert archcheck.trace(model, SHAPES[2]).macs == 2 * 4 * 9 * 48 + 4 * 4 * 48


@pytest.mark.parametrize(
    "free",
    [
        lambda x: F.grid_sample(
            x, F.affine_grid(torch.eye(2, 3)[None].to(x), list(x.shape), False)
        ),
        lambda x: x[:, :, torch.arange(3)],
        lambda x: x.masked_fill(torch.eye(8)[:, :6].bool(), 0).softmax(-1).cumsum(2),
        lambda x: torch.outer(x.flatten(), x.flatten()),
    ],
)
@pytest.mark.filterwarnings("ignore:Default grid_sample")
def test_what_moves_values_costs_nothing(free: Callable[[Tensor], Tensor]) -> None:
    assert archcheck.trace(Applied(2, free), SHAPES[2]).macs == 2 * 4 * 9 * 48
