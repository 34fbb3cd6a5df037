"""Full reports in terminals of any width: whole, within the width, no word broken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path

import msgspec
import pytest
import torch
from rich.console import Console
from torch import nn

import archcheck
from archcheck.fields.explain.summary import summarize
from archcheck.network import Network, Remark
from archcheck.reporters.brief import print_brief
from archcheck.reporters.field_text import print_field
from archcheck.reporters.inspection import print_inspection
from archcheck.reporters.text import print_report
from archcheck.spec import check, spec_from
from tests.support.reports import broken, report_on
from tests.support.zoo import resnet

WIDTHS = (120, 80, 64, 50, 40)
DRAWN = re.compile("[ ▏▎▍▌▋▊▉█│┌─]+")
Show = Callable[[Console], None]


def printed(show: Show, width: int, *, soft_wrap: bool = False) -> list[str]:
    console = Console(file=StringIO(), width=width, soft_wrap=soft_wrap)
    show(console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def words(lines: list[str]) -> Counter[str]:
    return Counter(word for line in lines for word in DRAWN.split(line) if word)


def letters(lines: list[str]) -> Counter[str]:
    return Counter(letter for word, times in words(lines).items() for letter in word * times)


def assert_whole(show: Show) -> None:
    """Nothing is lost in any width; words are whole where a line has room for them."""
    whole = printed(show, 400, soft_wrap=True)
    for width in WIDTHS:
        lines = printed(show, width)
        assert [line for line in lines if len(line) > width] == []
        assert letters(lines) == letters(whole), f"at {width}"
        broken = words(whole) - words(lines)
        assert [word for word in broken if len(word) < width // 2 - 4] == [], f"at {width}"


def resnet18() -> Network:
    with torch.device("meta"):
        return archcheck.trace(resnet.resnet18().eval(), (3, 224, 224))


class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first_convolution = nn.Conv2d(3, 8, 3)
        self.outside = [nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3, dilation=2)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.first_convolution(x)
        x = self.first_convolution(x)
        for layer in self.outside:
            x = layer(x)
        return x.mean((2, 3))


SPECS = {
    "one": {"parameters": {"at_most": 5}},
    "all hold": {"parameters": {"at_most": "20M"}, "max-pool": {"at_most": 1}},
    "points": {
        "parameters": {"less_than": 200_000, "points": 10},
        "receptive-field": {"at_least": 10_000, "points": 20},
        "blocks": {"count": {"exactly": 4}, "reduction": ["strided", "dilated"], "points": 5},
        "dilated": {"at_least": 1, "bonus": 200, "message": "dilation instead of " * 8 + "pools"},
        "accuracy": {"dataset": "cifar10", "at_least": 85, "when_unverified": "warn", "points": 1},
        "depthwise-separable": {"at_least": 1, "severity": "warning"},
    },
    "named": {
        "layers": [
            {"kind": "conv2d", "at_most": 3, "name": "no more than three plain convolutions"},
            {"kind": "conv2d", "where": {"stride": 7}, "at_least": 1},
        ],
        "receptive-field": {"at_least": 1, "at": "nowhere"},
        "output-shape": {"shape": [10]},
    },
}


@pytest.mark.parametrize("rules", SPECS.values(), ids=list(SPECS))
@pytest.mark.parametrize("network", ["resnet18", "listed"])
def test_a_report_is_whole_in_any_width(rules: dict[str, object], network: str) -> None:
    traced = resnet18() if network == "resnet18" else archcheck.trace(Listed(), (3, 32, 32))
    report = check(traced, spec_from({"rules": rules}))
    assert_whole(partial(print_report, report))


def test_reports_on_files_are_whole_in_any_width(repository: Path) -> None:
    for report in (report_on(repository), broken(repository)):
        assert_whole(partial(print_report, report))


def test_a_brief_report_is_whole_in_any_width(repository: Path) -> None:
    held = check(resnet18(), spec_from({"rules": {"parameters": {"at_most": "20M"}}}))
    assert_whole(lambda console: print_brief([held, held, report_on(repository)], console))


def test_a_layer_table_is_whole_in_any_width() -> None:
    for network in (resnet18(), archcheck.trace(Listed(), (3, 32, 32))):
        rf = archcheck.receptive_field(network)
        assert_whole(partial(print_inspection, network, rf))


def test_a_field_is_whole_in_any_width() -> None:
    for network in (resnet18(), archcheck.trace(Listed(), (3, 32, 32))):
        rf = archcheck.receptive_field(network)
        summary = summarize(rf, rf.locations("features")[0])
        assert_whole(partial(print_field, summary))


def test_what_is_not_verified_is_told_once() -> None:
    spec = spec_from({"rules": {"accuracy": {"dataset": "cifar10", "at_least": 85}}})
    lines = printed(lambda c: print_report(check(resnet18(), spec), c), 100)
    assert sum("was not run on the images" in line for line in lines) == 1


def test_all_that_is_shown_is_counted() -> None:
    spec = spec_from({"rules": SPECS["points"]})
    lines = printed(lambda c: print_report(check(resnet18(), spec), c), 120)
    rows = [line for line in lines if line.startswith(("  ✓", "  ✗", "  ?"))]
    counts = lines[-1].split("      ")[0]
    assert len(rows) == sum(int(part.split()[0]) for part in counts.split(", "))
    assert f"of {len(rows)} rules failed" in counts


def test_a_remark_that_two_sources_make_is_told_once() -> None:
    network = resnet18()
    network = msgspec.structs.replace(
        network, notes=(Remark("the same words"), Remark("the same words"))
    )
    report = check(network, spec_from({"rules": SPECS["one"]}))
    assert [remark.text for remark in report.remarks].count("the same words") == 1
