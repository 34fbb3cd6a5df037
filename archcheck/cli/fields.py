"""The receptive fields that ``rf`` shows, of locations and units given by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import structs

from archcheck.cli.errors import UsageError
from archcheck.cli.progress import progress_bar
from archcheck.fields import UnknownField, UnknownLocation, receptive_field
from archcheck.fields.explain.effective import from_bytes
from archcheck.fields.explain.summary import Summary, first_known, summarize
from archcheck.network import Network
from archcheck.network.inputs import Inputs
from archcheck.network.kinds import ESCAPE
from archcheck.phrases import shape_text
from archcheck.tracing.requests import Probe
from archcheck.worker.failures import Failure
from archcheck.worker.reference import Reference


def field_at(network: Network, at: str, unit: tuple[int, ...] | None) -> Summary | UnknownField:
    """The field at a location of a network, or why it is not known.

    Raises:
        UsageError: if there is no such location or unit, or the input has no spatial axes.
    """
    views = [receptive_field(network, input_index=i) for i in range(len(network.inputs))]
    if not any(rf.sides for rf in views):
        raise UsageError(
            "the input has no axes of space, so there is no receptive field; where it has some, "
            "name them: --input 128,64:axes=length,channels"
        )
    try:
        rf, location = first_known([rf for rf in views if rf.sides], at)
    except UnknownLocation as error:
        raise UsageError(f"--at {error}") from None
    except UnknownField as error:
        return error
    try:
        return summarize(rf, location, unit)
    except UnknownField as error:
        return error
    except IndexError:
        shape = rf.at(location).shape
        text = ",".join(map(str, unit or ()))
        if not shape:
            there = f"what is left at {location.name} is one unit, without axes: leave --unit out"
        else:
            last = ",".join(str(side - 1) for side in shape)
            first = ",".join("0" for _ in shape)
            sides = shape_text(shape)
            there = f"the map at {location.name} is {sides}: its units are {first} to {last}"
        raise UsageError(f"--unit {text}: {there}") from None


def measure(
    summary: Summary,
    reference: Reference,
    inputs: Inputs,
    arguments: Mapping[str, Any],
    probe: Probe,
    weights: str | None,
    timeout: float,
) -> Summary | Failure:
    """The summary with the effective field by gradients; a failure if the network fails."""
    from archcheck.tracing.remote import measure_in, start_worker
    from archcheck.worker.attempts import first_that_loads

    with progress_bar("gradients") as show:
        show(0, probe.samples)
        finished = [0]

        def on_progress(done: int, total: int) -> None:
            finished.append(done)
            show(done, total)

        measured = first_that_loads(
            reference,
            lambda worker, chosen: measure_in(
                worker,
                chosen,
                inputs,
                probe,
                arguments,
                timeout=timeout,
                on_progress=on_progress,
            ),
            start_worker,
        )
    if isinstance(measured, Failure) and measured.cause == "timeout":
        text = f"forward and backward of {finished[-1]} of {probe.samples} inputs took all of the"
        hint = "ask for fewer with --samples, or give more time with --timeout"
        message = f"{text} {timeout:g} seconds"
        return structs.replace(measured, cause="unusable", message=message, hint=hint)
    if isinstance(measured, Failure):
        return measured
    effective = from_bytes(measured.sides, measured.values, probe.samples, weights or "")
    return replace(summary, effective=effective)


def probe_of(summary: Summary, samples: int, weights: str | None = None) -> Probe:
    """The unit as the network's process finds it again: by the call that makes its tensor.

    Raises:
        UsageError: if the location is the input itself.
    """
    network, tensor = summary.rf.network, summary.location.tensors[0]
    op = network.producer(tensor)
    if op is None:
        raise UsageError(f"--effective: {summary.location.name} is the input itself")
    before = (
        other
        for other in network.ops[: op.index]
        if other.function == op.function and other.kind not in (ESCAPE, "alias_write")
    )
    return Probe(
        function=op.function,
        occurrence=sum(1 for _ in before),
        output=op.outputs.index(tensor),
        shape=network.shape(tensor),
        index=summary.field.index(summary.unit.unit),
        input_index=summary.rf.input_index,
        samples=samples,
        weights=str(Path(weights).absolute()) if weights else "",  # forward may go elsewhere
    )
