"""Scripted and frozen parts: run, not seen inside, and blamed for nothing; and parameters that have
no shape before the pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archcheck
from archcheck.network import Remark, layers_of
from archcheck.rules.base import Subject, Verdict, all_rules

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning")
IMAGE = (3, 12, 12)


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU(), nn.MaxPool2d(2)).eval()


class Around(nn.Module):
    """A part between two convolutions."""

    def __init__(self, part: Any) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1)
        self.part = part

    def forward(self, x: Tensor) -> Any:
        return self.last(self.part(self.first(x)))


def scripted() -> Any:
    return torch.jit.script(plain())


def traced() -> Any:
    trace: Any = torch.jit.trace
    return trace(plain(), torch.rand(1, 8, 9, 9))


def frozen() -> Any:
    return torch.jit.freeze(scripted())


def function() -> Any:
    def scaled(x: Tensor) -> Tensor:
        return x * x.sigmoid()

    return torch.jit.script(scaled)


def in_place() -> Any:
    def doubled(x: Tensor) -> Tensor:
        x.mul_(2)
        return x

    return torch.jit.script(doubled)


def judge(network: archcheck.Network, rule: str, asked: Any) -> Verdict:
    options = all_rules()[rule].Options.model_validate(asked)
    return all_rules()[rule].check(Subject(network), options)


@pytest.mark.parametrize("part", [scripted, traced, frozen, function, in_place])
def test_a_scripted_part_is_not_seen_and_blames_nobody(part: Any) -> None:
    network = archcheck.trace(Around(part()), IMAGE)
    (script,) = [op for op in network.ops if op.kind == "script"]
    assert script.called is not None
    assert script.called.line == Around.forward.__code__.co_firstlineno + 1
    assert not network.unused_modules
    assert not network.unused_parameters
    assert network.macs is None
    assert network.uncounted_ops == (script,)
    rf = archcheck.receptive_field(network)
    (cause,) = rf.not_modelled
    what = "function" if part in (function, in_place) else "module"
    assert (cause.op, cause.reason) == (script.index, f"a scripted {what}: not seen")
    assert layers_of(network)[0].macs == 8 * 27 * 100
    verdict = judge(network, "max-pool", {"exactly": 0})
    assert verdict.status == "not-verified"
    assert verdict.locations[-1].place == script.called


@pytest.mark.parametrize("part", [scripted, frozen])
def test_a_network_that_is_scripted_as_a_whole_runs(part: Any) -> None:
    network = archcheck.trace(part(), (8, 9, 9))
    assert network.sample_shape(network.outputs[0][1]) == (8, 3, 3)
    assert network.macs is None
    assert judge(network, "output-shape", {"shape": [8, 3, 3]}).status == "passed"


@pytest.mark.parametrize("rule", ["parameters", "model-size"])
def test_the_weights_of_a_frozen_part_are_not_known_to_be_few(rule: str) -> None:
    network = archcheck.trace(Around(frozen()), IMAGE)
    assert judge(network, rule, {"at_most": 10**6}).status == "not-verified"
    assert judge(network, rule, {"at_most": 10}).status == "failed"
    kept = archcheck.trace(Around(scripted()), IMAGE)
    assert judge(kept, "parameters", {"exactly": 224 + 584 + 36}).status == "passed"


def test_a_number_that_a_script_gives_leaves_the_graph() -> None:
    def highest(x: Tensor) -> float:
        return float(x.max())

    script: Any = torch.jit.script(highest)
    network = archcheck.trace(Around(lambda x: x * script(x)), IMAGE)
    assert network.macs is None
    assert network.ops[1].kind == "escape"


# -- parameters without a shape --------------------------------------------------------------------


class Replaced(nn.Module):
    """Forward puts a parameter, and a buffer, where there was none yet."""

    def __init__(self) -> None:
        super().__init__()
        self.scale: Any = nn.UninitializedParameter()
        self.register_buffer("shift", nn.UninitializedBuffer())
        self.conv = nn.Conv1d(2, 2, 1)

    def forward(self, x: Tensor) -> Any:
        self.scale, self.shift = nn.Parameter(torch.ones(2, 1)), torch.zeros(1)
        return self.conv(x) * self.scale + self.shift


def test_a_parameter_that_forward_makes_counts_as_it_was_made() -> None:
    network = archcheck.trace(Replaced(), (2, 8))
    assert network.num_parameters == network.num_used_parameters == 6 + 2
    assert not network.notes
    assert archcheck.receptive_field(network).size == (1,)


def test_a_parameter_that_never_gets_a_shape_is_told_of() -> None:
    class Left(Replaced):
        def forward(self, x: Tensor) -> Any:
            return self.conv(x)

    network = archcheck.trace(Left(), (2, 8))
    assert network.num_parameters == 6
    assert network.notes == (Remark("scale: not initialised, and counted as empty"),)
