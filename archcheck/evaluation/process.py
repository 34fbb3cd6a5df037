"""The caller's side of measuring accuracy in a child process. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archcheck.evaluation.images import BATCH_SIZE, find_images, read_images
from archcheck.evaluation.marking import Questions, marked, questions
from archcheck.evaluation.request import Answers, EvaluationRequest
from archcheck.evidence.accuracy import NotMeasured, Result, Task, Unfit
from archcheck.evidence.datasets import DATASETS
from archcheck.network.inputs import Inputs
from archcheck.progress import Progress
from archcheck.shell_words import worded
from archcheck.worker.attempts import first_that_loads
from archcheck.worker.failures import Failure, InputError, how_it_ended
from archcheck.worker.process import Start, Worker
from archcheck.worker.reference import Reference

_CLASSIFY = "archcheck.evaluation.job:classify"


def measure(
    reference: Reference,
    task: Task,
    weights: str | Path,
    data: str | Path,
    arguments: Mapping[str, Any],
    start_worker: Start,
    *,
    inputs: Inputs = (),
    timeout: float = 60.0,
    on_progress: Progress | None = None,
) -> Result:
    """The accuracy of a referenced network with the weights of a file, in a child process.

    The process gets the images and nothing else of the data set, and gives the network's answers:
    the labels stay here.

    Args:
        reference: the network.
        task: the data set and the normalisation of its pixels.
        weights: a checkpoint.
        data: the folder of the data set.
        arguments: for the network's constructor.
        start_worker: starts the process.
        inputs: what the network is given, the images among it; by default the images alone.
        timeout: seconds that importing and building may take, and that every batch may take.
        on_progress: called with the images classified and their total.

    Raises:
        InputError: if weights or images do not exist, or cannot be read.
        StartError: if the child could not import torch.
    """
    # Missing files are reported before a process is started.
    dataset = DATASETS[task.dataset]
    file, path = find_images(dataset, data)
    if not Path(weights).exists():
        raise InputError("there is no such file", input="weights", subject=str(weights))
    first = start_worker()  # which imports torch meanwhile
    try:
        images = read_images(dataset, file, path)
        asked = questions(images)
    except BaseException:
        first.kill()
        raise

    def classify(worker: Worker, chosen: Reference) -> Answers | Failure:
        return worker.run(
            _CLASSIFY,
            EvaluationRequest(
                chosen, dict(arguments), task, str(weights), asked.pixels.tobytes(), inputs
            ),
            Answers,
            script=chosen.file or chosen.module,
            timeout=timeout,
            steps=2 * len(asked.pixels) // BATCH_SIZE,  # on CUDA, and where that fails on the CPU
            on_progress=_counted(asked, on_progress),
        )

    answers = first_that_loads(reference, classify, start_worker, first)
    if isinstance(answers, Failure):
        return obstacle(answers)
    try:
        return replace(marked(asked, images.labels, answers), weights=str(weights))
    except ValueError:
        return obstacle(Failure("runs", "garbled"))


def _counted(asked: Questions, on_progress: Progress | None) -> Progress | None:
    """Progress in images, each of which counts once."""
    if on_progress is None:
        return None
    return lambda done, _: on_progress(min(done, asked.total), asked.total)


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
            f"give more time with {worded('--timeout', 'timeout=')}",
        )
    if failure.cause == "garbled":
        return NotMeasured("the process that measured answered out of turn")
    if failure.cause == "unknown":
        return NotMeasured(failure.message, failure.hint)
    if failure.cause == "misfit":
        return Unfit(failure.message, "the weights do not fit")
    reason = failure.message or f"the network {how_it_ended(failure)}"
    return Unfit(reason, "it does not run on the images", failure.place)
