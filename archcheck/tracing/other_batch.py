"""Tracing a network at two sizes of the batch, where its forward reads that size.

Most networks read it to reshape (``x.view(x.size(0), -1)``); one that reads it may also decide by
it, and be another network for the batches that it is trained with.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from archcheck.network import Network
from archcheck.network.batches import difference
from archcheck.network.shapes import Shape
from archcheck.tracing.trace import trace
from archcheck.worker.failures import NetworkError, RunError

SMALLEST, LARGEST, LARGEST_COMPUTED = 3, 31, 5
"""The sizes that the other batch is drawn from; values of large batches take long to compute."""
DIVISIBLE = 32
"""The size that is tried where forward raises: some networks treat their samples in groups."""


def trace_for_batches(
    model: nn.Module,
    input_shape: Shape | Sequence[Shape],
    *,
    attempted: Callable[[bool], None] = lambda counts: None,
    compared: Callable[[], None] = lambda: None,
    **options: Any,
) -> Network:
    """Trace a model, and once more with another batch where its forward reads the batch's size.

    Args:
        model, input_shape, attempted, options: as for :func:`archcheck.tracing.trace.trace`.
        compared: called before the other pass.

    Raises:
        RunError: if forward raises, returns no tensor, or does something else at the other size.
        ValueError: if ``input_shape`` is not a shape.
    """
    computed = False

    def noted(begins: bool) -> None:
        nonlocal computed
        computed |= not begins
        attempted(begins)

    network = trace(model, input_shape, attempted=noted, **options)
    if network.reads_batch is not None:
        compared()
        largest = LARGEST_COMPUTED if computed else LARGEST
        size = SMALLEST + secrets.randbelow(largest - SMALLEST + 1)
        other = _at(model, input_shape, size, network, {**options, "compute": computed})
        unlike = difference(network, other)
        if unlike is not None:
            raise RunError(
                f"another network for other batches: {unlike.text}",
                cause="unusable",
                place=unlike.place or network.reads_batch,
                called=network.reads_batch,
            )
    return network


def _at(
    model: nn.Module,
    input_shape: Shape | Sequence[Shape],
    size: int,
    network: Network,
    options: dict[str, Any],
) -> Network:
    """The network at another size of the batch.

    Raises:
        RunError: if forward raises at it and at a size that groups of samples divide.
    """
    try:
        return trace(model, input_shape, batch=size, **options)
    except NetworkError as error:
        try:
            return trace(model, input_shape, batch=DIVISIBLE, **options)
        except NetworkError:
            raise RunError(
                f"forward works on a batch of {network.batch}, and not of {size}: {error.message}",
                cause="unusable",
                module=error.module,
                place=error.place or network.reads_batch,
                called=network.reads_batch,
                input_shape=error.input_shape,
                input_from=error.input_from,
            ) from error
