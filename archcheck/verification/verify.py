"""From what was handed in to the report: trace, gather the evidence a spec asks for, check."""

from __future__ import annotations

import time
from collections.abc import Sequence

from archcheck.cache import CachedTracing
from archcheck.evidence import Evidence
from archcheck.network import Network
from archcheck.spec import Report, Spec, SpecError, check, failed_to_run
from archcheck.tracing.shapes import Shape, input_shapes
from archcheck.verification.collect import Submission, Told, gather
from archcheck.verification.wording import failure_finding
from archcheck.worker import failures
from archcheck.worker.reference import Reference


def judge(
    submission: Submission,
    spec: Spec,
    tracer: CachedTracing,
    *,
    input_shape: Shape | Sequence[Shape] | None = None,
    training: bool = False,
    timeout: float = 60.0,
    started: float | None = None,
    on_progress: Told | None = None,
) -> Report:
    """Trace a submission and check it against a spec.

    Args:
        submission: what is handed in.
        spec: what is asked.
        tracer: of the submission's reference, entered; it may hold the Network in a cache.
        input_shape: the input's shape without the batch; by default the spec's ``input``.
        training: trace in training mode instead of eval mode.
        timeout: seconds until a network that does not return is given up.
        started: when the work began (``time.perf_counter()``), by default now.
        on_progress: told how many images of how many are classified, where that is asked for.

    Returns:
        The report. A network that cannot be imported, built or run is a failed finding in it.

    Raises:
        SpecError: if nobody says the input's shape.
        archcheck.worker.failures.InputError: if the reference is wrong, or a file that is
            needed beside it.
        archcheck.worker.failures.StartError: if the child could not import torch.
    """
    began = time.perf_counter() if started is None else started
    shapes = shapes_for(spec, input_shape)
    given = {**spec.arguments, **submission.arguments}
    found = tracer.trace(shapes, given, training=training, timeout=timeout)
    evidence = gather(
        submission,
        spec,
        found,
        timeout=timeout,
        on_progress=on_progress,
        start_worker=tracer.start_worker,
    )
    return report_on(found, spec, submission.reference, began, evidence)


def shapes_for(spec: Spec, given: Shape | Sequence[Shape] | None) -> tuple[tuple[int, ...], ...]:
    """The input's shapes: those given, else the spec's.

    Raises:
        SpecError: if neither says them.
        ValueError: if those given are none.
    """
    if given is not None:
        return tuple(input_shapes(given))
    if spec.input is None:
        raise SpecError(
            "the input's shape is not known: add `input: [3, 32, 32]` to the spec, "
            "or give --input 3,32,32",
            file=spec.file,
        )
    return spec.input


def report_on(
    found: Network | failures.Failure,
    spec: Spec,
    reference: Reference,
    started: float,
    evidence: Evidence | None = None,
) -> Report:
    """The report on what tracing brought."""
    seconds = time.perf_counter() - started
    if isinstance(found, Network):
        return check(found, spec, evidence, file=reference.file, seconds=seconds)
    return failed_to_run(
        failure_finding(found),
        spec,
        name=reference.name,
        file=reference.file or reference.module,
        seconds=seconds,
        output=found.output,
    )
