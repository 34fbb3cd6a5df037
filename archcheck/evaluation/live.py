"""The accuracy of a live module, measured in this process."""

from __future__ import annotations

import time
from pathlib import Path

from torch import nn

from archcheck.evaluation.images import find_images, read_images
from archcheck.evaluation.process import result_of
from archcheck.evaluation.run import evaluate, load
from archcheck.evidence.accuracy import Measured, NotMeasured, Task, Unfit
from archcheck.evidence.datasets import DATASETS
from archcheck.tracing.failures import NetworkError
from archcheck.tracing.preservation import unchanged
from archcheck.tracing.protocol import Evaluated
from archcheck.tracing.weights import read_weights


def measure_live(
    model: nn.Module, task: Task, weights: str | Path | None, data: str | Path
) -> Measured | NotMeasured | Unfit:
    """The accuracy of a module on the device that it is on, with its own weights or those of a
    file. The module is left as it was found, its weights included.

    Raises:
        BadReference: if weights or images are not there, or cannot be read.
    """
    dataset = DATASETS[task.dataset]
    images = read_images(dataset, *find_images(dataset, data))
    read = read_weights(str(weights)) if weights is not None else None
    remark = ""
    began = time.monotonic()
    try:
        with unchanged(model, training=False) as copies:
            if read is not None:
                for parameter in model.parameters():
                    copies.keep(parameter)
                remark = load(model, read, str(weights))
            count = evaluate(model, images, task)
    except NetworkError as error:
        return result_of(error.failure(), "", 0.0)
    counts = (count.correct, len(images.labels), count.undefined)
    sha256 = read.sha256 if read is not None else ""
    seconds = time.monotonic() - began
    answer = Evaluated(*counts, count.device, seconds, sha256, remark)
    return result_of(answer, str(weights or ""), 0.0)
