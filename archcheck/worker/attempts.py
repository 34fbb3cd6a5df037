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
    says_less = isinstance(other, Failure) and other.stage == "imports" and other.cause != "unknown"
    return answer if says_less else other


def _may_have_definitions(reference: Reference, failure: Failure) -> bool:
    if reference.load or not reference.file or failure.stage != "imports":
        return False
    return failure.cause != "unknown" and not failure.is_no_python
