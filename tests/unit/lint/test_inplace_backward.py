"""Where lint says that torch's backward pass raises it does, and where it says nothing not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from archcheck.lint.linted import Linted
from archcheck.lint.rules.inplace_corrupts_skip import InplaceCorruptsSkip
from tests.support.linting import passes

Step = Callable[[torch.Tensor], torch.Tensor]
STEPS: dict[str, Step] = {
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(1),
    "exp": torch.exp,
    "sqrt": lambda x: x.abs().sqrt(),
    "add": lambda x: x + 1,
    "cat": lambda x: torch.cat([x, x], 1),
    "view": lambda x: x.flatten(2).view(x.shape),
    "batch_norm": lambda x: F.batch_norm(x, torch.zeros(3), torch.ones(3)),
    "convolution": lambda x: F.conv2d(x, torch.ones(3, 3, 1, 1)),
}


class Written(nn.Module):
    """The result of a step, or what a convolution reads, is written to."""

    def __init__(self, step: Step, *, after: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.step = step
        self.after = after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.step(self.first(x))
        read: torch.Tensor = self.second(x[:, :3] if self.after else x[:, :3] * 1).mean()
        x.mul_(2)
        return x.mean() + read


def raises(model: nn.Module) -> bool:
    try:
        model(torch.randn(2, 3, 4, 4)).backward()
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
        return True
    return False


@pytest.mark.parametrize("name", STEPS)
def test_a_write_to_what_a_step_gave(name: str) -> None:
    model = Written(STEPS[name], after=False)
    found = list(InplaceCorruptsSkip().find(Linted(passes(model, (3, 4, 4)))))
    assert bool(found) == raises(model)


def test_a_write_to_what_a_convolution_read() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            read: torch.Tensor = self.second(x)
            x.mul_(2)
            return read.mean()

    model = Net()
    (found,) = InplaceCorruptsSkip().find(Linted(passes(model, (3, 4, 4))))
    assert found.locations[0].place is not None
    assert raises(model)
