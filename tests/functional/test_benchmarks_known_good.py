"""What lint says of published networks, as it is kept and shown."""

from __future__ import annotations

import time
from fnmatch import fnmatch
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archcheck.lint import all_lint_rules
from benchmarks.lint import good_found, good_page, known_good
from benchmarks.lint.good_found import Good, GoodRun, Said
from benchmarks.processes import ROOT

SAID = Said("linear-chain", "warning", "timm/a.py", 3, "two are one")
UNKNOWN = Said("batch-mixing", "cannot tell", "timm/b.py", 4, "a mask")


@pytest.fixture(scope="module")
def kept() -> GoodRun:
    return good_found.load()


def test_the_page_shows_the_run_that_is_kept(kept: GoodRun) -> None:
    text = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    assert text == good_page.with_known_good(text, kept)


def test_a_hundred_published_networks_get_nothing_that_is_not_true(kept: GoodRun) -> None:
    linted = [each for each in kept.networks if not each.raised]
    assert len(linted) >= 100
    untrue = [(each.name, said) for each in linted for said, why in each.faults if not why]
    assert untrue == []


def test_every_reason_is_of_something_that_is_said(kept: GoodRun) -> None:
    said = {(each.rule, network.name) for network in kept.networks for each, _ in network.faults}
    for rule, patterns in good_found.reasons().items():
        assert rule in all_lint_rules()
        for pattern in patterns:
            assert any(rule == of and fnmatch(name, pattern) for of, name in said), pattern


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    networks = (Good("timm", "one", (3, 8, 8), (SAID,), 0.5), Good("timm", "two", raised="late"))
    run = good_found.today({"torch": "2"}, networks)
    run.save(tmp_path / "run.json")
    assert good_found.load(tmp_path / "run.json") == run


def test_the_page_tells_errors_and_warnings_from_what_is_not_known_and_what_is_left_out() -> None:
    networks = (
        Good("timm", "mobilevitv2_050", (3, 8, 8), (SAID,)),
        Good("timm", "other", (3, 8, 8), (SAID, UNKNOWN)),
        Good("timm", "quiet", (3, 8, 8)),
        Good("timm", "large", raised="takes too long"),
    )
    text = good_page.known_good(GoodRun("2026-01-31", {"timm": "1"}, networks))
    assert "3 networks" in text
    assert "1 of them get neither" in text
    rows = [line for line in text.splitlines() if line.startswith("| warning | `linear-chain` |")]
    assert ["not explained" in row for row in rows] == [True, False]
    assert "| `batch-mixing` | a mask | other |" in text
    assert "- `large`: takes too long" in text


class Biased(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1))


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x @ torch.ones(7, 7)


class Slow(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        time.sleep(5)
        return x


def _linted(monkeypatch: pytest.MonkeyPatch, kind: type[nn.Module]) -> Good:
    builders = {"own": lambda name: (kind(), (3, 8, 8))}
    monkeypatch.setattr(known_good, "_BUILDERS", builders)
    return known_good.lint("own", "net")


def test_a_warning_is_kept_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _linted(monkeypatch, Biased)
    (said,) = found.said
    assert (said.rule, said.level) == ("bias-before-batchnorm", "warning")
    assert said.file.endswith("test_benchmarks_known_good.py")
    assert said.line == Biased.__init__.__code__.co_firstlineno + 1


def test_a_network_that_does_not_run_or_takes_too_long_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _linted(monkeypatch, Broken).raised.startswith("RuntimeError: ")
    monkeypatch.setattr(known_good, "LIMIT", 1)
    assert _linted(monkeypatch, Slow).raised == "takes more than 1 s"
