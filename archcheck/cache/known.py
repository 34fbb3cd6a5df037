"""What is known of a network before it is traced: the files that it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archcheck.cache.keys import reference_key, request_key
from archcheck.cache.store import Store
from archcheck.cache.watch import watch
from archcheck.network.shapes import AnyInputs
from archcheck.worker.dependencies.states import Dependencies
from archcheck.worker.reference import Reference


def known_reads(
    store: Store | None,
    reference: Reference,
    inputs: AnyInputs,
    arguments: Mapping[str, Any],
    *,
    training: bool = False,
) -> Dependencies | None:
    """What a network read when it was traced to be verified.

    None if it was never traced in this way, was not kept, or something has changed since.
    """
    if store is None:
        return None
    with watch.paused():
        try:
            key = reference_key(reference)
            request = request_key(key, inputs, arguments, training, True)
        except (OSError, TypeError, ValueError, OverflowError):
            return None
        return store.reads(key, request)
