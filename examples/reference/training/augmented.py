"""Augmented epochs, made by worker processes ahead of the training.

An epoch is cut into chunks of images. Each chunk is augmented by one worker whose random numbers
are seeded by (seed, epoch, chunk), so an epoch is the same bytes whatever the number of workers
and wherever a resumed training starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from training.errors import Problem
from training.loading import load_object

CHUNK = 500
AHEAD = 16
"""Chunks that each worker may be ahead."""


def load_pipeline(reference: str) -> Any:
    """The albumentations pipeline of a file. It asks nobody for newer versions."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    return load_object(reference)()


def augment(
    pipeline: Any,
    images: NDArray[np.uint8],
    *,
    seed: int,
    epoch: int,
    chunk: int,
    together: int = 1,
) -> NDArray[np.uint8]:
    """A chunk of images (N, 32, 32, 3), augmented. The same for the same seed, epoch and chunk.

    So many neighbours share each draw: most of an augmentation's time goes into drawing it.
    """
    state = np.random.SeedSequence((seed, epoch, chunk)).generate_state(1)
    pipeline.set_random_seed(int(state[0]))
    groups = (images[start : start + together] for start in range(0, len(images), together))
    return np.concatenate([pipeline(images=group)["images"] for group in groups])


def _shares_draws(pipeline: Any, image: NDArray[np.uint8]) -> bool:
    """Whether a pipeline makes the same of an image wherever it stands in a group."""
    group = np.stack([image] * 8)
    for seed in range(20):
        pipeline.set_random_seed(seed)
        try:
            made = pipeline(images=group)["images"]
        except Exception as error:
            raise Problem(f"the augmentation failed: {error}") from error
        if (made != made[0]).any():
            return False
    return True


class _Chunks(Dataset[torch.Tensor]):
    """The chunks of all epochs, numbered through."""

    def __init__(
        self, images: torch.Tensor, references: Mapping[int, str], seed: int, together: int
    ) -> None:
        self.images = images
        self.references = references
        self.seed = seed
        self.together = together
        self.count = -(-len(images) // CHUNK)
        self._pipelines: dict[str, Any] = {}

    def __getitem__(self, number: int) -> torch.Tensor:
        epoch, chunk = divmod(number, self.count)
        images = self.images[chunk * CHUNK : (chunk + 1) * CHUNK].numpy()
        pipeline = self._pipeline(self.references[max(at for at in self.references if at <= epoch)])
        augmented = augment(
            pipeline, images, seed=self.seed, epoch=epoch, chunk=chunk, together=self.together
        )
        return torch.from_numpy(augmented)

    def _pipeline(self, reference: str) -> Any:
        if reference not in self._pipelines:
            import cv2

            cv2.setNumThreads(0)  # the workers share the cores already
            self._pipelines[reference] = load_pipeline(reference)
        return self._pipelines[reference]


class AugmentedEpochs:
    """Epochs as tensors on a device.

    Args:
        images: uint8 (N, 32, 32, 3).
        references: ``FILE:function`` of the albumentations pipelines, each under the epoch that it
            begins with.
        seed: of the training.
        together: neighbours that share a draw.
        first: the epoch to begin with, counted from 0.
        last: the epoch to end before.
        workers: processes; 0 augments in this one.

    Raises:
        Problem: if a pipeline cannot be loaded, or if it cannot share a draw and shall.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        references: Mapping[int, str],
        *,
        seed: int,
        together: int,
        first: int,
        last: int,
        workers: int,
    ) -> None:
        for reference in dict.fromkeys(references.values()):
            # Says what is wrong with it, and is imported before the fork.
            pipeline = load_pipeline(reference)
            if together > 1 and not _shares_draws(pipeline, images[0]):
                raise Problem(
                    f"{reference}: does not treat all images of a draw alike: together must be 1"
                )
        self._size = len(images)
        chunks = _Chunks(torch.from_numpy(images), references, seed, together)
        self._epochs = range(first, last)
        self._count = chunks.count
        # Workers start here, before this process touches CUDA.
        self._chunks = iter(
            DataLoader(
                chunks,
                batch_size=None,
                sampler=range(first * chunks.count, last * chunks.count),
                num_workers=workers,
                prefetch_factor=AHEAD if workers else None,
                worker_init_fn=_start if workers else None,
            )
        )

    def __iter__(self) -> Iterator[torch.Tensor]:
        """Each epoch's images, uint8 (N, 32, 32, 3), in the original order."""
        for _ in self._epochs:
            yield self.next_epoch(torch.device("cpu"))

    def next_epoch(self, device: torch.device) -> torch.Tensor:
        """The next epoch's images on a device.

        Raises:
            Problem: if the pipeline fails or a worker is gone.
        """
        whole: torch.Tensor | None = None
        at = 0
        for _ in range(self._count):
            chunk = self._next_chunk()
            if whole is None:
                whole = torch.empty((self._size, *chunk.shape[1:]), dtype=torch.uint8).to(device)
            whole[at : at + len(chunk)].copy_(chunk)
            at += len(chunk)
        assert whole is not None
        return whole

    def _next_chunk(self) -> torch.Tensor:
        try:
            chunk: torch.Tensor = next(self._chunks)
        except Exception as error:
            # What a worker raised comes with its traceback: the last line says what it was.
            said = (str(error).splitlines() or [type(error).__name__])[-1]
            raise Problem(f"the augmentation failed: {said}") from error
        return chunk


def _start(worker: int) -> None:
    os.nice(5)  # the training must not wait for a core
