"""The mean of the weights that cycles end with.

P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov and A. Wilson, "Averaging Weights Leads to Wider
Optima and Better Generalization", UAI 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from training.augmented import AugmentedEpochs
from training.cifar import Images
from training.config import Config
from training.evaluation import normalised
from training.networks import load_trained

COUNT, BATCH = 20_000, 500
"""The training images on which the statistics of normalisation are measured anew."""


def averaged(config: Config, files: Sequence[Path], images: Images, *, seed: int) -> nn.Module:
    """The network with the mean of the weights of some files, in eval mode, on the CPU.

    The running statistics belong to other weights: they are measured anew, on images augmented like
    those that the weights have learnt from.

    Raises:
        Problem: if a file cannot be read, or is of another network.
    """
    states = [load_trained(config, file).state_dict() for file in files]
    network = load_trained(config, files[-1])
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.stack([state[name] for state in states]).mean(0))
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # the mean over all batches
            module.train()
    epoch = config.all_epochs  # one that nothing was trained in
    (pixels,) = AugmentedEpochs(
        images.pixels[:COUNT],
        {0: config.augmentation},
        seed=seed,
        together=config.together,
        first=epoch,
        last=epoch + 1,
        workers=0,
    )
    shown = Images(pixels.numpy(), images.labels[:COUNT])
    with torch.inference_mode():
        for start in range(0, len(shown.labels), BATCH):
            network(normalised(config, shown, slice(start, start + BATCH)))
    return network.eval()
