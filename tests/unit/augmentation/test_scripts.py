"""Training scripts as students write them, each with its true verdict.

They stand in ``training_scripts.txt``: ``=== kind``, ``--- verdict``, then the script, ``+++ file``
before another file of its project. ``MOVES`` stands for the two transforms that are asked for
beside the hole, ``HOLE(`` for the beginning of a CoarseDropout that only lacks its fill.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import pytest
from torch import nn

import archcheck
from archcheck.augmentation.source import read_source
from archcheck.evidence import Augmentation, Evidence
from archcheck.network import Network
from archcheck.rules import Verdict
from archcheck.spec import check, load_spec
from tests.support.paths import ROOT

HEAD = "import albumentations as A\nimport numpy as np\n"
STAND_INS = {
    "MOVES": "A.HorizontalFlip(), A.ShiftScaleRotate()",
    "HOLE(": "A.CoarseDropout(max_holes=1, max_height=16, max_width=16, fill_value=",
    "CIFAR_MEAN_255": "(125.3, 123.0, 113.9)",
    "CIFAR_MEAN": "(0.4914, 0.4822, 0.4465)",
    "CIFAR_STD": "(0.247, 0.2435, 0.2616)",
}
SCRIPTS = ROOT / "tests" / "support" / "data" / "training_scripts.txt"


@lru_cache(maxsize=1)
def network() -> Network:
    return archcheck.trace(nn.Conv2d(3, 8, 3), (3, 32, 32))


def written(text: str) -> str:
    """A file with its stand-ins replaced."""
    for name, meant in STAND_INS.items():
        text = text.replace(name, meant)
    return HEAD + text


def judge(folder: Path, files: Mapping[str, str]) -> Verdict:
    """The verdict of the assignment on a script that is not run."""
    for file, text in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written(text))
    script = str(folder / "train.py")
    source = read_source(script)
    evidence = Evidence(augmentation=Augmentation(script, source.pipelines, source.loose))
    return check(network(), load_spec("assignment7"), evidence).finding("augmentation").verdict


def _cases() -> Iterator[object]:
    for part in SCRIPTS.read_text("utf-8").split("=== ")[1:]:
        kind, _, scripts = part.partition("\n")
        for number, script in enumerate(scripts.split("--- ")[1:]):
            truth, _, text = script.partition("\n")
            main, *others = text.split("+++ ")
            files = {"train.py": main} | {
                name: content for name, _, content in (other.partition("\n") for other in others)
            }
            yield pytest.param(files, truth, id=f"{kind}-{number}-{truth}")


@pytest.mark.parametrize(("files", "truth"), list(_cases()))
def test_scripts_of_every_kind(tmp_path: Path, files: dict[str, str], truth: str) -> None:
    verdict = judge(tmp_path, files)
    assert verdict.status == truth, verdict.message
