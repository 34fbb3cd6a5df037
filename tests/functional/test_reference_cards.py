"""What the cards of the reference networks say, and the weights that they speak of."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.paths import EXAMPLES

pytest.importorskip("safetensors", reason="the cards need the extra `train`")

import card as command
from training.card import gather, render
from training.checkpoint import write_weights
from training.cifar import read_test
from training.config import load_config
from training.effective import effective_field, side_of, theoretical_field
from training.errors import Problem
from training.evaluation import measure
from training.networks import build_network, load_trained

FOLDER = EXAMPLES / "reference"
DATA = os.environ.get("ARCHCHECK_DATA")
SHAPE = (3, 32, 32)
with_data = pytest.mark.skipif(DATA is None, reason="ARCHCHECK_DATA names no folder")
both = pytest.mark.parametrize("name", ["a", "b"])


def shipped(name: str) -> dict[str, Any]:
    file = FOLDER / f"{name}.json"
    if not file.exists():
        pytest.skip(f"no trained weights of {name} are here")
    measured: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return measured


# -- shipped cards and weights -----------------------------------------------------------------


@both
def test_the_card_says_what_was_measured(name: str) -> None:
    measured = shipped(name)
    assert (FOLDER / f"{name}.md").read_text("utf-8") == render(measured)


@both
def test_the_weights_are_small_and_fit_the_network(name: str) -> None:
    measured = shipped(name)
    weights = FOLDER / f"{name}.safetensors"
    assert weights.stat().st_size < 1_000_000
    network = load_trained(load_config(FOLDER / measured["recipe"]), weights)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert parameters == measured["field"]["parameters"]


@pytest.mark.slow
@with_data
@both
def test_the_weights_reach_what_the_card_says(name: str) -> None:
    measured = shipped(name)
    assert DATA is not None
    config = load_config(FOLDER / measured["recipe"])
    network = load_trained(config, FOLDER / f"{name}.safetensors")
    found = measure(config, network, read_test(DATA))
    # Another machine may round otherwise: an image on the border between two classes may move.
    assert abs(found["right"] - measured["runs"][0]["test"]["right"]) <= 5


# -- how they are made -------------------------------------------------------------------------


def run_folder(folder: Path, *, seed: int, right: int, split: str = "test") -> Path:
    folder.mkdir()
    matrix = np.eye(10, dtype=int) * right
    matrix[:, 0] += 1000 - right
    matrix[0, 0] = 1000
    correct = int(matrix.trace())
    test = {"split": split, "images": 10_000, "right": correct, "accuracy": correct / 10_000}
    test |= {"interval95": [0.1, 0.9], "confusion": matrix.tolist()}
    devices = [
        {"device": "a device", "torch": "2.9", "epochs": 6, "seconds": 90.0},
        {"device": "another", "torch": "2.13", "epochs": 1, "seconds": 6.0},
    ]
    run = {"seed": seed, "teacher_sha256": "0", "python": "3.12", "epochs": 7, "devices": devices}
    run |= {"training_images": 45_000, "heldout_images": 5000}
    run |= {"last_epoch": {"heldout_accuracy": 0.8125}}
    (folder / "test.json").write_text(json.dumps(test), "utf-8")
    (folder / "run.json").write_text(json.dumps(run), "utf-8")
    return folder


def test_a_card_is_written_from_the_figures_alone(tmp_path: Path) -> None:
    runs = [run_folder(tmp_path / str(seed), seed=seed, right=900 + seed) for seed in range(3)]
    measured = gather("a", "A network", "spec.yaml", FOLDER / "a.yaml", runs)
    network = build_network(load_config(FOLDER / "a.yaml"), seed=0)
    measured["field"] = {
        **theoretical_field(network, SHAPE),
        "side50": 9,
        "side95": 21,
        "images": 3,
    }
    text = render(json.loads(json.dumps(measured)))
    for said in (
        "**91.00%** of the 10,000 CIFAR-10 test images, 95 % interval 10.00% to 90.00%",
        "Over 3 seeds: mean 91.09%, standard deviation 0.09 points",
        "7 epochs of 45,000 images: 6 in 1.5 minutes on a device with torch 2.9, "
        "1 in 0.1 minutes on another with torch 2.13",
        "90% of its loss from the scores of a teacher (teacher.yaml)",
        "81.25% were right after the last epoch",
        "73 × 73 at the last map before the pool",
        "| c4 | 73 × 73 | 2 |",
        "batch_size: 256",
    ):
        assert said in text, said


def test_a_card_wants_the_test_images(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "0", seed=0, right=900, split="heldout")
    with pytest.raises(Problem, match="is of the heldout images"):
        gather("a", "A", "spec", FOLDER / "a.yaml", [folder])
    (folder / "test.json").unlink()
    with pytest.raises(Problem, match="is the training evaluated"):
        gather("a", "A", "spec", FOLDER / "a.yaml", [folder])


@pytest.mark.slow
@with_data
def test_the_command_writes_everything_that_a_card_shows(tmp_path: Path) -> None:
    assert DATA is not None
    folder = run_folder(tmp_path / "run", seed=0, right=900)
    write_weights(folder / "weights.safetensors", build_network(load_config(FOLDER / "b.yaml"), 0))
    (folder / "metrics.csv").write_text(
        "epoch,learning_rate,train_loss,train_accuracy,heldout_loss,heldout_accuracy\n"
        "1,0.1,2.0,0.3,1.9,0.35\n2,0.1,1.5,0.5,1.4,0.55\n",
        "utf-8",
    )
    given = ["--network", "b", "--config", str(FOLDER / "b.yaml"), "--run", str(folder)]
    assert command.main([*given, "--data", DATA, "--out", str(tmp_path)]) == 0
    text = (tmp_path / "b.md").read_text("utf-8")
    for name in ("curve.svg", "confusion.svg", "field.png"):
        assert f"b-{name}" in text
        assert (tmp_path / f"b-{name}").stat().st_size > 2000
    assert text == render(json.loads((tmp_path / "b.json").read_text("utf-8")))


@both
def test_the_effective_field_lies_inside_the_theoretical_one(name: str) -> None:
    network = build_network(load_config(FOLDER / f"{name}.yaml"), seed=0).eval()
    images = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    field = effective_field(network, images)
    assert field.shape == (32, 32)
    assert field.sum() == pytest.approx(1)
    theory = theoretical_field(network, SHAPE)
    rows, columns = np.nonzero(field)
    for positions, (first, last) in zip((rows, columns), theory["centre_hull"], strict=True):
        assert first <= positions.min()
        assert positions.max() <= last
    # The centre of the hull is the unit's: without borders in reach both sides are as far.
    first, last = theory["centre_hull"][0]
    assert last - first + 1 == theory["size"][0]


def test_the_side_of_a_share() -> None:
    field = np.zeros((9, 9))
    field[4, 4], field[3, 3], field[0, 0] = 0.5, 0.4, 0.1
    assert [side_of(field, (4, 4), share) for share in (0.5, 0.9, 0.95)] == [1, 3, 9]
