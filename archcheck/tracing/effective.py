"""The gradient of one unit with respect to the input, with the network's own weights.

W. Luo, Y. Li, R. Urtasun and R. Zemel, "Understanding the Effective Receptive Field in Deep
Convolutional Neural Networks", NeurIPS 2016: the gradient of a unit is propagated back to the
input, its absolute value averaged over inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from archcheck.network.kinds import kind_of
from archcheck.tracing.failures import BadReference, RunError, describe
from archcheck.tracing.ledger import tensors_in
from archcheck.tracing.preservation import unchanged
from archcheck.tracing.protocol import Measured, Probe
from archcheck.tracing.recorder import public_name
from archcheck.tracing.trace import input_options


def measure(
    model: nn.Module,
    input_shapes: Sequence[tuple[int, ...]],
    probe: Probe,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Measured:
    """The absolute gradient of a unit, averaged over random inputs and the input's channels.

    The unit's activations are summed over its channels. The model runs in eval mode and is left
    as it was found, but for parameters that its forward writes to. Inputs are drawn from a normal
    distribution, the same ones every time.

    Args:
        model: the network.
        input_shapes: the shape of one sample of every input, without the batch.
        probe: the unit, and how many inputs are averaged.
        progress: told after every input how many are done.

    Raises:
        RunError: if forward raises, the unit is not met again, or no gradient comes back.
    """
    total = torch.zeros(input_shapes[probe.input_index][1:], dtype=torch.float64)
    with ExitStack() as stack:
        stack.enter_context(unchanged(model, training=False))
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        stack.enter_context(torch.enable_grad())
        for number in range(probe.samples):
            total += _gradient(model, input_shapes, probe, number)
            progress(number + 1, probe.samples)
    total /= probe.samples
    if not bool(total.isfinite().all()):
        raise RunError("the gradients are not finite with these weights")
    return Measured(tuple(total.shape), total.numpy().astype("<f8").tobytes())


def _gradient(
    model: nn.Module, input_shapes: Sequence[tuple[int, ...]], probe: Probe, number: int
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(number)
    device, dtype = input_options(model)
    inputs = [
        torch.randn((1, *shape), generator=generator).to(device=device, dtype=dtype)
        for shape in input_shapes
    ]
    chosen = inputs[probe.input_index].requires_grad_(True)
    # What the network does in place must not be done to the tensor that the gradient is for.
    given = [tensor.clone() if tensor is chosen else tensor for tensor in inputs]
    with _Catcher(probe) as catcher:
        try:
            model(*given)
        except Exception as error:
            raise RunError(
                f"forward raised while gradients were taken: {describe(error)}"
            ) from error
    if catcher.found is None or tuple(catcher.found.shape) != probe.shape:
        raise RunError("forward went another way than before: the unit was not met again")
    index = tuple(slice(None) if i is None else i for i in probe.index)
    unit = catcher.found[index].sum()
    if not unit.requires_grad:
        raise RunError("no gradient leads from the unit to the input")
    try:
        (gradient,) = torch.autograd.grad(unit, chosen, allow_unused=True)
    except RuntimeError as error:  # a value that the gradient needs was written over
        raise RunError(f"backward raised {describe(error)}") from error
    if gradient is None:
        raise RunError("no gradient leads from the unit to the input")
    return gradient.detach().abs().double().mean((0, 1)).cpu()


class _Catcher(TorchFunctionMode):
    """Keeps one value of a forward pass: a result of the n-th call of a function."""

    def __init__(self, probe: Probe) -> None:
        super().__init__()
        self.probe = probe
        self.found: torch.Tensor | None = None
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
                    self.found = written[self.probe.output].clone()
                self._calls += 1
        return result


def load_weights(model: nn.Module, file: str) -> None:
    """Load a checkpoint into a model: a safetensors file, or a state dict that torch saved.

    Nothing but tensors is unpickled. A state dict may stand under ``state_dict`` or ``model``, and
    its names behind ``module.``.

    Raises:
        BadReference: if it cannot be read or does not fit the model.
    """
    state = _read(file)
    for key in ("state_dict", "model"):
        if isinstance(state.get(key), Mapping):
            state = state[key]
    if state and all(str(name).startswith("module.") for name in state):
        state = {str(name).removeprefix("module."): value for name, value in state.items()}
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise BadReference(f"--weights {file} does not fit the network: {lines[-1]}") from None
    for names, word in ((missing, "does not have"), (unexpected, "has more than the network:")):
        if names:
            some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            raise BadReference(f"--weights {file} does not fit the network: it {word} {some}")


def _read(file: str) -> Any:
    path = Path(file)
    if not path.is_file():
        raise BadReference(f"--weights {file}: there is no such file")
    try:
        if path.suffix == ".safetensors":
            try:
                from safetensors.torch import load_file
            except ImportError:
                raise BadReference(
                    f"--weights {file}: reading it needs safetensors: pip install safetensors"
                ) from None
            state: Any = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except BadReference:
        raise
    except Exception as error:
        raise BadReference(f"--weights {file} cannot be read: {describe(error)}") from None
    if not isinstance(state, Mapping):
        raise BadReference(f"--weights {file} holds no weights by name")
    return state
