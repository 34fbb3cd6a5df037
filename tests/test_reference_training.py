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

from safetensors.torch import load_file

from tests.synthetic import write_batch
from training import cifar
from training.checkpoint import write_weights, write_whole
from training.config import Config, load_config
from training.distillation import distillation_loss, load_teacher
from training.engine import Engine
from training.errors import Problem
from training.evaluation import measure, normalised, wilson
from training.networks import build_network, load_trained
from training.optimisation import learning_rate, make_optimizer

FOLDER = Path(__file__).parent.parent / "examples" / "reference"
TEACHER = f"{FOLDER / 'teacher.py'}:Teacher"
PIPELINE = f"{FOLDER / 'augmentations.py'}:augmentations_b"
LAST = f"{FOLDER / 'augmentations.py'}:augmentations_last"
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
    content |= {"finish": None, "cycles": [], "average": 1, "teacher": None}
    content["optimizer"]["warmup_epochs"] = 1
    return content | changes


def write(folder: Path, content: dict[str, Any]) -> Path:
    (folder / "tiny.py").write_text(TINY, "utf-8")
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    return file


def teach(folder: Path, content: dict[str, Any], seed: int = 0) -> Path:
    """The recipe of a teacher, and weights for it that nobody has trained."""
    (folder / "tiny.py").write_text(TINY, "utf-8")
    (folder / "teacher.yaml").write_text(yaml.safe_dump(content), "utf-8")
    weights = folder / "teacher.safetensors"
    write_weights(weights, build_network(load_config(folder / "teacher.yaml"), seed))
    return weights


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with one made-up batch, and its checksum as JSON."""
    folder = tmp_path_factory.mktemp("data")
    content = write_batch(folder / "data_batch_1.bin")
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
        command(*arguments), env=environment(), capture_output=True, text=True, timeout=300
    )


# -- the whole program -------------------------------------------------------------------------


def test_a_killed_training_resumes_to_the_same_metrics_and_weights(
    tmp_path: Path, data: tuple[Path, str]
) -> None:
    weights = teach(tmp_path, recipe())
    taught = {"recipe": "teacher.yaml", "share": 0.2}
    more = {"cycles": [{"epochs": 1, "learning_rate": 0.1}] * 2, "average": 2}
    finish = {"epochs": 1, "augmentation": LAST}
    config = write(tmp_path, recipe(epochs=3, **more, teacher=taught, finish=finish))
    teacher = ("--teacher", str(weights))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(data, config, whole, *teacher, "--workers", "0").returncode == 0
    started = subprocess.Popen(
        command(data, config, killed, *teacher, "--workers", "2"),
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    _wait_for(lambda: _epochs(killed) >= 1 or started.poll() is not None)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert 1 <= _epochs(killed) < 5, "it was killed too late to show anything"
    resumed = run(data, config, killed, *teacher, "--workers", "1", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    for name in ("metrics.csv", "weights.safetensors"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    assert not [path for path in killed.iterdir() if path.name.startswith(".")]

    # The mean of the weights that the last two cycles ended with, but for the statistics.
    second, kept = (load_file(whole / f"{name}.safetensors") for name in ("epoch-4", "weights"))
    last = torch.load(whole / "checkpoint.pt", weights_only=True)["network"]
    assert torch.equal(kept["0.weight"], (second["0.weight"] + last["0.weight"]) / 2)
    assert (whole / "epoch-3.safetensors").exists()
    assert not torch.equal(kept["1.running_mean"], last["1.running_mean"])
    done = json.loads((killed / "run.json").read_text("utf-8"))
    assert done["epochs"] == 5
    assert done["averaged_heldout_accuracy"] > 0.9
    assert done["teacher_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    (device,) = done["devices"]
    assert (device["epochs"], device["torch"]) == (5, torch.__version__)
    assert device["device"].startswith("CPU (")
    with (killed / "times.csv").open(newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert device["seconds"] == pytest.approx(sum(seconds), abs=0.01)

    # It learns what can be learnt: the classes differ in colour.
    with (whole / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["heldout_accuracy"]) > 0.9
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])

    # Nothing is trained over, and nothing is mixed up.
    again = run(data, config, whole, *teacher)
    assert (again.returncode, again.stderr) == (
        1,
        f"error: {whole}: holds a training already: --resume goes on with it\n",
    )
    other = run(data, config, whole, *teacher, "--resume", "--seed", "1")
    assert other.returncode == 1
    assert "is of a training with another seed" in other.stderr
    teach(tmp_path, recipe(), seed=1)
    other = run(data, config, whole, *teacher, "--resume")
    assert other.returncode == 1
    assert "is of a training with another teacher's weights" in other.stderr


def _epochs(folder: Path) -> int:
    file = folder / "metrics.csv"
    return len(file.read_text("utf-8").splitlines()) - 1 if file.exists() else 0


def _wait_for(done: Callable[[], bool], seconds: float = 240) -> None:
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
        ({"finish": {"epochs": 4, "augmentation": PIPELINE}}, "finish.epochs 4 is more than all"),
        ({"finish": {"epochs": 1, "augmentation": "no.py:f"}}, "finish.augmentation: there is no"),
        ({"cycles": [{"epochs": 3}]}, "cycles.0.learning_rate: Field required"),
        ({"average": 2}, "average 2 is more cycles than there are"),
        ({"teacher": {"recipe": "no.yaml"}}, "teacher.recipe: there is no file"),
        ({"teacher": {"recipe": "t.yaml", "temperature": 0}}, "teacher.temperature: Input should"),
        ({"together": 0}, "together: Input should be greater than or equal to 1"),
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


def test_the_last_epochs_have_a_pipeline_of_their_own() -> None:
    config = shipped("a")
    assert config.finish is not None
    first, last, behind = config.pipelines.items()
    assert first == (0, config.augmentation)
    assert last == (config.epochs - config.finish.epochs, config.finish.augmentation)
    assert last[1].endswith("augmentations.py:augmentations_last")
    assert behind == (config.epochs, config.augmentation)
    assert shipped("b").pipelines[0].endswith(":augmentations_b")


def test_each_further_cycle_falls_from_its_peak_to_zero() -> None:
    config = shipped("a")
    steps, first = config.steps_per_epoch, config.epochs
    assert config.cycles
    assert config.ends[-1] == first + sum(cycle.epochs for cycle in config.cycles)
    for cycle, begin, end in zip(config.cycles, config.ends, config.ends[1:], strict=False):
        rates = [learning_rate(config, step) for step in range(begin * steps - 1, end * steps)]
        assert rates[0] < 1e-4 * cycle.learning_rate
        assert rates[1] == cycle.learning_rate
        assert rates[1:] == sorted(rates[1:], reverse=True)
        assert 0 < rates[-1] < 1e-3 * cycle.learning_rate
        assert rates[1 + cycle.epochs * steps // 2] == pytest.approx(rates[1] / 2)


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


# -- the teacher -------------------------------------------------------------------------------


def test_the_teacher_says_the_same_without_its_normalisations(tmp_path: Path) -> None:
    weights = teach(tmp_path, recipe(network=TEACHER))
    config = load_config(write(tmp_path, recipe(teacher={"recipe": "teacher.yaml"})))
    plain = build_network(load_config(tmp_path / "teacher.yaml"), 0)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, 3, 32, 32, generator=generator)
    with torch.no_grad():
        plain(images)  # statistics that are not those of a new network
    write_weights(weights, plain)
    teacher = load_teacher(config, weights)
    assert teacher is not None
    kinds = {type(module) for module in teacher.network.modules()}
    assert torch.nn.BatchNorm2d not in kinds
    assert not any(p.requires_grad for p in teacher.network.parameters())
    with torch.no_grad():
        expected, found = plain.eval()(images), teacher.network(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_loss_of_a_teacher_equals_its_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (torch.randn(5, 10, generator=generator).double() * 3 for _ in range(2))
    p, q = ((scores / 4).exp() for scores in (theirs, ours))
    p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
    expected = 16 * (p * (p / q).log()).sum(1).mean()
    assert distillation_loss(ours, theirs, 4).item() == pytest.approx(expected.item())
    # Where the temperature is high, its gradients are those of the scores' distance (section 2.1).
    ours.requires_grad_()
    (found,) = torch.autograd.grad(distillation_loss(ours, theirs, 1e4), ours)
    distance = (ours - ours.mean(1, keepdim=True)) - (theirs - theirs.mean(1, keepdim=True))
    torch.testing.assert_close(found, distance / 10 / 5, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_teacher_has_its_share_of_the_loss(tmp_path: Path, share: float) -> None:
    weights = teach(tmp_path, recipe())
    wanted = {"recipe": "teacher.yaml", "share": share, "temperature": 2}
    config = load_config(write(tmp_path, recipe(teacher=wanted, batch_size=20)))
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    labels = torch.arange(20) % 10
    losses = []
    for teacher in (load_teacher(config, weights), None):
        engine = Engine(config, torch.device("cpu"), seed=0, labels=labels, teacher=teacher)
        losses.append(engine.train_epoch(0, torch.from_numpy(images), lambda _: None).loss)
    network = build_network(config, 0)
    shown = normalised(config, cifar.Images(images, labels.numpy()), slice(20))
    teacher = load_teacher(config, weights)
    assert teacher is not None
    with torch.no_grad():
        taught = distillation_loss(network(shown), teacher.network(shown), 2).item()
    expected = share * taught + (1 - share) * losses[1]
    assert losses[0] == pytest.approx(expected, rel=1e-4)


def test_a_teacher_that_does_not_fit_is_one_message(tmp_path: Path) -> None:
    weights = teach(tmp_path, recipe())
    alone = load_config(write(tmp_path, recipe()))
    taught = load_config(write(tmp_path, recipe(teacher={"recipe": "teacher.yaml"})))
    assert load_teacher(alone, None) is None
    with pytest.raises(Problem, match="the recipe names no teacher"):
        load_teacher(alone, weights)
    with pytest.raises(Problem, match=r"train .*teacher\.yaml first, then give --teacher"):
        load_teacher(taught, None)
    with pytest.raises(Problem, match="no weights can be read"):
        load_teacher(taught, tmp_path / "missing.safetensors")
    teach(tmp_path, recipe(data={"batches": [1], "holdout": 8000}))
    with pytest.raises(Problem, match="it may have seen what is held out here"):
        load_teacher(taught, weights)
    teach(tmp_path, recipe(mean=[0.5, 0.5, 0.5]))
    with pytest.raises(Problem, match="mean and deviation must be the same"):
        load_teacher(taught, weights)


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
