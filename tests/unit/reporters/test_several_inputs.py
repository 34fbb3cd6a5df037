"""Every output's field in the positions of every input that leads to it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

import archcheck
from archcheck.fields.explain.summary import summarize
from archcheck.reporters.field import field_report
from archcheck.reporters.field_text import print_field
from archcheck.reporters.inspection import inspection, print_inspection
from tests.support import oracle


class Critic(nn.Module):
    """What one network makes of a small image, and what another says of it and of a real one."""

    def __init__(self) -> None:
        super().__init__()
        self.painter = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))
        self.critic = nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.ReLU(), nn.Conv2d(4, 1, 3))

    def forward(self, small: Tensor, large: Tensor) -> tuple[Tensor, ...]:
        painted = self.painter(small)
        return painted, self.critic(painted), self.critic(large), torch.ones(1, 4)


SHAPES = [(3, 8, 8), (3, 32, 32)]


def text_of(write: Callable[[Console], None]) -> str:
    written = io.StringIO()
    write(Console(file=written, width=200))
    return written.getvalue()


def described(network: archcheck.Network) -> tuple[dict[str, Any], str]:
    rf = archcheck.receptive_field(network)
    return inspection(network, rf)["receptive_field"], text_of(
        lambda console: print_inspection(network, rf, console)
    )


def test_an_output_of_the_second_input_alone_has_its_field() -> None:
    data, text = described(archcheck.trace(Critic(), SHAPES))
    critic = oracle.theoretical_field(Critic().critic, (3, 32, 32))
    expected = [oracle.hull_size(units[0]) for units in critic]
    assert expected == [8, 8]
    assert (data["output[2]"]["size"], data["output[2]"]["input_index"]) == (expected, 1)
    assert (data["output[1]"]["size"], data["output[1]"]["input_index"]) == ([7, 7], 0)
    assert "8 × 8 at output[2]   of input 1" in text
    assert "3 × 3 at features[0]   of input 0" in text


def test_an_output_that_no_input_reaches_says_so() -> None:
    data, text = described(archcheck.trace(Critic(), SHAPES))
    assert data["output[3]"]["size"] is None
    assert data["output[3]"]["reason"] == "nothing of the input reaches output[3]"
    assert "not known at output[3]: nothing of the input reaches output[3]" in text


class Pair(nn.Module):
    """Two images compared; the second one is seen through a larger window."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.wide = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 7, padding=2)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.cdist(self.near(first), self.wide(torch.linalg.pinv(second)))


class Sum(Pair):
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        added: Tensor = self.near(first) + self.wide(second)
        return added


def test_an_output_of_two_inputs_has_a_field_in_each() -> None:
    network = archcheck.trace(Sum(), [(3, 12, 12)] * 2)
    data, text = described(network)
    assert data["output"]["size"] == [3, 3]
    (other,) = data["output"]["from_other_inputs"]
    assert (other["size"], other["input_index"]) == ([7, 7], 1)
    assert "7 × 7 at output   of input 1" in text
    rf = archcheck.receptive_field(network)
    summary = summarize(rf, rf.output_locations[0])
    assert [(e["at"], e["size"]) for e in field_report(summary)["elsewhere"]] == [
        ("output", [7, 7])
    ]
    assert "elsewhere\n  output         7 × 7   of input 1" in text_of(
        lambda console: print_field(summary, console)
    )


class Words(nn.Module):
    """Two outputs of words and a time."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 4)

    def forward(self, words: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        x = self.table(words) * time[:, None, None]
        return x, x.mean(1)


def test_inputs_without_positions_are_told_once() -> None:
    inputs = {"words": {"shape": [6], "below": 9}, "time": {"shape": []}}
    _, text = described(archcheck.trace(Words(), inputs=inputs))
    lines = [line for line in text.splitlines() if line.startswith("receptive field")]
    assert lines == ["receptive field  none in words, time: no spatial axes"]


def test_what_is_not_known_of_one_input_is_told_beside_the_other() -> None:
    data, text = described(archcheck.trace(Pair(), [(3, 12, 12)] * 2))
    assert data["output"]["size"] == [3, 12]
    (other,) = data["output"]["from_other_inputs"]
    assert other["size"] is None
    assert "pinv is not modelled" in other["reason"]
    assert "not modelled     torch.linalg.pinv is not modelled" in text
