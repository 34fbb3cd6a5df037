"""The job that measures accuracy: a network with the weights of a file, run on real images."""

from __future__ import annotations

from dataclasses import replace

from archcheck.evaluation.images import find_images, read_images
from archcheck.evaluation.request import EvaluationRequest
from archcheck.evaluation.run import evaluate_anywhere, load
from archcheck.evidence.accuracy import Measured
from archcheck.evidence.datasets import DATASETS
from archcheck.tracing.weights import read_weights
from archcheck.worker.loading import loaded
from archcheck.worker.session import Session


def evaluate(request: EvaluationRequest, session: Session) -> Measured:
    """Measure the accuracy of a network.

    Raises:
        InputError: if weights or images cannot be read.
        NetworkError: if the weights do not fit, or the network cannot be imported, built or run.
    """
    dataset = DATASETS[request.task.dataset]
    # All files are read before the submission's code can run.
    images = read_images(dataset, *find_images(dataset, request.data))
    weights = read_weights(request.weights)
    session.step(0, len(images.labels))
    session.enter("imports")
    with loaded(request.reference, request.arguments, session.enter) as network:
        remark = load(network.model, weights, request.weights)
        session.enter("runs")
        measured = evaluate_anywhere(network.model, images, request.task, session.step)
    return replace(measured, weights=request.weights, sha256=weights.sha256, remark=remark)
