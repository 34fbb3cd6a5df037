"""The passes of a network that a lint compares."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from archcheck.evidence import NotRun, Passes
from archcheck.evidence.passes import NO_BATCH, SEVERAL
from archcheck.network import Network
from archcheck.network.inputs import Inputs, batched
from archcheck.verification.sources import cells_of, sources_of
from archcheck.verification.wording import failure_finding
from archcheck.worker.failures import Failure


class Run(Protocol):
    """Runs a network once more. ``batch`` is its number of samples, 0 for the usual one."""

    def __call__(self, *, training: bool, batch: int = 0) -> Network | Failure: ...


class Alone(NamedTuple):
    """What a lint begins with: a pass, and why it is none with one sample but one with several."""

    traced: Network | Failure
    failed: Failure | None = None


def first_pass(inputs: Inputs, traced: Network | Failure, run: Run) -> Alone:
    """The pass with one sample or, where forward raises with it, one with several."""
    if isinstance(traced, Failure) and traced.cause == "raised" and batched(inputs):
        several = run(training=False, batch=SEVERAL) if traced.stage == "runs" else traced
        if isinstance(several, Network):
            return Alone(several, traced)
    return Alone(traced)


def passes_of(traced: Network, run: Run, failed: Failure | None = None) -> Passes:
    """The passes of a network that was traced once.

    ``failed`` is why that was not with one sample, but with several.
    """
    single = failed or (run(training=False) if traced.training else traced)
    training = traced if traced.training else run(training=True)
    several: Network | NotRun = NO_BATCH
    if failed is not None:
        several = traced
    elif batched(traced.given_tensors):
        several = _or_reason(run(training=False, batch=SEVERAL))
    sources = sources_of(traced)
    ran = (_or_reason(single), several, _or_reason(training))
    return Passes(*ran, sources, cells_of(sources))


def _or_reason(traced: Network | Failure) -> Network | NotRun:
    if isinstance(traced, Network):
        return traced
    finding = failure_finding(traced)
    place = finding.locations[0].place if finding.locations else None
    return NotRun(finding.message, place, named=traced.cause == "raised")
