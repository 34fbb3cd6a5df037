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
from training.distillation import load_teacher
from training.engine import Engine, Score
from training.errors import Problem
from training.evaluation import measure
from training.optimisation import learning_rate
from training.progress import Progress


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
    threads = torch.get_num_threads()
    return f"CPU ({platform.machine()}, {threads} thread{'s' if threads > 1 else ''})"


def spent(times: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The epochs and seconds of each device, and each torch, of a training, in order."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for _, seconds, _, device, version in times:
        new = {"device": device, "torch": version, "epochs": 0, "seconds": 0.0}
        entry = found.setdefault((device, version), new)
        entry["epochs"] += 1
        entry["seconds"] = round(entry["seconds"] + seconds, 3)
    return list(found.values())


def train(
    config: Config,
    data: Path,
    out: Path,
    *,
    device_name: str,
    seed: int,
    workers: int,
    teacher_weights: Path | None,
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
        teacher_weights: of the recipe's teacher.
        resume: go on from the checkpoint in ``out``.
        stop_after: seconds after which no further epoch is begun.

    Returns:
        Whether the training is complete.

    Raises:
        Problem: with one message, if something is wrong.
    """
    started = time.monotonic()
    kept = out / "checkpoint.pt"
    teacher = load_teacher(config, teacher_weights)
    state = checkpoint.read(kept, config, seed, teacher) if resume else None
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
        together=config.together,
        first=first,
        last=config.all_epochs,
        workers=workers,
    )
    device = choose_device(device_name)
    labels = torch.from_numpy(images.labels)
    engine = Engine(config, device, seed=seed, labels=labels, teacher=teacher)
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
            whole = round(time.perf_counter() - began, 3)
            times.append((epoch + 1, whole, round(speed), named, str(torch.__version__)))
            if epoch + 1 in config.ends[:-1]:  # before the checkpoint counts the epoch
                write_weights(_end(out, epoch + 1), engine.network)
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


def _end(out: Path, epoch: int) -> Path:
    """The weights that a cycle ended with, but for the last one."""
    return out / f"epoch-{epoch}.safetensors"


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
    if config.average > 1:
        ends = [*(_end(out, epoch) for epoch in config.ends[:-1]), weights]
        network = averaged(config, ends[-config.average :], images, seed=engine.seed)
        write_weights(weights, network)
        if len(heldout.labels):
            mean["averaged_heldout_accuracy"] = measure(config, network, heldout)["accuracy"]
    summary = {
        "seed": engine.seed,
        "teacher_sha256": None if engine.teacher is None else engine.teacher.sha256,
        "python": platform.python_version(),
        "epochs": config.all_epochs,
        "devices": spent(times),
        "training_images": config.training_images,
        "heldout_images": config.data.holdout,
        "last_epoch": dict(zip(METRICS, rows[-1], strict=True)),
        **mean,
    }
    write_whole(out / "run.json", (json.dumps(summary, indent=2) + "\n").encode())
    draw_curve(out / "metrics.csv", out / "curve.svg")
