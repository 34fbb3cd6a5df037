"""Numbers without axes, axes of length one, and tensors that hold nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor, nn

import archcheck
from archcheck.fields import UnknownField
from archcheck.fields.explain.summary import summarize
from archcheck.reporters.inspection import inspection, print_inspection
from tests.support.exactness import assert_every_element
from tests.support.modules import Applied, Function

SHAPE = (2, 6, 5)


def one(x: Tensor) -> Tensor:
    return x.sum((1, 2, 3))


def attend(x: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x, x, x)


def nothing(*sides: int) -> Tensor:
    return torch.zeros(*(sides or (0,)), dtype=torch.float64)


def after(target: Tensor, index: Any, value: Tensor) -> Tensor:
    target[index] = value
    return target


ONE: dict[str, Function] = {
    # matrices of one element
    "matmul": lambda x: one(x).view(1, 1) @ one(x).view(1, 1),
    "bmm": lambda x: torch.bmm(one(x).view(1, 1, 1), x.mean().view(1, 1, 1)),
    "addmm": lambda x: torch.addmm(x.mean().view(1, 1), one(x).view(1, 1), one(x).view(1, 1)),
    "dot": lambda x: torch.dot(one(x), x.mean().view(1)),
    "outer": lambda x: torch.outer(one(x), one(x)),
    "linear": lambda x: F.linear(one(x), torch.ones(1, 1).to(x)),
    "attention": lambda x: attend(one(x).view(1, 1, 1)),
    "cdist": lambda x: torch.cdist(one(x).view(1, 1), x.mean().view(1, 1)),
    "conv1d": lambda x: F.conv1d(one(x).view(1, 1, 1), torch.ones(1, 1, 1).to(x)) + x.mean(),
    # einsum
    "einsum to a number": lambda x: torch.einsum("bchw,bchw->", x, x),
    "einsum of dots to a number": lambda x: torch.einsum("...->", x),
    "einsum of numbers": lambda x: torch.einsum(",->", x.sum(), x.mean()),
    "einsum by a number": lambda x: torch.einsum(",bchw->bchw", x.sum(), x),
    "einsum of dots": lambda x: torch.einsum("...hw,...hw->...", x, x),
    "einsum of a diagonal": lambda x: torch.einsum("bchh->bch", x[..., :5, :]),
    "einsum of a diagonal in front": lambda x: torch.einsum("hhbc,cd->dbh", *diagonal(x)),
    "einsum of a trace": lambda x: torch.einsum("bchh", x[..., :5, :]),
    "einsum of two diagonals": lambda x: torch.einsum("bchh,bchh->bh", *[x[..., :5, :]] * 2),
    "einsum of three alike": lambda x: torch.einsum(
        "hhhc->hc", torch.stack([x[0, ..., :4, :4]] * 4, -1)
    ),
    # numbers without axes
    "sum of numbers": lambda x: x.sum() + x.mean(),
    "of three numbers": lambda x: torch.addcmul(x.mean(), x.sum(), x[0, 0, 0, 0]),
    "number times map": lambda x: x * x.sum(),
    "stack of numbers": lambda x: torch.stack([x.sum(), x[0, 0, 0, 0], torch.zeros(()).to(x)]),
    "hstack of numbers": lambda x: torch.hstack([x.sum(), x[0, 0, 0, 0]]),
    "vstack of numbers": lambda x: torch.vstack([x.sum(), x[0, 0, 0, 0]]),
    "dstack of numbers": lambda x: torch.dstack([x.sum(), x[0, 0, 0, 0]]),
    "column_stack of numbers": lambda x: torch.column_stack([x.sum(), x[0, 0, 0, 0]]),
    "cumsum of a number": lambda x: x.sum().cumsum(0),
    "sum of a number": lambda x: x.sum().sum(0) + x.sum().mean(-1),
    "where of numbers": lambda x: torch.where(torch.tensor(True), x[0, 0, 0, 0], x.mean()),
    "gather of a number": lambda x: x.flatten().gather(0, torch.tensor(7)),
    "number into a place": lambda x: after(nothing(3), 1, x.sum()),
    "number into a number": lambda x: after(torch.zeros(()).to(x), ..., x.sum()),
    "a row of weights": lambda x: F.linear(x.flatten(1), torch.ones(120).to(x)),
}


def diagonal(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., :5, :].permute(2, 3, 0, 1), torch.ones(4, 2).to(x)


@pytest.mark.parametrize("name", ONE)
def test_single_elements_depend_on_what_has_a_gradient(name: str) -> None:
    assert_every_element(Applied(2, ONE[name]), SHAPE)


NOTHING: dict[str, Function] = {
    "cat": lambda x: torch.cat([nothing(), x], 2),
    "cat behind": lambda x: torch.cat([x, nothing(), x.flip(2)], -1),
    "cat of axes": lambda x: torch.cat([nothing(1, 4, 0, 5), x], 2),
    "cat of a part": lambda x: torch.cat([x[:, :, :0], x], 2) + x,
    "cat of a flat part": lambda x: torch.cat([x[:, :, :0].flatten(), x], 2),
    "cat of parts": lambda x: torch.cat([x[:, :, :0], x[:, :, 6:]], 2),
    "cat with a constant": lambda x: torch.cat([x[:, :, :0], torch.ones_like(x)], 2) + x,
    "cat of lists": lambda x: torch.cat([nothing(), x.flatten()[:0]]),
    "stack": lambda x: torch.stack([x[:, :, :0], x[:, :, :0]]),
    "hstack": lambda x: torch.hstack([nothing(), x.flatten()]),
    "sum": lambda x: x[:, :, :0].sum(2) + x.mean(),
    "reshape": lambda x: x[:, :, :0].reshape(0, 3),
    "flatten": lambda x: x[:, :, :0].flatten(1),
    "roll": lambda x: x[:, :, :0].roll(1),
    "contraction": lambda x: torch.einsum("bchw,bchv->bwv", x[:, :, :0], x[:, :, :0]),
    "where": lambda x: torch.where(x[:, :, :0] > 0, x[:, :, :0], x[:, :, :0]),
    "split": lambda x: x.split([0, 6], 2)[1],  # type: ignore[no-untyped-call]
    "index": lambda x: x[:, :, torch.zeros(6, dtype=torch.bool)],
    "samples": lambda x: F.max_pool2d(x[:0], 2),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_holds_nothing_adds_nothing(name: str) -> None:
    field = assert_every_element(Applied(2, NOTHING[name]), SHAPE)
    if 0 in field.map.shape:
        assert field.size == (0, 0)


@pytest.mark.parametrize("name", [*ONE, *NOTHING])
def test_reports_on_few_elements_are_written(name: str) -> None:
    network = archcheck.trace(Applied(2, {**ONE, **NOTHING}[name]), SHAPE)
    rf = archcheck.receptive_field(network)
    written = io.StringIO()
    print_inspection(network, rf, Console(file=written, width=200))
    assert "not known" not in written.getvalue()
    assert inspection(network, rf)["receptive_field"]["output"]["size"] is not None
    field = rf.at("output")
    if all(field.shape):
        assert summarize(rf, field.location).unit.unit == field.centre
    else:
        with pytest.raises(UnknownField, match="the map is empty"):
            summarize(rf, field.location)


class TwoBranches(nn.Module):
    """Two networks, each down to one number: the usual late fusion of a binary classifier."""

    def __init__(self, axes: bool) -> None:
        super().__init__()
        self.axes = axes
        self.wide, self.near = (
            nn.Sequential(nn.Conv2d(3, 4, kernel), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
            for kernel in (5, 3)
        )
        self.last = nn.ModuleList(nn.Linear(4, 1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        pooled = [self.wide(x).flatten(1), self.near(x).flatten(1)]
        first, second = (layer(part) for layer, part in zip(self.last, pooled, strict=True))
        added: Tensor = first + second if self.axes else first.squeeze() + second.squeeze()
        return added / 2


@pytest.mark.parametrize("axes", [True, False])
def test_two_branches_may_end_in_one_number(axes: bool) -> None:
    network = archcheck.trace(TwoBranches(axes), (3, 12, 12))
    rf = archcheck.receptive_field(network)
    assert rf.at("features").size == (5, 5)
    assert rf.at("output").size == (12, 12)
    assert summarize(rf, rf.output_locations[0]).unit.actual.count == 144


NO_AXIS: dict[str, Function] = {
    "softmax of four": F.softmax,
    "softmin of four": F.softmin,
    "log_softmax of three": lambda x: F.log_softmax(x[0]),
    "log_softmax of two": lambda x: F.log_softmax(x[0, 0]),
    "softmax of one": lambda x: F.softmax(x[0, 0, 0]),
    "layer": nn.Softmax(),
    "layer of five": lambda x: nn.LogSoftmax()(x[:, :, None]),
}


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize("name", NO_AXIS)
def test_a_softmax_that_names_no_axis_has_the_one_that_torch_chooses(name: str) -> None:
    assert_every_element(Applied(2, NO_AXIS[name]), SHAPE)


def test_what_a_handler_did_not_expect_is_not_modelled(monkeypatch: pytest.MonkeyPatch) -> None:
    def surprised(context: Any) -> Any:
        raise AttributeError("no such thing")

    monkeypatch.setitem(archcheck.fields.handlers.HANDLERS, "tanh", surprised)
    rf = archcheck.receptive_field(archcheck.trace(Applied(2, torch.tanh), SHAPE))
    with pytest.raises(UnknownField, match=r"tanh was called in a way .*modules.py:\d+"):
        rf.at("output")
