"""The training program of the reference networks."""

from __future__ import annotations

import csv
import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("albumentations", reason="the training needs the extra `train`")
pytest.importorskip("safetensors", reason="the training needs the extra `train`")

from safetensors.torch import load_file

from tests.support.commands import environment, run_program
from tests.support.processes import wait_until
from tests.support.recipes import FOLDER, LAST, PIPELINE, recipe, shipped, teach, write
from tests.support.synthetic import write_batch
from training.config import load_config
from training.errors import Problem
from training.optimisation import learning_rate, make_optimizer

RUN = """
import json, sys
from training import cifar
import train
cifar.SHA256.update(json.loads(sys.argv[1]))
sys.exit(train.main(sys.argv[2:]))
"""
SETTINGS = environment(PYTHONPATH=str(FOLDER), OMP_NUM_THREADS="1")


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


def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
    return run_program(command(*arguments), env=SETTINGS)


# -- the whole program -------------------------------------------------------------------------


@pytest.mark.slow
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
        env=SETTINGS,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: _epochs(killed) >= 1 or started.poll() is not None)
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


@pytest.mark.slow
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


def test_the_last_epochs_have_a_pipeline_of_their_own(tmp_path: Path) -> None:
    finish = {"epochs": 2, "augmentation": LAST}
    cycles = [{"epochs": 1, "learning_rate": 0.1}]
    config = load_config(write(tmp_path, recipe(epochs=5, finish=finish, cycles=cycles)))
    assert config.pipelines == {0: PIPELINE, 3: LAST, 5: PIPELINE}
    assert config.all_epochs == 6


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
