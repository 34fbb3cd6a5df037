"""Which samples outputs read, beside the gradients of every output in every sample."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

from archcheck.lint import all_lint_rules
from archcheck.lint.base import Fault, Unknown
from archcheck.lint.linted import Linted
from archcheck.network.inputs import Input
from archcheck.network.shapes import AnyInputs
from tests.support.linting import passes

SHAPE = (2, 4, 6)
BATCH = 3
Step = Callable[[Tensor, int, int], Tensor]


def swapped(x: Tensor, first: int, second: int) -> Tensor:
    """The sides of two dimensions exchanged, the memory as it is."""
    sides = list(x.shape)
    sides[first], sides[second] = sides[second], sides[first]
    return x.reshape(sides)


def attended(x: Tensor) -> Tensor:
    if x.shape[-2] == 1:
        return x.clone()
    return nn.functional.scaled_dot_product_attention(x, x, x)


# What makes a constant of one element, as a softmax, is added to what it reads; an attention to one
# key is what it reads.
STEPS: dict[str, Step] = {
    "transpose": lambda x, first, second: x.transpose(first, second),
    "swap": swapped,
    "merge": lambda x, first, _: x.flatten(first, min(first + 1, x.ndim - 1)),
    "split": lambda x, first, _: torch.unflatten(x, first, (2, -1)),
    "flip": lambda x, first, _: x.flip(first),
    "roll": lambda x, first, _: x.roll(1, first),
    "softmax": lambda x, first, _: x + x.softmax(first),
    "mean": lambda x, first, _: x + x.mean(first, keepdim=True),
    "running": lambda x, first, _: x.cumsum(first),
    "beside": lambda x, first, _: torch.cat([x, x.tanh()], first),
    "product": lambda x, *_: x @ x.transpose(-1, -2),
    "normalize": lambda x, first, _: x + nn.functional.normalize(x, dim=first),
    "attention": lambda x, *_: attended(x),
}


class Chain(nn.Module):
    """Some steps, each along two dimensions."""

    def __init__(self, steps: list[tuple[str, int, int]]) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        for name, first, second in self.steps:
            x = STEPS[name](x, first % x.ndim, second % x.ndim)
        return x


def read_by(module: nn.Module, of: Callable[[Tensor], Tensor]) -> list[int]:
    """The samples in which a part of the result has a gradient."""
    x = torch.rand(BATCH, *SHAPE, dtype=torch.float64, requires_grad=True)
    part = of(module(x))
    (gradient,) = torch.autograd.grad((part * torch.rand_like(part)).sum(), x)
    return [sample for sample in range(BATCH) if gradient[sample].any()]


def mixes_by_gradients(module: nn.Module) -> bool:
    """Whether no dimension that grows with the batch holds its samples one by one."""
    one, more = (module(torch.rand(batch, *SHAPE)).shape for batch in (1, BATCH))
    own = [d for d in range(len(more)) if (one[d], more[d]) == (1, BATCH)]
    assume(own)
    return not any(follows(module, d) for d in own)


def follows(module: nn.Module, dimension: int) -> bool:
    """Whether each index along a dimension reads no sample but its own."""
    parts = [partial(torch.select, dim=dimension, index=sample) for sample in range(BATCH)]
    return all(read_by(module, part) in ([], [b]) for b, part in enumerate(parts))


def found_in(module: nn.Module, shape: AnyInputs = SHAPE) -> list[Fault | Unknown]:
    """The findings on mixed samples."""
    linted = Linted(passes(module.eval(), shape))
    rules = [all_lint_rules()[name] for name in ("batch-mixing", "softmax-over-batch")]
    return [each for rule in rules for each in rule.find(linted)]


numbers = st.integers(0, 5)
chains = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), numbers, numbers), max_size=6)


@given(steps=chains)
def test_samples_are_mixed_where_gradients_say_so(steps: list[tuple[str, int, int]]) -> None:
    module = Chain(steps)
    try:
        shapes = [module(torch.rand(batch, *SHAPE)).shape for batch in (1, BATCH)]
    except (IndexError, RuntimeError):  # it does not run at both batches
        assume(False)
    assume(len(shapes[0]) == len(shapes[1]) and max(map(max, shapes)) < 200)
    expected = mixes_by_gradients(module)
    is_table = len(shapes[1]) == 2 and tuple(shapes[1]) == (BATCH, BATCH)
    assume(not is_table)
    found = found_in(module)
    assume(not any(isinstance(each, Unknown) for each in found))
    assert bool(found) == expected


class Recurrent(nn.Module):
    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        self.rnn = nn.GRU(4, 5, batch_first=batch_first)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.rnn(x)[0]
        return y


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("batch", [0, 1])
def test_the_batch_is_where_the_input_has_it(batch: int, batch_first: bool) -> None:
    x = Input(("x",), (7, 4), batch=batch)
    found = found_in(Recurrent(batch_first=batch_first), (x,))
    assert [type(each) for each in found] == [Fault] * (batch != (not batch_first))


def test_without_a_batch_nothing_is_mixed() -> None:
    x = Input(("x",), (7, 4), batch=None)
    assert found_in(Recurrent(batch_first=True), (x,)) == []


class Transformed(nn.Module):
    """A spatial transformer; ``turned`` has each sample sampled at the places of another one."""

    def __init__(self, *, turned: bool) -> None:
        super().__init__()
        self.turned = turned
        self.places = nn.Sequential(nn.Flatten(), nn.Linear(48, 6))

    def forward(self, x: Tensor) -> Tensor:
        places = self.places(x).view(-1, 2, 3)
        if self.turned:
            places = places + places.flip(0)
        grid = nn.functional.affine_grid(places, list(x.shape), align_corners=False)
        return nn.functional.grid_sample(x, grid, align_corners=False)


@pytest.mark.parametrize("turned", [False, True])
def test_a_sample_at_places_of_its_own_is_read_alone(turned: bool) -> None:
    found = found_in(Transformed(turned=turned), (3, 4, 4))
    assert [type(each) for each in found] == [Fault] * turned


WITHIN: dict[str, Callable[[Tensor], Tensor]] = {
    "gather": lambda x: x.gather(1, x.argsort(1)),
    "take": lambda x: torch.take_along_dim(x, x.sum(2, keepdim=True).topk(2, 1).indices, 1),
    "scatter": lambda x: x + torch.zeros_like(x).scatter(2, x.argmax(2, keepdim=True), 1.0),
    "matrices": lambda x: torch.linalg.svd(x)[0],
    "sequence": lambda x: x.transpose(0, 1).gather(2, x.transpose(0, 1).argsort(2)),
}


@pytest.mark.parametrize("way", WITHIN)
def test_indices_within_a_sample_mix_none(way: str) -> None:
    assert found_in(Way(WITHIN[way]), (4, 6)) == []


@pytest.mark.parametrize(
    "way",
    [
        lambda x: x.gather(0, x.argsort(0)),
        lambda x: torch.linalg.svd(x.transpose(0, 1))[0],
        lambda x: x.transpose(0, 1).gather(1, x.transpose(0, 1).argsort(1)),
    ],
)
def test_of_indices_across_samples_it_is_not_known_what_is_read(
    way: Callable[[Tensor], Tensor],
) -> None:
    found = found_in(Way(way), (4, 6))
    assert {type(each) for each in found} <= {Unknown, Fault}
    assert found


class Way(nn.Module):
    def __init__(self, way: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x)


class Force(nn.Module):
    """The gradient of an energy, which is summed over the samples or over what reads all of it."""

    def __init__(self, *, again: bool) -> None:
        super().__init__()
        self.energy = nn.Linear(6, 1)
        self.again = again

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.clone().requires_grad_()
            total = self.energy(x).square().sum()
            (force,) = torch.autograd.grad(total, x, create_graph=True)
        return force + total if self.again else force


def test_a_sum_of_which_the_gradient_is_taken_mixes_no_samples() -> None:
    assert {type(each) for each in found_in(Force(again=False), (6,))} == {Unknown}


def test_a_sum_that_is_read_beside_its_gradient_mixes_samples() -> None:
    faults = [each for each in found_in(Force(again=True), (6,)) if isinstance(each, Fault)]
    assert [each.message for each in faults] == [
        "sum (3×1 → one number) joins the samples 0, 1 and 2 of a batch of 3"
    ]
