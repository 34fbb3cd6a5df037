"""Tracing a network at two sizes of the batch, where its forward reads that size.

Most networks read it to reshape (``x.view(x.size(0), -1)``); one that reads it may also decide by
it, and be another network for the batches that it is trained with.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from typing import Any

from torch import nn

from archcheck.network import Network
from archcheck.network.batches import difference
from archcheck.network.shapes import AnyInputs
from archcheck.tracing.compared_sizes import compared_sizes
from archcheck.tracing.module_tree import paths_of
from archcheck.tracing.trace import trace
from archcheck.worker.failures import NetworkError, RunError

SMALLEST, LARGEST, LARGEST_COMPUTED = 3, 31, 4
"""The sizes that the other batch is drawn from; values of large batches take long to compute."""
DIVISIBLE, DIVISIBLE_COMPUTED = 32, 4
"""The sizes that are tried where forward raises: some networks treat their samples in groups."""


def trace_for_batches(
    model: nn.Module,
    inputs: AnyInputs,
    *,
    attempted: Callable[[bool], None] = lambda counts: None,
    compared: Callable[[], None] = lambda: None,
    **options: Any,
) -> Network:
    """Trace a model, and once more with another batch where its forward reads the batch's size.

    Args:
        model, inputs, attempted, options: as for :func:`archcheck.tracing.trace.trace`.
        compared: called before the other pass.

    Raises:
        RunError: if forward raises, returns no tensor, or does something else at the other size.
        ValueError: if ``inputs`` is not a shape.
    """
    computed = False

    def noted(begins: bool) -> None:
        nonlocal computed
        computed = not begins  # integers that are tried make for another attempt
        attempted(begins)

    network = trace(model, inputs, attempted=noted, **options)
    if network.reads_batch is not None:
        compared()
        given = network.given
        other = None if computed else _from_shapes(model, given, options)
        other = other or _computed(model, given, network, options)
        others = [other]
        if not computed:
            sizes = compared_sizes(paths_of(model))
            others += filter(None, (_at(model, given, options, size) for size in sizes))
        for each in others:
            _expect_the_same(network, each)
    return network


def _expect_the_same(network: Network, other: Network) -> None:
    unlike = difference(network, other)
    if unlike is not None:
        raise RunError(
            f"another network for other batches: {unlike.text}",
            cause="unusable",
            place=unlike.place or network.reads_batch,
            called=network.reads_batch,
        )


class _ValuesMatter(BaseException):
    """What the network does cannot be told from shapes alone."""


def _from_shapes(model: nn.Module, inputs: AnyInputs, options: dict[str, Any]) -> Network | None:
    """The network at a random size; None if shapes alone do not tell it, or forward raises."""
    size = SMALLEST + secrets.randbelow(LARGEST - SMALLEST + 1)
    return _at(model, inputs, options, size) or _at(model, inputs, options, DIVISIBLE)


def _at(model: nn.Module, inputs: AnyInputs, options: dict[str, Any], size: int) -> Network | None:
    """The network at a size, from shapes alone; None if these do not tell it, or forward raises."""

    def attempted(begins: bool) -> None:
        if not begins:
            raise _ValuesMatter

    with contextlib.suppress(_ValuesMatter, NetworkError):
        return trace(model, inputs, batch=size, attempted=attempted, **options)
    return None


def _computed(
    model: nn.Module,
    inputs: AnyInputs,
    network: Network,
    options: dict[str, Any],
) -> Network:
    """The network at a small size, run for real.

    Raises:
        RunError: if forward raises at it and at a size that groups of samples divide.
    """
    size = SMALLEST + secrets.randbelow(LARGEST_COMPUTED - SMALLEST + 1)
    options = {**options, "compute": True}
    try:
        return trace(model, inputs, batch=size, **options)
    except NetworkError as error:
        with contextlib.suppress(NetworkError):
            return trace(model, inputs, batch=DIVISIBLE_COMPUTED, **options)
        raise RunError(
            f"forward works on a batch of {network.batch}, and not of {size}: {error.message}",
            cause="unusable",
            module=error.module,
            place=error.place or network.reads_batch,
            called=network.reads_batch,
            input_shape=error.input_shape,
            input_from=error.input_from,
        ) from error
