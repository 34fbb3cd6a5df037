"""Inside the child process: a network with the weights of a file, run on real images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from archcheck.evaluation.images import find_images, read_images
from archcheck.evaluation.run import evaluate_anywhere, load
from archcheck.evidence.accuracy import Task
from archcheck.evidence.datasets import DATASETS
from archcheck.tracing.weights import read_weights
from archcheck.worker.loading import loaded
from archcheck.worker.reference import Reference


def evaluate(
    reference: Reference,
    told: Mapping[str, Any],
    say: Callable[[str], None],
    step: Callable[[int, int], None],
) -> dict[str, Any]:
    """Measure the accuracy of a network.

    ``told`` holds the :class:`~archcheck.evidence.accuracy.Task` as ``dataset``, ``mean`` and
    ``std``, the folder of the ``data``, the file of the ``weights`` and the ``arguments`` for the
    network's constructor.

    Returns:
        :class:`~archcheck.evidence.accuracy.Measured` as plain data.

    Raises:
        BadReference: if weights or images cannot be read.
        NetworkError: if the weights do not fit, or the network cannot be imported, built or run.
    """
    task = Task(told["dataset"], tuple(told["mean"]), tuple(told["std"]))
    dataset = DATASETS[task.dataset]
    # All files are read before the submission's code can run.
    images = read_images(dataset, *find_images(dataset, told["data"]))
    weights = read_weights(told["weights"])
    step(0, len(images.labels))
    with loaded(reference, told["arguments"], say) as found:
        remark = load(found.model, weights, told["weights"])
        say("runs")
        measured = evaluate_anywhere(found.model, images, task, step)
    file = {"weights": told["weights"], "sha256": weights.sha256, "remark": remark}
    return {**asdict(measured), **file}
