"""What weights are worth: the measure, its interval, the files they lie in."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("albumentations", reason="the training needs the extra `train`")
pytest.importorskip("safetensors", reason="the training needs the extra `train`")

from safetensors.torch import save_file

from tests.support.recipes import shipped
from training import cifar
from training.checkpoint import write_whole
from training.errors import Problem
from training.evaluation import measure, wilson
from training.networks import load_trained


def test_wilson_interval_equals_the_textbook() -> None:
    # The bounds solve (p - share)^2 = z^2 p (1 - p) / n.
    for right, count in ((9250, 10_000), (3, 10), (10, 10), (0, 7)):
        for bound in wilson(right, count):
            distance = (bound - right / count) ** 2
            assert distance == pytest.approx(1.959964**2 * bound * (1 - bound) / count, abs=1e-6)


def test_the_measure_counts_what_is_right() -> None:
    class Red(torch.nn.Module):
        """Says the red value of the first pixel."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            config = shipped("a")
            red = (x[:, 0, 0, 0] * config.deviation[0] + config.mean[0]) * 255
            return torch.nn.functional.one_hot(red.round().long(), 10).float()

    labels = np.random.default_rng(0).integers(0, 10, 999)
    pixels = np.zeros((999, 32, 32, 3), np.uint8)
    pixels[:, 0, 0, 0] = labels
    pixels[:9, 0, 0, 0] = (labels[:9] + 1) % 10
    found = measure(shipped("a"), Red(), cifar.Images(pixels, labels))
    assert (found["right"], found["images"]) == (990, 999)
    assert sum(map(sum, found["confusion"])) == 999
    assert found["interval95"][0] < 990 / 999 < found["interval95"][1]


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"c1.0.weight": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(Problem, match="of another network than"):
        load_trained(shipped("a"), tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"no")
    with pytest.raises(Problem, match="no weights can be read"):
        load_trained(shipped("a"), tmp_path / "w.safetensors")


def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f"
    write_whole(file, b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_whole(file, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert file.read_bytes() == b"old"
