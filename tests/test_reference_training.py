"""The training program of the reference networks."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

pytest.importorskip("albumentations", reason="the training needs the extra `train`")
pytest.importorskip("safetensors", reason="the training needs the extra `train`")

from training import cifar
from training.augmented import AugmentedEpochs, augment, load_pipeline
from training.checkpoint import write_whole
from training.config import Config, Data, load_config
from training.errors import Problem
from training.evaluation import load_trained, measure, wilson
from training.optimisation import learning_rate, make_optimizer

FOLDER = Path(__file__).parent.parent / "examples" / "reference"
DATA = os.environ.get("ARCHCHECK_DATA")
PIPELINE = f"{FOLDER / 'augmentations.py'}:augmentations_b"
TINY = """
from torch import nn

class Tiny(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10),
        )
"""
RUN = """
import json, sys
from training import cifar
import train
cifar.SHA256.update(json.loads(sys.argv[1]))
sys.exit(train.main(sys.argv[2:]))
"""


def recipe(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / "a.yaml").read_text("utf-8"))
    content |= {"network": "tiny.py:Tiny", "augmentation": PIPELINE, "precision": "fp32"}
    content |= {"data": {"batches": [1], "holdout": 9000}, "epochs": 3, "batch_size": 50}
    content |= {"execution": "eager", "must_reach": None}
    content["optimizer"]["warmup_epochs"] = 1
    return content | changes


def write(folder: Path, content: dict[str, Any]) -> Path:
    (folder / "tiny.py").write_text(TINY, "utf-8")
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    return file


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A batch in the official layout whose classes differ in colour, and its checksum as JSON."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 10_000).astype(np.uint8)
    colours = random.integers(30, 220, (10, 3)).astype(np.int16)
    noise = random.integers(-30, 30, (10_000, 3, 1024), np.int16)
    planes = (colours[labels][:, :, None] + noise).clip(0, 255).astype(np.uint8)
    content = np.concatenate([labels[:, None], planes.reshape(10_000, -1)], 1).tobytes()
    (folder / "data_batch_1.bin").write_bytes(content)
    return folder, json.dumps({"data_batch_1.bin": hashlib.sha256(content).hexdigest()})


def command(data: tuple[Path, str], config: Path, out: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-c", RUN, data[1], "--config", str(config), "--data", str(data[0])),
        *("--out", str(out), "--device", "cpu", *more),
    ]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(FOLDER), "OMP_NUM_THREADS": "1"}


def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=environment(), capture_output=True, text=True, timeout=120
    )


# -- the whole program -------------------------------------------------------------------------


def test_a_killed_training_resumes_to_the_same_metrics_and_weights(
    tmp_path: Path, data: tuple[Path, str]
) -> None:
    config = write(tmp_path, recipe(epochs=5))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(data, config, whole, "--workers", "0").returncode == 0
    started = subprocess.Popen(
        command(data, config, killed, "--workers", "2"),
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    _wait_for(lambda: _epochs(killed) >= 1 or started.poll() is not None)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert 1 <= _epochs(killed) < 5, "it was killed too late to show anything"
    resumed = run(data, config, killed, "--workers", "1", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    for name in ("metrics.csv", "weights.safetensors"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    assert not [path for path in killed.iterdir() if path.name.startswith(".")]

    # It learns what can be learnt: the classes differ in colour.
    with (whole / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["heldout_accuracy"]) > 0.9
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])

    # Nothing is trained over, and nothing is mixed up.
    again = run(data, config, whole)
    assert (again.returncode, again.stderr) == (
        1,
        f"error: {whole}: holds a training already: --resume goes on with it\n",
    )
    other = run(data, config, whole, "--resume", "--seed", "1")
    assert other.returncode == 1
    assert "is of a training with another seed" in other.stderr


def _epochs(folder: Path) -> int:
    file = folder / "metrics.csv"
    return len(file.read_text("utf-8").splitlines()) - 1 if file.exists() else 0


def _wait_for(done: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_it_stops_where_nothing_is_learnt(tmp_path: Path, data: tuple[Path, str]) -> None:
    asked = {"epoch": 1, "accuracy": 1.0}
    config = write(tmp_path, recipe(must_reach=asked))
    stopped = run(data, config, tmp_path / "out", "--workers", "0")
    assert stopped.returncode == 1
    assert "it does not learn: " in stopped.stderr
    assert "must_reach asks for 100.0%" in stopped.stderr


def test_data_that_is_missing_is_one_message(tmp_path: Path) -> None:
    config = write(tmp_path, recipe())
    missing = run((tmp_path, "{}"), config, tmp_path / "out")
    assert missing.returncode == 1
    assert missing.stderr.startswith(f"error: {tmp_path / 'data_batch_1.bin'}: No such file")
    assert len(missing.stderr.splitlines()) == 1


# -- data --------------------------------------------------------------------------------------


def test_records_become_images_and_labels(
    data: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (data[0] / "data_batch_1.bin").read_bytes()
    sums = {**cifar.SHA256, "data_batch_1.bin": hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(cifar, "SHA256", sums)
    kept, held = cifar.read_training(data[0], Data(batches=[1], holdout=1000))
    assert kept.pixels.shape == (9000, 32, 32, 3)
    assert held.pixels.shape == (1000, 32, 32, 3)
    again = cifar.read_training(data[0], Data(batches=[1], holdout=1000))[1]
    assert np.array_equal(held.labels, again.labels)
    whole = cifar.read_training(data[0], Data(batches=[1], holdout=0))[0]
    record = np.frombuffer(content, np.uint8)[5 * 3073 : 6 * 3073]
    assert whole.labels[5] == record[0]
    assert whole.pixels[5, 2, 7, 1] == record[1 + 1024 + 2 * 32 + 7]  # green, row 2, column 7


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(b"\0" * 3073)
    with pytest.raises(Problem, match="not the official file: it has 3,073 bytes of 30,730,000"):
        cifar.read_training(tmp_path, Data(batches=[1]))
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(Problem, match="this is the Python version, the binary version is wanted"):
        cifar.read_test(tmp_path)


@pytest.mark.skipif(DATA is None, reason="ARCHCHECK_DATA names no folder")
def test_the_official_files_are_read() -> None:
    assert DATA is not None
    test = cifar.read_test(DATA)
    assert np.bincount(test.labels).tolist() == [1000] * 10
    kept, held = cifar.read_training(DATA, Data())
    assert (len(kept.labels), len(held.labels)) == (45_000, 5_000)
    labels = np.concatenate([kept.labels, held.labels])
    assert np.bincount(labels).tolist() == [5000] * 10


# -- augmentation ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_epochs_are_the_same_whatever_makes_them() -> None:
    images = np.random.default_rng(0).integers(0, 255, (700, 32, 32, 3), np.uint8)

    def epochs(workers: int, first: int) -> list[torch.Tensor]:
        return list(AugmentedEpochs(images, PIPELINE, seed=3, first=first, last=3, workers=workers))

    alone = epochs(0, 0)
    assert alone[0].shape == (700, 32, 32, 3)
    assert not torch.equal(alone[0], alone[1])
    for workers, first in ((1, 0), (3, 0), (2, 2)):
        for found, expected in zip(epochs(workers, first), alone[first:], strict=True):
            assert torch.equal(found, expected)


@pytest.mark.parametrize("network", ["a", "b"])
def test_the_augmentations_are_those_that_are_asked_for(network: str) -> None:
    pipeline = load_pipeline(f"{FOLDER / 'augmentations.py'}:augmentations_{network}")
    found = {type(step).__name__: step for step in pipeline.transforms}
    assert set(found) >= {"HorizontalFlip", "Affine", "CoarseDropout"}
    assert ("ToGray" in found) == (network == "b")
    hole = found["CoarseDropout"]
    assert hole.num_holes_range == (1, 1)
    assert hole.hole_height_range == hole.hole_width_range == (16, 16)
    config = load_config(FOLDER / f"{network}.yaml")
    assert hole.fill == tuple(round(255 * value) for value in config.mean)

    # What comes out has such holes, of that size and colour, about as often as `p` says.
    images = np.zeros((400, 32, 32, 3), np.uint8)
    images[...] = np.array([1, 2, 3])
    done = augment(pipeline, images, seed=0, epoch=0, chunk=0)
    areas = (done == np.array(hole.fill)).all(-1).sum((1, 2))
    share = float(np.mean(areas >= 256))
    assert abs(share - hole.p) < 0.12


# -- recipes, schedule, optimiser --------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, "epoch: Extra inputs are not permitted"),
        ({"batch_size": 2000}, "batch_size 2,000 is more than the 1,000 images"),
        ({"data": {"holdout": 50_000}}, "data: holdout of 50,000 leaves no image to train on"),
        ({"network": "nothing.py:Net"}, "network: there is no file"),
        ({"network": "tiny"}, "network: String should match"),
        ({"optimizer": {"name": "sgd"}}, "optimizer.learning_rate: Field required"),
        ({"must_reach": {"epoch": 9, "accuracy": 0.5}}, "must_reach.epoch 9 is never reached"),
        ({"label_smoothing": float("nan")}, "label_smoothing: Input should be"),
    ],
)
def test_a_wrong_recipe_is_one_message(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(Problem) as caught:
        load_config(write(tmp_path, recipe(**changes)))
    assert f"recipe.yaml: {message}" in str(caught.value)


@pytest.mark.parametrize("text", ["epochs: [", "- 1", "\0"])
def test_a_file_that_is_no_recipe_is_one_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text, "utf-8")
    with pytest.raises(Problem, match=r"x\.yaml: "):
        load_config(tmp_path / "x.yaml")


def shipped(network: str) -> Config:
    return load_config(FOLDER / f"{network}.yaml")


def test_the_rate_rises_to_its_peak_and_falls_to_zero() -> None:
    config = shipped("a")
    steps = config.steps_per_epoch * config.epochs
    rates = [learning_rate(config, step) for step in range(steps)]
    peak = int(config.optimizer.warmup_epochs * config.steps_per_epoch)
    assert rates[peak] == max(rates) == config.optimizer.learning_rate
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < rates[0] < 0.01 * max(rates)
    assert rates[-1] < 1e-4 * max(rates)


def test_only_weights_decay() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    groups = make_optimizer(network, shipped("a"), fused=False).param_groups
    assert [(len(g["params"]), g["weight_decay"] > 0) for g in groups] == [(1, True), (3, False)]


# -- evaluation --------------------------------------------------------------------------------


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
    from safetensors.torch import save_file

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
