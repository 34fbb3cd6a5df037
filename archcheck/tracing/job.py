"""The jobs of a process that runs a network: tracing it, and measuring a unit's gradient."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from msgspec import structs

from archcheck.network import Network
from archcheck.tracing.module_tree import paths_of
from archcheck.tracing.other_batch import trace_for_batches
from archcheck.tracing.requests import Gradient, GradientRequest, Traced, TraceRequest
from archcheck.tracing.shape_rules.lazy_init import LazyInit
from archcheck.tracing.state_reads import state_reads
from archcheck.tracing.trace import trace
from archcheck.tracing.unit_gradient import measure
from archcheck.tracing.weights import load_weights, read_alone
from archcheck.worker.absent_devices import absence_notes, staying_on_the_cpu
from archcheck.worker.checker_search import searches
from archcheck.worker.dependencies.recorder import DependencyRecorder, start_recording
from archcheck.worker.device_questions import device_questions
from archcheck.worker.import_roots import import_root_notes
from archcheck.worker.loading import loaded
from archcheck.worker.owners import authors_files
from archcheck.worker.session import Session
from archcheck.worker.working_folder import working_folder_notes


def trace_network(request: TraceRequest, session: Session) -> Traced:
    """Load a network and trace it; with ``recorded`` also list what was read for it.

    Raises:
        InputError: if the reference or the arguments are wrong.
        NetworkError: if the network cannot be imported, built or run.
    """
    recorder: DependencyRecorder | None = None
    if request.recorded:
        with contextlib.suppress(Exception):  # it can be traced without recording
            recorder = start_recording()
    lazy_init = LazyInit()
    tracer: Callable[..., Network] = trace
    options: dict[str, Any] = {}
    if request.other_batches:
        tracer, options = trace_for_batches, {"compared": session.compare}
    elif request.batch:
        options = {"batch": request.batch}
    session.enter("imports")
    with loaded(
        request.reference, request.arguments, session.enter, construct=lazy_init.construct
    ) as network:
        session.enter("runs")
        traced = tracer(
            network.model,
            request.inputs,
            training=request.training,
            name=network.name,
            source=network.source,
            notes=network.notes,
            lazy_init=lazy_init,
            attempted=session.attempt,
            **options,
        )
        files = authors_files(request.reference.file)
        around = [*import_root_notes(), *working_folder_notes()]
        noticed = [*around, *absence_notes(), *device_questions(files), *searches(files)]
        with contextlib.suppress(Exception):  # objects of the author's may raise when looked at
            noticed += state_reads(paths_of(network.model))
    traced = structs.replace(traced, notes=(*traced.notes, *noticed))
    session.over()
    if recorder is None:
        return Traced(traced)
    with contextlib.suppress(Exception):  # a failed recording is not the network's fault
        return Traced(traced, recorder.finish())
    return Traced(traced)


def measure_gradient(request: GradientRequest, session: Session) -> Gradient:
    """The gradient of a unit with respect to the input, with the network's own weights.

    Raises:
        InputError: if the reference, the arguments or the weights are wrong.
        NetworkError: if the network cannot be imported, built or run, or gives no gradient.
    """
    file = request.probe.weights
    weights = read_alone(file) if file else None  # before the submission's code can run
    session.enter("imports")
    with loaded(request.reference, request.arguments, session.enter) as network:
        if weights is not None:
            load_weights(network.model, weights, file)
        session.enter("runs")
        with staying_on_the_cpu():
            return measure(network.model, request.inputs, request.probe, session.step)
