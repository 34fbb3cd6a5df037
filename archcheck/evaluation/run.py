"""Running a network on real images: its answers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archcheck.evaluation.images import BATCH_SIZE
from archcheck.evaluation.request import Answers
from archcheck.evidence.accuracy import Task
from archcheck.evidence.datasets import DATASETS
from archcheck.network.inputs import Inputs, images_of, of_shapes, tensors_of
from archcheck.phrases import shape_text
from archcheck.progress import Progress
from archcheck.tracing.inputs import Arguments, arguments, input_options, samples
from archcheck.tracing.module_tree import Paths, paths_of
from archcheck.tracing.restore import unchanged
from archcheck.tracing.tensor_ids import tensors_in
from archcheck.tracing.weights import Misfit, Weights, load_into
from archcheck.worker.failures import NetworkError, RunError, describe
from archcheck.worker.faults import fault_of


class Unknown(NetworkError):
    """The network's accuracy cannot be known."""

    cause = "unknown"


class WrongWeights(NetworkError):
    """The weights are of another network."""

    cause = "misfit"


def pixels_of(task: Task, content: bytes) -> NDArray[np.uint8]:
    """Images of a data set from their bytes, (N, channels, height, width)."""
    return np.frombuffer(bytearray(content), np.uint8).reshape(-1, *DATASETS[task.dataset].shape)


def classify(
    model: nn.Module,
    pixels: NDArray[np.uint8],
    task: Task,
    on_progress: Progress = lambda *_: None,
    inputs: Inputs = (),
) -> Answers:
    """Classify images in eval mode, on the device that the model is on.

    An image's class is the one with the highest score (logits, probabilities and their logarithms
    agree on it). Inputs are float32, or of the type of the model's own weights. The model's state
    is the same afterwards, except for parameters that its forward writes to.

    Args:
        model: the network; it gives a score for each class, (N, classes), or (N, classes, 1, 1).
        pixels: the images, (N, channels, height, width).
        task: the data set and the normalisation of its pixels.
        on_progress: called with the images classified and their total, first with 0.
        inputs: what the network is given, the images among it; by default the images alone.

    Raises:
        RunError: if forward raises, or returns no score for each class.
        Unknown: if it returns several tensors, or runs out of memory.
    """
    paths, dataset = paths_of(model), DATASETS[task.dataset]
    device, dtype = input_options(paths)
    given = inputs or of_shapes([dataset.shape])
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (task.mean, task.std))
    images, total = torch.from_numpy(pixels), len(pixels)
    answers: list[int] = []
    began = time.monotonic()
    # Convolutions on CUDA would otherwise round to TF32, and pick their algorithm by timing.
    exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    with unchanged(model, training=False), torch.inference_mode(), exact:
        on_progress(0, total)
        for start in range(0, total, BATCH_SIZE):
            batch = (images[start : start + BATCH_SIZE].float() / 255 - mean) / std
            call = _call(model, given, paths, batch.to(device, dtype))
            scores = _scores(model, call, batch, dataset.classes)
            answers += scores.argmax(1).masked_fill(scores.isnan().any(1), -1).tolist()
            on_progress(min(start + BATCH_SIZE, total), total)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    where = f"{device.type} ({name})" if name else device.type
    return Answers(tuple(answers), where, time.monotonic() - began)


def classify_anywhere(
    model: nn.Module,
    pixels: NDArray[np.uint8],
    task: Task,
    on_progress: Progress = lambda *_: None,
    inputs: Inputs = (),
) -> Answers:
    """As :func:`classify`, on CUDA if that works, else on the CPU.

    A network may fail on CUDA and run on the CPU, where it creates tensors of its own, say: only
    a failure on the CPU counts.
    """
    if torch.cuda.is_available():
        try:
            return classify(model.to("cuda"), pixels, task, on_progress, inputs)
        except Exception:
            model.to("cpu")
    return classify(model, pixels, task, on_progress, inputs)


def load(model: nn.Module, weights: Weights, file: str) -> str:
    """Load weights into a model; returns how their file was understood.

    Raises:
        WrongWeights: if they do not fit.
    """
    try:
        return load_into(model, weights)
    except Misfit as error:
        raise WrongWeights(f"{Path(file).name} does not fit the network: {error}") from None


def _call(model: nn.Module, inputs: Inputs, paths: Paths, images: torch.Tensor) -> Arguments:
    """The arguments of forward: the images in their place among what it is given."""
    place = images_of(inputs, tuple(images.shape[1:]))
    tensors = samples(inputs, paths, len(images), drawn=False)
    for index, each in enumerate(tensors_of(inputs)):
        if each is place:
            tensors[index] = images.to(tensors[index].dtype)
    return arguments(model, inputs, tensors)


def _scores(model: nn.Module, call: Arguments, batch: torch.Tensor, classes: int) -> torch.Tensor:
    """The scores of a batch, (N, classes), on the CPU."""
    count, shape = len(batch), shape_text(batch.shape[1:])
    try:
        output: Any = model(*call[0], **call[1])
    except Exception as error:
        if _out_of_memory(error):
            text = f"the memory does not suffice for a batch of {count} images"
            raise Unknown(text) from error
        raise RunError(
            f"forward raised on a batch of {count} real images of {shape}: {describe(error)}",
            cause="unusable",
            place=fault_of(error).place,
        ) from error
    tensors = tensors_in(output)
    if not tensors:
        raise RunError(f"forward returned {type(output).__name__}, not a tensor", cause="unusable")
    if len(tensors) > 1:
        raise Unknown(
            f"the network returns {len(tensors)} tensors: which one holds the scores is not known"
        )
    scores = tensors[0].detach().cpu()
    if scores.shape[:1] != (count,) or scores.numel() != count * classes or scores.is_complex():
        got = shape_text(scores.shape)
        raise RunError(
            f"the network returns {got} for {count} images, {count}×{classes} is wanted: "
            "a score for each class",
            cause="unusable",
        )
    return scores.reshape(count, classes)


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)) or (
        "can't allocate memory" in str(error)  # what the CPU's allocator says
    )
