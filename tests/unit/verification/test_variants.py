"""Specs that a network has to hold for several inputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

import archcheck
from archcheck import Report
from archcheck.network.inputs import Input, of_shapes
from archcheck.spec import parse_spec

SPEC = """
input: [3, 16, 16]
variants:
  larger: [3, 32, 32]
rules:
  macs: {at_most: 60000}
  output-shape: {shape: [4]}
  parameters: {at_most: 300}
"""
NET = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
        )
"""


def reports(folder: Path, spec: str, **given: object) -> list[Report]:
    """The reports on the network of a file, and on a live one."""
    (folder / "net.py").write_text(NET)
    scope: dict[str, type[nn.Module]] = {}
    exec(NET, scope)
    networks = (folder / "net.py", scope["Net"]())
    return [archcheck.verify(net, parse_spec(spec), **given) for net in networks]  # type: ignore[arg-type]


def test_the_worst_answer_of_all_inputs_counts_and_names_its_variant(tmp_path: Path) -> None:
    for report in reports(tmp_path, SPEC):
        assert [f.verdict.status for f in report.findings] == ["failed", "passed", "passed"]
        finding = report.finding("macs")
        assert finding.verdict.found == 32 * 32 * 27 * 8 + 8 * 4
        assert finding.message.startswith("with larger: one forward pass takes")
        assert report.network is not None
        assert report.network.macs == 16 * 16 * 27 * 8 + 8 * 4
        assert list(report.as_dict()["variants"]) == ["larger"]


def test_inputs_that_are_given_take_the_place_of_all_variants(tmp_path: Path) -> None:
    for report in reports(tmp_path, SPEC, input_shape=(3, 8, 8)):
        assert (report.passed, report.variants) == (True, ())


def test_a_network_that_does_not_run_on_a_variant_fails_with_its_name(tmp_path: Path) -> None:
    spec = SPEC.replace("[3, 32, 32]", "[1, 32, 32]")
    for report in reports(tmp_path, spec):
        assert report.network is None
        assert "with larger: Conv2d(3, 8) was given 1 channels" in report.findings[0].message


def test_a_variant_of_named_inputs_says_those_that_are_others() -> None:
    text = "inputs: {x: [4], mask: {shape: [4], value: 1}}\nvariants: {long: {x: [8]}}\n"
    spec = parse_spec(text + "rules: {max-pool: forbidden}\n")
    ((name, inputs),) = spec.variants
    assert name == "long"
    assert set(inputs) == {Input(("x",), (8,)), Input(("mask",), (4,), "int64", value=1)}
    other = parse_spec("input: [4]\nvariants: {a: [[4], [5]]}\nrules: {max-pool: forbidden}\n")
    assert other.variants == (("a", of_shapes([(4,), (5,)])),)


class Sized(nn.Module):
    """Pools where its input is large."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.max_pool2d(x, 2) if x.shape[-1] > 16 else x


@pytest.mark.parametrize(("side", "passed"), [(16, True), (20, False)])
def test_what_only_a_variant_does_is_seen(side: int, passed: bool) -> None:
    spec = {
        "input": [3, 8, 8],
        "variants": {"other": [3, side, side]},
        "rules": {"max-pool": "forbidden"},
    }
    assert archcheck.verify(Sized(), spec).passed is passed
