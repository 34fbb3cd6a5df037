"""From a submission to its report: trace, collect the evidence that the spec needs, check."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from msgspec import structs

from archcheck.cache.tracing import CachedTracing
from archcheck.evidence import Evidence
from archcheck.network import Network
from archcheck.network.inputs import Inputs
from archcheck.progress import Progress
from archcheck.spec import Failure, Report, Spec, check, failed_to_run
from archcheck.verification.changes import Watched, change_of
from archcheck.verification.collect import collect
from archcheck.verification.passes import first_pass, passes_of
from archcheck.verification.several import trace
from archcheck.verification.submission import Submission
from archcheck.verification.wording import failure_finding, input_finding
from archcheck.worker import failures
from archcheck.worker.dependencies.states import Dependencies


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
        The report. A file that does not hold one network, a network that cannot be imported, built
        or run, and a file that changes meanwhile are a failed finding in it.

    Raises:
        SpecError: if the input's shape is not known.
        archcheck.worker.failures.InputError: if there is no such module, or the arguments or a file
            beside the network are wrong.
        archcheck.worker.failures.StartError: if the child could not import torch.
    """
    began = time.perf_counter() if started is None else started
    watched = Watched(submission)
    reads: list[Dependencies | None] = []

    def run(
        inputs: Inputs, *, training: bool = submission.training, batch: int = 0
    ) -> Network | failures.Failure:
        judged = training == submission.training and not batch
        traced = trace(
            tracer,
            inputs,
            submission.arguments_under(spec),
            training=training,
            timeout=timeout,
            other_batches=judged and spec.compares_batches,
            batch=batch,
        )
        reads.append(tracer.reads)
        return traced

    again = partial(run, submission.inputs_under(spec))
    failed = None
    try:
        traced = again()
        if spec.only_lint:
            traced, failed = first_pass(submission.inputs_under(spec), traced, again)
        variants = (
            [] if isinstance(traced, failures.Failure) else run_variants(submission, spec, run)
        )
    except failures.InputError as error:
        if error.input != "network":
            raise
        return not_verified(submission, spec, input_finding(error), began)
    if isinstance(variants, failures.Failure):
        traced, variants = variants, []
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
        if spec.needs.passes:
            passes = passes_of(traced, again, failed)
            evidence = replace(evidence, passes=passes)
    changed = [file for each in reads for file in watched.changed(each)]
    if changed:
        return not_verified(submission, spec, change_of(tuple(dict.fromkeys(changed))), began)
    return report_on(submission, spec, traced, began, evidence, variants)


def run_variants(
    submission: Submission, spec: Spec, run: Callable[[Inputs], Network | failures.Failure]
) -> list[tuple[str, Network]] | failures.Failure:
    """The network with each of the spec's other inputs, by name; the failure of the first that it
    does not run on."""
    variants: list[tuple[str, Network]] = []
    for name, inputs in submission.variants_under(spec):
        traced = run(inputs)
        if isinstance(traced, failures.Failure):
            return structs.replace(traced, message=f"with {name}: {traced.message}")
        variants.append((name, traced))
    return variants


def report_on(
    submission: Submission,
    spec: Spec,
    traced: Network | failures.Failure,
    started: float,
    evidence: Evidence | None = None,
    variants: Sequence[tuple[str, Network]] = (),
) -> Report:
    """The report on a traced submission, with its variants, or on one whose tracing failed."""
    if isinstance(traced, Network):
        seconds = time.perf_counter() - started
        file = submission.reference.file
        return check(traced, spec, evidence, file=file, seconds=seconds, variants=variants)
    return not_verified(submission, spec, failure_finding(traced), started, traced.output)


def not_verified(
    submission: Submission, spec: Spec, failure: Failure, started: float, output: str = ""
) -> Report:
    """The report on a submission whose network could not be verified.

    ``output`` is the end of what the network printed.
    """
    reference = submission.reference
    return failed_to_run(
        failure,
        spec,
        name=reference.name,
        file=reference.file or reference.module,
        seconds=time.perf_counter() - started,
        output=output,
    )
