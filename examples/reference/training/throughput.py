"""Images a second: of the augmentation, of the training, of both together."""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray

from training.augmented import AugmentedEpochs
from training.cifar import Images
from training.config import Config
from training.distillation import Teacher
from training.engine import Engine


def _nothing(step: int) -> None:
    pass


def _augmented(
    config: Config, pixels: NDArray[np.uint8], *, workers: int, epochs: int
) -> AugmentedEpochs:
    return AugmentedEpochs(
        pixels,
        {0: config.augmentation},
        seed=0,
        together=config.together,
        first=0,
        last=epochs + 1,  # one that is not timed
        workers=workers,
    )


def augmentation(
    config: Config, pixels: NDArray[np.uint8], *, workers: int, epochs: int = 3
) -> float:
    """Images augmented a second, by the workers alone; the first epoch is not timed."""
    source = _augmented(config, pixels, workers=workers, epochs=epochs)
    began = 0.0
    for epoch, _ in enumerate(source):
        if epoch == 0:
            began = time.perf_counter()
    return epochs * len(pixels) / (time.perf_counter() - began)


def training(
    config: Config,
    images: Images,
    device: torch.device,
    *,
    workers: int | None,
    epochs: int = 3,
    teacher: Teacher | None = None,
) -> float:
    """Images trained on a second, evaluation left out; the first epoch is not timed.

    Args:
        config: the recipe.
        images: to train on.
        device: to train on.
        workers: that augment; None trains on the images as they are.
        epochs: that are timed.
        teacher: of the recipe.
    """
    source = None
    if workers is not None:
        source = _augmented(config, images.pixels, workers=workers, epochs=epochs)
    labels = torch.from_numpy(images.labels)
    engine = Engine(config, device, seed=0, labels=labels, teacher=teacher)
    plain = torch.from_numpy(images.pixels).to(device)
    began = 0.0
    for epoch in range(epochs + 1):
        # The score at the end of an epoch waits for the device.
        engine.train_epoch(epoch, source.next_epoch(device) if source else plain, _nothing)
        if epoch == 0:
            began = time.perf_counter()
    done = epochs * (len(images.labels) // config.batch_size) * config.batch_size
    return done / (time.perf_counter() - began)
