"""``ignored-input`` agrees with brute force: an input is ignored if no change of it changes an
output."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from archcheck.lint.linted import Linted
from archcheck.lint.rules.ignored_input import IgnoredInput
from tests.support.linting import passes

INPUTS = 4
SIDE = 6


class Drawn(nn.Module):
    """A program of random steps on several inputs; its last values are the outputs."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draw = random.Random(seed)
        self.convs = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))
        self.steps = [self.step(count) for count in range(INPUTS, INPUTS + 8)]

    def step(self, count: int) -> tuple[str, int, int, int]:
        names = [
            "conv",
            "add",
            "none",
            "zero",
            "less",
            "cut",
            "join",
            "first",
            "swap",
            "shape",
            "hide",
        ]
        one, other = self.draw.randrange(count), self.draw.randrange(count)
        return self.draw.choice(names), one, other, self.draw.randrange(3)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        values = list(inputs)
        for name, one, other, number in self.steps:
            values.append(self.run(name, values[one], values[other], number))
        return values[-1], values[-2]

    def run(self, name: str, x: Tensor, y: Tensor, number: int) -> Tensor:
        half = torch.arange(4).view(4, 1, 1) < 2
        results: dict[str, Callable[[], Tensor]] = {
            "conv": lambda: self.convs[number](x),
            "add": lambda: x + y * number,
            "none": lambda: x,
            "zero": lambda: x + 0 * y,
            "less": lambda: (x - x) + y,
            "cut": lambda: torch.cat([x[:, :2], y[:, 2:]], 1),
            "join": lambda: torch.cat([x, y], 1)[:, 4 * (number % 2) :][:, :4],
            "first": lambda: torch.stack([x, y])[number % 2],
            "swap": lambda: torch.cat([x[:, 2:], x[:, :2]], 1),
            "shape": lambda: torch.zeros_like(x) + y,
            "hide": lambda: (
                x.masked_fill(half, 0.0) if number else x.chunk(2, 1)[0].repeat(1, 2, 1, 1)
            ),
        }
        return results[name]()


def ignored_by_force(model: nn.Module) -> set[int]:
    inputs = [torch.randn(1, 4, SIDE, SIDE) for _ in range(INPUTS)]
    before = model(*inputs)
    ignored = set()
    for index in range(INPUTS):
        changed = [torch.randn_like(x) if i == index else x for i, x in enumerate(inputs)]
        pairs = zip(before, model(*changed), strict=True)
        if all(torch.equal(one, other) for one, other in pairs):
            ignored.add(index)
    return ignored


@pytest.mark.parametrize("seed", range(40))
def test_it_agrees_with_brute_force(seed: int) -> None:
    torch.manual_seed(seed)
    model = Drawn(seed).eval()
    linted = Linted(passes(model, [(4, SIDE, SIDE)] * INPUTS))
    found = {message.split(":")[0] for message in map(str, messages(linted))}
    expected = {
        f"no output depends on {linted.network.input_name(i)}" for i in ignored_by_force(model)
    }
    assert found == expected


def messages(linted: Linted) -> list[str]:
    return [getattr(found, "message", "not known") for found in IgnoredInput().find(linted)]
