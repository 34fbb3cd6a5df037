"""Verifying the networks of a project one after another, or those that some files affect."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archcheck.cache.store import Store
from archcheck.cache.tracing import CachedTracing
from archcheck.cli.affected import Affected, Files, affected
from archcheck.cli.errors import UsageError
from archcheck.cli.options import without
from archcheck.cli.progress import new_bar, progress_bar
from archcheck.cli.sources import reference_to, sources_of, untracked
from archcheck.cli.streams import print_message
from archcheck.progress import Progress
from archcheck.reporters import formatting
from archcheck.spec import Report, Spec, SpecError, load_spec
from archcheck.verification.mapping import MappedNetwork
from archcheck.verification.verify import verify
from archcheck.verification.wording import not_run
from archcheck.worker.failures import InputError
from archcheck.worker.surroundings import Surroundings

if TYPE_CHECKING:
    from archcheck.worker.process import Start, Worker
    from archcheck.worker.warm import WarmWorkers

BAR_DELAY = 1.0
"""Seconds until a progress bar is shown."""


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


class Specs:
    """The specs of networks without the skipped rules; each file is read once."""

    def __init__(self, skip: Sequence[str]) -> None:
        self._skip = skip
        self._loaded: dict[str, Spec | SpecError] = {}

    def of(self, network: MappedNetwork) -> Spec:
        """The spec that a network is held to.

        Raises:
            SpecError: if it cannot be read, or the input's shape is not known.
            UsageError: if all of its rules are skipped.
        """
        spec = self._read(network.spec)
        if network.submission.input_shape is None and spec.input is None:
            raise SpecError(
                "the input's shape is not known: add `input: [3, 32, 32]` to the spec, or "
                f"`input = [3, 32, 32]` to {network} in [tool.archcheck.networks]",
                file=spec.file,
            )
        required = {requirement.rule.name for requirement in spec.requirements}
        if required <= set(self._skip):
            raise UsageError(f"every rule of {formatting.path(spec.file)} is skipped")
        return without(spec, [rule for rule in self._skip if rule in required])

    def _read(self, file: str) -> Spec:
        if file not in self._loaded:
            try:
                self._loaded[file] = load_spec(formatting.path(file))
            except SpecError as error:
                self._loaded[file] = error
        spec = self._loaded[file]
        if isinstance(spec, SpecError):
            raise spec
        return spec


def affected_networks(
    networks: Sequence[MappedNetwork],
    files: Files,
    specs: Specs,
    store: Store | None,
    outcome: Outcome,
) -> list[MappedNetwork]:
    """The networks that some files affect; a spec that cannot be read is an error.

    Networks for which this is unknown are included, unless git does not track them yet: a hook
    checks what is committed.
    """
    selected, unknown = [], []
    for network in networks:
        try:
            answer = affected(files, sources_of(network, specs.of(network), store))
        except (SpecError, UsageError, InputError) as error:
            outcome.add_error(network, error)
            continue
        if answer is not Affected.no:
            selected.append(network)
        if answer is Affected.unknown:
            unknown.append(network)
    new_files = untracked(unknown)
    return [n for n in selected if n not in unknown or n.file not in new_files]


def verify_all(
    networks: Sequence[MappedNetwork],
    specs: Specs,
    store: Store | None,
    outcome: Outcome,
    *,
    timeout: float,
    surroundings: Surroundings,
    verbose: bool,
) -> None:
    """Verify networks one after another; an error in one does not stop the others.

    torch is imported once, in a process that is forked for each network.
    """
    traceable = []
    for network in networks:
        try:
            reference_to(network)
            traceable.append(network)
        except InputError as error:
            outcome.add_error(network, error)
    with (
        _warm_workers(surroundings) as start_worker,
        closing(_traced(traceable, store, start_worker)) as traced,
        _bars(len(traceable)) as (advance, images),
    ):
        for network, tracer in traced:
            started = time.perf_counter()
            spec = None
            try:
                spec = specs.of(network)
                report = verify(
                    network.submission,
                    spec,
                    tracer,
                    timeout=timeout,
                    started=started,
                    on_progress=images,
                )
            except Exception as error:
                if os.environ.get("ARCHCHECK_TRACEBACK"):
                    raise
                outcome.add_error(network, _error_about(network, error), spec)
            else:
                outcome.reports.append(report)
                if verbose:
                    print_message(f"{network}: {tracer.remark}\n")
            advance()


@contextmanager
def _warm_workers(surroundings: Surroundings) -> Iterator[Start]:
    """Starts workers by forking a warm process, which is started for the first of them."""
    with ExitStack() as stack:
        started: list[WarmWorkers] = []

        def start() -> Worker:
            if not started:
                from archcheck.tracing.remote import warm_workers  # imports subprocess

                started.append(stack.enter_context(warm_workers(surroundings)))
            return started[0].start()

        yield start


def _error_about(network: MappedNetwork, error: Exception) -> Exception:
    """An error that names the network, and the setting that would mend it."""
    if not isinstance(error, InputError):
        return error
    where = "" if error.says_where else f"{network}: "
    hint = "; [tool.archcheck] takes `arguments` for a network"
    return UsageError(f"{where}{error}{hint if error.input == 'arguments' else ''}")


def _traced(
    networks: Sequence[MappedNetwork], store: Store | None, start_worker: Start
) -> Generator[tuple[MappedNetwork, CachedTracing], None, None]:
    """Each network with its tracer, which is closed before the next one is yielded.

    The next one's process, if it needs one, is started beforehand.
    """
    waiting: deque[tuple[ExitStack, CachedTracing]] = deque()
    try:
        for number in range(len(networks) + 1):
            if number < len(networks):
                stack = ExitStack()
                reference = networks[number].submission.reference
                tracer = stack.enter_context(CachedTracing(reference, store, start_worker))
                waiting.append((stack, tracer))
            if number:
                with waiting[0][0]:
                    yield networks[number - 1], waiting[0][1]
                waiting.popleft()
    finally:
        for stack, _ in waiting:
            stack.close()


@contextmanager
def _bars(total: int) -> Iterator[tuple[Callable[[], None], Progress]]:
    """Progress bars of networks, and of images while accuracy is measured, on standard error.

    They are shown only in a terminal, and once the run has taken a while.
    """
    # pre-commit gives its hooks a pseudo-terminal, and shows their output afterwards.
    if not sys.stderr.isatty() or "PRE_COMMIT" in os.environ:
        yield lambda: None, lambda done, total: None
        return
    if total < 2:
        with progress_bar("images") as images:
            yield lambda: None, images
        return
    bar = new_bar()
    task = bar.add_task("networks", total=total)
    of_images = bar.add_task("images", total=None, visible=False)

    def show(done: int, total: int) -> None:
        bar.update(of_images, completed=done, total=total, visible=done < total)

    late = threading.Timer(BAR_DELAY, bar.start)
    late.daemon = True
    late.start()
    try:
        yield lambda: bar.advance(task), show
    finally:
        late.cancel()
        late.join()
        bar.stop()
