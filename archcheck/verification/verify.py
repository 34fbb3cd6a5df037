"""From what was handed in to the report: trace, gather the evidence a spec asks for, check."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from archcheck.cache import CachedTracing
from archcheck.evidence import Evidence
from archcheck.network import Network, Place
from archcheck.rules import Location
from archcheck.spec import Failure, Report, Spec, SpecError, check, failed_to_run
from archcheck.tracing.shapes import Shape, input_shapes
from archcheck.verification.collect import Submission, Told, gather
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
        archcheck.worker.failures.BadReference: if the reference is wrong, or a file that is
            needed beside it.
        archcheck.worker.failures.StartError: if the child could not import torch.
    """
    began = time.perf_counter() if started is None else started
    shapes = shapes_for(spec, input_shape)
    given = {**spec.arguments, **submission.arguments}
    found = tracer.trace(shapes, given, training=training, timeout=timeout)
    evidence = gather(submission, spec, found, timeout=timeout, on_progress=on_progress)
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
        _finding(found),
        spec,
        name=reference.name,
        file=reference.file or reference.module,
        seconds=seconds,
        output=found.output,
    )


_DOING = {
    "imports": "importing the file",
    "builds": "building the network",
    "runs": "forward",
}


def _sentence(failure: failures.Failure, stage: str) -> str:
    message = failure.message
    if message.startswith("did not return"):
        return f"{_DOING[stage]} {message}"
    if message.startswith("the network "):  # it ended its process
        return f"{message} ({_DOING[stage]})"
    if stage != "runs":
        return f"{_DOING[stage]} failed: {message}"
    if message.startswith(("forward ", "backward ", "no gradient ")):
        return message
    at = f" ({_line(failure.place)})" if failure.place else ""
    where = f" in {failure.module}{at}" if failure.module else at
    return f"forward raised{where}: {message}"


def _finding(failure: failures.Failure) -> Failure:
    stage = failure.stage if failure.stage in _DOING else "runs"
    text = _sentence(failure, stage)
    hint = failure.hint or ""
    if failure.input_shape is not None and failure.module:
        source = f", out of {failure.input_from}" if failure.input_from else ""
        shape = "×".join(map(str, failure.input_shape))
        hint = f"input to {failure.module}: {shape}{source}" + (f"; {hint}" if hint else "")
    locations = tuple(
        Location(place, failure.module, failure.module)
        for place in dict.fromkeys((failure.place, failure.called))
        if place is not None
    )
    return Failure(stage, text, locations, hint)


def _line(place: Place) -> str:
    return f"{Path(place.file).name}:{place.line}"
