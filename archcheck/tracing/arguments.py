"""The arguments of a torch call, by name and as plain data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch

_CONV = "input weight bias stride padding dilation groups"
_CONV_TRANSPOSED = "input weight bias stride padding output_padding groups dilation"
_MAX_POOL = "input kernel_size stride padding dilation ceil_mode return_indices"
_AVG_POOL = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
_REDUCE = "input dim keepdim"
_CELL = "input hx w_ih w_hh b_ih b_hh"
_BINARY = "input other alpha"

_SIGNATURES: dict[str, str] = {
    **{f"conv{n}d": _CONV for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _CONV_TRANSPOSED for n in (1, 2, 3)},
    **{f"max_pool{n}d": _MAX_POOL for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": _MAX_POOL for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _AVG_POOL for n in (1, 2, 3)},
    **{f"lp_pool{n}d": "input norm_type kernel_size stride ceil_mode" for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": "input output_size" for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": "input output_size return_indices" for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d_with_indices": "input output_size" for n in (1, 2, 3)},
    **dict.fromkeys("mean sum prod amax amin max min argmax argmin all any".split(), _REDUCE),
    **dict.fromkeys("add sub mul div".split(), _BINARY),
    "linear": "input weight bias",
    "matmul": "input other",
    "mm": "input mat2",
    "bmm": "input mat2",
    "addmm": "input mat1 mat2",
    "baddbmm": "input batch1 batch2",
    "logsumexp": _REDUCE,
    "norm": "input p dim keepdim",
    "vector_norm": "input ord dim keepdim",
    "gumbel_softmax": "input tau hard eps dim",
    "expand_as": "input other",
    "view_as": "input other",
    "reshape_as": "input other",
    "sort": "input dim descending",
    "argsort": "input dim descending",
    "topk": "input k dim",
    "median": "input dim keepdim",
    "nanmean": "input dim keepdim",
    "var_mean": "input dim unbiased keepdim",
    "std_mean": "input dim unbiased keepdim",
    "std": "input dim unbiased keepdim",
    "var": "input dim unbiased keepdim",
    "cumsum": "input dim",
    "cumprod": "input dim",
    "flatten": "input start_dim end_dim",
    "unflatten": "input dim sizes",
    "transpose": "input dim0 dim1",
    "movedim": "input source destination",
    "squeeze": "input dim",
    "unsqueeze": "input dim",
    "cat": "tensors dim",
    "stack": "tensors dim",
    "chunk": "input chunks dim",
    "split": "input split_size_or_sections dim",
    "tensor_split": "input indices_or_sections dim",
    "unbind": "input dim",
    "narrow": "input dim start length",
    "select": "input dim index",
    "getitem": "input index",
    "setitem": "input index value",
    "roll": "input shifts dims",
    "repeat_interleave": "input repeats dim",
    "tensor_unfold": "input dimension size step",
    "unfold": "input kernel_size dilation padding stride",
    "fold": "input output_size kernel_size dilation padding stride",
    "pixel_shuffle": "input upscale_factor",
    "pixel_unshuffle": "input downscale_factor",
    "channel_shuffle": "input groups",
    "pad": "input pad mode value",
    "interpolate": "input size scale_factor mode align_corners recompute_scale_factor antialias",
    "softmax": "input dim",
    "log_softmax": "input dim",
    "softmin": "input dim",
    "glu": "input dim",
    "dropout": "input p training inplace",
    "group_norm": "input num_groups weight bias eps",
    "layer_norm": "input normalized_shape weight bias eps",
    "rms_norm": "input normalized_shape weight eps",
    "scaled_dot_product_attention": "query key value attn_mask dropout_p is_causal scale",
    "masked_fill": "input mask value",
    "where": "condition input other",
    "tril": "input diagonal",
    "triu": "input diagonal",
    "maximum": "input other",
    "minimum": "input other",
    "clamp": "input min max",
    "clamp_min": "input min",
    "pow": "input exponent",
    "mv": "input vec",
    "dot": "input other",
    "addmv": "input mat vec",
    "index_select": "input dim index",
    "gather": "input dim index",
    "take_along_dim": "input indices dim",
    "take": "input index",
    "index_put": "input indices values accumulate",
    "index_add": "input dim index source",
    "index_copy": "input dim index source",
    "index_fill": "input dim index value",
    "scatter": "input dim index src",
    "scatter_add": "input dim index src",
    "scatter_reduce": "input dim index src reduce include_self",
    "grid_sample": "input grid mode padding_mode align_corners",
    "affine_grid": "theta size align_corners",
    **{
        f"max_unpool{n}d": "input indices kernel_size stride padding output_size" for n in (1, 2, 3)
    },
    **dict.fromkeys(("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"), "input n dim norm"),
    **dict.fromkeys(("fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2"), "input s dim norm"),
    **dict.fromkeys(("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn"), "input s dim norm"),
    "fftshift": "input dim",
    "ifftshift": "input dim",
    "quantile": "input q dim keepdim",
    "nanquantile": "input q dim keepdim",
    "kthvalue": "input k dim keepdim",
    "mode": "input dim keepdim",
    "count_nonzero": "input dim",
    "nansum": _REDUCE,
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _CELL),
    "matrix_norm": "input ord dim keepdim",
    "copy": "input src",
    "fill": "input value",
    "zero": "input",
    "masked_select": "input mask",
    "masked_scatter": "input mask source",
    "embedding": "input weight",
    "one_hot": "input num_classes",
    "diagonal": "input offset dim1 dim2",
    "rot90": "input k dims",
    "diff": "input n dim prepend append",
    "lerp": "input end weight",
    "addcmul": "input tensor1 tensor2",
    "addcdiv": "input tensor1 tensor2",
    "normalize": "input p dim eps",
    "cosine_similarity": "x1 x2 dim eps",
    "cdist": "x1 x2 p",
    "bilinear": "input1 input2 weight bias",
    "tensordot": "input other dims",
    "cross": "input other dim",
    "outer": "input vec2",
    "ger": "input vec2",
    "hstack": "tensors",
    "vstack": "tensors",
    "dstack": "tensors",
    "column_stack": "tensors",
    "row_stack": "tensors",
    "cummax": "input dim",
    "cummin": "input dim",
    "logcumsumexp": "input dim",
    "hsplit": "input indices_or_sections",
    "vsplit": "input indices_or_sections",
    "dsplit": "input indices_or_sections",
    "renorm": "input p dim maxnorm",
    "lstm": "input hx params has_biases num_layers dropout train bidirectional batch_first",
    "gru": "input hx params has_biases num_layers dropout train bidirectional batch_first",
    "rnn_tanh": "input hx params has_biases num_layers dropout train bidirectional batch_first",
    "rnn_relu": "input hx params has_biases num_layers dropout train bidirectional batch_first",
}
_VARIADIC = {
    "view": "shape",
    "reshape": "shape",
    "permute": "dims",
    "expand": "size",
    "broadcast_to": "size",
    "repeat": "repeats",
    "tile": "dims",
    "flip": "dims",
    "einsum": "operands",
}
_OF_METHODS = {"where": "input condition other"}
"""Where a method takes its arguments in another order than the function."""
_SYNONYMS = {
    "self": "input",
    "instance": "input",
    "logits": "input",
    "x": "input",
    "A": "input",
    "tensor": "input",
    "axis": "dim",
    "keepdims": "keepdim",
    "split_size": "split_size_or_sections",
}


@lru_cache(maxsize=1024)
def _names(signature: str) -> tuple[str, ...]:
    return tuple([_SYNONYMS.get(name, name) for name in signature.split()])


_COMMON = {
    kind: _names(signature)
    for kind, signature in _SIGNATURES.items()
    if kind not in _OF_METHODS and kind not in ("getitem", "setitem")
}
"""The names of the arguments of kinds that nothing else has to be known of."""


@lru_cache(maxsize=1024)
def _python_signature(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return tuple([_SYNONYMS.get(name, name) for name in names])


def bind(
    kind: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Name the arguments of a call. What has no known name is called ``argument1`` and so on."""
    common = _COMMON.get(kind)
    if common is not None and len(args) <= len(common):
        bound = dict(zip(common, args, strict=False))
        for name, value in kwargs.items():
            bound[_SYNONYMS.get(name, name)] = value
        return bound
    bound = {}
    if kind in _VARIADIC and args:
        rest = list(args[1:])
        if len(rest) == 1 and isinstance(rest[0], (tuple, list, torch.Size)):
            rest = list(rest[0])
        if kind == "einsum":
            bound["equation"] = args[0]
        else:
            bound["input"] = args[0]
        if rest:
            bound[_VARIADIC[kind]] = rest
    else:
        if kind in _OF_METHODS and hasattr(function, "__objclass__"):
            names = _names(_OF_METHODS[kind])
        else:
            names = _names(_SIGNATURES.get(kind, "")) or _python_signature(function)
        bound.update(zip(names, args, strict=False))
        for position in range(len(names), len(args)):
            bound[f"argument{position}" if position else "input"] = args[position]
    for name, value in kwargs.items():
        bound[_SYNONYMS.get(name, name)] = value
    if kind in ("getitem", "setitem") and isinstance(bound.get("index"), (list, range)):
        bound["index"] = (bound["index"],)  # one list of indices, not one index a dimension
    return bound


