"""The job that traces a network after each of many edits of its source, in one process.

Each edit loads the file anew, and what it loaded is gone before the next one: what it leaves behind
all the same (in an installed library, say) may reach another edit, so that an edit that is told of
has to be traced in a process of its own.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping

from archcheck.gc_pause import gc_paused
from archcheck.network import Network
from archcheck.network.inputs import Inputs
from archcheck.tracing.other_batch import trace_for_batches
from archcheck.tracing.requests import Edited, EditedRequest
from archcheck.tracing.shape_rules.lazy_init import LazyInit
from archcheck.tracing.trace import trace
from archcheck.worker.failures import InputError, NetworkError, describe
from archcheck.worker.loading import loaded
from archcheck.worker.scripts import contents_given
from archcheck.worker.session import Session


def trace_edited(request: EditedRequest, session: Session) -> tuple[Edited, ...]:
    """Trace a network after each of some edits; one that does not run gets a reason."""
    session.enter("imports")
    # What is frozen is counted at every pass; here nothing looks for garbage anyway.
    gc.unfreeze()
    results = []
    with gc_paused():
        for number, contents in enumerate(request.edits, 1):
            results.append(_traced(request, contents))
            session.step(number, len(request.edits))
    return tuple(results)


def _traced(request: EditedRequest, contents: Mapping[str, bytes]) -> Edited:
    try:
        with contents_given(contents):
            networks = tuple(
                _network(request, inputs, request.training, other_batches=request.other_batches)
                for inputs in request.inputs
            )
            return Edited(networks, passes=tuple(_passes(request)))
    except BaseException as error:  # the edited code may raise anything at all
        return Edited(reason=_reason(error))


def _passes(request: EditedRequest) -> Iterator[Network | str]:
    if not request.several:
        return
    ways = ((False, request.several), (not request.training, 0))
    for training, batch in ways:
        try:
            yield _network(request, request.inputs[0], training, batch=batch)
        except BaseException as error:
            yield _reason(error)


def _reason(error: BaseException) -> str:
    if isinstance(error, (InputError, NetworkError)):
        return error.message
    return describe(error)


def _network(
    request: EditedRequest,
    inputs: Inputs,
    training: bool,
    *,
    batch: int = 0,
    other_batches: bool = False,
) -> Network:
    lazy_init = LazyInit()
    tracer: Callable[..., Network] = trace_for_batches if other_batches else trace
    with loaded(request.reference, request.arguments, construct=lazy_init.construct) as network:
        return tracer(
            network.model,
            inputs,
            training=training,
            name=network.name,
            source=network.source,
            notes=network.notes,
            lazy_init=lazy_init,
            **({"batch": batch} if batch else {}),
        )
