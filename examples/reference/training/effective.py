"""The effective receptive field: how strongly the positions of the input act on one unit.

W. Luo, Y. Li, R. Urtasun and R. Zemel, "Understanding the Effective Receptive Field in Deep
Convolutional Neural Networks", 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import archcheck

LAST_MAP = "c4"


def effective_field(network: nn.Module, images: torch.Tensor) -> NDArray[np.float64]:
    """The mean absolute gradient of the centre unit of the last map, (height, width), sum 1.

    Args:
        network: in eval mode.
        images: normalised, (N, 3, height, width).
    """
    found: list[torch.Tensor] = []
    hook = network.get_submodule(LAST_MAP).register_forward_hook(
        lambda module, inputs, output: found.append(output)
    )
    images = images.clone().requires_grad_()
    try:
        network(images)
    finally:
        hook.remove()
    (last,) = found
    unit = last[:, :, last.shape[2] // 2, last.shape[3] // 2].sum()
    (gradient,) = torch.autograd.grad(unit, images)
    field = gradient.abs().mean((0, 1)).double().numpy()
    return np.asarray(field / field.sum())


def theoretical_field(network: nn.Module, shape: tuple[int, int, int]) -> dict[str, Any]:
    """What archcheck says of the last map: its size, where it comes from, the centre unit's hull.

    The hull is [first, last] for each axis, as on an image without borders.
    """
    traced = archcheck.trace(network, shape)
    fields = archcheck.receptive_field(traced)
    field = fields.at("features")
    blocks = [
        (name, list(fields.at(name).size), list(fields.at(name).jump))
        for name in ("c1", "c2", "c3", LAST_MAP)
    ]
    hull = []
    for axis in range(2):
        step, start = field.jump[axis], field.start[axis]
        assert step is not None and start is not None  # the pool comes behind the last map
        centre = float(start) + (field.shape[axis] // 2) * float(step)
        half = (field.size[axis] - 1) / 2
        hull.append([centre - half, centre + half])
    return {
        "parameters": traced.num_parameters,
        "macs": traced.macs,
        "size": list(field.size),
        "jump": list(field.jump),
        "coverage": list(field.coverage),
        "blocks": blocks,
        "centre_hull": hull,
    }


def side_of(field: NDArray[np.float64], centre: tuple[float, float], share: float) -> int:
    """The side of the smallest square around a centre that holds a share (below 1) of the field."""
    rows, columns = np.indices(field.shape)
    distance = np.maximum(abs(rows - centre[0]), abs(columns - centre[1]))
    half = 0
    while float(field[distance <= half].sum()) < share:
        half += 1
    return 2 * half + 1
