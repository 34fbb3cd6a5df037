"""The caller's side of measuring accuracy: a child process, and no torch here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from archcheck.evaluation.images import find_images
from archcheck.evidence.accuracy import Measured, NotMeasured, Task, Unfit
from archcheck.evidence.datasets import DATASETS
from archcheck.tracing.failures import BadReference, Failure
from archcheck.tracing.process import TracingProcess, as_failure
from archcheck.tracing.protocol import BATCH, Evaluated, Evaluation, Request
from archcheck.tracing.reference import Reference


class EvaluationProcess(TracingProcess):
    """A child process that runs a network on real images."""

    child = "archcheck.evaluation.child"

    def evaluate(
        self,
        reference: Reference,
        evaluation: Evaluation,
        arguments: Mapping[str, Any],
        *,
        timeout: float = 60.0,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Evaluated | Failure:
        """Measure the accuracy; what goes wrong in the network comes back as a failure.

        ``timeout`` is for importing and building, and anew for every batch.

        Raises:
            BadReference: if weights or images cannot be read.
            StartError: if the child could not import torch.
        """
        request = Request(reference, (), dict(arguments), timeout=timeout, evaluation=evaluation)
        answer = self.converse(request, on_progress)
        return answer if isinstance(answer, Evaluated) else as_failure(answer)


def measure(
    reference: Reference,
    task: Task,
    weights: str | Path,
    data: str | Path,
    arguments: Mapping[str, Any],
    *,
    timeout: float = 60.0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Measured | NotMeasured | Unfit:
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
    asked = Evaluation(task.dataset, task.mean, task.std, str(data), str(weights))
    child = EvaluationProcess()
    with child:
        answer = child.evaluate(
            reference, asked, arguments, timeout=timeout, on_progress=on_progress
        )
    return result_of(answer, str(weights), timeout)


def result_of(answer: Evaluated | Failure, weights: str, timeout: float) -> _Result:
    """What was measured, or what stood in its way, as evidence.

    A network that was not done in time may be right on a faster machine: nothing is known then.
    """
    if isinstance(answer, Evaluated):
        counts = (answer.correct, answer.total, answer.undefined, answer.device)
        return Measured(*counts, answer.seconds, weights, answer.sha256, answer.remark)
    if answer.message.startswith("did not return"):
        what = f"a batch of {BATCH} images" if answer.stage == "runs" else "loading the network"
        return NotMeasured(
            f"{what} was not done within {timeout:g} seconds", "give more time with --timeout"
        )
    if answer.stage == "unknown":
        return NotMeasured(answer.message, answer.hint or "")
    if answer.stage == "weights":
        return Unfit(answer.message, "the weights do not fit")
    return Unfit(answer.message, "it does not run on the images", answer.place)


_Result = Measured | NotMeasured | Unfit
