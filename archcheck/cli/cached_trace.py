"""Tracing with the cache that the options choose."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from archcheck.cache.folder import BadFolder, clean, find_folder
from archcheck.cache.signing_key import BadKey
from archcheck.cache.store import Store, open_store
from archcheck.cache.tracing import CachedTracing
from archcheck.cache.watch import watch
from archcheck.cli.errors import UsageError
from archcheck.cli.streams import print_message
from archcheck.phrases import some_of
from archcheck.worker.reference import Load, Reference, parse_reference

if TYPE_CHECKING:
    from archcheck.cli.parameters import How
    from archcheck.network import Network
    from archcheck.network.inputs import Inputs
    from archcheck.spec import Report
    from archcheck.worker.failures import Failure
    from archcheck.worker.process import Start, Worker
    from archcheck.worker.surroundings import Surroundings

NO_SHAPE = "say the input's shape without the batch: --input 3,32,32"


def open_cache(no_cache: bool, cache_dir: Path | None) -> Store | None:
    """The cache that the options choose, by default the project's; None if there is none.

    Raises:
        UsageError: if the folder of the cache is a file.
        ConfigError: if the project's settings are wrong.
    """
    from archcheck.config.model import configured_cache_dir

    return None if no_cache else opened_store(cache_dir or configured_cache_dir())


@contextmanager
def tracing(
    reference: Reference,
    store: Store | None,
    verbose: bool,
    surroundings: Surroundings | None = None,
) -> Iterator[CachedTracing]:
    """The tracer of a network; it leaves no process behind."""
    with CachedTracing(reference, store, starter(surroundings)) as tracer:
        yield tracer
        if verbose:
            print_message(f"{tracer.remark}\n")


def starter(surroundings: Surroundings | None) -> Start | None:
    """A function that starts workers in some surroundings; None for any."""
    if surroundings is None:
        return None

    def start() -> Worker:
        from archcheck.tracing.remote import start_worker  # imports subprocess

        return start_worker(surroundings)

    return start


def opened_store(cache_dir: Path | None) -> Store | None:
    """The cache in a folder, by default the project's; None if none is possible.

    Raises:
        UsageError: if the folder of the cache is a file, or the key in the environment is none.
    """
    try:
        with watch.paused():
            return open_store(cache_dir)
    except (BadFolder, BadKey) as error:
        raise UsageError(str(error)) from None


def named_network(
    net: str,
    inputs: Sequence[str] | None,
    arguments: Sequence[str] | None,
    *,
    load: How | None,
    train: bool,
    timeout: float,
    store: Store | None,
) -> Reference:
    """The network that a word names; of a folder the one that is found in it.

    Raises:
        InputError: if there is none, or a choice.
        UsageError: if networks have to be tried and no inputs are given, or an option is wrong.
    """
    from archcheck.verification.folders import folder_reference

    how: Load = load.value if load else ""
    folder = folder_reference(net)
    if folder is None:
        return parse_reference(net, how)
    from archcheck.cli.inputs import read_inputs
    from archcheck.cli.options import read_arguments
    from archcheck.tracing.remote import warm_workers
    from archcheck.verification.choosing import choose

    given, constructor_arguments = read_inputs(inputs), read_arguments(arguments)
    if given is None:
        raise UsageError(NO_SHAPE)
    with warm_workers() as workers:

        def trace(reference: Reference) -> Network | Failure:
            with CachedTracing(reference, store, workers.start) as tracer:
                return tracer.trace(given, constructor_arguments, training=train, timeout=timeout)

        return choose(structs.replace(folder, load=how), None, trace).reference


def trace_alone(
    reference: Reference,
    inputs: Sequence[str] | None,
    arguments: Sequence[str] | None,
    *,
    train: bool,
    timeout: float,
    store: Store | None,
    verbose: bool,
) -> Network | Report:
    """Trace a network without a spec, with inputs and arguments as they were typed.

    Returns:
        The network; a report with the reason if it could not be run.

    Raises:
        UsageError: if no shape is given, or one of the options is wrong.
    """
    started = time.perf_counter()
    with tracing(reference, store, verbose) as child:
        from archcheck.cli.inputs import read_inputs
        from archcheck.cli.options import read_arguments
        from archcheck.network import Network
        from archcheck.verification.several import trace

        given = read_inputs(inputs)
        if given is None:
            raise UsageError(NO_SHAPE)
        constructor_arguments = read_arguments(arguments)
        traced = trace(child, given, constructor_arguments, training=train, timeout=timeout)
    if isinstance(traced, Network):
        return traced
    return report_without_spec(traced, given, reference, started)


def report_without_spec(
    failure: Failure, inputs: Inputs, reference: Reference, started: float
) -> Report:
    """The report on a network that could not be run, without a spec."""
    from archcheck.spec import Spec
    from archcheck.verification.submission import Submission
    from archcheck.verification.verify import report_on  # imports all of the spec code

    return report_on(Submission(reference=reference), Spec((), inputs), failure, started)


def remove_cache(cache_dir: Path | None) -> str:
    """Remove the cache; returns a sentence that says what was removed.

    Raises:
        UsageError: if the folder of the cache is a file.
        ConfigError: if the project's settings are wrong.
        OSError: if something cannot be removed.
    """
    from archcheck.config.model import configured_cache_dir

    try:
        folder = find_folder(cache_dir or configured_cache_dir())
    except BadFolder as error:
        raise UsageError(str(error)) from None
    was_there = folder.is_dir()
    networks, size, left = clean(folder)
    if not was_there:
        return f"there is no cache at {folder}"
    what = f"{networks:,} network{'' if networks == 1 else 's'} ({size:,} bytes)"
    if not left:
        return f"removed {folder}: {what}"
    return f"removed {what} from {folder}; left what is not the cache's: {some_of(left, 3)}"
