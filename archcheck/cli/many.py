"""Verifying many networks, several at once if that is wanted; the results are in order."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from archcheck.cache.store import Store
from archcheck.cli.errors import BROKEN, FAILED, print_exception
from archcheck.cli.outputs import Destination, deliver
from archcheck.cli.progress import Bars, bars
from archcheck.cli.sources import reference_to
from archcheck.cli.streams import print_message
from archcheck.spec import Report, Spec
from archcheck.verification.found import verify_found
from archcheck.verification.mapping import MappedNetwork
from archcheck.verification.wording import not_run
from archcheck.worker.failures import InputError, StartError
from archcheck.worker.surroundings import Surroundings

if TYPE_CHECKING:
    from archcheck.worker.process import Start, Worker
    from archcheck.worker.warm import WarmWorkers

SpecOf = Callable[[MappedNetwork], Spec]
"""Says what a network is held to."""
About = Callable[[MappedNetwork, InputError], Exception]
"""Makes an error that names the network, and what would mend it."""


@dataclass
class Outcome:
    """The reports on networks, and the errors that kept others from being verified."""

    reports: list[Report] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def add_error(self, network: MappedNetwork, error: Exception, spec: Spec | None = None) -> None:
        """Keep an error, but not a second one with the same message, and the report on the network
        that it kept from being run."""
        file, name = str(network.file), network.submission.reference.name
        held_to = spec or Spec((), file=network.spec)
        self.reports.append(not_run(error, held_to, file=file, name=name))
        if str(error) not in map(str, self.errors):
            self.errors.append(error)


@dataclass(frozen=True)
class Result:
    """What came of one network: a report, or the error that kept it from being verified.

    ``late`` is whether the time of one of its processes was up, ``remark`` what the cache did.
    """

    spec: Spec | None = None
    report: Report | None = None
    error: Exception | None = None
    late: bool = False
    remark: str = ""


def verify_all(
    networks: Sequence[MappedNetwork],
    spec_of: SpecOf,
    store: Store | None,
    outcome: Outcome,
    *,
    about: About,
    jobs: int,
    timeout: float,
    surroundings: Surroundings,
    verbose: bool,
) -> None:
    """Verify networks, ``jobs`` at once; an error in one does not stop the others.

    torch is imported once, in a process that is forked for each network. A network whose time was
    up beside others is verified again by itself: they may have slowed it down.
    """
    alone = min(jobs, len(networks)) < 2
    with _pool(jobs, surroundings) as (pool, start_worker), bars(len(networks)) as shown:
        run = _Run(spec_of, about, store, start_worker, timeout, shown)
        waiting = [pool.submit(run.verified, network, alone) for network in networks]
        results = [future.result() for future in waiting]
        for number, result in enumerate(results):
            if result.late:
                results[number] = pool.submit(run.verified, networks[number], True).result()
    for network, result in zip(networks, results, strict=True):
        if result.report is not None:
            outcome.reports.append(result.report)
            if verbose and result.remark:
                print_message(f"{network}: {result.remark}\n")
        elif result.error is not None:
            outcome.add_error(network, result.error, result.spec)


def conclude(outcome: Outcome, places: Sequence[Destination], exit_zero: bool) -> int:
    """Write the reports and the errors; returns the exit code."""
    deliver(outcome.reports, places)
    for error in outcome.errors:
        print_exception(error)
    if outcome.errors:
        return BROKEN
    return 0 if exit_zero or all(report.passed for report in outcome.reports) else FAILED


@dataclass(frozen=True)
class _Run:
    """What the networks of a run share."""

    spec_of: SpecOf
    about: About
    store: Store | None
    start_worker: Start
    timeout: float
    bars: Bars

    def verified(self, network: MappedNetwork, alone: bool) -> Result:
        """Verify one network; the bar goes on unless it has to be verified again, ``alone``."""
        workers: list[Worker] = []

        def start() -> Worker:
            workers.append(self.start_worker())
            return workers[-1]

        result = self._verified(network, start)
        late = not alone and any(worker.late for worker in workers)
        if not late:
            self.bars.advance()
        return replace(result, late=late)

    def _verified(self, network: MappedNetwork, start_worker: Start) -> Result:
        spec = None
        try:
            reference_to(network)
            spec = self.spec_of(network)
            report, remark = verify_found(
                network.submission,
                spec,
                self.store,
                start_worker,
                timeout=self.timeout,
                on_progress=self.bars.images,
            )
        except Exception as error:
            if os.environ.get("ARCHCHECK_TRACEBACK"):
                raise
            if isinstance(error, InputError):
                error = self.about(network, error)
            return Result(spec, error=error)
        return Result(spec, report, remark=remark)


class _Workers:
    """Starts processes for networks, from any thread, by forking a warm one; it is started for the
    first of them. Once these are closed no other starts."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._closed = False
        self._warm: WarmWorkers | None = None

    def start(self) -> Worker:
        with self._lock:
            if self._closed:
                raise StartError("the run has ended")
            if self._warm is None:
                from archcheck.tracing.remote import warm_workers  # imports subprocess

                self._warm = warm_workers(self._surroundings)
            return self._warm.start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._warm is not None:
                self._warm.close()


@contextmanager
def _pool(jobs: int, surroundings: Surroundings) -> Iterator[tuple[Executor, Start]]:
    """Threads that verify networks, and what starts processes for them. On the way out, which may
    be Ctrl-C, all of them end."""
    pool, workers = ThreadPoolExecutor(jobs), _Workers(surroundings)
    try:
        yield pool, workers.start
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        workers.close()
        pool.shutdown()
