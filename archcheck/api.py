"""Tracing and verifying from Python."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archcheck.network import Network, Place
from archcheck.rules import Location
from archcheck.spec import Failure, Report, Spec, SpecError, check, failed_to_run, load_spec
from archcheck.spec import spec_from as _spec_from
from archcheck.tracing import failures
from archcheck.tracing.reference import Reference, parse_reference
from archcheck.tracing.shapes import Shape, input_shapes

if TYPE_CHECKING:
    from torch import nn


def trace(
    module: nn.Module, input_shape: Shape | Sequence[Shape], *, training: bool = False
) -> Network:
    """Run a live module once and return what it did, as plain data.

    Args:
        module: any ``nn.Module``; it is left exactly as it was found.
        input_shape: the shape of one sample without the batch, such as ``(3, 32, 32)``, or a
            sequence of shapes for a module of several inputs.
        training: trace in training mode instead of eval mode.

    Raises:
        archcheck.tracing.failures.RunError: if forward raises or returns no tensor.
        ValueError: if the shape is none.
    """
    from archcheck.tracing.trace import trace as run

    return run(module, input_shape, training=training)


def verify(
    network: nn.Module | Network | str | Path,
    spec: Spec | str | Path | Mapping[str, Any],
    *,
    input_shape: Shape | Sequence[Shape] | None = None,
    arguments: Mapping[str, Any] | None = None,
    training: bool = False,
    timeout: float = 60.0,
) -> Report:
    """Check a network against a spec.

    Args:
        network: a live module (traced in this process), a Network, or a reference such as
            ``"net.py:Net"`` (loaded and traced in a child process).
        spec: a spec, the path of its file, or its content as a mapping.
        input_shape: the input's shape without the batch; by default the spec's ``input``.
        arguments: for the constructor, beside and over those of the spec.
        training: trace in training mode instead of eval mode.
        timeout: seconds until a referenced network that does not return is given up.

    Returns:
        The report. A network that cannot be imported, built or run is a failed finding in it.

    Raises:
        SpecError: if the spec is wrong, or nobody says the input's shape.
        archcheck.tracing.failures.BadReference: if the reference is wrong.
    """
    started = time.perf_counter()
    wanted = as_spec(spec)
    if isinstance(network, Network):
        return check(network, wanted, seconds=time.perf_counter() - started)
    shapes = shapes_for(wanted, input_shape)
    if isinstance(network, (str, Path)):
        from archcheck.tracing.process import trace_reference

        reference = parse_reference(str(network))
        given = {**wanted.arguments, **(arguments or {})}
        found = trace_reference(reference, shapes, given, training=training, timeout=timeout)
        return report_on(found, wanted, reference, started)
    if not _is_module(network):
        raise TypeError(f"an nn.Module, a Network or a reference is wanted, not {network!r}")
    from archcheck.tracing.trace import trace as run

    try:
        traced = run(network, shapes, training=training)
    except failures.NetworkError as error:
        reference = Reference("", "", type(network).__name__)
        return report_on(error.failure(), wanted, reference, started)
    return check(traced, wanted, seconds=time.perf_counter() - started)


def as_spec(spec: Spec | str | Path | Mapping[str, Any]) -> Spec:
    """A spec from itself, a file or a mapping.

    Raises:
        SpecError: if it is wrong.
    """
    if isinstance(spec, Spec):
        return spec
    return _spec_from(dict(spec)) if isinstance(spec, Mapping) else load_spec(spec)


def shapes_for(spec: Spec, given: Shape | Sequence[Shape] | None) -> tuple[tuple[int, ...], ...]:
    """The input's shapes: those given, else the spec's.

    Raises:
        SpecError: if neither says them.
        ValueError: if those given are none.
    """
    if given is not None:
        return tuple(input_shapes(given))
    if spec.input is None:
        raise SpecError(
            "the input's shape is not known: add `input: [3, 32, 32]` to the spec, "
            "or give --input 3,32,32",
            file=spec.file,
        )
    return spec.input


def report_on(
    found: Network | failures.Failure, spec: Spec, reference: Reference, started: float
) -> Report:
    """The report on what tracing brought."""
    seconds = time.perf_counter() - started
    if isinstance(found, Network):
        return check(found, spec, file=reference.file, seconds=seconds)
    return failed_to_run(
        _finding(found),
        spec,
        name=reference.name,
        file=reference.file or reference.module,
        seconds=seconds,
        output=found.output,
    )


_DOING = {
    "imports": "importing the file",
    "builds": "building the network",
    "runs": "forward",
}


def _sentence(failure: failures.Failure, stage: str) -> str:
    message = failure.message
    if message.startswith("did not return"):
        return f"{_DOING[stage]} {message}"
    if message.startswith("the network "):  # it ended its process
        return f"{message} ({_DOING[stage]})"
    if stage != "runs":
        return f"{_DOING[stage]} failed: {message}"
    if message.startswith(("forward ", "backward ", "no gradient ")):
        return message
    at = f" ({_line(failure.place)})" if failure.place else ""
    where = f" in {failure.module}{at}" if failure.module else at
    return f"forward raised{where}: {message}"


def _finding(failure: failures.Failure) -> Failure:
    stage = failure.stage if failure.stage in _DOING else "runs"
    text = _sentence(failure, stage)
    hint = failure.hint or ""
    if failure.input_shape is not None and failure.module:
        source = f", out of {failure.input_from}" if failure.input_from else ""
        shape = "×".join(map(str, failure.input_shape))
        hint = f"input to {failure.module}: {shape}{source}" + (f"; {hint}" if hint else "")
    locations = tuple(
        Location(place, failure.module, failure.module)
        for place in dict.fromkeys((failure.place, failure.called))
        if place is not None
    )
    return Failure(stage, text, locations, hint)


def _line(place: Place) -> str:
    return f"{Path(place.file).name}:{place.line}"


def _is_module(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)
