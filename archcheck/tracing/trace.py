"""Recording one forward pass as a Network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import msgspec
import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.nn.parameter import is_lazy

from archcheck.gc_pause import gc_paused
from archcheck.network import Module, Network, Parameter, Place, Remark
from archcheck.network.inputs import Inputs, Path, batched, constants_of, tensors_of
from archcheck.network.shapes import AnyInputs, inputs_of
from archcheck.tracing.batch_notes import batch_notes
from archcheck.tracing.error_messages import no_tensor, run_error
from archcheck.tracing.gradients import gradients_watched
from archcheck.tracing.inputs import arguments, samples
from archcheck.tracing.integers import Tried, with_integers
from archcheck.tracing.late_parameters import made_anew, registered_late
from archcheck.tracing.made_before import set_apart
from archcheck.tracing.makers import made_of_other_data
from archcheck.tracing.module_tree import (
    Paths,
    buffers_of,
    children_of,
    named_parameters,
    own_parameters,
    parameters_of,
    paths_of,
)
from archcheck.tracing.outputs import labelled
from archcheck.tracing.recorder import Recorder
from archcheck.tracing.restore import unchanged
from archcheck.tracing.shape_rules.base import NeedsValues
from archcheck.tracing.shape_rules.conditions import (
    memory_left_alone,
    scripts_run_by,
    worth_trying,
)
from archcheck.tracing.shape_rules.executor import ShapeExecutor
from archcheck.tracing.shape_rules.lazy_init import LazyInit
from archcheck.worker.construction import built_at
from archcheck.worker.failures import RunError
from archcheck.worker.library_env import eager
from archcheck.worker.source_locations import defined_at


def trace(
    model: nn.Module,
    inputs: AnyInputs,
    *,
    training: bool = False,
    name: str | None = None,
    source: Place | None = None,
    notes: Sequence[Remark] = (),
    lazy_init: LazyInit | None = None,
    compute: bool = False,
    batch: int = 0,
    attempted: Callable[[bool], None] = lambda counts: None,
) -> Network:
    """Run ``model`` once and return what it did.

    Heavy functions return blank results of the right shape. If what the network does depends on
    values, it is run again for real, on random input.

    Args:
        model: any module, on any device, the meta device included. It is left as it was found.
        inputs: what it is given: the shape of one sample without the batch, ``(3, 32, 32)``, a
            sequence of shapes, or all that is said of the inputs.
        training: trace in training mode rather than in eval mode.
        name: what to call the network; its class name by default.
        source: where the network is defined.
        notes: remarks that the Network keeps.
        lazy_init: the part of the model's initialisation that was put off.
        compute: run the model for real in any case.
        batch: how many samples the model is given; 0: one, or two in training mode.
        attempted: called with ``True`` before an attempt from shapes alone, and with ``False`` when
            it has failed.

    Raises:
        RunError: if forward raises or returns no tensor. Its ``module`` and ``place`` say where.
        ValueError: if ``inputs`` is not a shape.
    """
    given = inputs_of(inputs)
    batch = (batch or (2 if training else 1)) if batched(given) else 1
    told: dict[Path, Remark] = {}
    found: Network | Tried = _pass(model, given, batch, training, lazy_init, compute, attempted)
    while isinstance(found, Tried):
        told[found.path], given = found.remark, found.inputs
        found = _pass(model, given, batch, training, lazy_init, compute, attempted)
    return msgspec.structs.replace(
        found,
        name=name or type(model).__name__,
        source=source,
        notes=(*notes, *told.values(), *found.notes),
    )


def _pass(
    model: nn.Module,
    given: Inputs,
    batch: int,
    training: bool,
    lazy_init: LazyInit | None,
    compute: bool,
    attempted: Callable[[bool], None],
) -> Network | Tried:
    """The network from shapes alone, else from a pass for real; other inputs where that failed on
    real numbers that cannot be right.

    Raises:
        RunError: if it failed for another reason.
    """
    with set_apart():
        with gc_paused():
            paths = paths_of(model)
            if not compute and worth_trying(paths):
                attempted(True)
                network = _without_values(
                    model, given, batch, training, _recorder(paths, given), lazy_init
                )
                if network is not None:
                    return network
                attempted(False)
        if lazy_init is not None:
            lazy_init.settle()
        recorder = _recorder(paths, given)
        try:
            return _one_pass(model, given, batch, training, recorder)
        except RunError:
            tried = with_integers(given, recorder)
            if tried is None:
                raise
            return tried


def _recorder(paths: Paths, given: Inputs) -> Recorder:
    axes = (each.batch for each in tensors_of(given))
    return Recorder(paths, frozenset(axis for axis in axes if axis is not None))


def _without_values(
    model: nn.Module,
    given: Inputs,
    batch: int,
    training: bool,
    recorder: Recorder,
    lazy_init: LazyInit | None,
) -> Network | None:
    """The network traced from shapes alone, None if values matter.

    Whatever goes wrong goes wrong again in the real pass, which gives the true message.
    """
    executor = ShapeExecutor(recorder.tensor_ids, lazy_init)
    recorder.perform = executor.perform
    try:
        with memory_left_alone(), scripts_run_by(lambda *_: executor.give_up()):
            network = _one_pass(model, given, batch, training, recorder, executor)
    except (Exception, NeedsValues):
        return None
    except SystemExit:
        if not executor.failed:
            raise
        return None
    return None if executor.failed or recorder.tensor_ids.unseen else network


def _one_pass(
    model: nn.Module,
    given: Inputs,
    batch: int,
    training: bool,
    recorder: Recorder,
    executor: ShapeExecutor | None = None,
) -> Network:
    inputs = samples(given, recorder.paths, batch, drawn=executor is None)
    by_place, by_name = arguments(model, given, inputs)
    said = zip(tensors_of(given), constants_of(given), inputs, strict=True)
    for position, (each, known, tensor) in enumerate(said):
        name = each.name or f"input {position}"
        recorder.tensor_ids.register(tensor, "input", name=name, known=known)
    numbers = tuple(recorder.tensor_ids.number(tensor) for tensor in inputs)

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        recorder.leave(module, output)

    with ExitStack() as stack:
        copies = stack.enter_context(unchanged(model, training=training, paths=recorder.paths))
        recorder.before_write = copies.keep if executor is None else executor.before(copies.keep)
        stack.enter_context(torch.no_grad())
        stack.enter_context(eager())
        if executor is None:
            stack.enter_context(scripts_run_by(recorder.run_script))
        stack.callback(register_module_forward_pre_hook(recorder.enter).remove)
        stack.callback(register_module_forward_hook(leave).remove)
        try:
            with made_of_other_data(recorder), recorder, gradients_watched(recorder.ops) as grads:
                output = model(*by_place, **by_name)
        except Exception as error:
            raise run_error(error, recorder, inputs, by_name) from error
        outputs = tuple(
            (label, recorder.tensor_ids.number(tensor)) for label, tensor in labelled(output)
        )
        kept = recorder.tensor_ids.kept()
        late = registered_late(model, recorder)
        if late and executor is not None:
            executor.give_up()
        late = late and made_anew(model, late, lambda: model(*by_place, **by_name))
        # Shapes alone were never enough for a model with lazy parameters.
        held = {} if executor is not None else parameters_of(recorder.paths)
    if not outputs:
        raise no_tensor(model, output)
    buffers = [buffer for buffer in buffers_of(recorder.paths) if not is_lazy(buffer)]
    return Network(
        name="",
        inputs=numbers,
        outputs=outputs,
        tensors=tuple(recorder.tensor_ids.tensors),
        ops=tuple(recorder.ops),
        calls=tuple(recorder.calls),
        modules=_modules(recorder),
        parameters=_parameters(recorder, held),
        training=training,
        batch=batch,
        buffer_elements=sum(buffer.numel() for buffer in buffers),
        buffer_bytes=sum(buffer.numel() * buffer.element_size() for buffer in buffers),
        notes=(
            *recorder.notes,
            *_without_values_yet(held),
            *batch_notes(recorder.ops, [t for _, t in outputs], recorder.tensor_ids, batch),
        ),
        torch=str(torch.__version__),
        constants=recorder.constants.kept,
        reads_batch=recorder.reads_batch if batched(given) else None,
        given=given,
        forward=_forward_of(model),
        kept=tuple(sorted(recorder.looked_at.union(kept))),
        late=late,
        without_gradient=tuple(grads.without),
        own_gradient=tuple(grads.own),
    )


def _forward_of(model: nn.Module) -> Place | None:
    """The line of a model's forward; a script has none."""
    forward = getattr(type(model), "forward", None)
    return None if forward is None else defined_at(forward)


