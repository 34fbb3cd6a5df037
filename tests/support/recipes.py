"""Small recipes for the training program, a tiny network, and a teacher for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.support.paths import EXAMPLES
from training.checkpoint import write_weights
from training.config import Config, load_config
from training.networks import build_network

FOLDER = EXAMPLES / "reference"
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
    """The recipe of a teacher, and untrained weights for it."""
    (folder / "tiny.py").write_text(TINY, "utf-8")
    (folder / "teacher.yaml").write_text(yaml.safe_dump(content), "utf-8")
    weights = folder / "teacher.safetensors"
    write_weights(weights, build_network(load_config(folder / "teacher.yaml"), seed))
    return weights


def shipped(network: str) -> Config:
    return load_config(FOLDER / f"{network}.yaml")
