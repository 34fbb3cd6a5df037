"""What the layer table shows of shapes."""

from __future__ import annotations

import io

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

import archcheck
from archcheck.reporters.inspection import inspection, print_inspection


class Rows(nn.Module):
    """A view with a wrong number of features: positions become rows, as if they were samples."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv, self.first = nn.Conv2d(3, 6, 3), nn.Linear(features, 20)
        self.last, self.features = nn.Linear(20, 10), features

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).view(-1, self.features)
        scores: Tensor = self.last(torch.relu(self.first(x)))
        return scores


def shapes(model: nn.Module, *, training: bool = False) -> tuple[list[tuple[bool, list[int]]], str]:
    network = archcheck.trace(model, (3, 12, 12), training=training)
    rf, written = archcheck.receptive_field(network), io.StringIO()
    print_inspection(network, rf, Console(file=written, width=200))
    layers = inspection(network, rf)["layers"]
    return [(layer["batched"], layer["output_shape"]) for layer in layers], written.getvalue()


@pytest.mark.parametrize("training", [False, True])
def test_rows_that_are_no_samples_are_shown(training: bool) -> None:
    found, text = shapes(Rows(150), training=training)
    rows = 4 * (1 + training)
    assert found == [(True, [6, 10, 10]), *((False, [rows, n]) for n in (20, 20, 10))]
    assert f"{rows}×20" in text
    assert f"{rows}×10" in text


@pytest.mark.parametrize("training", [False, True])
def test_the_axis_of_the_batch_is_left_out(training: bool) -> None:
    found, text = shapes(Rows(600), training=training)
    assert found == [(True, sides) for sides in ([6, 10, 10], [20], [20], [10])]
    assert "×20" not in text


def test_tokens_in_front_of_the_samples_are_shown() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mixer = nn.TransformerEncoderLayer(3, 1, 8)

        def forward(self, x: Tensor) -> Tensor:
            mixed: Tensor = self.mixer(x.flatten(2).permute(2, 0, 1))
            return mixed

    found, _ = shapes(Tokens().eval())
    assert (False, [144, 1, 8]) in found
