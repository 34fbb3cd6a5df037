"""The reference networks meet the specs that they are the answer to."""

from __future__ import annotations

import runpy
from functools import lru_cache

import pytest
import torch
from torch import nn

import archcheck
from archcheck.network import Network
from tests.support import oracle
from tests.support.paths import EXAMPLES, SPECS

FOLDER = EXAMPLES / "reference"
SHAPE = (3, 32, 32)
SPEC = {"a": "assignment7.yaml", "b": "assignment7-dilated.yaml"}
both = pytest.mark.parametrize("name", SPEC)


def build(name: str) -> nn.Module:
    net: nn.Module = runpy.run_path(str(FOLDER / f"{name}.py"))[name.upper()]()
    return net.eval()


@lru_cache(maxsize=2)
def traced(name: str) -> Network:
    return archcheck.trace(build(name), SHAPE)


@both
def test_every_rule_of_the_architecture_holds(name: str) -> None:
    report = archcheck.verify(traced(name), SPECS / SPEC[name])
    asked = [f for f in report.findings if f.level != "note"]  # a bonus is not asked for
    architecture = [f for f in asked if f.rule not in ("accuracy", "augmentation")]
    assert {f.rule: f.verdict.status for f in architecture} == {
        f.rule: "passed" for f in architecture
    }
    assert len(architecture) >= 6
    assert (report.points.earned, report.points.bonus) == (70, 200 if name == "b" else 0)


def test_a_file_needs_no_name_for_its_network() -> None:
    assert archcheck.verify(FOLDER / "b.py", SPECS / SPEC["b"]).passed


@both
def test_the_blocks_are_c1_to_c4(name: str) -> None:
    asked = {
        "names": ["c1", "c2", "c3", "c4"],
        "count": {"exactly": 4},
        "convolutions": {"at_least": 3},
        "reduction": ["dilated"] if name == "b" else ["strided", "dilated"],
    }
    verdict = archcheck.verify(traced(name), {"rules": {"blocks": asked}}).finding("blocks").verdict
    assert verdict.status == "passed", verdict.message


@pytest.mark.parametrize(("name", "size", "parameters"), [("a", 73, 198_526), ("b", 55, 96_994)])
def test_the_field_has_no_holes_and_equals_the_gradients(
    name: str, size: int, parameters: int
) -> None:
    network = traced(name)
    field = archcheck.receptive_field(network).at("features")
    assert (field.size, field.coverage) == ((size, size), (1.0, 1.0))
    assert network.num_parameters == parameters
    for (positions,) in oracle.theoretical_field(build(name), SHAPE, at="c4"):
        assert (oracle.hull_size(positions), positions.size) == (size, size)


def test_b_has_neither_a_stride_nor_a_pool_before_its_head() -> None:
    asked = {"strided": {"exactly": 0}, "max-pool": "forbidden", "transposed": {"exactly": 0}}
    assert archcheck.verify(traced("b"), {"rules": asked}).passed
    assert archcheck.receptive_field(traced("b")).at("features").jump == (1, 1)


@both
def test_a_forward_pass_gives_ten_scores_an_image(name: str) -> None:
    with torch.no_grad():
        assert build(name)(torch.zeros(2, *SHAPE)).shape == (2, 10)
