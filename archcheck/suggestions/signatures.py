"""What the arguments of torch's layers and functions are called, by their places."""

from __future__ import annotations

from archcheck.network.kinds import ALIASES, ROWS

_CONVOLUTION = "in_channels out_channels kernel_size stride padding dilation groups bias"
_TRANSPOSED = (
    "in_channels out_channels kernel_size stride padding output_padding groups bias dilation"
)
_MAX_POOL = "kernel_size stride padding dilation return_indices ceil_mode"
_AVERAGE_POOL = "kernel_size stride padding ceil_mode count_include_pad"
_BY_CLASS = {
    "Conv": _CONVOLUTION,
    "ConvTranspose": _TRANSPOSED,
    "MaxPool": _MAX_POOL,
    "AvgPool": _AVERAGE_POOL,
    "AdaptiveAvgPool": "output_size",
    "AdaptiveMaxPool": "output_size return_indices",
    "BatchNorm": "num_features eps momentum affine track_running_stats",
    "InstanceNorm": "num_features eps momentum affine track_running_stats",
    "GroupNorm": "num_groups num_channels eps affine",
    "SyncBatchNorm": "num_features eps momentum affine track_running_stats",
    "LayerNorm": "normalized_shape eps elementwise_affine bias",
    "PReLU": "num_parameters init",
    "Linear": "in_features out_features bias",
}


def class_arguments(name: str) -> tuple[str, ...]:
    """The names of a layer's arguments in order; none if the class is not known."""
    stem = name[:-2] if name[-1:] == "d" and name[-2:-1].isdigit() else name
    return tuple(_BY_CLASS.get(stem, "").split())


def function_arguments(name: str) -> tuple[str, ...]:
    """The names of a function's arguments in order; none if the function is not known."""
    row = ROWS.get(ALIASES.get(name, name))
    return tuple(each.lstrip("*") for each in row.arguments.split()) if row is not None else ()