_PLAIN = frozenset({int, float, bool, str, type(None)})
"""The classes of most that is found in arguments: such a value stays as it is."""
_TENSORS = frozenset({torch.Tensor, torch.nn.Parameter})


def described(
    kind: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    reference: Callable[[torch.Tensor], Any],
) -> dict[str, Any]:
    """The arguments of a call by name, as data that any serialiser takes.

    ``reference`` stands in for each tensor.
    """
    found = bind(kind, function, args, kwargs)
    for name, value in found.items():
        if type(value) not in _PLAIN:
            found[name] = plain(value, reference)
    return found


def plain(value: Any, reference: Callable[[torch.Tensor], Any]) -> Any:
    """``value`` as data that any serialiser takes; ``reference`` stands in for each tensor."""
    kind = type(value)
    if kind in _TENSORS:
        return reference(value)
    if kind is tuple and _PLAIN.issuperset(map(type, value)):
        return list(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.Tensor):
        return reference(value)
    if isinstance(value, (tuple, list, range)):
        return [item if type(item) in _PLAIN else plain(item, reference) for item in value]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {
            str(key): item if type(item) in _PLAIN else plain(item, reference)
            for key, item in value.items()
        }
    if isinstance(value, slice):
        return {"slice": [plain(part, reference) for part in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, (torch.dtype, torch.device, torch.memory_format, torch.layout)):
        return str(value)
    return {"object": type(value).__name__}
