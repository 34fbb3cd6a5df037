"""``layers``: an operation is found by every name that torch has for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import get_overridable_functions

import archcheck
from archcheck.network.kinds import ALIASES, KNOWN, kind_of
from archcheck.rules import Verdict, all_rules
from archcheck.rules.base import Subject
from archcheck.rules.layers import _RUNS, LayersOptions

LAYERS = all_rules()["layers"]


class Net(nn.Module):
    """A function as a network."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def judge(forward: Callable[[Tensor], Any], **options: Any) -> Verdict:
    network = archcheck.trace(Net(forward), (3, 8, 8))
    return LAYERS.check(Subject(network), LayersOptions(**options))


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("swapaxes", lambda x: x.swapaxes(1, 2)),
        ("swapaxes", lambda x: torch.transpose(x, 1, 2)),
        ("transpose", lambda x: torch.swapaxes(x, 1, 2)),
        ("split_with_sizes", lambda x: x.split_with_sizes([1, 2], 1)),
        ("broadcast_to", lambda x: x.broadcast_to(2, 3, 8, 8)),
        ("row_stack", lambda x: torch.row_stack([x, x])),
        ("ger", lambda x: torch.ger(x.flatten(), x.flatten())),
        ("upsample", lambda x: F.interpolate(x, scale_factor=2)),
        ("max_pool2d", lambda x: F.max_pool2d(x, 2, return_indices=True)),
        ("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True)),
    ],
)
def test_no_kind_is_forbidden_in_vain(kind: str, function: Callable[[Tensor], Any]) -> None:
    verdict = judge(function, kind=kind, exactly=0)
    assert (verdict.status, verdict.found) == ("failed", 1)
    assert kind in verdict.message


def test_another_name_is_said_to_be_one() -> None:
    verdict = judge(lambda x: x.swapaxes(1, 2), kind="swapaxes", exactly=0)
    assert verdict.message.endswith("(swapaxes, counted as transpose)")


@pytest.mark.parametrize("name", sorted(ALIASES))
def test_every_other_name_counts_its_kind(name: str) -> None:
    network = archcheck.trace(Net(torch.relu), (3, 8, 8))
    op = msgspec.structs.replace(network.ops[0], kind=ALIASES[name])
    subject = Subject(msgspec.structs.replace(network, ops=(op,)))
    assert LAYERS.check(subject, LayersOptions(kind=name, exactly=0)).found == 1


@pytest.mark.parametrize("kind", ["identity", "alias", "numpy_T", "weight_norm"])
def test_what_no_operation_is_called_is_not_verified(kind: str) -> None:
    assert judge(torch.relu, kind=kind, exactly=0).status == "not-verified"


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("torch.einsum", lambda x: torch.einsum("bchw->bc", x)),
        ("torch.split", lambda x: torch.split(x, 1, 1)),
        ("torch.mm", lambda x: torch.mm(x[0, 0], x[0, 0])),
        ("torch.nn.functional.tanh", lambda x: F.tanh(x)),
        ("torch.nn.functional.hardswish", lambda x: F.hardswish(x)),
        ("torch.nn.functional.upsample", lambda x: F.interpolate(x, scale_factor=2)),
        ("torch.nn.functional.max_pool2d", lambda x: F.max_pool2d(x, 2, return_indices=True)),
    ],
)
def test_no_function_is_forbidden_in_vain(name: str, function: Callable[[Tensor], Any]) -> None:
    assert judge(function, function=name, exactly=0).found == 1


def test_functions_that_only_call_another_are_known() -> None:
    seen = {function for group in get_overridable_functions().values() for function in group}
    unseen = {
        f"torch.nn.functional.{name}"
        for name, function in vars(F).items()
        if inspect.isfunction(function) and function not in seen and kind_of(f".{name}")[0] in KNOWN
        # torch leaves hardswish and hardsigmoid out of its list.
        if "handle_torch_function" not in inspect.getsource(function)
    }
    assert unseen == set(_RUNS)
