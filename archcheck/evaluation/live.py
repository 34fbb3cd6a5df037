"""The accuracy of a live module, measured in this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import nn

from archcheck.evaluation.images import find_images, read_images
from archcheck.evaluation.marking import marked, questions
from archcheck.evaluation.process import obstacle
from archcheck.evaluation.run import classify, load
from archcheck.evidence.accuracy import Result, Task
from archcheck.evidence.datasets import DATASETS
from archcheck.network.inputs import Inputs
from archcheck.tracing.module_tree import parameters_of, paths_of
from archcheck.tracing.restore import unchanged
from archcheck.tracing.weights import read_weights
from archcheck.worker.failures import NetworkError


def measure_live(
    model: nn.Module,
    task: Task,
    weights: str | Path | None,
    data: str | Path,
    inputs: Inputs = (),
) -> Result:
    """The accuracy of a module on its device, with its own weights or those of a file.

    ``inputs`` is what it is given, the images among it; by default the images alone. The state of
    the module, its weights included, is the same afterwards.

    Raises:
        InputError: if weights or images do not exist, or cannot be read.
    """
    dataset = DATASETS[task.dataset]
    images = read_images(dataset, *find_images(dataset, data))
    asked = questions(images)
    loaded = read_weights(str(weights)) if weights is not None else None
    try:
        with unchanged(model, training=False) as copies:
            if loaded is None:
                answers = classify(model, asked.pixels, task, inputs=inputs)
                return marked(asked, images.labels, answers)
            for parameter in parameters_of(paths_of(model)).values():
                copies.keep(parameter)
            remark = load(model, loaded, str(weights))
            answers = classify(model, asked.pixels, task, inputs=inputs)
            measured = marked(asked, images.labels, answers)
            return replace(measured, weights=str(weights), sha256=loaded.sha256, remark=remark)
    except NetworkError as error:
        return obstacle(error.failure())
