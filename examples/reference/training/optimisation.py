"""The optimiser and its learning rate."""

from __future__ import annotations

import math

import torch
from torch import nn

from training.config import Config


def make_optimizer(network: nn.Module, config: Config, *, fused: bool) -> torch.optim.Optimizer:
    """The optimiser; biases and the parameters of normalisation layers do not decay."""
    wanted = config.optimizer
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": wanted.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if wanted.name == "adamw":
        return torch.optim.AdamW(groups, lr=wanted.learning_rate, fused=fused)
    return torch.optim.SGD(
        groups,
        lr=wanted.learning_rate,
        momentum=wanted.momentum,
        nesterov=wanted.momentum > 0,
        fused=fused,
    )


def learning_rate(config: Config, step: int) -> float:
    """The learning rate of a step, counted from 0 over all epochs.

    It rises in a straight line over the warm-up and falls to zero as half a cosine; each further
    cycle starts from its own peak and falls again (I. Loshchilov and F. Hutter, "SGDR", 2017).
    """
    peak = config.optimizer.learning_rate
    warm = config.optimizer.warmup_epochs * config.steps_per_epoch
    begin, end = warm, config.epochs * config.steps_per_epoch
    if step < warm:
        return peak * (step + 1) / (warm + 1)
    for cycle in config.cycles:
        if step >= end:
            peak = cycle.learning_rate
            begin, end = end, end + cycle.epochs * config.steps_per_epoch
    return peak * 0.5 * (1.0 + math.cos(math.pi * (step - begin) / (end - begin)))
