"""The gradient of one unit with respect to the input, with the network's own weights.

W. Luo, Y. Li, R. Urtasun and R. Zemel, "Understanding the Effective Receptive Field in Deep
Convolutional Neural Networks", NeurIPS 2016: the gradient of a unit is propagated back to the
input, its absolute value averaged over inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from archcheck.network.inputs import Inputs, tensors_of
from archcheck.network.kinds import kind_of
from archcheck.network.shapes import AnyInputs, inputs_of
from archcheck.progress import Progress
from archcheck.tracing.function_names import public_name
from archcheck.tracing.inputs import arguments, samples
from archcheck.tracing.module_tree import parameters_of, paths_of
from archcheck.tracing.requests import Gradient, Probe
from archcheck.tracing.restore import unchanged
from archcheck.tracing.tensor_ids import tensors_in
from archcheck.worker.failures import RunError, describe


def measure(
    model: nn.Module,
    inputs: AnyInputs,
    probe: Probe,
    on_progress: Progress = lambda done, total: None,
) -> Gradient:
    """The absolute gradient of a unit at every input position.

    It is averaged over random inputs and over the input's channels.
    The unit's activations are summed over its channels. The model runs in eval mode and is left
    as it was, except for parameters that its forward writes to. Inputs are drawn from a normal
    distribution, the same ones every time.

    Args:
        model: the network.
        inputs: what it is given.
        probe: the unit, and how many inputs are averaged.
        on_progress: called after every input with how many of how many are done.

    Raises:
        RunError: if forward raises, the unit is not met again, or no gradient comes back.
    """
    given = inputs_of(inputs)
    source = tensors_of(given)[probe.input_index]
    if not source.real:
        raise RunError(
            f"{source.name or 'the input'} holds {source.dtype}: no gradient leads to it",
            cause="unusable",
        )
    sides = source.sides(1)
    total = torch.zeros([sides[axis] for axis in source.positions], dtype=torch.float64)
    with ExitStack() as stack:
        stack.enter_context(unchanged(model, training=False))
        for parameter in parameters_of(paths_of(model)).values():
            parameter.requires_grad_(False)
        stack.enter_context(torch.enable_grad())
        for number in range(probe.samples):
            gradient = _gradient(model, given, probe, number)
            others = [d for d in range(gradient.dim()) if d not in source.positions]
            total += gradient.mean(others) if others else gradient
            on_progress(number + 1, probe.samples)
    total /= probe.samples
    if not bool(total.isfinite().all()):
        raise RunError("the gradients are not finite with these weights", cause="unusable")
    return Gradient(tuple(total.shape), total.numpy().astype("<f8").tobytes())


def _gradient(model: nn.Module, inputs: Inputs, probe: Probe, number: int) -> torch.Tensor:
    tensors = samples(inputs, paths_of(model), 1, seed=number)
    chosen = tensors[probe.input_index].requires_grad_(True)
    # In-place operations must not write to the tensor that the gradient is taken for.
    tensors[probe.input_index] = chosen.clone()
    by_place, by_name = arguments(model, inputs, tensors)
    with _Catcher(probe) as catcher:
        try:
            model(*by_place, **by_name)
        except Exception as error:
            raise RunError(
                f"forward raised while gradients were taken: {describe(error)}", cause="unusable"
            ) from error
    if catcher.value is None or tuple(catcher.value.shape) != probe.shape:
        raise RunError(
            "forward went another way than before: the unit was not met again", cause="unusable"
        )
    index = tuple(slice(None) if i is None else i for i in probe.index)
    unit = catcher.value[index].sum()
    if not unit.requires_grad:
        raise RunError("no gradient leads from the unit to the input", cause="unusable")
    try:
        (gradient,) = torch.autograd.grad(unit, chosen, allow_unused=True)
    except RuntimeError as error:  # a value that the gradient needs was overwritten
        raise RunError(f"backward raised {describe(error)}", cause="unusable") from error
    if gradient is None:
        raise RunError("no gradient leads from the unit to the input", cause="unusable")
    return gradient.detach().abs().double().cpu()


class _Catcher(TorchFunctionMode):
    """Keeps one value of a forward pass: a result of the n-th call of a function."""

    def __init__(self, probe: Probe) -> None:
        super().__init__()
        self.probe = probe
        self.value: torch.Tensor | None = None
        self._calls = 0

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = public_name(func)
        if name == self.probe.function:
            written = [args[0]] if kind_of(name)[0] == "setitem" else tensors_in(result)
            if written:
                if self._calls == self.probe.occurrence:
                    # A copy: what follows may change the value in place.
                    self.value = written[self.probe.output].clone()
                self._calls += 1
        return result
