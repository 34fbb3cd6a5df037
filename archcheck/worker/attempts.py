"""Loading a file in one way after the other, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import structs

from archcheck.worker.failures import Failure, InputError
from archcheck.worker.process import Start, Worker
from archcheck.worker.reference import Reference

T = TypeVar("T")


def first_that_loads(
    reference: Reference,
    ask: Callable[[Worker, Reference], T | Failure],
    start_worker: Start,
    first: Worker | None = None,
) -> T | Failure:
    """Have a worker do something with a network; where its file cannot be imported, another one
    with the network from the file's definitions alone.

    ``ask`` has a worker do it, ``first`` is the first one, if it is started already. Where both
    fail the first failure is told, unless the second says more about the network.

    Raises:
        InputError: as ``ask`` does.
        StartError: if a process could not start.
    """
    with first or start_worker() as worker:
        answer = ask(worker, reference)
    if not isinstance(answer, Failure) or not _may_have_definitions(reference, answer):
        return answer
    try:
        with start_worker() as worker:
            other = ask(worker, structs.replace(reference, load="definitions"))
    except InputError:
        return answer
    return answer if isinstance(other, Failure) and _says_less(other, answer) else other


def _says_less(other: Failure, first: Failure) -> bool:
    """Whether the failure of a file's definitions says less than the first one; a module that is
    missing is to be had before anything else."""
    return other.stage == "imports" and (other.cause != "unknown" or bool(first.missing))


def _may_have_definitions(reference: Reference, failure: Failure) -> bool:
    if reference.load or not reference.file or failure.stage != "imports":
        return False
    return failure.cause != "unknown" and not failure.is_no_python
