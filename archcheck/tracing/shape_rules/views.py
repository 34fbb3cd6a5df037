"""Views, which are made for real, and operations that copy only if they have to."""

from __future__ import annotations

from typing import Any

import torch

from archcheck.network import kinds
from archcheck.tracing.shape_rules.base import (
    Call,
    NeedsValues,
    axis,
    blank,
    elements,
    require,
    shape_rule,
)
from archcheck.tracing.shape_rules.layout import overlaps_itself
from archcheck.tracing.tensor_ids import storage_of

VIEWS = """view permute transpose movedim squeeze unsqueeze expand expand_as view_as chunk split
tensor_split unbind narrow select tensor_unfold as_strided unflatten t T mT detach data diagonal
requires_grad_ vsplit dsplit real imag conj resolve_conj positive""".split()
"""They share their input's memory: cheap, and later writes reach the right tensors."""


def _one_datum(call: Call, *more: int) -> None:
    """Check that only the first argument (and those at ``more``) depends on the input.

    Any other tensor would be read as a number.

    Raises:
        NeedsValues: if another one does.
    """
    allowed = [call.args[place] for place in (0, *more) if place < len(call.args)]
    if not allowed or not all(any(t is a for a in allowed) for t in call.driven):
        raise NeedsValues


@shape_rule(*VIEWS)
def view(call: Call) -> Any:
    """The real view."""
    _one_datum(call, *([1] if call.kind in kinds.TEMPLATES else []))
    return call.run()


@shape_rule("reshape", "flatten", "reshape_as")
def reshape(call: Call) -> Any:
    """A view where that is possible, as torch does; else a copy."""
    _one_datum(call, *([1] if call.kind == "reshape_as" else []))
    x = call.args[0]
    if x.is_contiguous() or call.kind == "reshape_as":
        return call.run()
    if call.kind == "flatten":
        first, last = call.take("input", start_dim=0, end_dim=-1)[1:]
        require(x.dim() > 0)
        start, end = axis(first, x.dim()), axis(last, x.dim())
        require(start <= end)
        middle = elements(x.shape[start : end + 1])
        shape = [*x.shape[:start], middle, *x.shape[end + 1 :]]
    else:
        shape = list(call.take("input", "shape")[1])
        require(all(type(size) is int for size in shape), x.numel() > 0)
        rest = elements([size for size in shape if size != -1])
        require(shape.count(-1) <= 1, rest > 0)
        shape = [x.numel() // rest if size == -1 else size for size in shape]
    require(elements(shape) == x.numel())
    try:
        x.view(shape)
    except RuntimeError:
        require(type(x) is torch.Tensor, x.layout is torch.strided, x.device.type == "cpu")
        return blank(x, shape)
    return call.run()


@shape_rule("contiguous")
def contiguous(call: Call) -> Any:
    """The tensor itself, or a copy."""
    (x,) = call.take("input")
    if x.is_contiguous():
        return call.run()
    require(type(x) is torch.Tensor, x.layout is torch.strided, x.device.type == "cpu")
    return blank(x, x.shape)


def _basic(index: Any) -> bool:
    """Whether an index is made of numbers, slices, None and Ellipsis only."""
    items = index if isinstance(index, tuple) else (index,)
    for item in items:
        if isinstance(item, slice):
            parts = (item.start, item.stop, item.step)
            if any(isinstance(part, torch.Tensor) for part in parts):
                raise NeedsValues
            if not all(part is None or type(part) is int for part in parts):
                return False
        elif not (item is None or item is Ellipsis or type(item) is int):
            return False
    return True


def get_item(call: Call) -> Any:
    """A view by numbers and slices; constant tensors index for real."""
    _basic(call.args[1])
    _one_datum(call)
    return call.run()


def set_item(call: Call) -> Any:
    """Checks that the write is possible, but writes only what is indexed by tensors."""
    target, index, value = call.args
    if not _basic(index):
        _one_datum(call, 2)
        return call.run()
    place = target[index]
    require(not overlaps_itself(place.shape, place.stride()))
    if isinstance(value, torch.Tensor):
        shape = list(value.shape)
        while len(shape) > place.dim() and shape[0] == 1:
            del shape[0]
        require(
            len(shape) <= place.dim(),
            all(size in (1, side) for size, side in zip(shape[::-1], place.shape[::-1])),  # noqa: B905
            not value.is_complex(),
            storage_of(value) != storage_of(target),
        )
    else:
        require(type(value) in (int, float, bool), not target.is_complex())
    return None


@shape_rule(*kinds.COPIES - {"contiguous", "clone", "detach", "requires_grad_", "data"})
def converted(call: Call) -> Any:
    """Another type or device; most often the tensor itself."""
    _one_datum(call, *([1] if call.kind in kinds.TEMPLATES else []))
    return call.run()


@shape_rule(
    *"""zeros_like ones_like full_like empty_like rand_like randn_like new_zeros new_ones new_full
    new_empty""".split()
)
def made_like(call: Call) -> Any:
    """A constant with the shape or type of another tensor: its values are real."""
    _one_datum(call)
    return call.run()


RUN_ON_ONE = """
fold unfold sort argsort topk cumsum cumprod median var std norm vector_norm logsumexp
prod argmax argmin all any diff nanmean nansum var_mean std_mean tril triu
instance_norm rms_norm local_response_norm lp_pool1d lp_pool2d lp_pool3d glu softmin
pixel_unshuffle channel_shuffle repeat_interleave bucketize isin""".split()
"""Kinds without a rule of their own: they are rare, and cheap to run."""

RUN_ON_SEVERAL = """
mm addmm baddbmm scaled_dot_product_attention lstm gru rnn_tanh rnn_relu
multi_head_attention_forward bilinear""".split()


@shape_rule(*RUN_ON_ONE)
def run(call: Call) -> Any:
    """The real function, on memory that was never written."""
    _one_datum(call)
    return call.run()


@shape_rule("max", "min")
def extreme(call: Call) -> Any:
    """The extremes of one tensor, or of two elementwise."""
    _one_datum(call, *([1] if len(call.inputs) == 2 else []))
    return call.run()


@shape_rule(*RUN_ON_SEVERAL, "einsum")
def run_several(call: Call) -> Any:
    """The real function of several tensors, on memory that was never written."""
    return call.run()


METADATA = frozenset(
    """size shape dim ndim ndimension numel nelement dtype device layout is_contiguous stride
    storage_offset element_size itemsize nbytes is_floating_point is_complex is_signed is_cuda
    is_cpu is_meta is_sparse is_quantized is_nested is_mkldnn is_inference requires_grad is_leaf
    grad grad_fn get_device len hash is_same_size result_type names is_mps is_xpu is_conj is_neg
    is_sparse_csr dim_order""".split()
)
"""Properties of a tensor that do not depend on its values."""
