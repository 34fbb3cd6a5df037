"""From a submission to its report: trace, collect the evidence that the spec needs, check."""

from __future__ import annotations

import time

from archcheck.cache.tracing import CachedTracing
from archcheck.evidence import Evidence
from archcheck.network import Network
from archcheck.progress import Progress
from archcheck.spec import Report, Spec, check, failed_to_run
from archcheck.verification.collect import collect
from archcheck.verification.submission import Submission
from archcheck.verification.wording import failure_finding
from archcheck.worker import failures


def verify(
    submission: Submission,
    spec: Spec,
    tracer: CachedTracing,
    *,
    timeout: float = 60.0,
    started: float | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Trace a submission and check it against a spec.

    Args:
        submission: the network and what it is verified with.
        spec: the rules that it has to hold to.
        tracer: the tracer of the submission's reference, already entered.
        timeout: seconds until a network that does not return is ended.
        started: when the work began (``time.perf_counter()``), by default now.
        on_progress: called with the images classified and their total while accuracy is measured.

    Returns:
        The report. A network that cannot be imported, built or run is a failed finding in it.

    Raises:
        SpecError: if the input's shape is not known.
        archcheck.worker.failures.InputError: if the reference or a file beside it is wrong.
        archcheck.worker.failures.StartError: if the child could not import torch.
    """
    began = time.perf_counter() if started is None else started
    traced = tracer.trace(
        submission.shapes_under(spec),
        submission.arguments_under(spec),
        training=submission.training,
        timeout=timeout,
    )
    evidence = None
    if isinstance(traced, Network):
        evidence = collect(
            submission,
            spec,
            traced,
            tracer.start_worker,
            timeout=timeout,
            on_progress=on_progress,
        )
    return report_on(submission, spec, traced, began, evidence)


def report_on(
    submission: Submission,
    spec: Spec,
    traced: Network | failures.Failure,
    started: float,
    evidence: Evidence | None = None,
) -> Report:
    """The report on a traced submission, or on one whose tracing failed."""
    reference = submission.reference
    seconds = time.perf_counter() - started
    if isinstance(traced, Network):
        return check(traced, spec, evidence, file=reference.file, seconds=seconds)
    return failed_to_run(
        failure_finding(traced),
        spec,
        name=reference.name,
        file=reference.file or reference.module,
        seconds=seconds,
        output=traced.output,
    )
