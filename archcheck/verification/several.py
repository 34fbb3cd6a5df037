"""Which networks of a file run, where it holds several and none is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from archcheck.cache.tracing import CachedTracing
from archcheck.network import Network
from archcheck.network.shapes import AnyInputs
from archcheck.worker.failures import Failure, InputError
from archcheck.worker.reference import Reference

MOST_TRIED = 8
"""The most networks of a file that are tried."""
SECONDS = 10.0
"""The longest that one is tried."""


def trace(
    tracer: CachedTracing,
    inputs: AnyInputs,
    arguments: Mapping[str, Any],
    *,
    training: bool,
    timeout: float,
    other_batches: bool = False,
    batch: int = 0,
) -> Network | Failure:
    """Trace the network of a tracer, with the options of its ``trace``.

    Raises:
        InputError: if the reference is wrong. Where its file holds several networks, each is tried
            in a process of its own, and those that run are named first.
        StartError: if the child could not import torch.
    """
    try:
        return tracer.trace(
            inputs,
            arguments,
            training=training,
            timeout=timeout,
            other_batches=other_batches,
            batch=batch,
        )
    except InputError as error:

        def alone(reference: Reference) -> Network | Failure:
            with CachedTracing(reference, None, tracer.start_worker) as one:
                seconds = min(timeout, SECONDS)
                return one.trace(inputs, arguments, training=training, timeout=seconds)

        raise with_those_first(error, tracer.reference, alone) from None


def with_those_first(
    error: InputError, reference: Reference, alone: Callable[[Reference], Network | Failure]
) -> InputError:
    """The error that a file holds several networks, with those first that ``alone`` can run."""
    tried = error.choices[:MOST_TRIED] if not reference.name else ()
    runs = [name for name in tried if _runs(replace(reference, name=name), alone)]
    others = [name for name in error.choices if name not in runs]
    if not runs or not others:
        return error
    where = reference.module or Path(reference.file).name
    text = (
        f"{reference} holds {len(error.choices)} networks; name one that runs: "
        f"{_listed(where, runs)}; or one of the others: {_listed(where, others)}"
    )
    return InputError(text, says_where=True, choices=(*runs, *others))


def _runs(reference: Reference, alone: Callable[[Reference], Network | Failure]) -> bool:
    try:
        return isinstance(alone(reference), Network)
    except InputError:
        return False


def _listed(where: str, names: list[str]) -> str:
    return ", ".join(f"{where}:{name}" for name in names)
