"""The caller's side of measuring accuracy: a child process, and no torch here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from archcheck.evaluation.images import BATCH, find_images
from archcheck.evidence.accuracy import Measured, NotMeasured, Result, Task, Unfit
from archcheck.evidence.datasets import DATASETS
from archcheck.worker.failures import BadReference, Failure
from archcheck.worker.process import TracingProcess
from archcheck.worker.reference import Reference

_EVALUATE = "archcheck.evaluation.job:evaluate"


def measure(
    reference: Reference,
    task: Task,
    weights: str | Path,
    data: str | Path,
    arguments: Mapping[str, Any],
    *,
    timeout: float = 60.0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Result:
    """The accuracy of a referenced network with the weights of a file, in a child process.

    Args:
        reference: the network.
        task: the data set and the normalisation of its pixels.
        weights: a checkpoint.
        data: the folder of the data set.
        arguments: for the network's constructor.
        timeout: seconds that importing and building may take, and that every batch may take.
        on_progress: told how many of all images are done.

    Raises:
        BadReference: if weights or images are not there, or cannot be read.
        StartError: if the child could not import torch.
    """
    # What is missing is told before a process is started.
    find_images(DATASETS[task.dataset], data)
    if not Path(weights).exists():
        raise BadReference(f"--weights {weights}: there is no such file")
    files = {"weights": str(weights), "data": str(data)}
    told = {**asdict(task), **files, "arguments": dict(arguments)}
    with TracingProcess() as child:
        found = child.work(
            _EVALUATE, reference, told, timeout=timeout, stepwise=True, on_progress=on_progress
        )
    if isinstance(found, Failure):
        return obstacle(found, timeout)
    try:
        return msgspec.convert(found, Measured)
    except msgspec.ValidationError:
        return NotMeasured("the process that measured answered out of turn")


def obstacle(failure: Failure, timeout: float = 0.0) -> NotMeasured | Unfit:
    """What stood in the way of measuring, as evidence.

    A network that was not done in time may be right on a faster machine: nothing is known then.
    """
    if failure.message.startswith("did not return"):
        what = f"a batch of {BATCH} images" if failure.stage == "runs" else "loading the network"
        return NotMeasured(
            f"{what} was not done within {timeout:g} seconds", "give more time with --timeout"
        )
    if failure.stage == "unknown":
        return NotMeasured(failure.message, failure.hint or "")
    if failure.stage == "weights":
        return Unfit(failure.message, "the weights do not fit")
    return Unfit(failure.message, "it does not run on the images", failure.place)
