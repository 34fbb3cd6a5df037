"""The evidence beside a network: the pipelines of its training script, its accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from archcheck.evidence import Augmentation, Evidence
from archcheck.evidence.accuracy import Accuracy, NotMeasured, Result, Task
from archcheck.evidence.datasets import DATASETS
from archcheck.network import Network
from archcheck.network.inputs import images_of
from archcheck.phrases import shape_text
from archcheck.progress import Progress
from archcheck.shell_words import worded
from archcheck.spec import Spec
from archcheck.verification.submission import Submission
from archcheck.worker.reference import Reference

if TYPE_CHECKING:
    from torch import nn

    from archcheck.worker.process import Start

"""Is called with how many of how many are done."""


def collect(
    submission: Submission,
    spec: Spec,
    network: Network,
    start_worker: Start,
    *,
    timeout: float = 60.0,
    on_progress: Progress | None = None,
) -> Evidence:
    """The evidence that a spec's rules need.

    ``start_worker`` starts the processes that scripts and networks run in, each for ``timeout``
    seconds; ``on_progress`` is called with the images classified and their total.
    """

    def measure(task: Task) -> Result:
        return _measure(submission, spec, network, task, timeout, on_progress, start_worker)

    return Evidence(
        accuracy=_accuracy(spec, network, measure),
        augmentation=_augmentation(submission, spec, timeout, start_worker),
    )


def collect_live(
    module: nn.Module,
    submission: Submission,
    spec: Spec,
    network: Network,
    start_worker: Start,
    *,
    timeout: float = 60.0,
) -> Evidence:
    """As :func:`collect`, of a live module.

    Its accuracy is measured in this process and without a time limit, with its own weights unless
    the submission has some.
    """

    def measure(task: Task) -> Result:
        if submission.data is None:
            return _not_given("data")
        from archcheck.evaluation.live import measure_live

        return measure_live(module, task, submission.weights, submission.data, network.given)

    return Evidence(
        accuracy=_accuracy(spec, network, measure),
        augmentation=_augmentation(submission, spec, timeout, start_worker),
    )


def _accuracy(
    spec: Spec, network: Network, measure: Callable[[Task], Result]
) -> tuple[Accuracy, ...]:
    """The result of each task of the spec."""
    tasks = spec.needs.accuracy
    return tuple(Accuracy(task, _obstacle(network, task) or measure(task)) for task in tasks)


def _obstacle(network: Network, task: Task) -> NotMeasured | None:
    """Why a network cannot take the images of a data set, None if it can."""
    shape = DATASETS[task.dataset].shape
    if images_of(network.given_tensors, shape) is not None:
        return None
    taken = ", ".join(map(str, network.given_tensors))
    images = shape_text(shape)
    return NotMeasured(f"{task.dataset}'s images are {images}, the network takes {taken}")


def _measure(
    submission: Submission,
    spec: Spec,
    network: Network,
    task: Task,
    timeout: float,
    on_progress: Progress | None,
    start_worker: Start,
) -> Result:
    if submission.unmeasured:
        return NotMeasured(submission.unmeasured)
    if submission.weights is None:
        return _not_given("weights")
    if submission.data is None:
        return _not_given("data")
    from archcheck.evaluation.process import measure

    return measure(
        submission.reference,
        task,
        submission.weights,
        submission.data,
        submission.arguments_under(spec),
        start_worker,
        inputs=network.given,
        timeout=timeout,
        on_progress=on_progress,
    )


def _not_given(name: str) -> NotMeasured:
    return NotMeasured(f"no {name} given ({worded(f'--{name}', f'{name}=')})")


def _augmentation(
    submission: Submission, spec: Spec, timeout: float, start_worker: Start
) -> Augmentation | None:
    if not spec.needs.augmentation:
        return None
    from archcheck.augmentation.reading import read_pipelines

    if submission.augmentation is not None:
        return read_pipelines(submission.augmentation, start_worker, timeout=timeout)
    if not submission.reference.file:
        return None
    own = Reference(submission.reference.file, "", "")
    return read_pipelines(own, start_worker, named=False, timeout=timeout)
