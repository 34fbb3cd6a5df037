"""A remark where the first axis of what a network returns is not the batch."""

from __future__ import annotations

from collections.abc import Sequence

from archcheck.network import Op, Remark
from archcheck.tracing.tensor_ids import TensorIds

_RESHAPES = frozenset({"view", "reshape", "flatten", "unflatten"})


def batch_notes(
    ops: Sequence[Op], outputs: Sequence[int], ids: TensorIds, batch: int
) -> tuple[Remark, ...]:
    """The remark that a reshape makes several rows of one sample, as ``view(-1, 10)`` may."""
    makers = {tensor: op for op in ops for tensor in op.outputs}
    for output in outputs:
        rows = ids.tensors[output].shape[:1]
        tensor: int | None = output
        while tensor is not None and rows and rows[0] != batch:
            op = makers.get(tensor)
            tensor = op.inputs[0] if op is not None and op.inputs else None
            before = ids.tensors[tensor].shape[:1] if tensor is not None else ()
            if op is not None and op.kind in _RESHAPES and before == (batch,):
                text = (
                    f"{op.kind} makes {rows[0] / batch:g} rows of one sample: the first axis is "
                    "the batch no more; flatten(1) keeps it"
                )
                return (Remark(text, op.called),)
    return ()