def _modules(recorder: Recorder) -> tuple[Module, ...]:
    counts: dict[str, int] = {}
    for call in recorder.calls:
        counts[call.module] = counts.get(call.module, 0) + 1
    return tuple(
        Module(
            path=path,
            type=type(module).__name__,
            built=built_at(module),
            calls=counts.get(path, 0),
            parameters=tuple(
                [f"{path}.{name}" if path else name for name in own_parameters(module)]
            ),
            container=bool(children_of(module)),
            others=recorder.paths.others(module),
        )
        for module, path in recorder.paths.entries()
    )


def _parameters(recorder: Recorder, held: dict[str, nn.Parameter]) -> tuple[Parameter, ...]:
    """The parameters; of one that has no shape before the pass, what ``held`` it afterwards, which
    is empty if there is none."""
    used = {name for op in recorder.ops for name in op.parameters}
    parameters = []
    for name, before in named_parameters(recorder.paths):
        parameter = held.get(name, before) if held and is_lazy(before) else before
        empty = bool(held) and is_lazy(parameter)
        parameters.append(
            Parameter(
                name=name,
                shape=() if empty else tuple(parameter.shape),
                size=0 if empty else parameter.numel(),
                trainable=parameter.requires_grad,
                bits=parameter.dtype.itemsize * 8,
                used=name in used or parameter is not before,
            )
        )
    return tuple(parameters)


def _without_values_yet(held: dict[str, nn.Parameter]) -> tuple[Remark, ...]:
    names = [name for name, parameter in held.items() if is_lazy(parameter)]
    text = f"{', '.join(names)}: not initialised, and counted as empty"
    return (Remark(text),) if names else ()
