"""The evidence beside a network: the pipelines of its training script, its accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archcheck.evidence import Augmentation, Evidence
from archcheck.evidence.accuracy import Accuracy, NotMeasured, Result, Task
from archcheck.evidence.datasets import DATASETS
from archcheck.network import Network
from archcheck.spec import Spec
from archcheck.tracing.remote import start_worker
from archcheck.worker import failures
from archcheck.worker.process import Start
from archcheck.worker.reference import Reference

if TYPE_CHECKING:
    from torch import nn

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Submission:
    """What is handed in: a network, and what comes with it.

    ``arguments`` are for the constructor, beside and over those of the spec. ``augmentation`` is
    the training script, and the name of its pipeline; None for the network's own file. ``weights``
    is a checkpoint, ``data`` the folder of the data set that accuracy is measured on;
    ``unmeasured`` says why it cannot be measured, where that is known beforehand.
    """

    reference: Reference
    arguments: Mapping[str, Any] = field(default_factory=dict)
    augmentation: Reference | None = None
    weights: str | Path | None = None
    data: str | Path | None = None
    unmeasured: str = ""


def gather(
    submission: Submission,
    spec: Spec,
    found: Network | failures.Failure,
    *,
    timeout: float = 60.0,
    on_progress: Told | None = None,
    start_worker: Start = start_worker,
) -> Evidence:
    """The evidence that a spec's rules ask for; none on a network that could not be run.

    ``timeout`` is in seconds, for each script or network that is run for it; ``on_progress`` is
    told how many images of how many are classified; ``start_worker`` makes the processes.
    """
    if not isinstance(found, Network):
        return Evidence()
    weights, data = submission.weights, submission.data

    def measure(task: Task) -> Result:
        if submission.unmeasured:
            return NotMeasured(submission.unmeasured)
        if weights is None:
            return NotMeasured("no weights given (--weights)")
        if data is None:
            return NotMeasured("no data given (--data)")
        from archcheck.evaluation.process import measure

        given = {**spec.arguments, **submission.arguments}
        return measure(
            submission.reference,
            task,
            weights,
            data,
            given,
            start_worker,
            timeout=timeout,
            on_progress=on_progress,
        )

    return Evidence(
        accuracy=_accuracy(spec, found, measure),
        augmentation=_augmentation(submission, spec, timeout, start_worker),
    )


def gather_live(
    model: nn.Module,
    spec: Spec,
    found: Network,
    *,
    augmentation: Reference | None = None,
    weights: str | Path | None = None,
    data: str | Path | None = None,
    timeout: float = 60.0,
) -> Evidence:
    """As :func:`gather`, of a live module: its accuracy is measured in this process and without a
    time limit."""

    def measure(task: Task) -> Result:
        if data is None:
            return NotMeasured("no data given (--data)")
        from archcheck.evaluation.live import measure_live

        return measure_live(model, task, weights, data)

    script = Submission(Reference("", "", ""), augmentation=augmentation)
    return Evidence(
        accuracy=_accuracy(spec, found, measure),
        augmentation=_augmentation(script, spec, timeout, start_worker),
    )


def _accuracy(
    spec: Spec, found: Network, measure: Callable[[Task], Result]
) -> tuple[Accuracy, ...]:
    """What each task of the spec brings."""
    tasks = spec.needs.accuracy
    return tuple(Accuracy(task, _obstacle(found, task) or measure(task)) for task in tasks)


def _obstacle(found: Network, task: Task) -> NotMeasured | None:
    """Why a network can be shown no images of a data set, if it cannot."""
    shape = DATASETS[task.dataset].shape
    inputs = [found.shape(tensor)[1:] for tensor in found.inputs]
    if inputs == [shape]:
        return None
    taken = ", ".join("×".join(map(str, sides)) for sides in inputs)
    images = "×".join(map(str, shape))
    return NotMeasured(f"{task.dataset}'s images are {images}, the network takes {taken}")


def _augmentation(
    submission: Submission, spec: Spec, timeout: float, start_worker: Start
) -> Augmentation | None:
    if not spec.needs.augmentation:
        return None
    from archcheck.augmentation import read_pipelines

    if submission.augmentation is not None:
        return read_pipelines(submission.augmentation, start_worker, timeout=timeout)
    if not submission.reference.file:
        return None
    own = Reference(submission.reference.file, "", "")
    return read_pipelines(own, start_worker, named=False, timeout=timeout)
