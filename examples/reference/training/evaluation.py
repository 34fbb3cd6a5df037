"""The accuracy of trained weights, with its confidence interval."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from training.cifar import CLASSES, Images
from training.config import Config

Z95 = 1.959963984540054
"""The quantile of the normal distribution that leaves 2.5 % above."""


def wilson(right: int, count: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a share (E. B. Wilson, JASA 22, 1927)."""
    share, square = right / count, z * z / count
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / count + square / count / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def normalised(config: Config, images: Images, part: slice) -> torch.Tensor:
    """Images as the network takes them: float32 (N, 3, 32, 32)."""
    pixels = torch.from_numpy(images.pixels[part]).float()
    mean, deviation = torch.tensor(config.mean) * 255, torch.tensor(config.deviation) * 255
    return ((pixels - mean) / deviation).permute(0, 3, 1, 2).contiguous()


def measure(config: Config, network: nn.Module, images: Images, batch: int = 500) -> dict[str, Any]:
    """Accuracy, its 95 % interval and the confusion matrix, in float32 on the CPU.

    Rows of the matrix are true classes, columns what the network said.
    """
    matrix = torch.zeros(len(CLASSES), len(CLASSES), dtype=torch.int64)
    for start in range(0, len(images.labels), batch):
        part = slice(start, start + batch)
        with torch.inference_mode():
            said = network(normalised(config, images, part)).argmax(1)
        true = torch.from_numpy(images.labels[part])
        matrix.index_put_((true, said), torch.ones_like(true), accumulate=True)
    right, count = int(matrix.trace()), int(matrix.sum())
    low, high = wilson(right, count)
    return {
        "images": count,
        "right": right,
        "accuracy": right / count,
        "interval95": [low, high],
        "confusion": matrix.tolist(),
    }
