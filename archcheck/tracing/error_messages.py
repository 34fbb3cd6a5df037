"""Messages for a forward pass that raised: they name the layer and its input."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence

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
    by_name: tuple[str, ...] = ()
    if advice in ("more-inputs", "fewer-inputs"):
        needed = _needed(recorder, named)
        by_name = tuple(p.name for p in needed if p.kind is p.KEYWORD_ONLY)
        hint = "" if by_name else _plain_hint(needed)
        advice = None if hint or by_name else advice
    if not hint and advice is None:
        hint = _squeeze_hint(recorder)
    if call is None:
        return RunError(describe(error), place=place, advice=advice, hint=hint, missing=by_name)
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
        missing=by_name,
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


def _needed(recorder: Recorder, given: Collection[str]) -> list[inspect.Parameter]:
    """The parameters of forward without a default that are not given by name; none where they are
    not known."""
    model = next(iter(recorder.paths))
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in parameters if p.default is p.empty and p.name not in given]


def _plain_hint(needed: Sequence[inspect.Parameter]) -> str:
    """A hint if forward wants a value of Python, else empty."""
    plain = next((p for p in needed if p.annotation in _PLAIN), None)
    if plain is None:
        return ""
    kind = getattr(plain.annotation, "__name__", plain.annotation)
    return f"give {plain.name}, of type {kind}, a value: `inputs: {{{plain.name}: ...}}`"


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
