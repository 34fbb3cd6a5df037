"""The caller's side of measuring accuracy in a child process. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archcheck.evaluation.images import BATCH_SIZE, find_images
from archcheck.evaluation.request import EvaluationRequest
from archcheck.evidence.accuracy import Measured, NotMeasured, Result, Task, Unfit
from archcheck.evidence.datasets import DATASETS
from archcheck.progress import Progress
from archcheck.worker.failures import Failure, InputError, how_it_ended
from archcheck.worker.process import Start
from archcheck.worker.reference import Reference

_EVALUATE = "archcheck.evaluation.job:evaluate"


def measure(
    reference: Reference,
    task: Task,
    weights: str | Path,
    data: str | Path,
    arguments: Mapping[str, Any],
    start_worker: Start,
    *,
    timeout: float = 60.0,
    on_progress: Progress | None = None,
) -> Result:
    """The accuracy of a referenced network with the weights of a file, in a child process.

    Args:
        reference: the network.
        task: the data set and the normalisation of its pixels.
        weights: a checkpoint.
        data: the folder of the data set.
        arguments: for the network's constructor.
        start_worker: starts the process.
        timeout: seconds that importing and building may take, and that every batch may take.
        on_progress: called with the images classified and their total.

    Raises:
        InputError: if weights or images do not exist, or cannot be read.
        StartError: if the child could not import torch.
    """
    # Missing files are reported before a process is started.
    find_images(DATASETS[task.dataset], data)
    if not Path(weights).exists():
        raise InputError("there is no such file", input="weights", subject=str(weights))
    with start_worker() as worker:
        measured = worker.run(
            _EVALUATE,
            EvaluationRequest(reference, dict(arguments), task, str(weights), str(data)),
            Measured,
            script=reference.file or reference.module,
            timeout=timeout,
            each_step=True,
            on_progress=on_progress,
        )
    return obstacle(measured) if isinstance(measured, Failure) else measured


def obstacle(failure: Failure) -> NotMeasured | Unfit:
    """A failure to measure, as evidence.

    A network that took too long may do on a faster machine: its accuracy is not known.
    """
    if failure.cause == "timeout":
        what = (
            f"a batch of {BATCH_SIZE} images" if failure.stage == "runs" else "loading the network"
        )
        return NotMeasured(
            f"{what} was not done within {failure.seconds:g} seconds",
            "give more time with --timeout",
        )
    if failure.cause == "garbled":
        return NotMeasured("the process that measured answered out of turn")
    if failure.cause == "unknown":
        return NotMeasured(failure.message, failure.hint)
    if failure.cause == "misfit":
        return Unfit(failure.message, "the weights do not fit")
    reason = failure.message or f"the network {how_it_ended(failure)}"
    return Unfit(reason, "it does not run on the images", failure.place)
