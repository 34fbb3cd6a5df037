"""A whole training: from a config to weights, metrics and a plot."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Any

import torch

from training import checkpoint
from training.augmented import AugmentedEpochs
from training.averaging import averaged
from training.checkpoint import METRICS, TIMES, write_table, write_weights, write_whole
from training.cifar import Images, read_training
from training.config import Config
from training.engine import Engine, Score
from training.errors import Problem
from training.evaluation import measure
from training.optimisation import learning_rate
from training.progress import Progress

FIRST = "first.safetensors"
"""The weights that the first cycle ends with."""


def choose_device(name: str) -> torch.device:
    """The device of a name; ``auto`` is CUDA where it is.

    Raises:
        Problem: if it is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise Problem("--device cuda: torch finds no CUDA device; --device cpu works, slowly")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """What a person calls the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} threads)"


def train(
    config: Config,
    data: Path,
    out: Path,
    *,
    device_name: str,
    seed: int,
    workers: int,
    resume: bool,
    stop_after: float | None,
) -> bool:
    """Train a network and write what came of it into a folder.

    Args:
        config: the recipe.
        data: the folder of CIFAR-10's binary files.
        out: the folder for ``checkpoint.pt``, ``metrics.csv``, ``times.csv`` and, at the end,
            ``weights.safetensors``, ``run.json`` and ``curve.svg``.
        device_name: ``auto``, ``cuda`` or ``cpu``.
        seed: decides the weights drawn, the order of the images and their augmentation.
        workers: processes that augment.
        resume: go on from the checkpoint in ``out``.
        stop_after: seconds after which no further epoch is begun.

    Returns:
        Whether the training is complete.

    Raises:
        Problem: with one message, if something is wrong.
    """
    started = time.monotonic()
    kept = out / "checkpoint.pt"
    state = checkpoint.read(kept, config, seed) if resume else None
    if state is None and kept.exists():
        raise Problem(f"{out}: holds a training already: --resume goes on with it")
    images, heldout = read_training(data, config.data)
    rows: list[tuple[Any, ...]] = list(state["metrics"]) if state else []
    times: list[tuple[Any, ...]] = list(state["times"]) if state else []
    first = len(rows)
    epochs = AugmentedEpochs(
        images.pixels,
        config.pipelines,
        seed=seed,
        first=first,
        last=config.all_epochs,
        workers=workers,
    )
    device = choose_device(device_name)
    engine = Engine(config, device, seed=seed, labels=torch.from_numpy(images.labels))
    if state:
        checkpoint.restore(state, engine)
    named = describe_device(device)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"{out}: cannot be made: {error.strerror}") from None
    with Progress(config.all_epochs, config.steps_per_epoch, first, named) as progress:
        for epoch in range(first, config.all_epochs):
            if stop_after is not None and time.monotonic() - started > stop_after:
                progress.say(f"stopped after {epoch} epochs; --resume goes on")
                return False
            began = time.perf_counter()
            try:
                score = engine.train_epoch(epoch, epochs.next_epoch(device), progress.step)
            except torch.OutOfMemoryError:
                raise Problem(
                    f"{named} has too little memory for a batch of {config.batch_size:,}: "
                    "batch_size in the recipe"
                ) from None
            seconds = time.perf_counter() - began
            held = engine.evaluate(heldout) if len(heldout.labels) else None
            rate = learning_rate(config, (epoch + 1) * config.steps_per_epoch - 1)
            rows.append((epoch + 1, rate, *score, *(held or ("", ""))))
            speed = config.steps_per_epoch * config.batch_size / seconds
            times.append((epoch + 1, round(time.perf_counter() - began, 3), round(speed), named))
            if epoch + 1 == config.epochs and config.second is not None:
                write_weights(out / FIRST, engine.network)  # before the checkpoint counts the epoch
            checkpoint.save(kept, engine, rows, times)
            write_table(out / "metrics.csv", METRICS, rows)
            write_table(out / "times.csv", TIMES, times)
            progress.epoch(epoch + 1, score, held, speed)
            _demand(config, epoch + 1, held or score)
    _finish(config, out, engine, rows, times, images, heldout)
    return True


def _demand(config: Config, epoch: int, score: Score) -> None:
    wanted = config.must_reach
    if wanted is not None and wanted.epoch == epoch and score.accuracy < wanted.accuracy:
        raise Problem(
            f"it does not learn: {score.accuracy:.1%} after epoch {epoch}, "
            f"must_reach asks for {wanted.accuracy:.1%}"
        )


def _finish(
    config: Config,
    out: Path,
    engine: Engine,
    rows: list[tuple[Any, ...]],
    times: list[tuple[Any, ...]],
    images: Images,
    heldout: Images,
) -> None:
    from training.plots import draw_curve

    weights = out / "weights.safetensors"
    write_weights(weights, engine.network)
    mean = {}
    if config.second is not None and config.second.average:
        network = averaged(config, [out / FIRST, weights], images)
        write_weights(weights, network)
        if len(heldout.labels):
            mean["averaged_heldout_accuracy"] = measure(config, network, heldout)["accuracy"]
    summary = {
        "seed": engine.seed,
        "device": sorted({row[3] for row in times}),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "epochs": config.all_epochs,
        "seconds": round(sum(row[1] for row in times), 1),
        "training_images": config.training_images,
        "heldout_images": config.data.holdout,
        "last_epoch": dict(zip(METRICS, rows[-1], strict=True)),
        **mean,
    }
    write_whole(out / "run.json", (json.dumps(summary, indent=2) + "\n").encode())
    draw_curve(out / "metrics.csv", out / "curve.svg")
