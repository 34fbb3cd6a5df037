"""Tracing and verifying from Python."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archcheck.augmentation import parse_script
from archcheck.network import Network
from archcheck.network.input_language import InputsError, read_inputs
from archcheck.network.inputs import Inputs
from archcheck.network.shapes import Shape, inputs_of
from archcheck.report import Report
from archcheck.shell_words import for_python
from archcheck.spec import Report as PlainReport
from archcheck.spec import Spec, load_spec
from archcheck.spec import spec_from as _spec_from
from archcheck.tracing.remote import start_worker
from archcheck.verification import verify as verification
from archcheck.verification.collect import collect, collect_live
from archcheck.verification.folders import folder_reference
from archcheck.verification.found import verify_found
from archcheck.verification.passes import first_pass, passes_of
from archcheck.verification.submission import Submission
from archcheck.verification.wording import failure_finding
from archcheck.worker import failures
from archcheck.worker.reference import Load, Reference, parse_reference

if TYPE_CHECKING:
    from torch import nn


@for_python()
def trace(
    module: nn.Module | type[nn.Module],
    input_shape: Shape | Sequence[Shape] | None = None,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    training: bool = False,
) -> Network:
    """Run a live module once and return what it did, as plain data.

    Args:
        module: any ``nn.Module``; its state is the same afterwards. A class is built first.
        input_shape: the shape of one sample without the batch, such as ``(3, 32, 32)``, or a
            sequence of shapes for a module of several inputs.
        inputs: in place of it all that is said of the inputs, as a spec says it: a mapping of
            forward's parameters, ``{"input_ids": {"shape": [128], "dtype": "int64", "below":
            30522}}``, or a sequence. A tensor among them is an example of a whole batch: see
            :func:`archcheck.tracing.examples.described`.
        arguments: for the constructor of a class.
        training: trace in training mode instead of eval mode.

    Raises:
        archcheck.NetworkError: if forward raises or returns no tensor; for a class if its
            constructor raises, or needs arguments that are not given.
        archcheck.InputError: if an argument is not one of the constructor's.
        TypeError: if it is no module, or no input is given.
        ValueError: if the inputs are not valid.
    """
    given = given_inputs(input_shape, inputs)
    if given is None:
        raise TypeError("say what the network is given: input_shape= or inputs=")
    _refuse_arguments(module, arguments)
    live = _live(module, arguments or {})
    if isinstance(live, failures.Failure):
        finding = failure_finding(live)
        raise failures.BuildError("; ".join(filter(None, (finding.message, finding.hint))))
    from archcheck.tracing.trace import trace as run

    return run(live, given, training=training)


@for_python()
def verify(
    network: nn.Module | type[nn.Module] | Network | str | Path,
    spec: Spec | str | Path | Mapping[str, Any],
    *,
    input_shape: Shape | Sequence[Shape] | None = None,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    augmentation: str | Path | None = None,
    training: bool = False,
    timeout: float = 60.0,
    weights: str | Path | None = None,
    data: str | Path | None = None,
    load: Load = "",
) -> Report:
    """Check a network against a spec.

    Args:
        network: a live module or a class (built and traced in this process), a Network, or a
            reference such as ``"net.py:Net"`` (loaded and traced in a child process), or a folder
            with one network.
        spec: a spec, the path of its file, or its content as a mapping.
        input_shape: the input's shape without the batch; by default the spec's inputs.
        inputs: in place of it all that is said of the inputs, as for :func:`trace`.
        arguments: for the constructor, beside and over those of the spec.
        augmentation: the training script, ``"train.py"`` or ``"train.py:train_transforms"``, for
            the rule of that name; by default the file that a reference names.
        training: trace in training mode instead of eval mode.
        timeout: seconds until a referenced network or a script that does not return is ended.
        weights: the checkpoint that accuracy is measured with: safetensors, or a state dict that
            torch saved. By default a live module's own weights; a reference needs a file, and
            nothing can be loaded into a Network.
        data: the folder of the data set that accuracy is measured on.
        load: how a referenced file is loaded: ``"plain"``, as it is; with ``"stand-ins"`` for
            modules that are missing; from its ``"definitions"`` alone. By default the first of
            these that does, which the report says.

    Returns:
        The report. A network that cannot be imported, built or run is a failed finding in it.

    Raises:
        SpecError: if the spec is wrong, or the input's shape is not known.
        archcheck.InputError: if the reference or an argument is wrong, or the weights or the
            data that accuracy is measured with cannot be read.
        TypeError: if the network is none of these, weights are given with a Network, or arguments
            with a network that is built already.
    """
    started = time.perf_counter()
    if not isinstance(network, (str, Path)):
        _refuse_arguments(network, arguments)
    loaded_spec = as_spec(spec)
    submission = Submission(
        reference=Reference("", "", _class_of(network).__name__),
        arguments=arguments or {},
        inputs=given_inputs(input_shape, inputs),
        training=training,
        augmentation=parse_script(str(augmentation)) if augmentation is not None else None,
        weights=weights,
        data=data,
    )
    return Report.of(_verified(network, submission, loaded_spec, load, timeout, started))


def _verified(
    network: Any,
    submission: Submission,
    loaded_spec: Spec,
    load: Load,
    timeout: float,
    started: float,
) -> PlainReport:
    if isinstance(network, Network):
        if submission.weights is not None:
            raise TypeError("a Network is data: weights are for a module, or a reference to one")
        evidence = collect(submission, loaded_spec, network, start_worker, timeout=timeout)
        return verification.report_on(submission, loaded_spec, network, started, evidence)
    if isinstance(network, (str, Path)):
        named = folder_reference(str(network), load) or parse_reference(str(network), load)
        submission = replace(submission, reference=named)
        return verify_found(submission, loaded_spec, None, start_worker, timeout=timeout)[0]
    live = _live(network, submission.arguments_under(loaded_spec))
    if isinstance(live, failures.Failure):
        return verification.report_on(submission, loaded_spec, live, started)
    return _verify_live(live, submission, loaded_spec, timeout, started)


def _verify_live(
    module: nn.Module, submission: Submission, spec: Spec, timeout: float, started: float
) -> PlainReport:
    from archcheck.tracing.other_batch import trace_for_batches
    from archcheck.tracing.trace import trace as one_trace

    def run(
        inputs: Inputs, *, training: bool = submission.training, batch: int = 0
    ) -> Network | failures.Failure:
        judged = training == submission.training and not batch
        try:
            if judged and spec.compares_batches:
                return trace_for_batches(module, inputs, training=training)
            return one_trace(module, inputs, training=training, batch=batch)
        except failures.NetworkError as error:
            return error.failure()

    again = partial(run, submission.inputs_under(spec))
    traced, failed = again(), None
    if spec.only_lint:
        traced, failed = first_pass(submission.inputs_under(spec), traced, again)
    if isinstance(traced, failures.Failure):
        return verification.report_on(submission, spec, traced, started)
    variants = verification.run_variants(submission, spec, run)
    if isinstance(variants, failures.Failure):
        return verification.report_on(submission, spec, variants, started)
    evidence = collect_live(module, submission, spec, traced, start_worker, timeout=timeout)
    if spec.needs.passes:
        passes = passes_of(traced, again, failed)
        evidence = replace(evidence, passes=passes)
    return verification.report_on(submission, spec, traced, started, evidence, variants)


def as_spec(spec: Spec | str | Path | Mapping[str, Any]) -> Spec:
    """A spec from itself, a file or a mapping.

    Raises:
        SpecError: if it is wrong.
    """
    if isinstance(spec, Spec):
        return spec
    return _spec_from(dict(spec)) if isinstance(spec, Mapping) else load_spec(spec)


def given_inputs(
    input_shape: Shape | Sequence[Shape] | None, inputs: Mapping[str, Any] | Sequence[Any] | None
) -> Inputs | None:
    """The inputs that are given in one of two ways; None if neither.

    Raises:
        TypeError: if both are.
        ValueError: if they are not valid.
    """
    if inputs is None:
        return None if input_shape is None else inputs_of(input_shape)
    if input_shape is not None:
        raise TypeError("input_shape= and inputs= say the same: leave one of them out")
    if "torch" in sys.modules:
        from archcheck.tracing.examples import described

        inputs = described(inputs)
    try:
        return read_inputs(inputs)
    except InputsError as error:
        places = ["".join(f"[{key!r}]" for key in fault.path) for fault in error.faults]
        pairs = zip(places, error.faults, strict=True)
        raise ValueError("; ".join(f"inputs{at}: {f.message}" for at, f in pairs)) from None


def _refuse_arguments(network: Any, arguments: Mapping[str, Any] | None) -> None:
    if arguments and not isinstance(network, type):
        raise TypeError("the network is built already: arguments= are for a class")


def _live(network: Any, arguments: Mapping[str, Any]) -> nn.Module | failures.Failure:
    """A live module: itself or, of a class, an instance; or why there is none.

    Raises:
        TypeError: if it is neither.
        InputError: if an argument is not one of the constructor's.
    """
    if "torch" not in sys.modules:
        raise TypeError(f"{network!r} is neither an nn.Module nor a class of them")
    from archcheck.worker.building import live

    try:
        return live(network, arguments)
    except failures.NetworkError as error:
        return error.failure()


def _class_of(value: Any) -> type[Any]:
    return value if isinstance(value, type) else type(value)
