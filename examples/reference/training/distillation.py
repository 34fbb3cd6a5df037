"""A teacher, whose scores are learned beside the labels.

G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network", 2015.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.config import Config, Teaching, load_config
from training.errors import Problem
from training.networks import load_trained


class Teacher(NamedTuple):
    """A trained network in eval mode, the SHA-256 of its weights and its part in the loss."""

    network: nn.Module
    sha256: str
    settings: Teaching


def load_teacher(config: Config, weights: Path | None) -> Teacher | None:
    """The teacher that a recipe asks for; None where it asks for none.

    Raises:
        Problem: if the weights are missing, superfluous or of another network, or if the teacher
            was trained on what the recipe holds out or sees images normalised otherwise.
    """
    if config.teacher is None:
        if weights is not None:
            raise Problem(f"--teacher {weights}: the recipe names no teacher")
        return None
    recipe = config.teacher.recipe
    if weights is None:
        raise Problem(
            f"the recipe names a teacher: train {recipe} first, then give --teacher the "
            "weights.safetensors of that training"
        )
    theirs = load_config(recipe)
    if theirs.data != config.data:
        raise Problem(f"{recipe}: data: is not the same, so it may have seen what is held out here")
    if (theirs.mean, theirs.deviation) != (config.mean, config.deviation):
        raise Problem(f"{recipe}: mean and deviation must be the same as here")
    network = load_trained(theirs, weights).requires_grad_(False)
    _fold(network)
    return Teacher(network, hashlib.sha256(weights.read_bytes()).hexdigest(), config.teacher)


def _fold(network: nn.Module) -> None:
    """Fold each normalisation into the convolution before it: a teacher only looks."""
    for module in list(network.modules()):
        if not isinstance(module, nn.Sequential):
            continue
        for at in range(len(module) - 1):
            first, second = module[at], module[at + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                module[at] = fuse_conv_bn_eval(first, second)
                module[at + 1] = nn.Identity()


def distillation_loss(
    scores: torch.Tensor, wanted: torch.Tensor, temperature: float
) -> torch.Tensor:
    """The divergence of two networks' scores (N, classes), both softened by a temperature.

    It is multiplied by the temperature's square, so that its gradients keep their size (section 2).
    """
    ours = F.log_softmax(scores / temperature, 1)
    theirs = F.log_softmax(wanted / temperature, 1)
    loss = F.kl_div(ours, theirs, log_target=True, reduction="batchmean")
    return loss * temperature**2
