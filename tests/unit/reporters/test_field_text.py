"""How sets of positions and long paths are written."""

from __future__ import annotations

from io import StringIO

import pytest
import torch
from rich.console import Console

import archcheck
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.explain.summary import summarize
from archcheck.reporters import formatting
from archcheck.reporters.field_text import print_field
from tests.support.zoo import resnet

SETS = [
    ([], "none"),
    ([4], "4"),
    ([*range(13), 14, *range(16, 31)], "0–12, 14, 16–30"),
    ([-9, -8, -7, -2], "−9 to −7, −2"),
    (range(0, 17, 2), "0, 2, 4, 6, 8, 10, 12, 14, 16"),
    (range(0, 61, 2), "0, 2, 4 … 60"),
    ([*range(0, 61, 2), 61, 70], "0, 2, 4 … 58, 60–61, 70"),
    ([i + d for i in range(0, 90, 9) for d in (0, 1)], "0–1, 9–10, 18–19 … 81–82"),
    ([i * i for i in range(3, 13)], "9, 16, 25, 36, 49, 64, 81, 100, 121, 144"),
]


@pytest.mark.parametrize(("members", "text"), SETS)
def test_sets_of_positions(members: list[int], text: str) -> None:
    assert formatting.positions(Positions.of(members)) == text


def test_a_long_path_is_told_with_every_contribution() -> None:
    with torch.device("meta"):
        network = archcheck.trace(resnet.resnet152().eval(), (3, 224, 224))
    rf = archcheck.receptive_field(network)
    console = Console(file=StringIO(), width=120)
    print_field(summarize(rf, rf.features_locations[0]), console)
    assert isinstance(console.file, StringIO)
    rows = console.file.getvalue().partition("the path that sets it\n")[2].splitlines()
    assert len(rows) == 10
    sizes = [int(row.split()[0]) for row in rows]
    assert (sizes[0], sizes[-1]) == (1, 1451)
    long = next(row for row in rows if "layer3.1.conv2 to layer3.35.conv2" in row)
    assert "+1120  35 times 3×3 at jump 16, +32 each" in long
