"""Verifying a submission that may be a folder."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from archcheck.cache.store import Store
from archcheck.cache.tracing import CachedTracing
from archcheck.network import Network
from archcheck.progress import Progress
from archcheck.spec import Failure, Report, Spec
from archcheck.verification.choosing import Choice, choose
from archcheck.verification.folders import is_folder
from archcheck.verification.submission import Submission
from archcheck.verification.verify import not_verified, verify
from archcheck.worker import failures
from archcheck.worker.failures import InputError
from archcheck.worker.reference import Reference

if TYPE_CHECKING:
    from archcheck.worker.process import Start

NAMED = "in the spec it is `network: net.py`, or `network: net.py:Net`"
"""How the network of a folder is named."""


def verify_found(
    submission: Submission,
    spec: Spec,
    store: Store | None,
    start_worker: Start,
    *,
    timeout: float = 60.0,
    on_progress: Progress | None = None,
) -> tuple[Report, str]:
    """Check a submission against a spec; of a folder the network that is found in it.

    Each network that is tried runs in a process of its own, for ``timeout`` seconds at most.

    Returns:
        The report, and what the cache did. A folder without one network is a failed finding.

    Raises:
        As :func:`~archcheck.verification.verify.verify`.
    """
    started = time.perf_counter()
    choice = Choice(submission.reference)
    if is_folder(submission.reference):

        def trace(reference: Reference) -> Network | failures.Failure:
            with CachedTracing(reference, store, start_worker) as tracer:
                return tracer.trace(
                    submission.inputs_under(spec),
                    submission.arguments_under(spec),
                    training=submission.training,
                    timeout=timeout,
                    other_batches=True,
                )

        try:
            choice = choose(submission.reference, spec, trace)
        except InputError as error:
            if error.input != "network":
                raise
            failure = Failure("builds", str(error), hint=NAMED * bool(error.choices))
            return not_verified(submission, spec, failure, started), ""
        submission = replace(submission, reference=choice.reference)
    with CachedTracing(submission.reference, store, start_worker) as tracer:
        report = verify(
            submission, spec, tracer, timeout=timeout, started=started, on_progress=on_progress
        )
    return replace(report, remarks=(*choice.remarks, *report.remarks)), tracer.remark
