"""The job that classifies images: a network with the weights of a file, run on real images."""

from __future__ import annotations

from msgspec import structs

from archcheck.evaluation.request import Answers, EvaluationRequest
from archcheck.evaluation.run import classify_anywhere, load, pixels_of
from archcheck.tracing.weights import read_alone
from archcheck.worker.absent_devices import staying_on_the_cpu
from archcheck.worker.loading import loaded
from archcheck.worker.session import Session


def classify(request: EvaluationRequest, session: Session) -> Answers:
    """A network's answers to images.

    Raises:
        InputError: if the weights cannot be read.
        NetworkError: if the weights do not fit, or the network cannot be imported, built or run.
    """
    weights = read_alone(request.weights)  # before the submission's code can run
    session.enter("imports")
    with loaded(request.reference, request.arguments, session.enter) as network:
        remark = load(network.model, weights, request.weights)
        session.enter("runs")
        pixels = pixels_of(request.task, request.pixels)
        with staying_on_the_cpu():
            answers = classify_anywhere(
                network.model, pixels, request.task, session.step, request.inputs
            )
    return structs.replace(answers, sha256=weights.sha256, remark=remark)
