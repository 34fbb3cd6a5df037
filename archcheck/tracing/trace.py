"""One forward pass, written down."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import msgspec
import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from archcheck.collector import collector_paused
from archcheck.network import Module, Network, Parameter, Place
from archcheck.tracing.answers import Answers, Restart
from archcheck.tracing.answers.conditions import answerable, memory_left_alone, scripts_noticed
from archcheck.tracing.construction import built_at
from archcheck.tracing.failures import RunError, describe
from archcheck.tracing.initialisation import Initialisation
from archcheck.tracing.ledger import tensors_in
from archcheck.tracing.parts import buffers_of, parameters_of, paths_of
from archcheck.tracing.places import frame_place, is_user_code
from archcheck.tracing.preservation import unchanged
from archcheck.tracing.recorder import Recorder
from archcheck.tracing.shapes import Shape, input_shapes


def trace(
    model: nn.Module,
    input_shape: Shape | Sequence[Shape],
    *,
    training: bool = False,
    name: str | None = None,
    source: Place | None = None,
    notes: Sequence[str] = (),
    weights: Initialisation | None = None,
    compute: bool = False,
    attempted: Callable[[bool], None] = lambda counts: None,
) -> Network:
    """Run ``model`` once and return what it did.

    Heavy functions are answered from their shapes. Where the network's way depends on values, it
    is run again for real, on random input.

    Args:
        model: any module, on any device, the meta device included. It is left as it was found.
        input_shape: the shape of one sample without the batch, ``(3, 32, 32)``; for a model of
            several inputs a sequence of shapes.
        training: trace in training mode (with a batch of two) rather than in eval mode.
        name: what to call the network; its class name by default.
        source: where the network is defined.
        notes: remarks to hand on with the network.
        weights: what of the model's initialisation was put off and waits.
        compute: run it for real in any case.
        attempted: told ``True`` before an attempt from shapes, ``False`` after one in vain.

    Raises:
        RunError: if forward raises or returns no tensor. Its ``module`` and ``place`` say where.
    """
    shapes = input_shapes(input_shape)
    network = None
    with collector_paused():
        paths = paths_of(model)
        if not compute and answerable(paths):
            attempted(True)
            network = _without_values(model, shapes, training, Recorder(paths), weights)
            if network is None:
                attempted(False)
    if network is None:
        if weights is not None:
            weights.settle()
        network = _one_pass(model, shapes, training, Recorder(paths))
    return msgspec.structs.replace(
        network,
        name=name or type(model).__name__,
        source=source,
        notes=(*notes, *network.notes),
    )


def _without_values(
    model: nn.Module,
    shapes: list[tuple[int, ...]],
    training: bool,
    recorder: Recorder,
    weights: Initialisation | None,
) -> Network | None:
    """The network without any of its values, None if they matter.

    Whatever goes wrong goes wrong again in the real pass, which knows the true message.
    """
    answers = Answers(recorder.ledger, weights)
    recorder.perform = answers.perform
    try:
        with memory_left_alone(), scripts_noticed(answers.give_up):
            network = _one_pass(model, shapes, training, recorder, answers)
    except (Exception, Restart):
        return None
    except SystemExit:
        if not answers.failed:
            raise
        return None
    return None if answers.failed or recorder.ledger.unseen else network


def _one_pass(
    model: nn.Module,
    shapes: list[tuple[int, ...]],
    training: bool,
    recorder: Recorder,
    answers: Answers | None = None,
) -> Network:
    batch = 2 if training else 1
    inputs = [_sample(model, (batch, *shape), answers is None) for shape in shapes]
    for position, tensor in enumerate(inputs):
        recorder.ledger.register(tensor, "input", name=f"input {position}")
    numbers = tuple(recorder.ledger.number(tensor) for tensor in inputs)

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        recorder.leave(module, output)

    with ExitStack() as stack:
        copies = stack.enter_context(unchanged(model, training=training, paths=recorder.paths))
        recorder.before_write = copies.keep if answers is None else answers.before(copies.keep)
        stack.enter_context(torch.no_grad())
        stack.callback(register_module_forward_pre_hook(recorder.enter).remove)
        stack.callback(register_module_forward_hook(leave).remove)
        try:
            with recorder:
                output = model(*inputs)
        except Exception as error:
            raise _run_error(error, recorder, inputs) from error
        outputs = tuple(
            (label, recorder.ledger.number(tensor)) for label, tensor in _labelled(output, "")
        )
    if not outputs:
        raise RunError(
            f"forward returned {type(output).__name__}, not a tensor", module="", place=None
        )
    buffers = buffers_of(recorder.paths)
    return Network(
        name="",
        inputs=numbers,
        outputs=outputs,
        tensors=tuple(recorder.ledger.tensors),
        ops=tuple(recorder.ops),
        calls=tuple(recorder.calls),
        modules=_modules(recorder),
        weights=_weights(recorder),
        training=training,
        batch=batch,
        buffer_elements=sum(buffer.numel() for buffer in buffers),
        buffer_bytes=sum(buffer.numel() * buffer.element_size() for buffer in buffers),
        notes=tuple(recorder.notes),
        torch=str(torch.__version__),
        constants=recorder.constants.found,
    )


def input_options(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """The device and the type of the inputs that a model takes: those of its first weights."""
    first = next((p for p in model.parameters() if p.is_floating_point()), None)
    return (torch.device("cpu"), torch.float32) if first is None else (first.device, first.dtype)


def _sample(model: nn.Module, shape: tuple[int, ...], drawn: bool) -> torch.Tensor:
    device, dtype = input_options(model)
    if device.type == "meta" or not drawn:
        return torch.empty(shape, device=device, dtype=dtype)
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator).to(device=device, dtype=dtype)


def _labelled(output: Any, label: str) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(output, torch.Tensor):
        yield label, output
        return
    if isinstance(output, (tuple, list)):
        items: list[tuple[Any, Any]] = list(enumerate(output))
    elif isinstance(output, dict):
        items = list(output.items())
    elif hasattr(output, "__dict__"):
        items = list(vars(output).items())
    else:
        return
    tensors = [(key, item) for key, item in items if tensors_in(item)]
    for key, item in tensors:
        inner = f"{label}.{key}" if label else str(key)
        yield from _labelled(item, label if len(tensors) == 1 and not label else inner)


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
                [
                    f"{path}.{name}" if path else name
                    for name, parameter in module._parameters.items()
                    if parameter is not None
                ]
            ),
            container=any(child is not None for child in module._modules.values()),
        )
        for module, path in recorder.paths.items()
    )


def _weights(recorder: Recorder) -> tuple[Parameter, ...]:
    used = {name for op in recorder.ops for name in op.parameters}
    return tuple(
        Parameter(
            name=name,
            shape=tuple(parameter.shape),
            size=parameter.numel(),
            trainable=parameter.requires_grad,
            bits=parameter.element_size() * 8,
            used=name in used,
        )
        for name, parameter in parameters_of(recorder.paths).items()
    )


# -- failures -------------------------------------------------------------------------------


def _run_error(error: Exception, recorder: Recorder, inputs: list[torch.Tensor]) -> RunError:
    place = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if is_user_code(frame.f_code.co_filename):
            place = frame_place(frame)
    call = recorder.calls[recorder.stack[-1]] if recorder.stack else None
    if call is None:
        return RunError(describe(error), module="", place=place)
    shapes = [recorder.ledger.tensors[number].shape for number in call.inputs]
    module = next((m for m, path in recorder.paths.items() if path == call.module), None)
    return RunError(
        _explain(module, shapes) or describe(error),
        module=call.module,
        place=recorder.built(call.module) if call.standard else place,
        called=call.called,
        input_shape=shapes[0] if shapes else None,
        input_from=_origin(recorder, call.inputs[0]) if call.inputs else None,
        hint=_batch_hint(inputs),
    )


def _explain(module: nn.Module | None, shapes: list[tuple[int, ...]]) -> str | None:
    if module is None or not shapes:
        return None
    shape, name = shapes[0], type(module).__name__
    channels = shape[1] if len(shape) > 1 else None
    if isinstance(module, nn.modules.conv._ConvNd) and channels not in (None, module.in_channels):
        return (
            f"{name}({module.in_channels}, {module.out_channels}) was given {channels:,} channels"
        )
    if isinstance(module, nn.Linear) and shape and shape[-1] != module.in_features:
        layer = f"{name}({module.in_features}, {module.out_features})"
        return f"{layer} was given {shape[-1]:,} features"
    is_norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
    if is_norm and channels not in (None, module.num_features):
        return f"{name}({module.num_features}) was given {channels:,} channels"
    return None


def _origin(recorder: Recorder, tensor: int) -> str | None:
    op = recorder.ledger.tensors[tensor].op
    if op is None:
        return "the network's input" if recorder.ledger.tensors[tensor].origin == "input" else None
    call = next((c for c in reversed(recorder.calls) if tensor in c.outputs and c.module), None)
    if call is not None:
        return call.module
    return recorder.ops[op].kind


def _batch_hint(inputs: list[torch.Tensor]) -> str | None:
    if any(tensor.dim() > 4 and tensor.shape[1] == 1 for tensor in inputs):
        return "the input's shape is given without the batch: 3,32,32 rather than 1,3,32,32"
    return None
