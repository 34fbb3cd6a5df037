"""The keys that Networks are kept under: all that is known before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archcheck.cache.programs import key_of, programs
from archcheck.network import VERSION
from archcheck.worker.reference import Reference

TRACING = (
    *("tracing", "worker", "network"),
    *(
        f"{name}.py"
        for name in ("errors", "gc_pause", "limited_file", "phrases", "plain_text", "progress")
    ),
)
"""archcheck's files and folders that tracing consists of."""


def reference_key(reference: Reference) -> str:
    """The key that all requests to one reference share, here and with these programs.

    Raises:
        OSError: if the working directory is gone.
    """
    return key_of(VERSION, programs(TRACING), reference)


def request_key(
    input_shapes: Sequence[Sequence[int]],
    arguments: Mapping[str, Any],
    training: bool,
    other_batches: bool = False,
) -> str:
    """The key of one request to a reference.

    Raises:
        TypeError, ValueError, OverflowError: if the arguments cannot be serialised.
    """
    return key_of([list(shape) for shape in input_shapes], dict(arguments), training, other_batches)
