"""Messages for a forward pass that raised: they name the layer and its input."""

from __future__ import annotations

import inspect
from collections.abc import Collection

import torch
from torch import nn

from archcheck.tracing.inputs import forward_place
from archcheck.tracing.recorder import Recorder
from archcheck.worker.failures import RunError, advice_on, describe
from archcheck.worker.faults import fault_of
from archcheck.worker.import_failures import file_hint


def run_error(
    error: Exception,
    recorder: Recorder,
    inputs: list[torch.Tensor],
    named: Collection[str] = (),
) -> RunError:
    """The error that forward raised, with the module, its line, its input's shape and a hint.

    ``named`` are the parameters that were given by name.
    """
    place = fault_of(error).place
    call = recorder.calls[recorder.stack[-1]] if recorder.stack else None
    hint = file_hint(error, place) or _batch_hint(inputs)
    advice = None if hint else advice_on(error)
    if advice in ("more-inputs", "fewer-inputs"):
        hint = _arguments_hint(recorder, named)
        advice = None if hint else advice
    if not hint and advice is None:
        hint = _squeeze_hint(recorder)
    if call is None:
        return RunError(describe(error), place=place, advice=advice, hint=hint)
    shapes = [recorder.tensor_ids.tensors[number].shape for number in call.inputs]
    module = next((m for m, path in recorder.paths.items() if path == call.module), None)
    return RunError(
        _explain(module, shapes) or describe(error),
        module=call.module,
        place=recorder.built(call.module) if call.standard else place,
        called=call.called,
        input_shape=shapes[0] if shapes else None,
        input_from=_origin(recorder, call.inputs[0]) if call.inputs else None,
        advice=advice,
        hint=hint,
    )


def no_tensor(model: nn.Module, output: object) -> RunError:
    """The error that forward returned something else than tensors."""
    return RunError(
        f"forward returned {type(output).__name__}, not a tensor",
        cause="unusable",
        place=forward_place(model),
        hint="it may lack a `return`" if output is None else "",
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
    op = recorder.tensor_ids.tensors[tensor].op
    if op is None:
        return (
            "the network's input" if recorder.tensor_ids.tensors[tensor].origin == "input" else None
        )
    call = next((c for c in reversed(recorder.calls) if tensor in c.outputs and c.module), None)
    if call is not None:
        return call.module
    return recorder.ops[op].kind


def _arguments_hint(recorder: Recorder, given: Collection[str]) -> str:
    """A hint if forward wants something else than tensors in order, else empty."""
    model = next(iter(recorder.paths))
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return ""
    needed = [p for p in parameters if p.default is p.empty]
    needed = [p for p in needed if p.name not in given]
    named = [p.name for p in needed if p.kind is p.KEYWORD_ONLY]
    if named:
        return f"give it by its name: `inputs: {{{named[0]}: ...}}`, or --input {named[0]}=..."
    plain = [p for p in needed if p.annotation in _PLAIN]
    if plain:
        kind = getattr(plain[0].annotation, "__name__", plain[0].annotation)
        name = plain[0].name
        return f"give {name}, of type {kind}, a value: `inputs: {{{name}: ...}}`"
    return ""


_PLAIN = (int, float, bool, str, "int", "float", "bool", "str")


def _batch_hint(inputs: list[torch.Tensor]) -> str:
    if any(tensor.dim() > 4 and tensor.shape[1] == 1 for tensor in inputs):
        return "the input's shape is given without the batch: 3,32,32 rather than 1,3,32,32"
    return ""


def _squeeze_hint(recorder: Recorder) -> str:
    """A hint if the axis of a batch of one was squeezed away, else empty."""
    for op in recorder.ops:
        if op.kind == "squeeze" and op.arguments.get("dim", 0) == 0:
            shape = recorder.tensor_ids.tensors[op.inputs[0]].shape
            if len(shape) > 1 and shape[0] == 1:
                line = f" ({op.called})" if op.called else ""
                return (
                    f"the batch is one sample, and squeeze(){line} takes its axis away: "
                    "flatten(1) keeps it"
                )
    return ""
