"""Files that are there whole or not at all: checkpoints, weights, tables."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.config import Config
from training.distillation import Teacher
from training.engine import Engine
from training.errors import Problem
from training.loading import file_of

METRICS = (
    "epoch",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "heldout_loss",
    "heldout_accuracy",
)
TIMES = ("epoch", "seconds", "images_per_second", "device", "torch")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a kill at any moment leaves the old one or the new one."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_table(path: Path, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """A CSV file; floats with all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def write_weights(path: Path, network: nn.Module) -> None:
    """The state of a network as safetensors, under the names of its state_dict."""
    from safetensors.torch import save

    state = {
        name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()
    }
    write_whole(path, save(state))


def recipe(config: Config, seed: int, teacher: Teacher | None) -> dict[str, Any]:
    """What has to be the same for a training to be resumed."""
    text = config.model_dump(mode="json")
    sources = {}
    for name, part in (("", text), ("finish ", text["finish"] or {})):
        for key in ("network", "augmentation"):
            if key in part:
                sources[f"{name}{key} file"] = file_of(part[key]).read_text("utf-8")
                part[key] = Path(part[key]).name
    if teacher is not None:
        text["teacher"]["recipe"] = Path(text["teacher"]["recipe"]).name
        sources["teacher's weights"] = teacher.sha256
    return {**text, **sources, "seed": seed}


def save(path: Path, engine: Engine, rows: list[tuple[Any, ...]], times: list[Any]) -> None:
    """Write everything that a resumed training needs."""
    content = io.BytesIO()
    state = {
        "recipe": recipe(engine.config, engine.seed, engine.teacher),
        "network": engine.network.state_dict(),
        "optimizer": engine.optimizer.state_dict(),
        "metrics": rows,
        "times": times,
    }
    torch.save(state, content)
    write_whole(path, content.getvalue())


def read(path: Path, config: Config, seed: int, teacher: Teacher | None) -> dict[str, Any]:
    """A checkpoint, its tensors on the CPU.

    Raises:
        Problem: if there is none, or it is of another recipe.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        theirs = state["recipe"]
    except FileNotFoundError:
        raise Problem(f"{path}: there is no checkpoint to resume from") from None
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        raise Problem(f"{path}: no checkpoint of this program: {said}") from None
    ours = recipe(config, seed, teacher)
    other = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))
    if other:
        raise Problem(
            f"{path}: is of a training with another {', '.join(other)}: "
            "resume with the same, or begin anew in another --out"
        )
    return state


def restore(state: dict[str, Any], engine: Engine) -> None:
    """Put an engine where a checkpoint was left."""
    engine.network.load_state_dict(state["network"])
    engine.optimizer.load_state_dict(state["optimizer"])
