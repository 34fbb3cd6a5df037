"""What the benchmark of published models compares with, and the page that it writes."""

from __future__ import annotations

from importlib.util import find_spec
from inspect import isfunction
from pathlib import Path

import pytest
import torch
from torch import nn

from archcheck import receptive_field, trace
from archcheck.network.input_language import read_inputs
from benchmarks.models import __main__ as command
from benchmarks.models import configured as builders
from benchmarks.models import fields, findings, page
from benchmarks.models.catalogue import TIMM, ULTRALYTICS, Model, configured
from benchmarks.models.checks import check
from benchmarks.models.counting import computed, counted
from benchmarks.models.findings import Found, Published, Run
from benchmarks.processes import ROOT


class Attention(nn.Module):
    """Self-attention over the positions of a map, as a vision transformer has it."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        y: torch.Tensor = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return y


class Looks(nn.Module):
    """What it computes depends on a value, so that fakes cannot run it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.linear(x if x.sum() > 0 else x[:1])
        return y


class Averaged(nn.Module):
    """A convolution whose result is weighed by the average over the whole map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate, self.act = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 4), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        weights = torch.sigmoid(self.gate(x.mean((2, 3))))
        y: torch.Tensor = self.act(x * weights[:, :, None, None])
        return y


class Largest(nn.Module):
    """A maximum over everything, of which the oracle has no linear form."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv(x)
        return y * y.amax()


def test_attention_on_a_processor_is_counted() -> None:
    net, x = Attention().eval(), torch.rand(1, 3, 16, 16)
    # 16 patches of 48 values, four projections of 8 by 8, scores and values of 16 × 16 pairs.
    expected = 16 * 48 * 8 + 4 * 16 * 8 * 8 + 2 * 16 * 16 * 8
    assert counted(net, (x,)) == computed(net, (x,)) == expected


def test_a_network_that_looks_at_values_is_counted_on_its_input() -> None:
    assert counted(Looks(), (torch.ones(3, 4),)) == 3 * 4 * 5
    assert counted(Looks(), (-torch.ones(3, 4),)) == 4 * 5


def compared(net: nn.Module, claimed: nn.Module) -> fields.Compared:
    """What archcheck says of one network, beside the gradients of another."""
    shape = (3, 12, 12)
    network = trace(claimed, shape)
    return fields.compare(net, network, receptive_field(network), shape)


def chain(dilation: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, dilation=dilation))


def test_units_are_compared_with_gradients() -> None:
    found = compared(chain(2), chain(2))
    assert (found.units, found.differing, found.refused) == (9, [], [])


def test_a_wrong_field_is_told() -> None:
    right = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
    found = compared(right, nn.Sequential(nn.Conv2d(3, 4, 5, padding=2)))
    assert found.differing == [f"0, unit {unit}" for unit in ((0, 0), (6, 6), (11, 11))]


def test_what_is_read_without_averages_is_compared_too() -> None:
    found = compared(Averaged(), Averaged())
    # Two maps of three units, of which the second is compared with the average and without.
    assert (found.units, found.differing, found.refused) == (9, [], [])


def test_a_map_without_gradients_is_told() -> None:
    found = compared(Largest(), Largest())
    assert found.units == 0
    assert found.refused == ["conv: the oracle has no linear form of amax"]


def found(name: str = "net", **figures: object) -> Found:
    same = {"parameters": 10, "own_parameters": 10, "macs": 2_000, "counted": 2_000, "units": 9}
    return Found(library="timm", family="convolutional", name=name, **{**same, **figures})  # type: ignore[arg-type]


def test_only_what_differs_is_a_difference() -> None:
    row = Published(224, 10, 10, 1.819, 1.819)
    assert found(published=(row,)).differences() == []
    wrong = found(
        own_parameters=11,
        macs=None,
        published=(Published(224, 10, 12, 1.8, 1.9),),
        differing=("a",),
    )
    assert [(d.quantity, d.said, d.truth) for d in wrong.differences()] == [
        ("parameters", "10", "11"),
        ("MACs", "not known", "2,000"),
        ("published parameters at 224×224", "10", "12"),
        ("published GMACs at 224×224", "1.8", "1.9"),
        ("units", "a", "its gradient"),
    ]
    assert [d.quantity for d in found(raised="RunError: no").differences()] == ["run"]


def test_the_page_counts_what_is_equal() -> None:
    models = (found(), found("other", counted=1_999), found("third", features="indices"))
    text = page.page(Run("2026-01-31", {"torch": "2.13.0"}, models))
    assert "| timm: convolutional | 3 | all 3 | 2 of 3 | – | all 27 | 3 |" in text
    assert "| other | MACs | 2,000 | 1,999 | **not explained** |" in text
    assert "| third | indices |" in text


def test_models_that_are_not_run_again_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "found.json"
    monkeypatch.setattr(command, "KEPT", file)
    catalogue = [Model("timm", "convolutional", name, 96) for name in ("a", "b", "c")]
    before = Run(
        "2026-01-31", {"torch": "2.13.0"}, (found("b", units=1), found("gone"), found("a"))
    )
    before.save(file)
    assert findings.load(file) == before
    after = command._with_kept([found("b"), found("c")], catalogue)
    assert after == [found("a"), found("b"), found("c")]


def test_the_page_shows_the_run_that_is_kept() -> None:
    run = findings.load(findings.KEPT)
    assert (ROOT / "docs" / "models.md").read_text(encoding="utf-8") == page.page(run)
    assert sum(model.library == "timm" for model in run.models) >= 150
    assert sum(model.library == "ultralytics" for model in run.models) >= 12


def test_names_are_distinct() -> None:
    for names in (" ".join(TIMM.values()).split(), ULTRALYTICS.split()):
        assert len(names) == len(set(names))


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(find_spec, ("timm", "torchvision", "ultralytics"))),
    reason="the extra 'models' is not installed",
)
def test_published_models_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "found.json"
    assert command.main(["--json", str(file), "resnet18", "yolov8n-cls"]) == 0
    timm, torchvision, ultralytics = findings.load(file).models
    assert (timm.parameters, torchvision.published[0].macs) == (11_689_512, 1.814)
    assert min(timm.units, torchvision.units, ultralytics.units) > 0
    assert "torchvision resnet18: " in capsys.readouterr().out


def test_a_configured_network_is_verified_by_a_spec_with_its_inputs() -> None:
    (conformer,) = [model for model in configured() if model.name == "conformer"]
    found = check(conformer)
    assert (found.raised, found.differences()) == ("", [])
    assert found.macs == found.counted > 2_000_000


def test_every_configured_network_has_inputs() -> None:
    factories = {n for n, value in vars(builders).items() if isfunction(value) and n[0] != "_"}
    assert {model.name for model in configured()} == factories
    assert all(read_inputs(model.inputs) for model in configured())
