"""Tracing in a process of its own, from the side that imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archcheck.network import Network
from archcheck.network.shapes import AnyInputs, inputs_of
from archcheck.progress import Progress
from archcheck.tracing.requests import (
    Edited,
    EditedRequest,
    Gradient,
    GradientRequest,
    Probe,
    Traced,
    TraceRequest,
)
from archcheck.worker.failures import Failure
from archcheck.worker.process import ANY, Worker
from archcheck.worker.reference import Reference
from archcheck.worker.surroundings import Surroundings
from archcheck.worker.warm import WarmWorkers, fresh_worker

JOB_MODULES = ("archcheck.tracing.job",)
EDIT_MODULES = (*JOB_MODULES, "archcheck.tracing.edited")
"""What a worker imports in advance."""


def start_worker(surroundings: Surroundings = ANY) -> Worker:
    """A fresh process that imports torch at once."""
    return fresh_worker(JOB_MODULES, surroundings)


def warm_workers(surroundings: Surroundings = ANY) -> WarmWorkers:
    """Processes for many networks, forked from one that has imported torch."""
    return WarmWorkers(JOB_MODULES, surroundings)


def editing_workers(surroundings: Surroundings = ANY) -> WarmWorkers:
    """Processes that trace edits of networks, forked from one that has imported torch."""
    return WarmWorkers(EDIT_MODULES, surroundings)


def trace_in(
    worker: Worker,
    reference: Reference,
    inputs: AnyInputs,
    arguments: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
    timeout: float = 60.0,
    recorded: bool = False,
    other_batches: bool = False,
    batch: int = 0,
) -> Traced | Failure:
    """Have a worker trace a network.

    ``inputs`` is what it is given, ``timeout`` is in seconds. With ``recorded`` the result
    lists the files and modules that were read; with ``other_batches`` the network has to be the
    same for another batch. ``batch`` is its number of samples, 0 for the usual one.

    Returns:
        The trace, or the failure of a network that cannot be imported, built or run.

    Raises:
        InputError: if the reference or the arguments are wrong.
        StartError: if the process could not start.
    """
    return worker.run(
        "archcheck.tracing.job:trace_network",
        TraceRequest(
            reference,
            inputs_of(inputs),
            dict(arguments or {}),
            training,
            recorded,
            other_batches,
            batch,
        ),
        Traced,
        script=reference.file or reference.module,
        timeout=timeout,
    )


def measure_in(
    worker: Worker,
    reference: Reference,
    inputs: AnyInputs,
    probe: Probe,
    arguments: Mapping[str, Any] | None = None,
    *,
    timeout: float = 60.0,
    on_progress: Progress | None = None,
) -> Gradient | Failure:
    """Have a worker measure the gradient of a unit with respect to the input.

    ``inputs`` is what it is given, ``timeout`` is in seconds.
    ``on_progress`` is called with how many of how many inputs are done.

    Raises:
        InputError: if the reference, the arguments or the file of weights is wrong.
        StartError: if the process could not start.
    """
    return worker.run(
        "archcheck.tracing.job:measure_gradient",
        GradientRequest(reference, inputs_of(inputs), dict(arguments or {}), probe),
        Gradient,
        script=reference.file or reference.module,
        timeout=timeout,
        on_progress=on_progress,
    )


def trace_edited_in(
    worker: Worker,
    request: EditedRequest,
    *,
    timeout: float = 60.0,
    on_progress: Progress | None = None,
) -> tuple[Edited, ...] | Failure:
    """Have a worker trace a network after each of some edits, each for ``timeout`` seconds.

    ``on_progress`` is called with how many of how many edits are done. An edit after which the
    process dies or does not return ends all of them, as a failure.

    Raises:
        InputError: if the reference or the arguments are wrong.
        StartError: if the process could not start.
    """
    return worker.run(
        "archcheck.tracing.edited:trace_edited",
        request,
        tuple[Edited, ...],
        script=request.reference.file or request.reference.module,
        timeout=timeout,
        steps=len(request.edits),
        on_progress=on_progress,
    )


def trace_reference(
    reference: Reference,
    inputs: AnyInputs,
    arguments: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
    timeout: float = 60.0,
) -> Network | Failure:
    """Trace the network that a reference names, in a process of its own.

    ``inputs`` is what it is given, ``timeout`` is in seconds.

    Raises:
        InputError: if the reference or the arguments are wrong.
        StartError: if the process could not start.
    """
    with start_worker() as worker:
        traced = trace_in(worker, reference, inputs, arguments, training=training, timeout=timeout)
    return traced.network if isinstance(traced, Traced) else traced
