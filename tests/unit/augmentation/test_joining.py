"""What the installed version's signatures say of the transforms that a source makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

import archcheck
from archcheck.augmentation.joining import LiveObjects, joined
from archcheck.augmentation.recorded import RecordedScript, Signature
from archcheck.augmentation.source import read_source
from archcheck.evidence import Augmentation, Evidence
from archcheck.evidence.augmentation import Transform
from archcheck.rules import Verdict
from archcheck.spec import check, load_spec

VERSION_2 = {
    "CoarseDropout": Signature(
        ("num_holes_range", "hole_height_range", "hole_width_range", "fill", "fill_mask", "p"),
        {
            "num_holes_range": [1, 2],
            "hole_height_range": [0.1, 0.2],
            "hole_width_range": [0.1, 0.2],
            "fill": 0,
            "fill_mask": None,
            "p": 0.5,
        },
    ),
    "HorizontalFlip": Signature(("p",), {"p": 0.5}),
    "Lambda": Signature(("image",), {}, takes_any=True),
}
MOVES = "A.HorizontalFlip(), A.ShiftScaleRotate(), "
NORMALIZE = "A.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616))"


def judge(folder: Path, transforms: str, before: str = "") -> tuple[Transform, Verdict]:
    """The pipeline under albumentations 2, and the assignment's verdict on it."""
    file = folder / "train.py"
    file.write_text(f"import albumentations as A\n{before}\ntrain = A.Compose([{transforms}])\n")
    source = read_source(str(file))
    pipelines = joined(source, LiveObjects(RecordedScript("2.0.8", signatures=VERSION_2)))
    evidence = Evidence(augmentation=Augmentation(str(file), pipelines, library="2.0.8"))
    network = archcheck.trace(nn.Conv2d(3, 8, 3), (3, 32, 32))
    report = check(network, load_spec("assignment7"), evidence)
    return pipelines[0].root, report.finding("augmentation").verdict


def test_dropped_arguments_and_defaults_are_those_of_the_signature(tmp_path: Path) -> None:
    text = "A.CoarseDropout(max_holes=1, p=1), A.HorizontalFlip(0.3), A.Lambda(own=1), A.Blur(3)"
    hole, flip, own, blur = judge(tmp_path, text)[0].children
    assert hole.dropped == ("max_holes",)
    assert hole.effective is not None
    assert (hole.effective["num_holes_range"], hole.effective["p"]) == ((1, 2), 1)
    assert [(a.name, a.value) for a in flip.arguments] == [("p", 0.3)]
    assert (own.dropped, blur.effective) == ((), None)


ADVICE = [
    # the fill is on the scale from 0 to 1, which is wrong here
    (
        "1, max_height=16, max_width=16, fill_value=(0.4914, 0.4822, 0.4465)",
        "",
        "(125.3, 123, 113.",
    ),
    ("1, max_height=8, max_width=16, fill_value=(125, 123, 114)", "", "hole_height_range=(16, 16)"),
    ("2, max_height=16, max_width=16, fill_value=(125, 123, 114)", "", "num_holes_range=(1, 1)"),
    ("1, max_height=16, max_width=16, fill_value=(125, 123, 114)", "", "fill=(125, 123, 114)"),
    (
        "1, max_height=16, max_width=16, fill_value=fill",
        "fill = load()",
        "fill in place of fill_value",
    ),
]


@pytest.mark.parametrize(("arguments", "before", "advice"), ADVICE)
def test_what_to_write_instead_does_not_contradict_the_verdict(
    tmp_path: Path, arguments: str, before: str, advice: str
) -> None:
    text = f"{MOVES} A.CoarseDropout(max_holes={arguments}), {NORMALIZE}"
    _, verdict = judge(tmp_path, text, before)
    (warning,) = verdict.asides
    hint = warning.verdict.hint
    assert advice in hint
    assert "0.4914" not in hint
    assert "hole_height_range=(8, 8)" not in hint
